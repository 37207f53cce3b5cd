/* Stores: the clock they are checked against, tags of what they join, and no
 * memory. The conversations of tests/transcripts cover the rest. */
#include "talk.h"

#include "tagcached/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct talk talk;
static struct client reader, writer;

static int
set_up(void **state)
{
    (void)state;
    talk_init(&talk);
    talk_start(&talk);
    client_open(&reader, &talk);
    client_open(&writer, &talk);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    client_close(&reader);
    client_close(&writer);
    talk_end(&talk);
    return 0;
}

static uint64_t
counted(enum counter id)
{
    uint64_t sums[COUNTER_END];
    counters_set_sum(talk.env.counters, sums);
    return sums[id];
}

/* Sends `head`, lets the writer invalidate `tag`, sends the block. */
static void
store_around(const char *head, size_t len, const char *tag, const char *reply)
{
    char invalidate[64], *block = malloc(len + 3);
    memset(block, 'x', len);
    strcpy(block + len, "\r\n");
    client_expect(&reader, head, "");
    snprintf(invalidate, sizeof(invalidate), "invalidate %s noreply\r\n", tag);
    client_expect(&writer, invalidate, "");
    client_expect(&reader, block, reply);
    free(block);
}

/* Without a client's clock, the clock of the command line counts, however
 * late the value comes. */
static void
test_clock_of_line(void **state)
{
    (void)state;
    store_around("ms a 5 Gt\r\n", 5, "t", "NS\r\n");
    store_around("ms a 5 Gt\r\nx", 4, "t", "NS\r\n");
    store_around("ms a 5 Gt\r\n", 5, "other", "HD\r\n");
    store_around("ms a 300000 Gt\r\n", 300000, "t", "NS\r\n");
    store_around("ms a 300000 Gt\r\n", 300000, "other", "HD\r\n");
    store_around("set a 0 0 5\r\n", 5, "t", "STORED\r\n");
    store_around("append a 0 0 5\r\n", 5, "t", "STORED\r\n");
    assert_int_equal(counted(COUNTER_STALE_STORES_REFUSED), 3);
    /* what comes behind an invalidation was parsed after it */
    client_expect(&reader, "invalidate t\r\nms b 1 Gt\r\nb\r\nmg b v\r\n",
                  "INVALIDATED 0\r\nHD\r\nVA 1\r\nb\r\n");
}

static void
test_appended_tags(void **state)
{
    (void)state;
    char line[1024] = "ms a 1 G0", tag[16];
    for (int i = 1; i < 63; i++) {
        snprintf(tag, sizeof(tag), ",%d", i);
        strcat(line, tag);
    }
    strcat(line, "\r\na\r\n");
    client_expect(&reader, line, "HD\r\n");
    client_expect(&reader, "ms a 1 MA G63\r\nb\r\nmg a v\r\n",
                  "HD\r\nVA 2\r\nab\r\n");
    client_expect(&reader, "ms a 1 MP G63,0\r\nc\r\nmg a v\r\n",
                  "HD\r\nVA 3\r\ncab\r\n");
    client_expect(&reader, "ms a 1 MA G64 q\r\nd\r\nmg a v\r\n",
                  "CLIENT_ERROR bad tag\r\nEN\r\n");
}

/* One invalidation of more tags than any entry has, all or none. */
static void
test_invalidate_many(void **state)
{
    (void)state;
    static char line[40000];
    int n = sprintf(line, "invalidate");
    for (int i = 0; i < 5000; i++)
        n += sprintf(line + n, " t%d", i);
    client_expect(&reader, "ms a 1 Gt0\r\na\r\nms b 1 Gt4999,x\r\nb\r\n",
                  "HD\r\nHD\r\n");
    strcpy(line + n, " bad,tag\r\n");
    client_expect(&reader, line, "CLIENT_ERROR bad tag\r\n");
    client_expect(&reader, "get a b\r\n",
                  "VALUE a 0 1\r\na\r\nVALUE b 0 1\r\nb\r\nEND\r\n");
    strcpy(line + n, "\r\n");
    client_expect(&reader, line, "INVALIDATED 2\r\n");
    client_expect(&reader, "get a b\r\n", "END\r\n");
    assert_int_equal(counted(COUNTER_INVALIDATIONS), 5000);
    strcpy(line + n, " noreply\r\n");
    client_expect(&reader, line, "");
}

/* Joined values that grow beyond what may be are refused, and kept. */
static void
test_join_too_large(void **state)
{
    (void)state;
    enum { LEN = 700000 };
    char *text = malloc(LEN + 100);
    if (!text)
        abort();
    int head = sprintf(text, "set a 0 0 %d\r\n", LEN);
    memset(text + head, 'x', LEN);
    strcpy(text + head + LEN, "\r\n");
    client_expect(&reader, text, "STORED\r\n");
    head = sprintf(text, "append a 0 0 %d\r\n", LEN);
    memset(text + head, 'x', LEN);
    strcpy(text + head + LEN, "\r\n");
    client_expect(&reader, text, "NOT_STORED\r\n");
    head = sprintf(text, "ms a %d MP k q\r\n", LEN);
    memset(text + head, 'x', LEN);
    strcpy(text + head + LEN, "\r\n");
    client_expect(&reader, text, "NS ka\r\n");
    client_expect(&reader, "mg a s\r\n", "HD s700000\r\n");
    free(text);
}

/* ---- no memory ---------------------------------------------------------- */

/* Stores until one is refused; returns how many were not. */
static int
fill(size_t len)
{
    char *text = malloc(len + 100);
    if (!text)
        abort();
    const char *refusal = "SERVER_ERROR out of memory storing object\r\n";
    int n = 0;
    for (bool full = false; !full; n++) {
        assert_true(n < 200000);
        int head = sprintf(text, "set key%d 0 0 %zu\r\n", n, len);
        memset(text + head, 'x', len);
        strcpy(text + head + len, "\r\n");
        reader.read = reader.len = 0;
        client_send(&reader, text, strlen(text), 0);
        full = strcmp(reader.got, refusal) == 0;
        if (!full)
            assert_string_equal(reader.got, "STORED\r\n");
    }
    reader.read = reader.len = 0;
    free(text);
    return n - 1;
}

/* A full store that must not evict refuses, and goes on serving. */
static void
test_no_memory(void **state)
{
    static const size_t lens[] = {100, 5000, 500000};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        tear_down(state);
        talk_init(&talk);
        talk.config.evict = false;
        talk.config.limit_bytes = 16 << 20;
        talk_start(&talk);
        client_open(&reader, &talk);
        client_open(&writer, &talk);
        assert_true(fill(lens[i]) > 5);
        assert_int_equal(counted(COUNTER_STORE_NO_MEMORY), 1);
        client_expect(&reader, "mg key0\r\nmn\r\n", "HD\r\nMN\r\n");
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_clock_of_line),   TEST(test_appended_tags),
        TEST(test_invalidate_many), TEST(test_join_too_large),
        TEST(test_no_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("set", tests, NULL, NULL);
}
