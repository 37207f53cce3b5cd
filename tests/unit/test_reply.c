#include "tagcached/meta.h"
#include "tagcached/parser.h"
#include "tagcached/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
assert_text(const char *start, const char *end, const char *text)
{
    assert_int_equal(end - start, strlen(text));
    assert_memory_equal(start, text, strlen(text));
}

static void
test_lines(void **state)
{
    (void)state;
    assert_int_equal(reply_line(REPLY_NOTHING).len, 0);
    for (enum reply r = REPLY_NOTHING + 1; r < REPLY_LAST; r++) {
        struct span line = reply_line(r);
        assert_true(line.len > 2);
        assert_memory_equal(line.data + line.len - 2, "\r\n", 2);
        assert_ptr_equal(memchr(line.data, '\n', line.len),
                         line.data + line.len - 1);
    }
    assert_true(span_equals(reply_line(REPLY_STORED), SPAN("STORED\r\n")));
}

static void
test_value(void **state)
{
    (void)state;
    char text[REPLY_VALUE_MAX], key[250];
    assert_text(text, reply_value(text, SPAN("key"), 0, 5), "VALUE key 0 5");
    assert_text(text, reply_value(text, SPAN("k"), UINT32_MAX, 1048576),
                "VALUE k 4294967295 1048576");
    assert_text(text, reply_value_cas(text, SPAN("k"), 10, 9, UINT64_MAX),
                "VALUE k 10 9 18446744073709551615");
    memset(key, 'k', sizeof(key));
    char *end = reply_value_cas(text, (struct span){key, sizeof(key)},
                                UINT32_MAX, SIZE_MAX, UINT64_MAX);
    assert_true(reply_crlf(end) <= text + sizeof(text));
}

/* The answer to `line` where everything is known, in room just as large as
 * said, so that a sanitizer sees one byte too many. */
static void
assert_meta(const char *line, const char *status,
            const struct reply_facts *facts, const char *text)
{
    struct request request;
    struct meta meta;
    struct span of = {status, strlen(status)};
    assert_int_equal(
        parser_parse((struct span){line, strlen(line)}, &request, &meta),
        PARSER_REQUEST);
    assert_int_equal(request.refusal, REPLY_NOTHING);
    size_t room = reply_meta_room(of, &request, facts);
    char *start = malloc(room);
    char *end = reply_meta(start, of, &request, facts);
    assert_true((size_t)(end - start) <= room);
    assert_text(start, end, text);
    free(start);
}

static void
test_meta(void **state)
{
    (void)state;
    struct span tags[] = {SPAN("a"), SPAN("bb")};
    struct reply_facts all = {
        .known = UINT32_MAX,
        .client_flags = 7,
        .cas = 8,
        .clock = UINT64_MAX,
        .count = 3,
        .size = 5,
        .ttl_before = -1,
        .ttl = 30,
        .tags = tags,
        .ntags = 2,
    };
    struct reply_facts none = {0};
    assert_meta("mg k\n", "HD", &all, "HD\r\n");
    assert_meta("mg key s v t f c k O12 q g a P L\n", "VA 5", &all,
                "VA 5 s5 t30 f7 c8 kkey O12 ga,bb a18446744073709551615\r\n");
    assert_meta("mg key a k O\n", "EN", &all,
                "EN a18446744073709551615 kkey O\r\n");
    assert_meta("mg key t T30\n", "HD", &all, "HD t-1\r\n");
    assert_meta("mg key T30 t c\n", "HD", &all, "HD t30 c8\r\n");
    assert_meta("md key G i k\n", "HD", &all, "HD i3 kkey\r\n");
    assert_meta("mg key s v t f c k O12 q g a\n", "NS", &none, "NS\r\n");
    all.ntags = 0;
    assert_meta("mg key g\n", "HD", &all, "HD g\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_meta),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
