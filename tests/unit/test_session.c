/*
 * Sessions: the same replies however the bytes are cut, data blocks that come
 * in pieces, turns, and what ends a conversation.
 */
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

static int
set_up(void **state)
{
    (void)state;
    talk_init(&talk);
    talk_start(&talk);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    talk_end(&talk);
    return 0;
}

/* What a new server replies to `bytes`; the caller frees it. */
static char *
replies(const char *bytes, size_t len, size_t split, size_t piece)
{
    struct talk own;
    struct client client;
    talk_init(&own);
    own.config.item_size_max = 100 * 1024;
    talk_start(&own);
    client_open(&client, &own);
    client_send(&client, bytes, split, piece);
    client_send(&client, bytes + split, len - split, piece);
    char *got = malloc(client.len + 16);
    sprintf(got, "%s%s", client.got, client.closed ? "<closed>" : "");
    client_close(&client);
    talk_end(&own);
    return got;
}

static void
assert_uncut(const char *bytes, size_t len, size_t stride)
{
    static const size_t pieces[] = {1, 2, 5, 100, 1448, 16384, 70000};
    char *whole = replies(bytes, len, 0, 0);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        if (pieces[i] < 100 && len > 100000)
            continue;
        char *cut = replies(bytes, len, 0, pieces[i]);
        assert_string_equal(cut, whole);
        free(cut);
    }
    for (size_t at = 1; at < len; at += stride) {
        char *cut = replies(bytes, len, at, 0);
        assert_string_equal(cut, whole);
        free(cut);
    }
    free(whole);
}

static const char *const scripts[] = {
    "set a 0 0 5\r\nhello\r\nget a b a\r\nms b 3 T0 F5\r\nxyz\r\n"
    "mg b v s f k Oq\r\nmn\r\nversion\r\n",
    "set a 0 0 3\r\nabcd\r\nget a\r\nset a 0 0 3 noreply\r\nabcd\r\nmn\r\n",
    "set a 0 x 13\r\ndelete victim\r\nmn\r\nms a 13 Tx\r\ndelete victim\r\n"
    "mn\r\nms a 13 A\r\ndelete victim\r\nms a 13 G\r\ndelete victim\r\n"
    "get a\r\n",
    "set a 0 0 -1\r\ndelete victim\r\n",
    "ms a x noreply\r\ndelete victim\r\n",
    "add a 0 0 1\r\n1\r\nadd a 0 0 1\r\n2\r\nappend a 0 0 1\r\n3\r\n"
    "prepend a 0 0 1\r\n4\r\nincr a 10\r\ndecr a 1000\r\nincr a x\r\n"
    "touch a 0\r\ntouch b 0\r\ndelete a\r\ndelete a\r\nget a\r\n",
    "ms k 2 Gt,u c k O7 q\r\nhi\r\nmg k v g\r\ninvalidate u noreply\r\n"
    "mg k v g\r\nmg k v q\r\nmd u G i q\r\nmd u G i\r\nmn\r\n",
    "\r\n\n \nmn\nfoo\r\na\r\nget\r\nquit\r\nget a\r\n",
    "get a\r\nGET / HTTP/1.1\r\nHost: x\r\nset a 0 0 1\r\n1\r\n",
    "get a\r\n\x80\r\nget a\r\n",
    "1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n"
    "mn\r\n1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n1234\r\n"
    "1234\r\n1234\r\nmn\r\n",
};

static void
test_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        assert_uncut(scripts[i], strlen(scripts[i]), 1);
}

/* ---- long data blocks --------------------------------------------------- */

struct text {
    char *data;
    size_t len;
};

static void
say(struct text *text, const char *words)
{
    size_t len = strlen(words);
    text->data = realloc(text->data, text->len + len + 1);
    memcpy(text->data + text->len, words, len + 1);
    text->len += len;
}

/* A data block of `len` bytes that is made of commands. */
static void
say_block(struct text *text, size_t len)
{
    static const char payload[] = "delete victim\r\n";
    char *block = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        block[i] = payload[i % (sizeof(payload) - 1)];
    block[len] = '\0';
    say(text, block);
    free(block);
}

static void
say_store(struct text *text, const char *head, size_t len, const char *flags,
          const char *end)
{
    char line[400];
    snprintf(line, sizeof(line), "%s %zu%s\r\n", head, len, flags);
    say(text, line);
    say_block(text, len);
    say(text, end);
}

