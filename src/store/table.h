/*
 * A growing array of pointers, indexed by number, that may be read without a
 * lock while its one writer adds to it. Arrays outgrown are kept until the end
 * (together as large as the last one), so that a reader never meets freed
 * memory.
 */
#ifndef TAGCACHED_STORE_TABLE_H
#define TAGCACHED_STORE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem_budget;

typedef _Atomic(void *) table_slot;

struct table {
    _Atomic(table_slot *) slots;
    uint32_t cap;          /* the writer's */
    struct mem_budget *budget;
};

void table_init(struct table *table, struct mem_budget *budget);
void table_fini(struct table *table); /* the pointers' targets are not freed */

/* Sets slot `at`, growing as needed. False: out of memory. */
bool table_set(struct table *table, uint32_t at, void *ptr);

/* `at` was set before. */
static inline void *
table_get(const struct table *table, uint32_t at)
{
    table_slot *slots =
        atomic_load_explicit(&table->slots, memory_order_acquire);
    return atomic_load_explicit(&slots[at], memory_order_acquire);
}

#endif
