#include "net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct address_case {
    const char *text;
    const char *host; /* NULL: refused */
    int port;
};

static void
test_parse(void **state)
{
    (void)state;
    static const struct address_case table[] = {
        {"127.0.0.1", "127.0.0.1", 7},
        {"127.0.0.1:80", "127.0.0.1", 80},
        {"host.example:65535", "host.example", 65535},
        {"*", "", 7},
        {"*:1", "", 1},
        {"::1", "::1", 7},
        {"::", "::", 7},
        {"fe80::1:2", "fe80::1:2", 7},
        {"[::1]", "::1", 7},
        {"[::1]:99", "::1", 99},
        {"[127.0.0.1]:99", "127.0.0.1", 99},
        {"", NULL, 0},
        {":80", NULL, 0},
        {"[]:80", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]x", NULL, 0},
        {"[::1]80", NULL, 0},
        {"[::1]:", NULL, 0},
        {"a:", NULL, 0},
        {"a:0", NULL, 0},
        {"a:-1", NULL, 0},
        {"a:+1", NULL, 0},
        {"a:1e3", NULL, 0},
        {"a:65536", NULL, 0},
        {"a:4294967297", NULL, 0},
        {"a:http", NULL, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct listen_address address;
        const char *text = table[i].text;
        bool good =
            listen_parse((struct span){text, strlen(text)}, 7, &address);
        if (good != (table[i].host != NULL))
            fail_msg("%s was %s", text, good ? "taken" : "refused");
        if (good) {
            assert_string_equal(address.host, table[i].host);
            assert_int_equal(address.port, table[i].port);
        }
    }
    char longest[300];
    struct listen_address address;
    memset(longest, 'h', sizeof(longest));
    assert_true(listen_parse((struct span){longest, 255}, 7, &address));
    assert_false(listen_parse((struct span){longest, 256}, 7, &address));
}

static struct config
any_port(void)
{
    return (struct config){.port = -1, .backlog = 10, .unix_mask = 0700};
}

static struct sockaddr_in6
name_of(int fd)
{
    struct sockaddr_in6 name = {0};
    socklen_t len = sizeof(name);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    return name;
}

static int
port_of(int fd)
{
    return ntohs(name_of(fd).sin6_port); /* where sin_port lies too */
}

/* Only loopback, both families, where they are: the same port. */
static void
test_default(void **state)
{
    (void)state;
    struct config config = any_port();
    struct listen_set set;
    assert_int_equal(listen_open(&set, &config), 0);
    assert_in_range(set.n, 1, 2);
    struct sockaddr_in6 name = name_of(set.sockets[0].fd);
    assert_int_equal(name.sin6_family, AF_INET);
    assert_int_equal(((struct sockaddr_in *)&name)->sin_addr.s_addr,
                     htonl(INADDR_LOOPBACK));
    if (set.n == 2) {
        name = name_of(set.sockets[1].fd);
        assert_true(IN6_IS_ADDR_LOOPBACK(&name.sin6_addr));
    }
    listen_close(&set);
}

static void
test_lists(void **state)
{
    (void)state;
    struct config config = any_port();
    config.listen[0] = "127.0.0.1,127.0.0.2;127.0.0.3,";
    config.listen[1] = "127.0.0.1";
    config.nlisten = 2;
    struct listen_set set;
    assert_int_equal(listen_open(&set, &config), 0);
    assert_int_equal(set.n, 4);
    listen_close(&set);

    config.listen[0] = "*";
    config.nlisten = 1;
    assert_int_equal(listen_open(&set, &config), 0);
    assert_in_range(set.n, 1, 2);
    listen_close(&set);
}

static void
test_failures(void **state)
{
    (void)state;
    struct config config = any_port();
    struct listen_set set, taken;
    static const char *const bad[] = {
        "300.1.1.1", "a:b:", "[x", "192.0.2.1", "127.0.0.1,nohost.invalid",
        ","};
    config.nlisten = 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.listen[0] = bad[i];
        assert_true(listen_open(&set, &config) < 0);
        assert_int_equal(set.n, 0);
    }
    config.listen[0] = "127.0.0.1";
    assert_int_equal(listen_open(&taken, &config), 0);
    config.port = port_of(taken.sockets[0].fd);
    assert_int_equal(listen_open(&set, &config), -EADDRINUSE);
    listen_close(&taken);
    assert_int_equal(listen_open(&set, &config), 0);
    listen_close(&set);
    config.port = 0;
    assert_int_equal(listen_open(&set, &config), -EDESTADDRREQ);
}

static int
connect_unix(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int result = connect(fd, (struct sockaddr *)&name, sizeof(name));
    close(fd);
    return result;
}

static void
test_unix(void **state)
{
    (void)state;
    char folder[] = "/tmp/tagcached-test-XXXXXX";
    char path[200];
    struct stat found;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/socket", folder);
    struct config config = any_port();
    config.unix_socket = path;
    config.unix_mask = 0720;
    mode_t before = umask(022);

    struct listen_set set, second;
    assert_int_equal(listen_open(&set, &config), 0);
    assert_int_equal(set.n, 1);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0720);
    assert_int_equal(umask(before), 022);
    assert_int_equal(connect_unix(path), 0);

    /* Somebody listens there: it stays his. */
    assert_int_equal(listen_open(&second, &config), -EADDRINUSE);
    assert_int_equal(connect_unix(path), 0);

    /* He died and left the file. */
    close(set.sockets[0].fd);
    assert_int_equal(listen_open(&second, &config), 0);
    assert_int_equal(connect_unix(path), 0);
    listen_close(&second);
    assert_int_equal(stat(path, &found), -1);

    /* Not a socket: not ours to remove. */
    FILE *file = fopen(path, "w");
    fclose(file);
    assert_int_equal(listen_open(&second, &config), -EADDRINUSE);
    assert_int_equal(stat(path, &found), 0);
    unlink(path);

    char long_path[200];
    memset(long_path, 'a', sizeof(long_path));
    long_path[199] = '\0';
    config.unix_socket = long_path;
    assert_int_equal(listen_open(&second, &config), -ENAMETOOLONG);
    rmdir(folder);
    set.n = 0; /* its descriptor is closed */
    listen_close(&set);
}

static void
test_port_file(void **state)
{
    (void)state;
    struct config config = any_port();
    config.listen[0] = "127.0.0.1";
    config.nlisten = 1;
    struct listen_set set;
    assert_int_equal(listen_open(&set, &config), 0);
    char folder[] = "/tmp/tagcached-test-XXXXXX";
    char path[200], line[100], expected[100];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/ports", folder);
    assert_int_equal(listen_write_ports(&set, path), 0);
    FILE *file = fopen(path, "r");
    assert_non_null(fgets(line, sizeof(line), file));
    fclose(file);
    snprintf(expected, sizeof(expected), "TCP INET: %d\n",
             port_of(set.sockets[0].fd));
    assert_string_equal(line, expected);
    assert_int_equal(listen_write_ports(&set, "/nowhere/ports"), -ENOENT);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left in it */
    listen_close(&set);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_default),
        cmocka_unit_test(test_lists), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_unix),  cmocka_unit_test(test_port_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
