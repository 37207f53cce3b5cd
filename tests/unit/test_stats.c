/* What is counted when, and that exporters find what they need. */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct talk talk;
static struct client client;

static int
set_up(void **state)
{
    (void)state;
    talk_init(&talk);
    talk_start(&talk);
    client_open(&client, &talk);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    client_close(&client);
    talk_end(&talk);
    return 0;
}

/* The value of a line of `stats`, or NULL. */
static const char *
stat(const char *command, const char *name)
{
    static char value[200];
    const char *found = NULL;
    char *line;
    client.read = client.len;
    client_send(&client, command, strlen(command), 0);
    while ((line = client_line(&client))) {
        char key[100];
        if (sscanf(line, "STAT %99s %199[^\n]", key, value) == 2 &&
            strcmp(key, name) == 0) {
            found = strdup(value);
        }
    }
    client.read = client.len = 0;
    if (!found)
        return NULL;
    snprintf(value, sizeof(value), "%s", found);
    free((char *)found);
    return value;
}

static void
assert_stats(const char *const *names, const long *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = stat("stats\r\n", names[i]);
        if (!value || atol(value) != values[i])
            fail_msg("%s is %s, not %ld", names[i], value ? value : "missing",
                     values[i]);
    }
}

/* Sends text, and checks counters given as "name=value name=value". */
static void
assert_counts(const char *text, const char *counts)
{
    char copy[1000];
    const char *names[32];
    long values[32];
    size_t n = 0;
    client_expect(&client, "stats reset\r\n", "RESET\r\n");
    client_send(&client, text, strlen(text), 0);
    snprintf(copy, sizeof(copy), "%s", counts);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        names[n] = word;
        values[n++] = atol(equals + 1);
    }
    assert_stats(names, values, n);
}

static void
test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *counts;
    } rows[] = {
        {"set a 0 0 1\r\n1\r\nadd a 0 0 1\r\n2\r\nset a 0 0 1\r\nxxx",
         "cmd_set=2 total_items=1 curr_items=1"},
        {"get a b a\r\ngets b\r\n", "cmd_get=4 get_hits=2 get_misses=2"},
        {"mg a v\r\nmg b v\r\nmg b q\r\n",
         "cmd_get=3 get_hits=1 get_misses=2 cmd_meta=0"},
        {"gat 0 a b\r\ngats 0 a\r\ntouch a 0\r\ntouch b 0\r\nmg a T0\r\n",
         "cmd_touch=6 touch_hits=4 touch_misses=2 cmd_get=0 get_hits=0"},
        {"incr a 1\r\ndecr a 1\r\nincr b 1\r\ndecr b 1\r\ndecr b 1\r\n",
         "incr_hits=1 decr_hits=1 incr_misses=1 decr_misses=2"},
        {"cas a 0 0 1 0\r\n1\r\ncas b 0 0 1 1\r\n1\r\nms a 1 C0\r\n1\r\n",
         "cas_badval=2 cas_misses=1 cas_hits=0 cmd_set=3"},
        {"md a C0\r\ndelete b\r\nmd b\r\ndelete a\r\n",
         "delete_misses=3 delete_hits=1 curr_items=0 removed_deleted=1"},
        {"set a 0 -1 1\r\n1\r\nget a\r\nget a\r\n",
         "get_expired=1 get_misses=2 removed_expired=1 reclaimed=1"},
        {"set a 0 0 1\r\n1\r\nflush_all\r\nget a\r\n",
         "cmd_flush=1 get_flushed=1 get_misses=1 removed_flushed=1"},
        {"me a\r\n", "cmd_meta=1 cmd_get=0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_counts(rows[i].text, rows[i].counts);
}

static void
test_too_large(void **state)
{
    (void)state;
    struct client other;
    client_open(&other, &talk);
    client_send_text(&other, "set a 0 0 2000000\r\n", 0);
    assert_counts("", "store_too_large=0 cmd_set=0");
    client_close(&other);
    client_open(&other, &talk);
    client_send_text(&other, "set a 0 0 2000000\r\n", 0);
    static const char *const name = "store_too_large";
    static const long one = 1;
    assert_stats(&name, &one, 1);
    client_close(&other);
}

static void
test_tag_counts(void **state)
{
    (void)state;
    assert_counts("ms a 1 Gx,y\r\n1\r\nms b 1 Gx\r\n1\r\n",
                  "tags=2 tag_links=3 invalidations=0");
    assert_counts("invalidate x z\r\nmd y G\r\nget a\r\nget b\r\n"
                  "ms c 1 Gx A1\r\n1\r\n",
                  "invalidations=3 removed_invalidated=2 tag_links=0 "
                  "get_misses=2 get_expired=0 stale_stores_refused=1 "
                  "curr_items=0");
}

/* memcached_exporter says "down" where one of these is missing or no number;
 * the others are what dashboards read. */
static void
test_fields(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "pid",
        "uptime",
        "time",
        "pointer_size",
        "cmd_get",
        "cmd_set",
        "cmd_flush",
        "cmd_touch",
        "get_hits",
        "get_misses",
        "cas_misses",
        "cas_hits",
        "cas_badval",
        "touch_hits",
        "bytes_read",
        "bytes_written",
        "threads",
        "limit_maxbytes",
        "bytes",
        "curr_items",
        "total_items",
        "curr_connections",
        "evictions",
        "reclaimed",
        "conn_yields",
        "total_connections",
        "max_connections",
        "tags",
        "inserted",
        "removed_evicted",
        "dead_bytes",
        "tag_links",
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const char *value = stat("stats\r\n", numbers[i]);
        assert_non_null(value);
        assert_int_equal(strspn(value, "0123456789"), strlen(value));
    }
    assert_string_equal(stat("stats\r\n", "version"), "1.6.45");
    assert_non_null(stat("stats\r\n", "tagcached_version"));
    const char *usage = stat("stats\r\n", "rusage_user");
    assert_non_null(usage);
    assert_int_equal(strlen(strchr(usage, '.')), 7);
    assert_string_equal(stat("stats settings\r\n", "maxconns"), "1024");
    assert_string_equal(stat("stats settings\r\n", "domain_socket"), "NULL");
    assert_string_equal(stat("stats settings\r\n", "inter"), "NULL");
    client_expect(&client, "stats foo\r\nstats noreply\r\nstats s\r\n",
                  "ERROR\r\nERROR\r\nERROR\r\n");
}

/* No line of either list is without a value. */
static void
test_form(void **state)
{
    (void)state;
    char *line, name[100], value[200];
    client_send_text(&client, "stats\r\nstats settings\r\n", 0);
    int ends = 0;
    while ((line = client_line(&client)))
        if (strcmp(line, "END") == 0)
            ends++;
        else
            assert_int_equal(sscanf(line, "STAT %99s %199s", name, value), 2);
    assert_int_equal(ends, 2);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_counts), TEST(test_too_large), TEST(test_tag_counts),
        TEST(test_fields), TEST(test_form),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