/* Values of every kind of length, stored and refused, each between others. */
static void
test_long_values(void **state)
{
    (void)state;
    static const size_t lens[] = {0,     1,     4000,  8000,   8191,  8192,
                                  16384, 16386, 65535, 100000, 120000};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct text text = {0};
        say(&text, "set victim 0 0 1\r\nv\r\n");
        say_store(&text, "set a 7 0", lens[i], "", "\r\n");
        say(&text, "get victim a victim\r\n");
        say_store(&text, "ms a", lens[i], " Gt MA k q", "\r\n");
        say_store(&text, "ms b", lens[i], " Gt,u T0 F9 k", "\r\n");
        say(&text, "mg b v s f g k\r\nmg a s\r\n");
        say_store(&text, "set b 0 0", lens[i], " noreply", "xx");
        say_store(&text, "ms c", lens[i], " Zz", "\r\n");
        say_store(&text, "ms b", lens[i], " Gt,", "\r\n");
        say_store(&text, "set c 0 x", lens[i], "", "\r\n");
        say(&text, "mg a s\r\nmg b s\r\nget victim c\r\nmn\r\n");
        assert_uncut(text.data, text.len, 1 + text.len / 300);
        char *got = replies(text.data, text.len, 0, 0);
        assert_non_null(strstr(got, "VALUE victim 0 1\r\nv\r\nEND\r\nMN\r\n"));
        free(got);
        free(text.data);
    }
}

/* An upload that ends early leaves nothing behind. */
static void
test_lost_upload(void **state)
{
    (void)state;
    struct text text = {0};
    say_store(&text, "set a 0 0", 100000, "", "\r\n");
    uint64_t before = talk.budget.used;
    for (size_t len = 1; len < text.len; len += 997) {
        struct client client;
        client_open(&client, &talk);
        client_send(&client, text.data, len, 5000);
        assert_int_equal(client.len, 0);
        client_close(&client);
        assert_int_equal(talk.budget.used, before);
    }
    free(text.data);
}

/* A large value is received into its own memory. */
static void
test_direct(void **state)
{
    (void)state;
    struct client client;
    char *space, *next;
    size_t len, room;
    client_open(&client, &talk);
    client_send_text(&client, "set a 0 0 500000\r\nabc", 0);
    session_space(client.session, &space, &len);
    assert_int_equal(len, 500000 - 3);
    memset(space, 'x', 100);
    session_received(client.session, 100);
    assert_int_equal(session_run(client.session, &client.out), SESSION_READ);
    session_space(client.session, &next, &room);
    assert_ptr_equal(next, space + 100);
    assert_int_equal(room, 500000 - 103);
    client_close(&client);
}

/* ---- the contract of data blocks ---------------------------------------- */

static const char *const numbers[] = {
    "-1",         "0",          "13",         "2147483645",
    "2147483646", "2147483647", "2147483648", "4294967295",
    "4294967296", "1e3",        "",           "18446744073709551615",
    "+1",         "x",          " ",          "18446744073709551616",
    "13 ",        "0x0d",       "1.5",        "99999999999999999999999",
};

static const char *const lines[] = {
    "set a %s 0 13",       "set a 0 %s 13",   "set a 0 0 %s",
    "set %s 0 0 13",       "add a 0 0 %s",    "replace a 0 %s 13 noreply",
    "append a %s 0 13",    "cas a 0 0 13 %s", "cas a 0 0 %s 1",
    "cas a %s 0 13 1",     "ms a %s",         "ms %s 13",
    "ms a 13 T%s",         "ms a 13 F%s",     "ms a 13 C%s",
    "ms a 13 A%s",         "ms a 13 M%s",     "ms a 13 G%s",
    "ms a 13 Gt,%s,",      "ms a 13 %s",      "ms a 13 I%s",
    "set a 0 0 %s noreply"};

/* Whatever the number, the block is not taken for a command, and one line is
 * answered at most. */
