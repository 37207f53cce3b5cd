#include "tagcached/out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OWNERS = 64, TEXT_MAX = 1 << 20 };

static unsigned released[OWNERS];
static char got[TEXT_MAX];
static size_t got_len;

static void
release(void *owner)
{
    ++*(unsigned *)owner;
}

static void
start(struct out *out)
{
    memset(released, 0, sizeof(released));
    got_len = 0;
    out_init(out);
}

static void
refer(struct out *out, const char *text, unsigned owner)
{
    out_ref(out, (struct span){text, strlen(text)}, release,
            &released[owner]);
}

/* Sends at most `step` bytes and `max` pieces, as a socket might. */
static void
send_some(struct out *out, size_t step, int max)
{
    struct iovec iov[16];
    int n = out_iov(out, iov, max);
    assert_in_range(n, 1, max);
    size_t sent = 0;
    for (int i = 0; i < n && sent < step; i++) {
        assert_true(iov[i].iov_len > 0);
        size_t len = iov[i].iov_len < step - sent ? iov[i].iov_len
                                                  : step - sent;
        memcpy(got + got_len, iov[i].iov_base, len);
        got_len += len;
        sent += len;
    }
    size_t pending = out_pending(out);
    out_sent(out, sent);
    assert_int_equal(out_pending(out), pending - sent);
}

static void
drain(struct out *out, size_t step, int max)
{
    while (!out_is_empty(out))
        send_some(out, step, max);
    got[got_len] = '\0';
    assert_int_equal(out_pending(out), 0);
}

/* Texts and references in all orders: at the start, two in a row, at the
 * end. */
static const char whole[] = "firstVA 5\r\nhellosecondthird\r\n-12345tail";

static void
fill(struct out *out)
{
    refer(out, "first", 0);
    out_text(out, "VA ");
    out_u64(out, 5);
    out_text(out, "\r\n");
    refer(out, "hello", 1);
    refer(out, "second", 2);
    refer(out, "", 3);
    out_printf(out, "%s\r\n", "third");
    out_i64(out, -12345);
    refer(out, "tail", 4);
}

static void
assert_released_once(unsigned n)
{
    for (unsigned i = 0; i < OWNERS; i++)
        assert_int_equal(released[i], i < n ? 1 : 0);
}

static void
test_every_partial_send(void **state)
{
    (void)state;
    for (size_t step = 1; step <= sizeof(whole); step++)
        for (int max = 1; max <= 10; max++) {
            struct out out;
            start(&out);
            fill(&out);
            assert_int_equal(out_pending(&out), sizeof(whole) - 1);
            drain(&out, step, max);
            assert_string_equal(got, whole);
            assert_released_once(5);
            out_fini(&out);
            assert_released_once(5);
        }
}

/* A reference is released when its last byte was sent, not before. */
static void
test_release_moment(void **state)
{
    (void)state;
    struct out out;
    start(&out);
    out_text(&out, "ab");
    refer(&out, "cd", 0);
    out_text(&out, "ef");
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(released[0], i >= 4);
        send_some(&out, 1, 4);
    }
    assert_true(out_is_empty(&out));
    out_fini(&out);
}

static void
test_fini_releases_the_rest(void **state)
{
    (void)state;
    for (size_t sent = 0; sent < sizeof(whole) - 1; sent++) {
        struct out out;
        start(&out);
        fill(&out);
        if (sent > 0)
            send_some(&out, sent, 16);
        out_fini(&out);
        assert_released_once(5);
    }
}

/* What is unsent goes on in another place, at every point. */
static void
test_move(void **state)
{
    (void)state;
    for (size_t sent = 0; sent < sizeof(whole); sent++) {
        struct out from, to;
        start(&from);
        out_init(&to);
        fill(&from);
        for (size_t i = 0; i < sent; i++)
            send_some(&from, 1, 3);
        out_move(&to, &from);
        assert_true(out_is_empty(&from));
        assert_int_equal(out_pending(&to), sizeof(whole) - 1 - sent);
        out_fini(&from);
        out_text(&to, "+");
        drain(&to, 3, 3);
        assert_int_equal(got_len, sizeof(whole));
        assert_memory_equal(got, whole, sizeof(whole) - 1);
        assert_int_equal(got[got_len - 1], '+');
        out_fini(&to);
        assert_released_once(5);
    }
}

static void
test_more_while_sending(void **state)
{
    (void)state;
    struct out out;
    start(&out);
    for (unsigned i = 0; i < 40; i++) {
        out_printf(&out, "<%02u>", i);
        refer(&out, "[ref]", i);
        send_some(&out, 7, 4);
    }
    drain(&out, 7, 4);
    for (unsigned i = 0; i < 40; i++) {
        char part[16];
        snprintf(part, sizeof(part), "<%02u>[ref]", i);
        assert_memory_equal(got + 9 * i, part, 9);
    }
    assert_int_equal(got_len, 9 * 40);
    assert_released_once(40);
    out_fini(&out);
}

static void
test_fullness(void **state)
{
    (void)state;
    static char bulk[OUT_FULL_REF_BYTES];
    struct out out;
    start(&out);
    assert_false(out_is_full(&out));
    for (int i = 0; i < OUT_FULL_REFS; i++) {
        assert_false(out_is_full(&out));
        refer(&out, "x", (unsigned)i);
    }
    assert_true(out_is_full(&out));
    drain(&out, 5, 5);
    assert_false(out_is_full(&out));
    out_ref(&out, (struct span){bulk, sizeof(bulk) - 1}, release,
            &released[40]);
    assert_false(out_is_full(&out));
    refer(&out, "x", 41);
    assert_true(out_is_full(&out));
    drain(&out, 100000, 5);
    while (out.len < OUT_FULL_BYTES - 1)
        out_text(&out, "y");
    assert_false(out_is_full(&out));
    out_text(&out, "y");
    assert_true(out_is_full(&out));
    out_fini(&out);
}

/* It grows as needed, and is small again when all is sent. */
static void
test_growth(void **state)
{
    (void)state;
    struct out out;
    start(&out);
    out_text(&out, "head");
    char *to = out_reserve(&out, 300000);
    assert_non_null(to);
    memset(to, 'z', 300000);
    out_commit(&out, 300000);
    assert_true(out.cap >= 300004);
    drain(&out, 4099, 2);
    assert_int_equal(got_len, 300004);
    assert_memory_equal(got, "headzzz", 7);
    assert_int_equal(out.cap, OUT_START_BYTES);
    assert_false(out.failed);
    out_fini(&out);
}

static void
test_numbers(void **state)
{
    (void)state;
    struct out out;
    start(&out);
    out_i64(&out, INT64_MIN);
    out_text(&out, " ");
    out_i64(&out, INT64_MAX);
    out_text(&out, " ");
    out_u64(&out, UINT64_MAX);
    drain(&out, 1000, 2);
    assert_string_equal(got, "-9223372036854775808 9223372036854775807 "
                             "18446744073709551615");
    out_fini(&out);
}

/* After a failure nothing is kept, and references are given back. */
static void
test_failed(void **state)
{
    (void)state;
    struct out out;
    start(&out);
    out.failed = true; /* as after a growth that failed */
    refer(&out, "x", 0);
    assert_int_equal(released[0], 1);
    assert_null(out_reserve(&out, 1));
    out_text(&out, "lost");
    assert_true(out_is_empty(&out));
    out_fini(&out);
    assert_released_once(1);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_partial_send),
        cmocka_unit_test(test_release_moment),
        cmocka_unit_test(test_fini_releases_the_rest),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_more_while_sending),
        cmocka_unit_test(test_fullness),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
