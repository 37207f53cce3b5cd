/* The words of the meta commands, one row a line. */
#include "tagcached/meta.h"
#include "tagcached/parser.h"

#include "edge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

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
#define O32 "oooooooooooooooooooooooooooooooo"

static struct request
parse(const char *line, struct meta *meta)
{
    struct request request;
    size_t len = strlen(line);
    char *at = edge_put(edge, line, len);
    memset(meta, 0xa5, sizeof(*meta));
    assert_int_equal(parser_parse((struct span){at, len}, &request, meta),
                     PARSER_REQUEST);
    assert_false(request.noreply);
    return request;
}

static const struct row {
    const char *line;
    enum reply refusal;
    bool hang_up;
} rows[] = {
    {.line = "mg a\r\n"},
    {"mg a v s t f c k O12 q g a T30 C5 P Lx M F\r\n",
     .refusal = REPLY_BAD_MODE},
    {.line = "mg a v s t f c k O12 q g a T30 C5 P Lx\r\n"},
    {.line = "mg a vxyz s100\r\n"},
    {.line = "mg a k  v \r\n"},
    {.line = "mg " K250 " v\r\n"},
    {.line = "mg a O\r\n"},
    {.line = "mg a O" O32 "\r\n"},
    {.line = "mg a T-1\r\n"},
    {.line = "mg a T4294967296\r\n"},
    {.line = "mg a F4294967295 MA\r\n"},
    {.line = "md a s t v f c F1\r\n"},
    {.line = "md a G i a q k O1\r\n"},
    {.line = "md a C5 q\r\n"},
    {.line = "ms a 5\r\n"},
    {.line = "ms a 5 T0 F1 MS c k O1 q C0 Ga,b a A5 v t f\r\n"},
    {.line = "ms a 0 MSet\r\n"},
    {.line = "ms a 2147483645\r\n"},
    {.line = "ms a 5 G\r\n"}, /* an empty list: whoever stores refuses it */
    /* keys */
    {"mg\r\n", .refusal = REPLY_BAD_FORMAT},
    {"mg \r\n", .refusal = REPLY_BAD_FORMAT},
    {"mg " K250 "k v\r\n", .refusal = REPLY_BAD_FORMAT},
    {"md " K250 "k\r\n", .refusal = REPLY_BAD_FORMAT},
    {"md " K250 "k G\r\n", .refusal = REPLY_BAD_TAG},
    {"ms " K250 "k 5\r\n", .refusal = REPLY_BAD_FORMAT},
    /* lengths */
    {"ms\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a T0\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a -1\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a +1\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a 1e3\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a 2147483646\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a 2147483648\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a 4294967296\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    {"ms a 18446744073709551616\r\n", .refusal = REPLY_BAD_FORMAT,
     .hang_up = true},
    {"ms " K250 "k x\r\n", .refusal = REPLY_BAD_FORMAT, .hang_up = true},
    /* flags */
    {"mg a v v\r\n", .refusal = REPLY_DUPLICATE_FLAG},
    {"mg a O1 O2\r\n", .refusal = REPLY_DUPLICATE_FLAG},
    {"ms a 5 Ga Gb\r\n", .refusal = REPLY_DUPLICATE_FLAG},
    {"mg a noreply\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a Z Z\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a 1\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a !\r\n", .refusal = REPLY_BAD_FORMAT},
    {"mg a \\\r\n", .refusal = REPLY_BAD_FORMAT},
    {"mg a {\r\n", .refusal = REPLY_BAD_FORMAT},
    {"mg a \xff\r\n", .refusal = REPLY_BAD_FORMAT},
    {"mg a [\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a b\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a N30\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8\r\n",
     .refusal = REPLY_INVALID_FLAG},
    {"mg a 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9\r\n",
     .refusal = REPLY_TOO_MANY_FLAGS},
    {"ms a 5 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8\r\n",
     .refusal = REPLY_TOO_MANY_FLAGS},
    {"mg a O" O32 "o\r\n", .refusal = REPLY_OPAQUE_TOO_LONG},
    {"mg a T\r\n", .refusal = REPLY_BAD_TOKEN},
    {"mg a Tabc\r\n", .refusal = REPLY_BAD_TOKEN},
    {"mg a T+1\r\n", .refusal = REPLY_BAD_TOKEN},
    {"mg a C\r\n", .refusal = REPLY_BAD_TOKEN},
    {"mg a C-1\r\n", .refusal = REPLY_BAD_TOKEN},
    {"md a C18446744073709551616\r\n", .refusal = REPLY_BAD_TOKEN},
    {"ms a 5 F\r\n", .refusal = REPLY_BAD_FORMAT},
    {"ms a 5 F4294967296\r\n", .refusal = REPLY_BAD_FORMAT},
    {"ms a 5 F-1\r\n", .refusal = REPLY_BAD_FORMAT},
    {"ms a 5 M\r\n", .refusal = REPLY_BAD_MODE},
    {"ms a 5 Mx\r\n", .refusal = REPLY_BAD_MODE},
    {"ms a 5 Ms\r\n", .refusal = REPLY_BAD_MODE},
    /* the added ones, where they mean nothing */
    {"mg a G\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a Gx\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a A5\r\n", .refusal = REPLY_INVALID_FLAG},
    {"mg a i\r\n", .refusal = REPLY_INVALID_FLAG},
    {"ms a 5 g\r\n", .refusal = REPLY_INVALID_FLAG},
    {"ms a 5 i\r\n", .refusal = REPLY_INVALID_FLAG},
    {"ms a 5 H\r\n", .refusal = REPLY_INVALID_FLAG},
    {"ms a 5 A\r\n", .refusal = REPLY_BAD_TOKEN},
    {"ms a 5 A-1\r\n", .refusal = REPLY_BAD_TOKEN},
    {"ms a 5 A1e3\r\n", .refusal = REPLY_BAD_TOKEN},
    {"ms a 5 A18446744073709551616\r\n", .refusal = REPLY_BAD_TOKEN},
    {"md a A5\r\n", .refusal = REPLY_INVALID_FLAG},
    {"md a g\r\n", .refusal = REPLY_INVALID_FLAG},
    {"md a i\r\n", .refusal = REPLY_INVALID_FLAG},
    {"md a Gx\r\n", .refusal = REPLY_INVALID_FLAG},
    {"md a G C5\r\n", .refusal = REPLY_INVALID_FLAG},
    {"md a G T30\r\n", .refusal = REPLY_INVALID_FLAG},
    {"md a G G\r\n", .refusal = REPLY_DUPLICATE_FLAG},
};

