#include "tagcached/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 4 };

static void
test_names_are_distinct(void **state)
{
    (void)state;
    for (int a = 0; a < COUNTER_END; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(counters_name((enum counter)a),
                                    counters_name((enum counter)b));
    assert_string_equal(counters_name(COUNTER_GET_HITS), "get_hits");
}

static void
test_rows_are_apart(void **state)
{
    (void)state;
    struct counters_set *set = counters_set_new(THREADS);
    for (unsigned t = 1; t < THREADS; t++) {
        const char *before = (char *)counters_set_at(set, t - 1);
        const char *at = (char *)counters_set_at(set, t);
        assert_int_equal((uintptr_t)at % 64, 0);
        assert_true((size_t)(at - before) >= sizeof(struct counters) + 64);
    }
    counters_set_free(set);
    counters_set_free(NULL);
}

static void
test_sum_and_reset(void **state)
{
    (void)state;
    uint64_t sums[COUNTER_END];
    struct counters_set *set = counters_set_new(THREADS);
    for (unsigned t = 0; t < THREADS; t++)
        counters_add(counters_set_at(set, t), COUNTER_GET_HITS, t + 1);
    counters_add(counters_set_at(set, 3), COUNTER_CMD_SET, 7);
    counters_set_sum(set, sums);
    assert_int_equal(sums[COUNTER_GET_HITS], 10);
    assert_int_equal(sums[COUNTER_CMD_SET], 7);
    assert_int_equal(sums[COUNTER_CMD_GET], 0);

    counters_set_reset(set);
    counters_set_sum(set, sums);
    for (int i = 0; i < COUNTER_END; i++)
        assert_int_equal(sums[i], 0);

    counters_add(counters_set_at(set, 1), COUNTER_GET_HITS, 5);
    counters_set_sum(set, sums);
    assert_int_equal(sums[COUNTER_GET_HITS], 5);
    assert_int_equal(sums[COUNTER_CMD_SET], 0);
    counters_set_free(set);
}

struct worker {
    pthread_t thread;
    struct counters *own;
};

static void *
count(void *arg)
{
    struct worker *worker = arg;
    for (int i = 0; i < 100000; i++)
        counters_add(worker->own, COUNTER_CMD_GET, 1);
    return NULL;
}

/* Threads lose nothing, and no sum ever exceeds what was counted. */
static void
test_threads(void **state)
{
    (void)state;
    struct counters_set *set = counters_set_new(THREADS);
    struct worker workers[THREADS];
    for (unsigned t = 0; t < THREADS; t++) {
        workers[t].own = counters_set_at(set, t);
        pthread_create(&workers[t].thread, NULL, count, &workers[t]);
    }
    uint64_t sums[COUNTER_END], last = 0;
    for (int i = 0; i < 100; i++) {
        counters_set_sum(set, sums);
        assert_true(sums[COUNTER_CMD_GET] >= last);
        last = sums[COUNTER_CMD_GET];
    }
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(workers[t].thread, NULL);
    counters_set_sum(set, sums);
    assert_int_equal(sums[COUNTER_CMD_GET], THREADS * 100000);
    counters_set_free(set);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_distinct),
        cmocka_unit_test(test_rows_are_apart),
        cmocka_unit_test(test_sum_and_reset),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
