/* The words of the classic commands, one row a line. */
#include "tagcached/classic.h"
#include "tagcached/parser.h"

#include "edge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static char *edge;

static void
expect(const char *line, const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted)
        fail_msg("%s: %s is %ju, not %ju", line, what, (uintmax_t)got,
                 (uintmax_t)wanted);
}

#define K50 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define K250 K50 K50 K50 K50 K50

static struct request
parse(const char *line)
{
    struct request request;
    struct meta meta;
    size_t len = strlen(line);
    char *at = edge_put(edge, line, len);
    assert_int_equal(parser_parse((struct span){at, len}, &request, &meta),
                     PARSER_REQUEST);
    assert_null(request.meta);
    return request;
}

static void
assert_key(const struct request *request, const char *key)
{
    assert_int_equal(request->key.len, strlen(key));
    assert_memory_equal(request->key.data, key, strlen(key));
}

/* ---- storage ------------------------------------------------------------ */

static const struct store_row {
    const char *line;
    enum reply refusal;
    bool hang_up, noreply;
    uint32_t len; /* of the value, where not hang_up */
    uint32_t flags;
    int64_t exptime;
} store_rows[] = {
    {"set a 0 0 5\r\n", .len = 5},
    {"set a 0 0 5\n", .len = 5},
    {"set a 0 0 0\r\n", .len = 0},
    {"set   a  0  0  5  \r\n", .len = 5},
    {"set a 7 8 5 noreply\r\n", .len = 5, .flags = 7, .exptime = 8,
     .noreply = true},
    {"set a 0 0 5 noreply  \r\n", .len = 5, .noreply = true},
    {"set a 0 0 5 foo\r\n", .len = 5},
    {"set a 0 0 5 NOREPLY\r\n", .len = 5},
    {"set a 4294967295 -1 5\r\n", .len = 5, .flags = 4294967295, .exptime = -1},
    {"set a 0 4294967296 5\r\n", .len = 5, .exptime = 4294967296},
    {"set a 0 0 2147483645\r\n", .len = 2147483645},
    {"set " K250 " 0 0 5\r\n", .len = 5},
    {"cas a 0 0 5 18446744073709551615\r\n", .len = 5},
    /* the data block is swallowed */
    {"set " K250 "k 0 0 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a -1 0 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a +1 0 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a 1e3 0 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a 0x10 0 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a 4294967296 0 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a 18446744073709551616 0 5\r\n", .refusal = REPLY_BAD_FORMAT,
     .len = 5},
    {"set a 0 abc 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a 0 1.5 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a 0 +1 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a 0 - 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"set a 0 18446744073709551616 5\r\n", .refusal = REPLY_BAD_FORMAT,
     .len = 5},
    {"set a x 0 5 noreply\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5,
     .noreply = true},
    {"cas a 0 0 5\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"cas a 0 0 5 \r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"cas a 0 0 5 x\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"cas a 0 0 5 -1\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5},
    {"cas a 0 0 5 18446744073709551616\r\n", .refusal = REPLY_BAD_FORMAT,
     .len = 5},
    {"cas a 0 0 5 noreply\r\n", .refusal = REPLY_BAD_FORMAT, .len = 5,
     .noreply = true},
    /* nobody knows where the block ends */
    {"set a 0 0 -1\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 +1\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 1e3\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 1x\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 abc\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 2147483646\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 2147483647\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 2147483648\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 4294967296\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a 0 0 18446744073709551616\r\n", .refusal = REPLY_BAD_FORMAT,
     .hang_up = true},
    {"set a 0 0 noreply\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true,
     .noreply = true},
    {"set a 0 0\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set a\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"set  0 0 5\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
};

static void
test_store(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(store_rows) / sizeof(store_rows[0]); i++) {
        const struct store_row *row = &store_rows[i];
        struct request request = parse(row->line);
        expect(row->line, "refusal", (uint64_t)request.refusal,
               (uint64_t)row->refusal);
        expect(row->line, "hang_up", (uint64_t)request.hang_up,
               (uint64_t)row->hang_up);
        expect(row->line, "has_value", request.has_value, !row->hang_up);
        expect(row->line, "noreply", (uint64_t)request.noreply,
               (uint64_t)row->noreply);
        uint64_t block = row->hang_up ? 0 : (uint64_t)row->len + 2;
        expect(row->line, "size", request_size(&request),
               strlen(row->line) + block);
        if (row->refusal != REPLY_NOTHING)
            continue;
        expect(row->line, "flags", (uint64_t)request.client_flags,
               (uint64_t)row->flags);
        expect(row->line, "exptime", (uint64_t)request.exptime,
               (uint64_t)row->exptime);
    }
}

/* ---- the others --------------------------------------------------------- */