static void
test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct meta meta;
        struct request request = parse(rows[i].line, &meta);
        expect(rows[i].line, "refusal", request.refusal, rows[i].refusal);
        expect(rows[i].line, "hang_up", request.hang_up, rows[i].hang_up);
        bool stores = request.command == COMMAND_MS && !rows[i].hang_up;
        expect(rows[i].line, "has_value", request.has_value, stores);
    }
}

static void
test_fields(void **state)
{
    (void)state;
    struct meta meta;
    struct request request = parse(
        "ms key 5 T-7 F9 MAx c k Oopq q C18446744073709551615 Ga,b A12\r\n",
        &meta);
    static const uint8_t order[] = {
        META_TTL,    META_SET_FLAGS, META_MODE,      META_CAS,  META_KEY,
        META_OPAQUE, META_QUIET,     META_MATCH_CAS, META_TAGS, META_ASOF};
    assert_ptr_equal(request.meta, &meta);
    assert_int_equal(request.value_len, 5);
    assert_true(span_equals(request.key, SPAN("key")));
    assert_int_equal(meta.nflags, sizeof(order));
    assert_memory_equal(meta.order, order, sizeof(order));
    assert_int_equal(meta.ttl, -7);
    assert_int_equal(meta.client_flags, 9);
    assert_int_equal(meta.mode, 'A');
    assert_true(span_equals(meta.opaque, SPAN("opq")));
    assert_true(span_equals(meta.tags, SPAN("a,b")));
    assert_int_equal(meta.cas, UINT64_MAX);
    assert_int_equal(meta.asof, 12);
    assert_false(meta_has(&meta, META_VALUE));
    parse("ms key 5\r\n", &meta);
    assert_int_equal(meta.mode, 'S');
    assert_int_equal(meta.present, 0);
}

static int
split(const char *list, struct span *tags)
{
    size_t len = strlen(list);
    return meta_split_tags((struct span){edge_put(edge, list, len), len}, tags);
}

static void
test_split(void **state)
{
    (void)state;
    struct span tags[REQUEST_TAGS_MAX];
    assert_int_equal(split("a", tags), 1);
    assert_true(span_equals(tags[0], SPAN("a")));
    assert_int_equal(split("a,bb,a,bb,c", tags), 3);
    assert_true(span_equals(tags[1], SPAN("bb")));
    assert_true(span_equals(tags[2], SPAN("c")));
    assert_int_equal(split("", tags), 1);
    assert_int_equal(tags[0].len, 0);
    assert_int_equal(split("a,", tags), 2);
    assert_int_equal(tags[1].len, 0);
    assert_int_equal(split(",,,", tags), 1);
}

static void
test_split_many(void **state)
{
    (void)state;
    struct span tags[REQUEST_TAGS_MAX];
    char list[4096] = "", number[16];
    for (int i = 0; i < REQUEST_TAGS_MAX; i++) {
        snprintf(number, sizeof(number), "%s%d", i > 0 ? "," : "", i);
        strcat(list, number);
        assert_int_equal(split(list, tags), i + 1);
    }
    strcat(list, ",0,63,7"); /* duplicates do not count */
    assert_int_equal(split(list, tags), REQUEST_TAGS_MAX);
    strcat(list, ",64");
    assert_int_equal(split(list, tags), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_many),
    };
    edge = edge_new();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("meta", tests, NULL, NULL);
    edge_free(edge);
    return failed;
}
