#include "conn_rig.h"

#include "tagcached/now.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define assert_got(rig, text)                                                  \
    do {                                                                       \
        assert_int_equal((rig)->len, strlen(text));                            \
        assert_memory_equal((rig)->got, text, (rig)->len);                     \
    } while (0)

static const char script[] = "hello\nbig 5\nref 7\nput 4\nab\ncput 1\nxend\n";
static const char replies[] = "hello\nxxxxx\nxxxxxxx\ngot 4 c\ngot 1 x\nend\n";

static void
test_batch(void **state)
{
    struct rig *rig = *state;
    int fds[2];
    rig_open(rig, fds, false);
    rig_say(fds[0], script);
    rig_turn(rig); /* one turn, whatever is in it */
    assert_int_equal(rig_hear(rig, fds[0]), EAGAIN);
    assert_got(rig, replies);
    assert_int_equal(rig_counted(rig, COUNTER_BYTES_READ), strlen(script));
    assert_int_equal(rig_counted(rig, COUNTER_BYTES_WRITTEN), strlen(replies));
    close(fds[0]);
    rig_assert_gone(rig);
}

static void
test_bytewise_and_mixed(void **state)
{
    struct rig *rig = *state;
    int fds[2], other[2];
    rig_open(rig, other, false);
    rig_open(rig, fds, false);
    for (size_t i = 0; i < strlen(script); i++) {
        char byte[2] = {script[i], '\0'};
        rig_say(fds[0], byte);
        rig_say(other[0], i % 2 ? "\n" : "o");
        rig_turn(rig);
    }
    rig_hear(rig, fds[0]);
    assert_got(rig, replies);
    close(fds[0]);
    close(other[0]);
}

static void
test_every_split(void **state)
{
    struct rig *rig = *state;
    for (size_t cut = 0; cut <= strlen(script); cut++) {
        int fds[2];
        char head[100];
        rig_open(rig, fds, false);
        snprintf(head, sizeof(head), "%.*s", (int)cut, script);
        rig_say(fds[0], head);
        rig_turn(rig);
        rig_say(fds[0], script + cut);
        rig_settle(rig, fds[0]);
        assert_got(rig, replies);
        close(fds[0]);
    }
}

static void
test_closed_at_any_moment(void **state)
{
    struct rig *rig = *state;
    static const char lines[] = "hello\nref 300000\nput 9\n12345";
    for (size_t cut = 0; cut <= strlen(lines); cut++) {
        for (int n = 0; n < 3; n++) {
            int fds[2];
            char head[100];
            rig_open(rig, fds, n == 2);
            snprintf(head, sizeof(head), "%.*s", (int)cut, lines);
            rig_say(fds[0], head);
            rig_turns(rig, n);
            close(fds[0]);
            rig_assert_gone(rig);
        }
    }
}

/* A client that asks and asks and does not read: what we hold for it stays
 * small; once it reads it gets all. */
static void
backpressure(struct rig *rig, const char *line, bool tcp)
{
    enum { LINES = 100 };
    int fds[2];
    size_t reply = (size_t)atol(line + 4) + 1;
    size_t total = 0;
    rig_open(rig, fds, tcp);
    rig_small_buffers(fds);
    for (int i = 0; i < LINES; i++) {
        if (send(fds[0], line, strlen(line), MSG_NOSIGNAL) !=
            (ssize_t)strlen(line))
            fail();
        rig_turn(rig);
    }
    rig_until_stuck(rig);
    assert_true(rig->fake.budget.used < 256 * 1024);
    assert_true(fake_refs <= OUT_FULL_REFS + 1);
    uint64_t read_before = rig_counted(rig, COUNTER_BYTES_READ);
    rig_turns(rig, 10);
    assert_int_equal(rig_counted(rig, COUNTER_BYTES_READ), read_before);

    while (total < LINES * reply) {
        rig_turn(rig);
        rig->len = 0;
        rig_hear(rig, fds[0]);
        for (size_t i = 0; i < rig->len; i++, total++)
            assert_int_equal(rig->got[i],
                             total % reply == reply - 1 ? '\n' : 'x');
    }
    rig_turns(rig, 3);
    assert_true(TAILQ_EMPTY(&rig->group.waiting));
    rig_say(fds[0], "still there\n");
    rig->len = 0;
    rig_settle(rig, fds[0]);
    assert_got(rig, "still there\n");
    close(fds[0]);
}

