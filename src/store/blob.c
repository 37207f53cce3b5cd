#include "store/blob.h"

#include "tagcached/mem.h"
#include "tagcached/store.h"

size_t
blob_charge(size_t len)
{
    return mem_size_class(sizeof(struct store_blob) + len);
}

struct store_blob *
blob_new(struct mem_budget *budget, _Atomic uint64_t *total, size_t len)
{
    size_t charged = blob_charge(len);
    struct store_blob *blob = mem_alloc(sizeof(*blob) + len);
    if (!blob) {
        mem_budget_give(budget, charged);
        return NULL;
    }
    blob->refs = 1;
    blob->len = len;
    blob->charged = charged;
    blob->budget = budget;
    blob->total = total;
    atomic_fetch_add_explicit(total, charged, memory_order_relaxed);
    return blob;
}

char *
store_blob_data(struct store_blob *blob)
{
    return blob->data;
}

void
store_blob_ref(struct store_blob *blob)
{
    atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
}

void
store_blob_release(void *owner)
{
    struct store_blob *blob = owner;
    if (atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) > 1)
        return;
    atomic_fetch_sub_explicit(blob->total, blob->charged,
                              memory_order_relaxed);
    mem_budget_give(blob->budget, blob->charged);
    mem_free(blob);
}
