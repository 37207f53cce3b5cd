/*
 * What threads count. Each thread has one `struct counters` and alone writes
 * it, without locked instructions; a reader sums all of them. The rows are in
 * tbl/counters.def.
 */
#ifndef TAGCACHED_COUNTERS_H
#define TAGCACHED_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

enum counter {
#define COUNTER(id, name) COUNTER_##id,
#include "tagcached/tbl/counters.def"
#undef COUNTER
    COUNTER_END
};

struct counters {
    _Atomic uint64_t value[COUNTER_END];
};

static inline void
counters_add(struct counters *c, enum counter id, uint64_t n)
{
    uint64_t old = atomic_load_explicit(&c->value[id], memory_order_relaxed);
    atomic_store_explicit(&c->value[id], old + n, memory_order_relaxed);
}

/* The name under which `stats` shows it. */
const char *counters_name(enum counter id);

/*
 * All threads' counters. A reset only remembers the sums of that moment and
 * subtracts them from then on, so no thread writes another's counters.
 */
struct counters_set;
struct counters_set *counters_set_new(unsigned threads);
void counters_set_free(struct counters_set *set);
struct counters *counters_set_at(struct counters_set *set, unsigned thread);
/* Fills sums[COUNTER_END] with what was counted since the last reset. */
void counters_set_sum(struct counters_set *set, uint64_t *sums);
void counters_set_reset(struct counters_set *set);

#endif
