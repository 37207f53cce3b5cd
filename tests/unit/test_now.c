#include "tagcached/now.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TICKS = NOW_TICKS_PER_S, MONTH_S = 30 * 24 * 3600 };

static void
test_starts_at_two_seconds(void **state)
{
    (void)state;
    assert_in_range(now_tick(), 2 * TICKS, 3 * TICKS);
    assert_in_range(now_s(), 2, 3);
    assert_true(now_unix_s() > 1500000000);
}

static void
test_goes_ahead(void **state)
{
    (void)state;
    uint32_t tick = now_tick(), s = now_s();
    now_advance_ms(10000);
    assert_in_range(now_tick() - tick, 10 * TICKS, 10 * TICKS + 8);
    assert_in_range(now_s() - s, 10, 12);
    uint64_t us = now_us();
    assert_true(now_us() >= us);
}

static void
test_relative(void **state)
{
    (void)state;
    assert_int_equal(now_expire(0), NOW_NEVER);
    assert_int_equal(now_expire(-1), NOW_PAST);
    assert_int_equal(now_expire(INT64_MIN), NOW_PAST);
    /* An entry lives its time, and less than a tick more. */
    uint32_t tick = now_tick();
    assert_in_range(now_expire(1), tick + TICKS, tick + TICKS + 1);
    assert_in_range(now_expire(MONTH_S), tick + MONTH_S * TICKS,
                    tick + MONTH_S * TICKS + 1);
}

static void
test_absolute(void **state)
{
    (void)state;
    int64_t unix_s = now_unix_s();
    uint32_t tick = now_tick();
    assert_int_equal(now_expire(MONTH_S + 1), NOW_PAST);
    assert_int_equal(now_expire(unix_s), NOW_PAST);
    assert_int_equal(now_expire(unix_s - 1), NOW_PAST);
    assert_in_range(now_expire(unix_s + 100), tick + 100 * TICKS,
                    tick + 100 * TICKS + 1);
}

/* What does not fit is held at the last tick, however large. */
static void
test_far_ends(void **state)
{
    (void)state;
    int64_t unix_s = now_unix_s();
    int64_t fits = UINT32_MAX / TICKS - 1000;
    assert_true(now_expire(unix_s + fits) < UINT32_MAX);
    assert_int_equal(now_expire(unix_s + UINT32_MAX / TICKS + 1), UINT32_MAX);
    const int64_t far[] = {UINT32_MAX * INT64_C(2), INT64_C(1) << 40,
                           INT64_MAX / 4000, INT64_MAX / 1000,
                           INT64_C(1) << 61, INT64_MAX,
                           (INT64_C(1) << 61) + unix_s + 5,
                           (INT64_C(1) << 59) / 125 + unix_s + 5};
    for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++)
        assert_int_equal(now_expire(far[i]), UINT32_MAX);
}

static void
test_ttl(void **state)
{
    (void)state;
    assert_int_equal(now_ttl_s(NOW_NEVER), -1);
    assert_int_equal(now_ttl_s(NOW_PAST), 0);
    assert_int_equal(now_ttl_s(now_tick()), 0);
    assert_int_equal(now_ttl_s(now_expire(30)), 30);
    uint32_t end = now_expire(100);
    now_advance_ms(40000);
    assert_int_equal(now_ttl_s(end), 60);
}

static void
test_is_past(void **state)
{
    (void)state;
    assert_false(now_is_past(NOW_NEVER, now_tick()));
    assert_true(now_is_past(NOW_PAST, now_tick()));
    assert_true(now_is_past(100, 100));
    assert_false(now_is_past(101, 100));
    uint32_t end = now_expire(5);
    assert_false(now_is_past(end, now_tick()));
    now_advance_ms(4900);
    assert_false(now_is_past(end, now_tick()));
    now_advance_ms(400);
    assert_true(now_is_past(end, now_tick()));
}

int
main(void)
{
    now_refresh();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_at_two_seconds),
        cmocka_unit_test(test_goes_ahead),
        cmocka_unit_test(test_relative),
        cmocka_unit_test(test_absolute),
        cmocka_unit_test(test_far_ends),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_is_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