static void
test_numbers(void **state)
{
    (void)state;
    struct client victim;
    client_open(&victim, &talk);
    client_expect(&victim, "set victim 0 0 1\r\nv\r\n", "STORED\r\n");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
            struct client client;
            char line[200];
            snprintf(line, sizeof(line), lines[i], numbers[j]);
            strcat(line, "\r\ndelete victim\r\n");
            client_open(&client, &talk);
            client_send(&client, line, strlen(line), j % 2);
            char *first = client_line(&client), *rest = NULL;
            /* Another length than the block's is the length all the same; so
             * is `unique` where a word is missing before it. */
            bool other = (first && strstr(first, "bad data chunk")) ||
                         (strncmp(line, "cas", 3) == 0 &&
                          strspn(numbers[j], " ") == strlen(numbers[j]));
            if (!other)
                rest = client_line(&client);
            if (rest)
                fail_msg("%s: %s, %s", line, first, rest);
            client_close(&client);
            client_expect(&victim, "get victim\r\n",
                          "VALUE victim 0 1\r\nv\r\nEND\r\n");
        }
    client_close(&victim);
}

static const char *
any(const char *const *words, size_t n)
{
    return words[(size_t)rand() % n];
}
#define ANY(words) any(words, sizeof(words) / sizeof((words)[0]))

/* The same of lines made at random. */
static void
test_malformed(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "set", "add", "replace", "append", "prepend", "cas", "ms"};
    static const char *const words[] = {
        "a",
        "0",
        "13",
        "noreply",
        "",
        "Gx",
        "G",
        "Gx,,y",
        "MA",
        "Mz",
        "A1",
        "A",
        "T0",
        "Tx",
        "q",
        "k",
        "O1234567890123456789012345678901234567",
        "C1",
        "Zz",
        "-1",
        "5",
        "14",
        "26",
        "9999999",
        "1x",
        "\t",
        "\r"};
    struct client victim;
    srand(20260706);
    client_open(&victim, &talk);
    client_expect(&victim, "set victim 0 0 1\r\nv\r\n", "STORED\r\n");
    for (int i = 0; i < 20000; i++) {
        struct client client;
        char line[2000] = "";
        strcat(line, ANY(commands));
        for (int n = rand() % 9; n > 0; n--) {
            strcat(line, " ");
            strcat(line, ANY(words));
        }
        strcat(line, "\r\ndelete victim\r\n");
        client_open(&client, &talk);
        client_send(&client, line, strlen(line), (size_t)rand() % 20);
        client_close(&client);
        client_expect(&victim, "get victim\r\n",
                      "VALUE victim 0 1\r\nv\r\nEND\r\n");
    }
    client_close(&victim);
}

/* ---- old values --------------------------------------------------------- */

static void
test_old_values(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reply;
        bool kept;
    } rows[] = {
        {"set a 0 0 2000000", "SERVER_ERROR object too large for cache\r\n",
         false},
        {"set a 0 0 2000000 noreply", "", false},
        {"add a 0 0 2000000", "SERVER_ERROR object too large for cache\r\n",
         true},
        {"append a 0 0 2000000", "SERVER_ERROR object too large for cache\r\n",
         true},
        {"ms a 2000000 q", "SERVER_ERROR object too large for cache\r\n",
         false},
        {"ms a 2000000 MA", "SERVER_ERROR object too large for cache\r\n",
         false},
        {"ms a 2000000 Ga,,b", "SERVER_ERROR object too large for cache\r\n",
         false},
        {"ms a 20000 Ga,,b q", "CLIENT_ERROR bad tag\r\n", false},
        {"ms a 5 Ga,,b MA", "CLIENT_ERROR bad tag\r\n", false},
        {"ms a 5 G", "CLIENT_ERROR bad tag\r\n", false},
        {"ms a 5 G\x7f", "CLIENT_ERROR bad tag\r\n", false},
        {"ms a 5 Gok Ax", "CLIENT_ERROR bad token in command line format\r\n",
         true},
        {"ms a 5 G,, A", "CLIENT_ERROR bad token in command line format\r\n",
         true},
        {"ms a 5 g", "CLIENT_ERROR invalid flag\r\n", true},
        {"ms a 5 i", "CLIENT_ERROR invalid flag\r\n", true},
        {"ms a 5 Gx Gx", "CLIENT_ERROR duplicate flag\r\n", true},
        {"ms a 5 Gx A1", "NS\r\n", true},
        {"set a x 0 5", "CLIENT_ERROR bad command line format\r\n", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client client;
        size_t len = 5;
        client_open(&client, &talk);
        client_expect(&client, "set a 0 0 1\r\nv\r\n", "STORED\r\n");
        if (strstr(rows[i].line, "2000000"))
            len = 2000000;
        else if (strstr(rows[i].line, "20000"))
            len = 20000;
        struct text text = {0};
        say(&text, rows[i].line);
        say(&text, "\r\n");
        say_block(&text, len);
        say(&text, "\r\n");
        client_expect(&client, text.data, rows[i].reply);
        client_expect(&client, "mg a v\r\n",
                      rows[i].kept ? "VA 1\r\nv\r\n" : "EN\r\n");
        free(text.data);
        client_close(&client);
    }
}

