#include "tagcached/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <string.h>

#include <cmocka.h>

static void
test_allocations(void **state)
{
    (void)state;
    char *zeros = mem_zalloc(1000);
    char *aligned = mem_zalloc_aligned(64, 1000);
    char *segment = mem_alloc_aligned(65536, 65536);
    for (int i = 0; i < 1000; i++)
        assert_true(zeros[i] == 0 && aligned[i] == 0);
    assert_int_equal((uintptr_t)aligned % 64, 0);
    assert_int_equal((uintptr_t)segment % 65536, 0);
    memcpy(zeros, "kept", 5);
    zeros = mem_resize(zeros, 100000);
    assert_string_equal(zeros, "kept");
    mem_free(zeros);
    mem_free(aligned);
    mem_free(segment);
    mem_free(NULL);
}

static void
test_size_class(void **state)
{
    (void)state;
    size_t last = 0;
    for (size_t bytes = 1; bytes < 200000; bytes += 1 + bytes / 7) {
        size_t real = mem_size_class(bytes);
        assert_true(real >= bytes && real >= last);
        assert_true(real <= bytes + bytes / 4 + 16);
        last = real;
    }
}

static void
test_take_and_give(void **state)
{
    (void)state;
    struct mem_budget budget = {.limit = 1000};
    assert_true(mem_budget_take(&budget, 600));
    assert_false(mem_budget_take(&budget, 401));
    assert_int_equal(budget.used, 600);
    assert_true(mem_budget_take(&budget, 400));
    assert_false(mem_budget_take(&budget, 1));
    assert_true(mem_budget_take(&budget, 0));
    mem_budget_give(&budget, 1000);
    assert_int_equal(budget.used, 0);
    assert_false(mem_budget_take(&budget, 1001));
    assert_false(mem_budget_take(&budget, SIZE_MAX));
}

static void
test_force_and_excess(void **state)
{
    (void)state;
    struct mem_budget budget = {.limit = 1000};
    assert_int_equal(mem_budget_excess(&budget, 1000), 0);
    assert_int_equal(mem_budget_excess(&budget, 1001), 1);
    mem_budget_force(&budget, 1500);
    assert_int_equal(mem_budget_excess(&budget, 0), 500);
    assert_int_equal(mem_budget_excess(&budget, 100), 600);
    assert_false(mem_budget_take(&budget, 1));
    mem_budget_give(&budget, 1500);
    assert_int_equal(mem_budget_excess(&budget, 0), 0);
}

static struct mem_budget shared = {.limit = 1000};
static _Atomic uint64_t worst;

static void *
take_and_give(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50000; i++)
        if (mem_budget_take(&shared, 300)) {
            uint64_t used = shared.used;
            if (used > worst)
                worst = used;
            mem_budget_give(&shared, 300);
        }
    return NULL;
}

static void
test_threads_never_overdraw(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, take_and_give, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(worst <= 1000);
    assert_int_equal(shared.used, 0);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_size_class),
        cmocka_unit_test(test_take_and_give),
        cmocka_unit_test(test_force_and_excess),
        cmocka_unit_test(test_threads_never_overdraw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
