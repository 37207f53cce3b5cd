#include "fake_session.h"

#include "tagcached/now.h"
#include "tagcached/server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char refusal[] = "ERROR Too many open connections\r\n";

/* A server with two workers in a thread of its own. */
struct rig {
    struct fake_env fake;
    struct server *server;
    pthread_t thread;
    int stop_fd;
    int port;
    int result;
};

static void *
run(void *arg)
{
    struct rig *rig = arg;
    rig->result = server_run(rig->server, rig->stop_fd);
    return NULL;
}

static int
read_port(const char *path)
{
    int port;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "TCP INET: %d\n", &port), 1);
    fclose(file);
    return port;
}

static int
set_up(void **state)
{
    char path[] = "/tmp/tagcached-test-XXXXXX";
    struct rig *rig = calloc(1, sizeof(*rig));
    *state = rig;
    close(mkstemp(path));
    setenv("MEMCACHED_PORT_FILENAME", path, 1);
    fake_env_init(&rig->fake, 2);
    rig->fake.config.max_connections = 10;
    assert_int_equal(server_new(&rig->server, &rig->fake.env), 0);
    rig->port = read_port(path);
    unlink(path);
    rig->stop_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(pthread_create(&rig->thread, NULL, run, rig), 0);
    return 0;
}

static int
tear_down(void **state)
{
    struct rig *rig = *state;
    uint64_t one = 1;
    assert_int_equal(write(rig->stop_fd, &one, sizeof(one)), sizeof(one));
    pthread_join(rig->thread, NULL);
    assert_int_equal(rig->result, 0);
    assert_false(rig->fake.info.accepting);
    server_free(rig->server);
    close(rig->stop_fd);
    assert_int_equal(fake_sessions, 0);
    assert_int_equal(rig->fake.info.curr_connections, 0);
    assert_int_equal(rig->fake.budget.used, 0);
    fake_env_fini(&rig->fake);
    free(rig);
    return 0;
}

static int
connect_to(struct rig *rig)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)rig->port),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

static bool
answers(int fd)
{
    char got[5];
    return send(fd, "ping\n", 5, MSG_NOSIGNAL) == 5 &&
           recv(fd, got, 5, MSG_WAITALL) == 5 && memcmp(got, "ping\n", 5) == 0;
}

static void
assert_refused(int fd)
{
    char got[100];
    ssize_t n = recv(fd, got, sizeof(got), MSG_WAITALL);
    assert_int_equal(n, strlen(refusal));
    assert_memory_equal(got, refusal, strlen(refusal));
    close(fd);
}

static void
test_serves(void **state)
{
    struct rig *rig = *state;
    int a = connect_to(rig);
    int b = connect_to(rig);
    assert_true(answers(a) && answers(b) && answers(a));
    assert_true(rig->fake.info.accepting);
    assert_int_equal(rig->fake.info.curr_connections, 2);
    assert_int_equal(rig->fake.info.total_connections, 2);
    close(a);
    close(b);
}

static void
test_limit(void **state)
{
    struct rig *rig = *state;
    int fds[10];
    for (int i = 0; i < 10; i++) {
        fds[i] = connect_to(rig);
        assert_true(answers(fds[i]));
    }
    for (int i = 0; i < 5; i++)
        assert_refused(connect_to(rig));
    assert_int_equal(rig->fake.info.rejected_connections, 5);
    assert_int_equal(rig->fake.info.total_connections, 10);
    close(fds[0]);
    while (rig->fake.info.curr_connections == 10)
        usleep(1000);
    fds[0] = connect_to(rig);
    for (int i = 0; i < 10; i++) {
        assert_true(answers(fds[i]));
        close(fds[i]);
    }
}

/* At the limit, a client may replace a connection by another. */
static void
test_replaced_at_limit(void **state)
{
    struct rig *rig = *state;
    int fds[10];
    for (int i = 0; i < 10; i++)
        fds[i] = connect_to(rig);
    for (int i = 0; i < 100; i++) {
        answers(fds[i % 10]);
        close(fds[i % 10]);
        fds[i % 10] = connect_to(rig);
    }
    /* On a busy machine a worker may be slow to see an end. */
    assert_in_range(rig->fake.info.rejected_connections, 0, 10);
    for (int i = 0; i < 10; i++)
        close(fds[i]);
}

/* Out of descriptors: refused aloud, and well again at once. */
static void
test_no_descriptors(void **state)
{
    struct rig *rig = *state;
    struct rlimit before, none;
    int first = connect_to(rig);
    assert_true(answers(first));
    /* Ours are taken before the limit falls; the server's half comes after. */
    int refused[3];
    for (int i = 0; i < 3; i++)
        refused[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int highest = dup(first);
    none = before;
    none.rlim_cur = (rlim_t)highest;
    close(highest);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in name = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)rig->port),
    };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            connect(refused[i], (struct sockaddr *)&name, sizeof(name)), 0);
        assert_refused(refused[i]);
        /* The number must not be free for the next one. */
        refused[i] = dup(first);
    }
    assert_true(answers(first));
    assert_int_equal(rig->fake.info.rejected_connections, 3);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 3; i++)
        close(refused[i]);
    int next = connect_to(rig);
    assert_true(answers(next));
    close(next);
    close(first);
}

static void
test_stops_at_once(void **state)
{
    struct rig *rig = *state;
    int fds[4];
    for (int i = 0; i < 4; i++)
        fds[i] = connect_to(rig);
    uint64_t one = 1;
    uint64_t before = now_us();
    assert_int_equal(write(rig->stop_fd, &one, sizeof(one)), sizeof(one));
    for (int i = 0; i < 4; i++) {
        char byte;
        assert_true(recv(fds[i], &byte, 1, 0) <= 0);
        close(fds[i]);
    }
    assert_true(now_us() - before < 1500000);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    now_refresh();
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_serves),
        TEST(test_limit),
        TEST(test_replaced_at_limit),
        TEST(test_no_descriptors),
        TEST(test_stops_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
