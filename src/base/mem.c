#include "tagcached/mem.h"

#include "tagcached/check.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* After stdlib.h, whose names it may replace. */
#include <jemalloc/jemalloc.h>

/*
 * jemalloc's options for a process whose memory is mostly large, page-aligned
 * segments of one size: freed pages go back soon. Read by jemalloc when it
 * starts.
 */
const char *malloc_conf = "narenas:4,dirty_decay_ms:1000,muzzy_decay_ms:0";

void
mem_start_background(void)
{
    /* A thread that jemalloc starts unseen makes ThreadSanitizer crash. */
#ifndef __SANITIZE_THREAD__
    bool on = true;
    mallctl("background_thread", NULL, NULL, &on, sizeof(on));
#endif
}

void *
mem_alloc(size_t bytes)
{
    return malloc(bytes);
}

void *
mem_zalloc(size_t bytes)
{
    return calloc(1, bytes);
}

void *
mem_alloc_aligned(size_t align, size_t bytes)
{
    return aligned_alloc(align, (bytes + align - 1) & ~(align - 1));
}

void *
mem_zalloc_aligned(size_t align, size_t bytes)
{
    void *ptr = mem_alloc_aligned(align, bytes);
    if (ptr)
        memset(ptr, 0, bytes);
    return ptr;
}

void *
mem_resize(void *old, size_t bytes)
{
    return realloc(old, bytes);
}

void
mem_free(void *ptr)
{
    free(ptr);
}

size_t
mem_size_class(size_t bytes)
{
    return nallocx(bytes, 0);
}

static size_t
read_stat(const char *name)
{
    size_t value = 0;
    size_t len = sizeof(value);
    if (mallctl(name, &value, &len, NULL, 0) != 0)
        return 0; /* a jemalloc built without statistics */
    return value;
}

struct mem_usage
mem_usage(void)
{
    uint64_t epoch = 1;
    mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    return (struct mem_usage){
        .allocated = read_stat("stats.allocated"),
        .resident = read_stat("stats.resident"),
    };
}

bool
mem_budget_take(struct mem_budget *budget, size_t bytes)
{
    uint64_t limit =
        atomic_load_explicit(&budget->limit, memory_order_relaxed);
    uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    do {
        if (bytes > limit || used > limit - bytes)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &budget->used, &used, used + bytes, memory_order_relaxed,
        memory_order_relaxed));
    return true;
}

void
mem_budget_force(struct mem_budget *budget, size_t bytes)
{
    atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
}

void
mem_budget_give(struct mem_budget *budget, size_t bytes)
{
    uint64_t used = atomic_fetch_sub_explicit(&budget->used, bytes,
                                              memory_order_relaxed);
    CHECK(used >= bytes);
}

uint64_t
mem_budget_excess(struct mem_budget *budget, size_t bytes)
{
    uint64_t limit =
        atomic_load_explicit(&budget->limit, memory_order_relaxed);
    uint64_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    return used + bytes > limit ? used + bytes - limit : 0;
}