static void
test_backpressure(void **state)
{
    backpressure(*state, "big 3000\n", false);
    backpressure(*state, "ref 3000\n", false);
    backpressure(*state, "big 30000\n", true);
    backpressure(*state, "ref 30000\n", true);
}

static void
test_blocked_then_gone(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 4; i++) {
        int fds[2];
        rig_open(rig, fds, i & 1);
        rig_small_buffers(fds);
        rig_say(fds[0], "ref 5000000\nref 5000000\nquit\n");
        rig_turns(rig, 3);
        assert_true(fake_refs > 0);
        if (i & 2)
            rig_hear(rig, fds[0]);
        close(fds[0]);
        rig_assert_gone(rig);
    }
}

static void
test_half_close(void **state)
{
    struct rig *rig = *state;
    for (int tcp = 0; tcp < 2; tcp++) {
        int fds[2];
        rig_open(rig, fds, tcp);
        rig_small_buffers(fds);
        rig_say(fds[0], "a\nbig 300000\nref 400000\nb\nrest without end");
        shutdown(fds[0], SHUT_WR);
        assert_int_equal(rig_hear_to_end(rig, fds[0]), 0);
        assert_int_equal(rig->len, 2 + 300001 + 400001 + 2);
        assert_memory_equal(rig->got + rig->len - 3, "\nb\n", 3);
        close(fds[0]);
        rig_assert_gone(rig);
    }
}

/* After quit the earlier replies arrive, then the end, and no reset even where
 * the client went on talking. */
static void
test_quit(void **state)
{
    struct rig *rig = *state;
    for (int tcp = 0; tcp < 2; tcp++) {
        int fds[2];
        rig_open(rig, fds, tcp);
        rig_small_buffers(fds);
        rig_say(fds[0], "big 600000\nquit\nmore\n");
        rig_turn(rig);
        rig_say(fds[0], "and more\n");
        assert_int_equal(rig_hear_to_end(rig, fds[0]), 0);
        assert_int_equal(rig->len, 600001 + 4);
        assert_memory_equal(rig->got + 600001, "bye\n", 4);
        rig_assert_gone(rig);
        close(fds[0]);
    }
}

static void
test_die(void **state)
{
    struct rig *rig = *state;
    int fds[2];
    rig_open(rig, fds, true);
    rig_say(fds[0], "one\ndie\ntwo\n");
    assert_int_equal(rig_settle(rig, fds[0]), 0);
    assert_got(rig, "one\n");
    close(fds[0]);
    rig_turns(rig, 3);
}

/* While one has a deep pipeline, another is served every turn. */
static void
test_yield(void **state)
{
    struct rig *rig = *state;
    enum { DEEP = 1500, A_TURN = 50 };
    int deep[2], pinger[2];
    rig_open(rig, deep, false);
    rig_open(rig, pinger, false);
    char lines[2 * DEEP + 1] = "";
    for (int i = 0; i < DEEP; i++)
        memcpy(lines + 2 * i, "d\n", 2);
    rig_say(deep[0], lines);
    int pings = 0;
    while (rig->len < 2 * DEEP) {
        char pong[10];
        rig_say(pinger[0], "ping\n");
        rig_turn(rig);
        assert_int_equal(recv(pinger[0], pong, sizeof(pong), 0), 5);
        size_t before = rig->len;
        rig_hear(rig, deep[0]);
        assert_true(rig->len - before <= 2 * 2 * A_TURN);
        pings++;
    }
    assert_true(pings >= DEEP / A_TURN / 2);
    assert_true(rig_counted(rig, COUNTER_CONN_YIELDS) >= DEEP / A_TURN - 1);
    close(deep[0]);
    close(pinger[0]);
}

