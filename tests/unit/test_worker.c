#include "fake_session.h"
#include "net/worker.h"

#include "tagcached/now.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int
set_up(void **state)
{
    struct fake_env *fake = calloc(1, sizeof(*fake));
    fake_env_init(fake, 1);
    *state = fake;
    return 0;
}

static int
tear_down(void **state)
{
    struct fake_env *fake = *state;
    assert_int_equal(fake_sessions, 0);
    assert_int_equal(fake_refs, 0);
    assert_int_equal(fake->budget.used, 0);
    assert_int_equal(fake->info.curr_connections, 0);
    fake_env_fini(fake);
    free(fake);
    return 0;
}

/* A client's end, blocking, of a connection that `worker` serves. */
static int
join_in(struct fake_env *fake, struct worker *worker)
{
    int fds[2];
    fake_tcp_pair(fds);
    fcntl(fds[0], F_SETFL, 0);
    fake->info.curr_connections++;
    assert_true(worker_give(worker, fds[1]));
    return fds[0];
}

static void
expect_line(int fd, const char *line)
{
    char got[100];
    size_t len = strlen(line);
    assert_int_equal(send(fd, line, len, MSG_NOSIGNAL), len);
    assert_int_equal(recv(fd, got, len, MSG_WAITALL), len);
    assert_memory_equal(got, line, len);
}

static void
expect_end(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static void
test_many(void **state)
{
    struct fake_env *fake = *state;
    enum { CLIENTS = 40 };
    int fds[CLIENTS];
    struct worker *worker = worker_new(&fake->env, 0);
    assert_int_equal(worker_start(worker), 0);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = join_in(fake, worker);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < CLIENTS; i++)
            expect_line(fds[i], "hello\n");
    }
    for (int i = 0; i < CLIENTS; i += 2)
        close(fds[i]);
    worker_stop(worker);
    for (int i = 1; i < CLIENTS; i += 2)
        expect_end(fds[i]);
    worker_join(worker);
    worker_free(worker);
}

static void
test_never_started(void **state)
{
    struct fake_env *fake = *state;
    struct worker *worker = worker_new(&fake->env, 0);
    int fd = join_in(fake, worker);
    worker_free(worker);
    fake->info.curr_connections--; /* it was not opened, nor counted down */
    expect_end(fd);
}

/* Lines end whole, however the stop falls into the stream. */
static void
check_no_cut(int fd, const char *lines, size_t len)
{
    size_t sent = 0;
    size_t heard = 0;
    char last = '\n';
    for (;;) {
        char got[4096];
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (sent < 10 * len)
            poller.events |= POLLOUT;
        assert_int_equal(poll(&poller, 1, 5000), 1);
        if (poller.revents & POLLOUT) {
            size_t at = sent % len;
            ssize_t n = send(fd, lines + at, len - at, MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 10 * len;
        }
        if (!(poller.revents & (POLLIN | POLLHUP)))
            continue;
        ssize_t n = recv(fd, got, sizeof(got), 0);
        if (n <= 0)
            break;
        heard += (size_t)n;
        last = got[n - 1];
    }
    assert_int_equal(last, '\n');
    assert_int_equal(heard % 1001, 0);
    close(fd);
}

static void
test_stop_under_load(void **state)
{
    struct fake_env *fake = *state;
    enum { LEN = 9 * 1000 };
    static char lines[LEN + 1];
    for (size_t i = 0; i < LEN; i += 9)
        memcpy(lines + i, "ref 1000\n", 9);
    for (int round = 0; round < 30; round++) {
        struct worker *worker = worker_new(&fake->env, 0);
        assert_int_equal(worker_start(worker), 0);
        int fd = join_in(fake, worker);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        send(fd, lines, LEN, MSG_NOSIGNAL);
        usleep((useconds_t)(round * 100));
        worker_stop(worker);
        check_no_cut(fd, lines, LEN);
        worker_join(worker);
        worker_free(worker);
    }
}

/* A reader that never reads holds a stop up for WORKER_STOP_MS, not longer. */
static void
test_stop_with_stalled(void **state)
{
    struct fake_env *fake = *state;
    fake->budget.limit = (uint64_t)1 << 30; /* 50 MB are no crowd */
    struct worker *worker = worker_new(&fake->env, 0);
    assert_int_equal(worker_start(worker), 0);
    int fd = join_in(fake, worker);
    static const char line[] = "ref 50000000\n";
    assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
    while (fake_refs == 0)
        usleep(1000);
    uint64_t before = now_us();
    worker_stop(worker);
    worker_join(worker);
    uint64_t took_ms = (now_us() - before) / 1000;
    assert_in_range(took_ms, WORKER_STOP_MS - 500, WORKER_STOP_MS + 1500);
    worker_free(worker);
    close(fd);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    now_refresh();
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_many),
        TEST(test_never_started),
        TEST(test_stop_under_load),
        TEST(test_stop_with_stalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
