#include "tagcached/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGS_MAX = 4 * CONFIG_LISTEN_MAX, TEXT_MAX = 16 * 1024 };

struct outcome {
    enum config_status status;
    int exit_code;
    struct config config;
    char out[TEXT_MAX], err[TEXT_MAX];
    char words[TEXT_MAX]; /* argv points here, and so does config */
};

static int
redirect(int fd, FILE *to)
{
    fflush(NULL);
    int saved = dup(fd);
    dup2(fileno(to), fd);
    return saved;
}

static void
restore(int fd, int saved, FILE *from, char *text)
{
    fflush(NULL);
    dup2(saved, fd);
    close(saved);
    rewind(from);
    size_t n = fread(text, 1, TEXT_MAX - 1, from);
    text[n] = '\0';
    fclose(from);
}

/* The words of `line` between single blanks; "''" is an empty word. */
static int
split(char *line, char **argv)
{
    int argc = 0;
    argv[argc++] = "tagcached";
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? "" : word;
    argv[argc] = NULL;
    return argc;
}

static struct outcome *
parse(const char *line)
{
    static struct outcome o;
    char *argv[ARGS_MAX + 2];
    memset(&o, 0, sizeof(o));
    snprintf(o.words, sizeof(o.words), "%s", line);
    int argc = split(o.words, argv);
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int saved_out = redirect(1, out);
    int saved_err = redirect(2, err);
    o.status = config_parse(&o.config, argc, argv, &o.exit_code);
    restore(2, saved_err, err, o.err);
    restore(1, saved_out, out, o.out);
    return &o;
}

