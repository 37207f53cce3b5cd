/*
 * Memory: the only door to jemalloc, and the budget that -m sets.
 * Threads: any. Every allocation may fail and returns NULL then.
 */
#ifndef TAGCACHED_MEM_H
#define TAGCACHED_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t bytes);
void *mem_zalloc(size_t bytes);
/* `align` is a power of two, and a page at least where the bytes are many. */
void *mem_alloc_aligned(size_t align, size_t bytes);
void *mem_zalloc_aligned(size_t align, size_t bytes);
void *mem_resize(void *old, size_t bytes);
void mem_free(void *ptr);

/* The bytes that an allocation of `bytes` really takes. */
size_t mem_size_class(size_t bytes);

/* Freed pages go back by a thread of jemalloc's own instead of by ours. After
 * the last fork: the thread would not be in the child. */
void mem_start_background(void);

/* What jemalloc holds for us now: bytes handed out, bytes resident. */
struct mem_usage {
    size_t allocated;
    size_t resident;
};
struct mem_usage mem_usage(void);

/*
 * The budget: everything that grows with use (segments of entries, index,
 * tags, connection buffers) is charged here before it is allocated and
 * returned when it is freed. Charging never blocks; whoever gets false makes
 * room (store) or does without.
 */
struct mem_budget {
    _Atomic uint64_t limit;
    _Atomic uint64_t used;
};

/* Takes `bytes` if they fit below the limit. */
bool mem_budget_take(struct mem_budget *budget, size_t bytes);
/* Takes them whether they fit or not: what must not fail, and is small. */
void mem_budget_force(struct mem_budget *budget, size_t bytes);
void mem_budget_give(struct mem_budget *budget, size_t bytes);
/* By how many bytes the budget is overdrawn, counting `bytes` more. */
uint64_t mem_budget_excess(struct mem_budget *budget, size_t bytes);

#endif