/* ---- turns -------------------------------------------------------------- */

/* A multiget of more than `out` takes goes on where it stopped. */
static void
test_flush(void **state)
{
    (void)state;
    struct client client;
    struct text get = {0}, wanted = {0};
    client_open(&client, &talk);
    say(&get, "get");
    for (int i = 0; i < 300; i++) {
        char key[20], line[60];
        size_t len = i % 10 == 0 ? 30000 : (size_t)i * 20;
        struct text set = {0};
        snprintf(key, sizeof(key), " key%d", i);
        snprintf(line, sizeof(line), "set%s 0 0", key);
        say_store(&set, line, len, "", "\r\n");
        client_expect(&client, set.data, "STORED\r\n");
        free(set.data);
        say(&get, key);
        snprintf(line, sizeof(line), "VALUE%s 0", key);
        say_store(&wanted, line, len, "", "\r\n");
    }
    say(&get, "\r\nmn\r\n");
    say(&wanted, "END\r\nMN\r\n");

    char *space;
    size_t len, flushes = 0, most = 0;
    enum session_want want;
    session_space(client.session, &space, &len);
    memcpy(space, get.data, get.len);
    session_received(client.session, get.len);
    while ((want = session_run(client.session, &client.out)) == SESSION_FLUSH) {
        flushes++;
        assert_true(session_park(client.session));
        most = client.out.len > most ? client.out.len : most;
        client_send(&client, "", 0, 0);
        struct iovec iov[64];
        int n = out_iov(&client.out, iov, 64);
        size_t sent = 0;
        for (int i = 0; i < n; i++)
            sent += iov[i].iov_len;
        out_sent(&client.out, sent);
    }
    assert_int_equal(want, SESSION_READ);
    assert_true(flushes > 5);
    assert_true(most < OUT_FULL_BYTES + 20000);
    out_sent(&client.out, out_pending(&client.out));

    client_expect(&client, get.data, wanted.data);
    free(get.data);
    free(wanted.data);
    client_close(&client);
}

static void
test_yield(void **state)
{
    (void)state;
    struct talk own;
    struct client client;
    char *space;
    size_t len;
    const char mn[] = "mn\r\nmn\r\nmn\r\nmn\r\nmn\r\nmn\r\nmn\r\nm";
    talk_init(&own);
    own.config.requests_a_turn = 3;
    talk_start(&own);
    client_open(&client, &own);
    session_space(client.session, &space, &len);
    memcpy(space, mn, sizeof(mn) - 1);
    session_received(client.session, sizeof(mn) - 1);
    assert_int_equal(session_run(client.session, &client.out), SESSION_YIELD);
    assert_int_equal(client.out.len, 3 * 4);
    assert_true(session_park(client.session));
    assert_int_equal(session_run(client.session, &client.out), SESSION_YIELD);
    assert_true(session_park(client.session));
    assert_int_equal(session_run(client.session, &client.out), SESSION_READ);
    assert_int_equal(client.out.len, 7 * 4);
    assert_true(session_park(client.session));
    client_send_text(&client, "n\r\nmn\r\nmn\r\n", 0);
    assert_int_equal(client.len, 10 * 4);
    client_close(&client);
    talk_end(&own);
}