static unsigned
count_lines(const char *text)
{
    unsigned n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* A refusal is one line on stderr; what is good says nothing. */
static void
expect(const struct outcome *o, const char *line, int exit_code)
{
    bool good = exit_code == 0;
    if (o->status != (good ? CONFIG_RUN : CONFIG_BAD) ||
        o->exit_code != exit_code || count_lines(o->err) != !good ||
        o->out[0] != '\0')
        fail_msg("%s: exit %d, %s", line, o->exit_code, o->err);
}

static void
test_defaults(void **state)
{
    (void)state;
    struct outcome *o = parse("");
    assert_int_equal(o->status, CONFIG_RUN);
    assert_int_equal(o->config.port, 11211);
    assert_int_equal(o->config.nlisten, 0);
    assert_null(o->config.unix_socket);
    assert_int_equal(o->config.unix_mask, 0700);
    assert_int_equal(o->config.threads, 4);
    assert_int_equal(o->config.limit_bytes, 64u << 20);
    assert_true(o->config.evict && o->config.cas && o->config.flush);
    assert_int_equal(o->config.max_connections, 1024);
    assert_int_equal(o->config.item_size_max, 1 << 20);
    assert_int_equal(o->config.requests_a_turn, 500);
    assert_int_equal(o->config.backlog, 1024);
    assert_string_equal(o->config.protocol, "auto-negotiate");
    assert_null(o->config.user);
    assert_false(o->config.daemonize);
    assert_null(o->config.pidfile);
}

static void
test_all_options(void **state)
{
    (void)state;
    struct outcome *o = parse(
        "-p 0 -U 0 -s /tmp/s -a 0660 -l a,b -l c -d -u root -m 1000 -M -c 7 "
        "-vv -v -P /tmp/p -t 9 -R 3 -C -b 5 -B ascii -I 8m -F extra words");
    const struct config *c = &o->config;
    assert_int_equal(o->status, CONFIG_RUN);
    assert_string_equal(o->err, "");
    assert_int_equal(c->port, 0);
    assert_string_equal(c->unix_socket, "/tmp/s");
    assert_int_equal(c->unix_mask, 0660);
    assert_int_equal(c->nlisten, 2);
    assert_string_equal(c->listen[0], "a,b");
    assert_string_equal(c->listen[1], "c");
    assert_true(c->daemonize);
    assert_string_equal(c->user, "root");
    assert_int_equal(c->limit_bytes, (uint64_t)1000 << 20);
    assert_false(c->evict || c->cas || c->flush);
    assert_int_equal(c->max_connections, 7);
    assert_int_equal(c->verbose, 3);
    assert_string_equal(c->pidfile, "/tmp/p");
    assert_int_equal(c->threads, 9);
    assert_int_equal(c->requests_a_turn, 3);
    assert_int_equal(c->backlog, 5);
    assert_string_equal(c->protocol, "ascii");
    assert_int_equal(c->item_size_max, 8 << 20);
}

static void
test_long_names(void **state)
{
    (void)state;
    struct outcome *o = parse(
        "--port=-1 --udp-port=0 --unix-socket=/s --unix-mask=7 --listen=x "
        "--daemon --user=u --memory-limit=10 --disable-evictions "
        "--conn-limit=2 --verbose --pidfile=/p --threads=2 "
        "--max-reqs-per-event=4 --disable-cas --listen-backlog=0 "
        "--protocol=auto --max-item-size=2k --disable-flush-all");
    const struct config *c = &o->config;
    assert_int_equal(o->status, CONFIG_RUN);
    assert_int_equal(c->port, -1);
    assert_int_equal(c->unix_mask, 7);
    assert_int_equal(c->max_connections, 2);
    assert_int_equal(c->backlog, 0);
    assert_int_equal(c->item_size_max, 2048);
    assert_false(c->evict || c->cas || c->flush);
}

struct bad {
    const char *line;
    int exit_code;
    const char *says;
};

static void
test_refused(void **state)
{
    (void)state;
    static const struct bad table[] = {
        {"-p 65536", 64, "ERROR: Invalid port number 65536."},
        {"-p -2", 64, "Invalid port number"},
        {"-p 80x", 64, "Invalid port number"},
        {"-U 1", 64, "UDP is not supported"},
        {"-U x", 64, "Invalid port number"},
        {"-a 999", 1, "access mask"},
        {"-a 1000", 1, "access mask"},
        {"-a 00000", 1, "access mask"},
        {"-a ''", 1, "access mask"},
        {"-t 0", 1, "Number of threads must be greater than 0"},
        {"-t 1025", 1, "Number of threads"},
        {"-c 0", 1, "Maximum connections must be greater than 0"},
        {"-R 0", 1, "Number of requests per event must be greater than 0"},
        {"-b -1", 1, "Listen backlog"},
        {"-m 0", 64, "item size limit higher than 1/2 of memory max"},
        {"-m 1", 64, "item size limit higher than 1/2 of memory max"},
        {"-m 64abc", 64, "Memory limit"},
        {"-m 16777217", 64, "Memory limit"},
        {"-I 33m", 64, "item size limit higher than 1/2 of memory max"},
        {"-I 33m -m 65", 64, "item size limit higher than 1/2 of memory max"},
        {"-I 1023", 64, "cannot be less than 1024 bytes"},
        {"-I 0k", 64, "cannot be less than 1024 bytes"},
        {"-I 1025m -m 4096", 64, "higher than a gigabyte"},
        {"-I 18446744073709551615m", 64, "higher than a gigabyte"},
        {"-I 1g", 64, "Item max size"},
        {"-I k", 64, "Item max size"},
        {"-I 1km", 64, "Item max size"},
        {"-B binary", 64, "Invalid value for binding protocol: binary"},
        {"-B ''", 64, "Invalid value for binding protocol"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct outcome *o = parse(table[i].line);
        expect(o, table[i].line, table[i].exit_code);
        if (!strstr(o->err, table[i].says))
            fail_msg("%s: %s", table[i].line, o->err);
    }
}

/* memcached's answer to what getopt does not know. */
static void
test_unknown(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "-z", "--foo", "-p", "-f 1.2", "-o modern", "-S", "--verbose=2"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct outcome *o = parse(lines[i]);
        assert_int_equal(o->status, CONFIG_BAD);
        assert_int_equal(o->exit_code, 1);
        assert_non_null(strstr(o->err, "Illegal argument \"?\"\n"));
        assert_int_equal(count_lines(o->err), 2);
    }
}

/* Every numeric option against every odd number: which of them are good? */
static void
test_numbers(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "-1",  "2147483647", "2147483649", "4294967296", "18446744073709551616",
        "1e3", "''",         "+1",         "0x10",       "1-"};
    enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };
    static const struct {
        const char *option;
        const char *good; /* a Y for each good number */
        int exit_code;    /* of the others */
    } table[] = {
        {"-p", "Y.........", 64}, {"-U", "..........", 64},
        {"-a", "..........", 1},  {"-m", "..........", 64},
        {"-c", "..........", 1},  {"-t", "..........", 1},
        {"-R", ".Y........", 1},  {"-b", ".Y........", 1},
        {"-I", "..........", 64},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (size_t j = 0; j < NUMBERS; j++) {
            char line[100];
            snprintf(line, sizeof(line), "%s %s", table[i].option, numbers[j]);
            bool good = table[i].good[j] == 'Y';
            expect(parse(line), line, good ? 0 : table[i].exit_code);
        }
    }
}

static void
test_listen_overflow(void **state)
{
    (void)state;
    char line[CONFIG_LISTEN_MAX * 5 + 10] = "";
    for (int i = 0; i < CONFIG_LISTEN_MAX; i++)
        strcat(line, "-l a ");
    assert_int_equal(parse(line)->config.nlisten, CONFIG_LISTEN_MAX);
    line[4] = ' ';
    strcat(line, "-lb");
    assert_int_equal(parse(line)->exit_code, 64);
}

static void
test_help_and_version(void **state)
{
    (void)state;
    struct outcome *o = parse("-V -p nonsense");
    assert_int_equal(o->status, CONFIG_DONE);
    assert_int_equal(strncmp(o->out, "tagcached ", 10), 0);
    assert_int_equal(count_lines(o->out), 1);

    o = parse("--help");
    assert_int_equal(o->status, CONFIG_DONE);
    assert_string_equal(o->err, "");
    assert_non_null(strstr(o->out, "-p, --port=<num>"));
    assert_non_null(strstr(o->out, "-F, --disable-flush-all"));
    for (char *line = strtok(o->out, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 90);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_listen_overflow),
        cmocka_unit_test(test_help_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