static const struct row {
    const char *line;
    enum reply refusal;
    bool noreply;
    const char *key; /* "": none */
    const char *rest;
    int64_t exptime;
    uint64_t number;
} rows[] = {
    {"get a\r\n", .key = "a", .rest = ""},
    {"get a b  c\r\n", .key = "a", .rest = " b  c"},
    {"get noreply\r\n", .key = "noreply", .rest = ""},
    {"get a\tb\x01\r\n", .key = "a\tb\x01", .rest = ""},
    {"get " K250 "\r\n", .key = K250, .rest = ""},
    {"get\r\n", .refusal = REPLY_BAD_FORMAT},
    {"get \r\n", .refusal = REPLY_BAD_FORMAT},
    {"get " K250 "k\r\n", .refusal = REPLY_BAD_FORMAT},
    {"get a b " K250 "k c\r\n", .refusal = REPLY_BAD_FORMAT},
    {"gat 30 a b\r\n", .key = "a", .rest = " b", .exptime = 30},
    {"gat -1 a\r\n", .key = "a", .rest = "", .exptime = -1},
    {"gat\r\n", .refusal = REPLY_BAD_FORMAT},
    {"gat 0\r\n", .refusal = REPLY_BAD_FORMAT},
    {"gat abc a\r\n", .refusal = REPLY_BAD_EXPTIME},
    {"gats 0 a " K250 "k\r\n", .refusal = REPLY_BAD_FORMAT},
    {"delete a\r\n", .key = "a"},
    {"delete a 0\r\n", .key = "a"},
    {"delete a noreply\r\n", .key = "a", .noreply = true},
    {"delete a 0 noreply\r\n", .key = "a", .noreply = true},
    {"delete noreply\r\n", .key = "noreply", .noreply = true},
    {"delete noreply noreply\r\n", .key = "noreply", .noreply = true},
    {"delete a 10 noreply\r\n", .refusal = REPLY_BAD_DELETE, .noreply = true},
    {"delete a 10\r\n", .refusal = REPLY_BAD_DELETE},
    {"delete a b c d e\r\n", .refusal = REPLY_BAD_DELETE},
    {"delete a 0 0\r\n", .refusal = REPLY_BAD_DELETE},
    {"delete\r\n", .refusal = REPLY_BAD_FORMAT},
    {"delete " K250 "k\r\n", .refusal = REPLY_BAD_FORMAT},
    {"incr a 1\r\n", .key = "a", .number = 1},
    {"decr a 18446744073709551615 noreply\r\n", .key = "a",
     .number = UINT64_MAX, .noreply = true},
    {"incr a 1 foo\r\n", .key = "a", .number = 1},
    {"incr a 18446744073709551616\r\n", .refusal = REPLY_BAD_DELTA},
    {"incr a -1\r\n", .refusal = REPLY_BAD_DELTA},
    {"incr a +1\r\n", .refusal = REPLY_BAD_DELTA},
    {"incr a 1.5\r\n", .refusal = REPLY_BAD_DELTA},
    {"incr a\r\n", .refusal = REPLY_BAD_FORMAT},
    {"incr\r\n", .refusal = REPLY_BAD_FORMAT},
    {"touch a 30\r\n", .key = "a", .exptime = 30},
    {"touch a 4294967296 noreply\r\n", .key = "a", .exptime = 4294967296,
     .noreply = true},
    {"touch a abc\r\n", .refusal = REPLY_BAD_EXPTIME},
    {"touch a\r\n", .refusal = REPLY_BAD_FORMAT},
    {"flush_all\r\n", .key = ""},
    {"flush_all noreply\r\n", .key = "", .noreply = true},
    {"flush_all 10 noreply\r\n", .key = "", .exptime = 10, .noreply = true},
    {"flush_all -1\r\n", .key = "", .exptime = -1},
    {"flush_all abc\r\n", .refusal = REPLY_BAD_EXPTIME},
    {"verbosity 2\r\n", .key = "", .number = 2},
    {"verbosity 0 noreply\r\n", .key = "", .noreply = true},
    {"verbosity noreply\r\n", .refusal = REPLY_BAD_FORMAT, .noreply = true},
    {"verbosity\r\n", .refusal = REPLY_BAD_FORMAT},
    {"verbosity foo bar my\r\n", .refusal = REPLY_BAD_FORMAT},
    {"invalidate a\r\n", .key = "", .rest = " a"},
    {"invalidate a b noreply\r\n", .key = "", .rest = " a b ", .noreply = true},
    {"invalidate noreply\r\n", .key = "", .rest = " noreply"},
    {"invalidate noreply noreply\r\n", .key = "", .rest = " noreply ",
     .noreply = true},
    {"invalidate\r\n", .refusal = REPLY_BAD_FORMAT},
    {"invalidate \r\n", .refusal = REPLY_BAD_FORMAT},
    {"me a\r\n", .key = "a"},
    {"me\r\n", .refusal = REPLY_BAD_FORMAT},
    {"me " K250 "k\r\n", .refusal = REPLY_BAD_FORMAT},
    {"me a b\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mn foo\r\n", .key = "", .rest = " foo"},
    {"version noreply\r\n", .key = "", .rest = " noreply"},
};

static void
test_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct request request = parse(row->line);
        expect(row->line, "refusal", (uint64_t)request.refusal,
               (uint64_t)row->refusal);
        expect(row->line, "noreply", (uint64_t)request.noreply,
               (uint64_t)row->noreply);
        assert_false(request.has_value);
        assert_false(request.hang_up);
        if (row->refusal != REPLY_NOTHING)
            continue;
        assert_key(&request, row->key);
        if (row->rest) {
            assert_int_equal(request.rest.len, strlen(row->rest));
            assert_memory_equal(request.rest.data, row->rest,
                                strlen(row->rest));
        }
        if (row->exptime != 0)
            expect(row->line, "exptime", (uint64_t)request.exptime,
                   (uint64_t)row->exptime);
        if (row->number != 0)
            expect(row->line, "number", (uint64_t)request.number,
                   (uint64_t)row->number);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_others),
    };
    edge = edge_new();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("classic", tests, NULL, NULL);
    edge_free(edge);
    return failed;
}