/* Many at once on one thread, each in the middle of something. */
static void
test_many(void **state)
{
    (void)state;
    enum { CLIENTS = 50 };
    static struct client clients[CLIENTS];
    struct text text = {0};
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        if (!strstr(scripts[i], "quit") && !strstr(scripts[i], "\x80") &&
            !strstr(scripts[i], "HTTP") && !strstr(scripts[i], "-1\r\n") &&
            !strstr(scripts[i], "1234") && !strstr(scripts[i], "ms a x"))
            say(&text, scripts[i]);
    say(&text, "delete a\r\ndelete b\r\n");
    say_store(&text, "set long 0 0", 40000, "", "\r\n");
    say(&text, "mg long s\r\n");
    for (size_t i = 0; i < CLIENTS; i++)
        client_open(&clients[i], &talk);
    for (size_t at = 0; at < text.len; at += 777)
        for (size_t i = 0; i < CLIENTS; i++) {
            size_t len = text.len - at < 777 ? text.len - at : 777;
            client_send(&clients[i], text.data + at, len, 1 + i * 7);
        }
    for (size_t i = 0; i < CLIENTS; i++) {
        size_t len = clients[i].len;
        assert_false(clients[i].closed);
        assert_true(len > 20);
        assert_string_equal(clients[i].got + len - 18,
                            "TORED\r\nHD s40000\r\n");
        client_close(&clients[i]);
    }
    free(text.data);
}

/* A session at rest is small, and so is one with a little unfinished. */
static void
test_rest(void **state)
{
    (void)state;
    struct client client;
    uint64_t before = talk.budget.used;
    client_open(&client, &talk);
    assert_true(talk.budget.used - before <= 160);
    uint64_t small = talk.budget.used;
    client_send_text(&client, "get a", 0);
    assert_true(talk.budget.used - small <= 16);
    client_send_text(&client, "\r\n", 0);
    assert_int_equal(talk.budget.used, small);
    client_close(&client);
    assert_int_equal(talk.budget.used, before);
}

/* ---- ends --------------------------------------------------------------- */

static void
test_closing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reply;
        bool closed;
    } rows[] = {
        {"quit\r\nmn\r\n", "", true},
        {"mn\r\nquit foo\r\nmn\r\n", "MN\r\n", true},
        {"\x80mn\r\n", "", true},
        {"mn\r\n\x80mn\r\n", "MN\r\n", true},
        {"POST / HTTP/1.1\r\nset a 0 0 1\r\n1\r\n", "", true},
        {"set a 0 0\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\n",
         true},
        {"set a 0 0 x noreply\r\nmn\r\n", "", true},
        {"get a\r\nget\r\n", "END\r\nCLIENT_ERROR bad command line format\r\n",
         false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client client;
        client_open(&client, &talk);
        client_expect(&client, rows[i].text, rows[i].reply);
        assert_int_equal(client.closed, rows[i].closed);
        if (client.closed)
            assert_int_equal(session_run(client.session, &client.out),
                             SESSION_CLOSE);
        client_close(&client);
    }
}

/* Ten in a row are answered, then it is over; a command between counts anew. */
static void
test_errors_in_a_row(void **state)
{
    (void)state;
    struct client client;
    client_open(&client, &talk);
    for (int i = 0; i < 9; i++)
        client_expect(&client, "Host: here\r\n", "ERROR\r\n");
    client_expect(&client, "get\r\n",
                  "CLIENT_ERROR bad command line format\r\n");
    for (int i = 0; i < 10; i++) {
        assert_false(client.closed);
        client_expect(&client, "Host: here\r\n", "ERROR\r\n");
    }
    assert_true(client.closed);
    client_close(&client);
}

static void
test_long_lines(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t limit;
    } rows[] = {{"get ", 65536},
                {"invalidate ", 65536},
                {"mg ", 20480},
                {"set ", 20480},
                {"x", 20480}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client client;
        struct text text = {0};
        say(&text, rows[i].name);
        while (text.len < rows[i].limit)
            say(&text, " ");
        client_open(&client, &talk);
        client_send(&client, text.data, text.len, 1000);
        assert_int_equal(client.len, 0);
        assert_false(client.closed);
        client_send_text(&client, "y", 0);
        assert_string_equal(client.got, "CLIENT_ERROR line too long\r\n");
        assert_true(client.closed);
        client_close(&client);
        free(text.data);
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_splits),
        TEST(test_long_values),
        TEST(test_lost_upload),
        TEST(test_direct),
        TEST(test_numbers),
        TEST(test_malformed),
        TEST(test_old_values),
        TEST(test_flush),
        TEST(test_yield),
        TEST(test_many),
        TEST(test_rest),
        TEST(test_closing),
        TEST(test_errors_in_a_row),
        TEST(test_long_lines),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
