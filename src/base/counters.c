#include "tagcached/counters.h"

#include "tagcached/check.h"
#include "tagcached/mem.h"

/* Each thread's counters on cache lines of their own. */
enum { LINE = 64 };

struct counters_set {
    unsigned threads;
    _Atomic uint64_t baseline[COUNTER_END]; /* sums at the last reset */
    size_t stride;
    char *rows;
};

const char *
counters_name(enum counter id)
{
    static const char *const names[] = {
#define COUNTER(id, name) name,
#include "tagcached/tbl/counters.def"
#undef COUNTER
    };
    CHECK(id < COUNTER_END);
    return names[id];
}

struct counters_set *
counters_set_new(unsigned threads)
{
    struct counters_set *set = mem_zalloc(sizeof(*set));
    if (!set)
        return NULL;
    set->threads = threads;
    /* Rounded up, and a line more: neighbours are prefetched in pairs. */
    set->stride = (sizeof(struct counters) + 2 * LINE - 1) / LINE * LINE;
    set->rows = mem_zalloc_aligned(LINE, set->stride * threads);
    if (!set->rows) {
        mem_free(set);
        return NULL;
    }
    return set;
}

void
counters_set_free(struct counters_set *set)
{
    if (!set)
        return;
    mem_free(set->rows);
    mem_free(set);
}

struct counters *
counters_set_at(struct counters_set *set, unsigned thread)
{
    CHECK(thread < set->threads);
    return (struct counters *)(set->rows + set->stride * thread);
}

static void
sum_all(struct counters_set *set, uint64_t *sums)
{
    for (int i = 0; i < COUNTER_END; i++)
        sums[i] = 0;
    for (unsigned t = 0; t < set->threads; t++) {
        struct counters *c = counters_set_at(set, t);
        for (int i = 0; i < COUNTER_END; i++)
            sums[i] +=
                atomic_load_explicit(&c->value[i], memory_order_relaxed);
    }
}

void
counters_set_sum(struct counters_set *set, uint64_t *sums)
{
    sum_all(set, sums);
    for (int i = 0; i < COUNTER_END; i++) {
        uint64_t base =
            atomic_load_explicit(&set->baseline[i], memory_order_relaxed);
        /* A reset that runs beside this sum may be ahead of it. */
        sums[i] = sums[i] > base ? sums[i] - base : 0;
    }
}

void
counters_set_reset(struct counters_set *set)
{
    uint64_t sums[COUNTER_END];
    sum_all(set, sums);
    for (int i = 0; i < COUNTER_END; i++)
        atomic_store_explicit(&set->baseline[i], sums[i],
                              memory_order_relaxed);
}
