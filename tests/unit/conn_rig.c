#include "conn_rig.h"

#include "tagcached/now.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The clock of the stall rule, moved by tests. */
static uint64_t *later_us;
uint64_t __real_now_us(void);
uint64_t __wrap_now_us(void);
uint64_t
__wrap_now_us(void)
{
    return __real_now_us() + *later_us;
}

int
rig_set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    *state = rig;
    later_us = &rig->later_us;
    fake_env_init(&rig->fake, 1);
    rig->base = event_base_new();
    assert_true(conn_group_init(&rig->group, rig->base, &rig->fake.env, 0));
    return 0;
}

int
rig_tear_down(void **state)
{
    struct rig *rig = *state;
    conn_group_fini(&rig->group);
    event_base_free(rig->base);
    assert_int_equal(fake_sessions, 0);
    assert_int_equal(fake_refs, 0);
    assert_int_equal(rig->fake.budget.used, 0);
    assert_int_equal(rig->fake.info.curr_connections, 0);
    fake_env_fini(&rig->fake);
    free(rig);
    return 0;
}

void
rig_turn(struct rig *rig)
{
    rig->group.clock_is_fresh = false;
    event_base_loop(rig->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    conn_run_ready(&rig->group);
    conn_check_waiting(&rig->group);
}

void
rig_turns(struct rig *rig, int n)
{
    while (n-- > 0)
        rig_turn(rig);
}

void
rig_open(struct rig *rig, int fds[2], bool tcp)
{
    if (tcp)
        fake_tcp_pair(fds);
    else
        assert_int_equal(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    rig->fake.info.curr_connections++;
    conn_open(&rig->group, fds[1]);
    rig->len = 0;
}

void
rig_say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

int
rig_hear(struct rig *rig, int fd)
{
    for (;;) {
        ssize_t n =
            recv(fd, rig->got + rig->len, sizeof(rig->got) - rig->len, 0);
        if (n <= 0)
            return n == 0 ? 0 : errno;
        rig->len += (size_t)n;
        assert_true(rig->len < sizeof(rig->got));
    }
}

int
rig_settle(struct rig *rig, int fd)
{
    int end = EAGAIN;
    for (int quiet = 0; quiet < 5 && end == EAGAIN; quiet++) {
        size_t before = rig->len;
        rig_turn(rig);
        end = rig_hear(rig, fd);
        if (rig->len > before)
            quiet = 0;
    }
    return end;
}

int
rig_hear_to_end(struct rig *rig, int fd)
{
    int end;
    for (int i = 0; i < 20000 && (end = rig_hear(rig, fd)) == EAGAIN; i++) {
        rig_turn(rig);
        usleep(200);
    }
    return end;
}

void
rig_assert_gone(struct rig *rig)
{
    for (int i = 0; i < 20000 && !LIST_EMPTY(&rig->group.all); i++) {
        rig_turn(rig);
        usleep(200);
    }
    assert_true(LIST_EMPTY(&rig->group.all));
    assert_int_equal(fake_sessions, 0);
    assert_int_equal(fake_refs, 0);
}

uint64_t
rig_counted(struct rig *rig, enum counter id)
{
    uint64_t sums[COUNTER_END];
    counters_set_sum(rig->fake.env.counters, sums);
    return sums[id];
}

void
rig_small_buffers(int fds[2])
{
    int receive = 200000;
    int send_bytes = 8192;
    setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
}

void
rig_until_stuck(struct rig *rig)
{
    uint64_t written = 0;
    for (int quiet = 0; quiet < 50; quiet++) {
        rig_turn(rig);
        usleep(1000);
        if (rig_counted(rig, COUNTER_BYTES_WRITTEN) != written)
            quiet = 0;
        written = rig_counted(rig, COUNTER_BYTES_WRITTEN);
    }
    assert_false(TAILQ_EMPTY(&rig->group.waiting));
}
