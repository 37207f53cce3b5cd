#include "tagcached/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct span
span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static void
assert_span(struct span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.data, text, span.len);
}

static void
test_next(void **state)
{
    (void)state;
    struct span words = span_of("  a \tb   ccc  "), word;
    assert_true(token_next(&words, &word));
    assert_span(word, "a");
    assert_true(token_next(&words, &word));
    assert_span(word, "\tb");
    assert_true(token_next(&words, &word));
    assert_span(word, "ccc");
    assert_false(token_next(&words, &word));
    words = span_of("");
    assert_false(token_next(&words, &word));
}

static void
test_last(void **state)
{
    (void)state;
    assert_span(token_last(span_of("a b cc  ")), "cc");
    assert_span(token_last(span_of("cc")), "cc");
    assert_span(token_last(span_of("   ")), "");
    assert_span(token_last(span_of("")), "");
}

static void
test_take_last(void **state)
{
    (void)state;
    static const struct {
        const char *line, *rest; /* NULL: not taken */
    } rows[] = {
        {"a noreply", "a "},  {"a noreply  ", "a "},
        {"noreply", ""},      {"anoreply", NULL},
        {"a Noreply", NULL},  {"noreply a", NULL},
        {"a noreplyx", NULL}, {"", NULL},
        {"oreply", NULL},     {"a\tnoreply", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span words = span_of(rows[i].line);
        bool taken = token_take_last(&words, SPAN("noreply"));
        assert_int_equal(taken, rows[i].rest != NULL);
        assert_span(words, taken ? rows[i].rest : rows[i].line);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_last),
        cmocka_unit_test(test_take_last),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
