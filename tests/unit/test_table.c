#include "store/table.h"
#include "tagcached/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

#include <cmocka.h>

static char targets[100000];

static void
test_set_and_get(void **state)
{
    (void)state;
    struct mem_budget budget = {.limit = 1 << 30};
    struct table table;
    table_init(&table, &budget);
    assert_int_equal(budget.used, 0);
    for (uint32_t i = 0; i < sizeof(targets); i++) {
        assert_true(table_set(&table, i, &targets[i]));
        assert_ptr_equal(table_get(&table, i / 2), &targets[i / 2]);
    }
    for (uint32_t i = 0; i < sizeof(targets); i += 2)
        assert_true(table_set(&table, i, NULL));
    for (uint32_t i = 0; i < sizeof(targets); i++)
        assert_ptr_equal(table_get(&table, i), i % 2 ? &targets[i] : NULL);
    /* Outgrown arrays included, it is about twice what is needed at most. */
    assert_in_range(budget.used, 8 * sizeof(targets), 4 * 8 * sizeof(targets));
    table_fini(&table);
    assert_int_equal(budget.used, 0);
}

static void
test_far_slot(void **state)
{
    (void)state;
    struct mem_budget budget = {.limit = 1 << 30};
    struct table table;
    table_init(&table, &budget);
    assert_true(table_set(&table, 1000, targets));
    assert_ptr_equal(table_get(&table, 1000), targets);
    assert_null(table_get(&table, 999));
    assert_true(table_set(&table, 1, targets + 1));
    assert_ptr_equal(table_get(&table, 1), targets + 1);
    assert_ptr_equal(table_get(&table, 1000), targets);
    table_fini(&table);
    assert_int_equal(budget.used, 0);
}

struct readers {
    struct table table;
    _Atomic uint32_t filled;
    _Atomic uint32_t wrong;
};

static void *
read_along(void *arg)
{
    struct readers *r = arg;
    uint32_t filled;
    do {
        filled = r->filled;
        for (uint32_t i = 0; i < filled; i += 1 + filled / 64)
            if (table_get(&r->table, i) != &targets[i])
                r->wrong++;
    } while (filled < sizeof(targets));
    return NULL;
}

/* A reader without a lock finds whatever was set before it looked. */
static void
test_reader_beside_growth(void **state)
{
    (void)state;
    struct mem_budget budget = {.limit = 1 << 30};
    struct readers r = {0};
    pthread_t thread;
    table_init(&r.table, &budget);
    pthread_create(&thread, NULL, read_along, &r);
    for (uint32_t i = 0; i < sizeof(targets); i++) {
        table_set(&r.table, i, &targets[i]);
        r.filled = i + 1;
    }
    pthread_join(thread, NULL);
    assert_int_equal(r.wrong, 0);
    table_fini(&r.table);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_get),
        cmocka_unit_test(test_far_slot),
        cmocka_unit_test(test_reader_beside_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