/* Big replies that the socket takes at once must not keep others waiting. */
static void
test_yield_by_bytes(void **state)
{
    struct rig *rig = *state;
    enum { LINES = 16, SIZE = 200000 };
    int fds[2];
    rig_open(rig, fds, false);
    int bytes = 8 << 20;
    if (setsockopt(fds[1], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) !=
        0) {
        close(fds[0]);
        skip(); /* only root may have such buffers */
    }
    for (int i = 0; i < LINES; i++)
        rig_say(fds[0], "ref 200000\n");
    rig_turn(rig);
    assert_in_range(rig_counted(rig, COUNTER_BYTES_WRITTEN), SIZE, 5 * SIZE);
    assert_false(TAILQ_EMPTY(&rig->group.ready));
    rig_turns(rig, LINES);
    assert_int_equal(rig_counted(rig, COUNTER_BYTES_WRITTEN),
                     LINES * (SIZE + 1));
    close(fds[0]);
}

static void
test_upload(void **state)
{
    struct rig *rig = *state;
    enum { SIZE = 1000000 };
    int fds[2];
    rig_open(rig, fds, false);
    char *value = malloc(SIZE);
    memset(value, 'v', SIZE);
    rig_say(fds[0], "put 1000000\n");
    for (size_t at = 0; at < SIZE;) {
        ssize_t n = send(fds[0], value + at, SIZE - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        rig_turn(rig);
    }
    rig_say(fds[0], "next\n");
    rig_settle(rig, fds[0]);
    assert_got(rig, "got 1000000 v\nnext\n");
    free(value);
    close(fds[0]);
}

static void
test_stalled(void **state)
{
    struct rig *rig = *state;
    int fds[2], idle[2];
    rig_open(rig, idle, true);
    rig_open(rig, fds, true);
    rig_small_buffers(fds);
    rig_say(fds[0], "ref 10000000\n");
    rig_until_stuck(rig);
    rig->later_us = (CONN_STALL_S - 1) * UINT64_C(1000000);
    rig_turns(rig, 3);
    assert_int_equal(fake_sessions, 2);
    rig->later_us = (CONN_STALL_S + 1) * UINT64_C(1000000);
    rig_turns(rig, 3);
    assert_int_equal(fake_sessions, 1); /* the idle one stays */
    assert_int_equal(fake_refs, 0);
    close(fds[0]);
    close(idle[0]);
}

/* A crowd of them is closed sooner, but not those who read. */
static void
test_stalled_crowd(void **state)
{
    struct rig *rig = *state;
    enum { CROWD = 20 };
    int fds[CROWD][2];
    rig->fake.budget.limit = CROWD * 1000000 / 2 * CONN_HELD_PART;
    for (int i = 0; i < CROWD; i++) {
        rig_open(rig, fds[i], true);
        rig_small_buffers(fds[i]);
        rig_say(fds[i][0], "ref 1000000\n");
    }
    rig_until_stuck(rig);
    assert_in_range(rig->group.held_bytes, CROWD * 1000000, CROWD * 1100000);
    rig->later_us = (CONN_STALL_SHORT_S + 1) * UINT64_C(1000000);
    char got[300000];
    for (int i = 0; i < 100; i++) {
        recv(fds[CROWD - 1][0], got, sizeof(got), 0);
        event_base_loop(rig->base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
    rig_turn(rig);
    /* As many as must go; the reader stays. */
    assert_in_range(fake_sessions, CROWD / 2 - 2, CROWD / 2);
    assert_true(rig_hear_to_end(rig, fds[0][0]) != EAGAIN);
    rig_say(fds[CROWD - 1][0], "die\n");
    rig->len = 0;
    assert_int_equal(rig_hear_to_end(rig, fds[CROWD - 1][0]), 0);
    for (int i = 0; i < CROWD; i++)
        close(fds[i][0]);
    rig_assert_gone(rig);
    assert_int_equal(rig->group.held_bytes, 0);
}

static void
test_stop(void **state)
{
    struct rig *rig = *state;
    int idle[2], deep[2], blocked[2];
    rig_open(rig, idle, true);
    rig_open(rig, deep, true);
    rig_open(rig, blocked, true);
    rig_small_buffers(blocked);
    char lines[2 * 120 + 1] = "";
    for (int i = 0; i < 120; i++)
        memcpy(lines + 2 * i, "d\n", 2);
    rig_say(deep[0], lines);
    rig_say(blocked[0], "ref 500000\nlast\n");
    rig_turn(rig);
    conn_stop(&rig->group);
    rig_say(blocked[0], "too late\n");

    assert_int_equal(rig_hear_to_end(rig, blocked[0]), 0);
    assert_int_equal(rig->len, 500001 + 5);
    rig->len = 0;
    assert_int_equal(rig_hear(rig, deep[0]), 0);
    assert_int_equal(rig->len, 2 * 120);
    rig->len = 0;
    assert_int_equal(rig_hear(rig, idle[0]), 0);
    rig_assert_gone(rig);
    close(idle[0]);
    close(deep[0]);
    close(blocked[0]);
}

/* Told to leave, it sends what it has, whole, and answers nothing more. */
static void
test_leave(void **state)
{
    struct rig *rig = *state;
    int deep[2], blocked[2];
    rig_open(rig, deep, true);
    rig_open(rig, blocked, true);
    rig_small_buffers(blocked);
    char lines[2 * 500 + 1] = "";
    for (int i = 0; i < 500; i++)
        memcpy(lines + 2 * i, "d\n", 2);
    rig_say(deep[0], lines);
    for (int i = 0; i < 20; i++)
        rig_say(blocked[0], "ref 300000\n");
    rig_turn(rig);
    conn_leave(&rig->group);
    assert_int_equal(rig_hear_to_end(rig, blocked[0]), 0);
    assert_in_range(rig->len, 300001, 2 * 300001);
    assert_int_equal(rig->len % 300001, 0);
    rig->len = 0;
    assert_int_equal(rig_hear_to_end(rig, deep[0]), 0);
    assert_in_range(rig->len, 2 * 50, 2 * 499);
    rig_assert_gone(rig);
    close(deep[0]);
    close(blocked[0]);
}

/* Memory for the unfinished rest is out: this one closes, others live. */
static void
test_park_fails(void **state)
{
    struct rig *rig = *state;
    int fds[2], other[2];
    rig_open(rig, other, false);
    rig_open(rig, fds, false);
    fake_park_fails = true;
    rig_say(fds[0], "whole\nrest");
    assert_int_equal(rig_settle(rig, fds[0]), 0);
    assert_got(rig, "whole\n");
    fake_park_fails = false;
    rig_say(other[0], "alive\n");
    rig->len = 0;
    rig_settle(rig, other[0]);
    assert_got(rig, "alive\n");
    close(fds[0]);
    close(other[0]);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    now_refresh();
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_batch),
        TEST(test_bytewise_and_mixed),
        TEST(test_every_split),
        TEST(test_closed_at_any_moment),
        TEST(test_backpressure),
        TEST(test_blocked_then_gone),
        TEST(test_half_close),
        TEST(test_quit),
        TEST(test_die),
        TEST(test_yield),
        TEST(test_yield_by_bytes),
        TEST(test_upload),
        TEST(test_stalled),
        TEST(test_stalled_crowd),
        TEST(test_stop),
        TEST(test_leave),
        TEST(test_park_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
