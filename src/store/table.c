#include "store/table.h"

#include "tagcached/mem.h"

enum { START = 8 };

/* One slot more than `cap`: the link to the array it replaced. */
static size_t
bytes_of(uint32_t cap)
{
    return ((size_t)cap + 1) * sizeof(table_slot);
}

void
table_init(struct table *table, struct mem_budget *budget)
{
    *table = (struct table){.budget = budget};
}

void
table_fini(struct table *table)
{
    table_slot *slots =
        atomic_load_explicit(&table->slots, memory_order_relaxed);
    uint32_t cap = table->cap;
    while (slots) {
        table_slot *older =
            atomic_load_explicit(&slots[cap], memory_order_relaxed);
        mem_budget_give(table->budget, bytes_of(cap));
        mem_free(slots);
        slots = older;
        cap /= 2;
    }
}

static bool
grow(struct table *table, uint32_t wanted)
{
    while (table->cap <= wanted) {
        uint32_t cap = table->cap ? table->cap * 2 : START;
        table_slot *slots = mem_zalloc(bytes_of(cap));
        if (!slots)
            return false;
        mem_budget_force(table->budget, bytes_of(cap));
        table_slot *old =
            atomic_load_explicit(&table->slots, memory_order_relaxed);
        for (uint32_t i = 0; i < table->cap; i++)
            atomic_store_explicit(
                &slots[i], atomic_load_explicit(&old[i], memory_order_relaxed),
                memory_order_relaxed);
        atomic_store_explicit(&slots[cap], (void *)old, memory_order_relaxed);
        atomic_store_explicit(&table->slots, slots, memory_order_release);
        table->cap = cap;
    }
    return true;
}

bool
table_set(struct table *table, uint32_t at, void *ptr)
{
    if (at >= table->cap && !grow(table, at))
        return false;
    table_slot *slots =
        atomic_load_explicit(&table->slots, memory_order_relaxed);
    atomic_store_explicit(&slots[at], ptr, memory_order_release);
    return true;
}
