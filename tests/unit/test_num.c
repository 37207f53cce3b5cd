#include "tagcached/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { U64 = 1, U32 = 2, I64 = 4, I32 = 8, ALL = 15, SIGNED = I64 | I32 };

struct row {
    const char *text;
    unsigned good; /* the parsers that take it */
    uint64_t value;
};

static const struct row rows[] = {
    {"0", ALL, 0},
    {"7", ALL, 7},
    {"007", ALL, 7},
    {"2147483647", ALL, INT32_MAX},
    {"2147483648", U64 | U32 | I64, UINT64_C(2147483648)},
    {"2147483649", U64 | U32 | I64, UINT64_C(2147483649)},
    {"4294967295", U64 | U32 | I64, UINT32_MAX},
    {"4294967296", U64 | I64, UINT64_C(4294967296)},
    {"4294967297", U64 | I64, UINT64_C(4294967297)},
    {"9223372036854775807", U64 | I64, INT64_MAX},
    {"9223372036854775808", U64, UINT64_C(1) << 63},
    {"18446744073709551615", U64, UINT64_MAX},
    {"18446744073709551616", 0, 0},
    {"18446744073709551620", 0, 0},
    {"99999999999999999999", 0, 0},
    {"100000000000000000000", 0, 0},
    {"000000000000000000001", 0, 0}, /* 21 digits */
    {"-1", SIGNED, (uint64_t)-1},
    {"-0", SIGNED, 0},
    {"-2147483648", SIGNED, (uint64_t)INT32_MIN},
    {"-2147483649", I64, (uint64_t)INT64_C(-2147483649)},
    {"-9223372036854775808", I64, (uint64_t)INT64_MIN},
    {"-9223372036854775809", 0, 0},
    {"", 0, 0},
    {"-", 0, 0},
    {"--1", 0, 0},
    {"+1", 0, 0},
    {" 1", 0, 0},
    {"1 ", 0, 0},
    {"1 2", 0, 0},
    {"1\t", 0, 0},
    {"\n1", 0, 0},
    {"1e3", 0, 0},
    {"0x10", 0, 0},
    {"1.5", 0, 0},
    {"12a", 0, 0},
    {"/", 0, 0}, /* the bytes beside the digits */
    {":", 0, 0},
    {"\xb1", 0, 0},
};

/* The text ends where the memory ends. */
static struct span
exact(const char *text)
{
    static char *copy;
    size_t len = strlen(text);
    free(copy);
    copy = malloc(len + (len == 0));
    memcpy(copy, text, len);
    return (struct span){copy, len};
}

static void
test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct row *row = &rows[i];
        struct span text = exact(row->text);
        uint64_t u64 = 99;
        uint32_t u32 = 99;
        int64_t i64 = 99;
        int32_t i32 = 99;
        unsigned good = (num_parse_u64(text, &u64) ? U64 : 0) |
                        (num_parse_u32(text, &u32) ? U32 : 0) |
                        (num_parse_i64(text, &i64) ? I64 : 0) |
                        (num_parse_i32(text, &i32) ? I32 : 0);
        if (good != row->good)
            print_error("'%s': %x, expected %x\n", row->text, good, row->good);
        assert_int_equal(good, row->good);
        /* What is refused leaves the result alone. */
        assert_true(u64 == (good & U64 ? row->value : 99));
        assert_true(u32 == (good & U32 ? (uint32_t)row->value : 99));
        assert_true(i64 == (good & I64 ? (int64_t)row->value : 99));
        assert_true(i32 == (good & I32 ? (int32_t)row->value : 99));
    }
    assert_false(num_parse_u64((struct span){"1\0", 2}, &(uint64_t){0}));
}

static void
test_format(void **state)
{
    (void)state;
    uint64_t value = 1;
    for (int i = 0; i < 2000; i++) {
        char out[NUM_U64_DIGITS + 1] = {0}, expected[32];
        size_t len = num_format_u64(out, value);
        int n = snprintf(expected, sizeof(expected), "%llu",
                         (unsigned long long)value);
        assert_int_equal(len, n);
        assert_string_equal(out, expected);
        uint64_t back;
        assert_true(num_parse_u64((struct span){out, len}, &back));
        assert_true(back == value);
        /* Also the numbers around powers of ten. */
        value = i % 3 == 0 ? value * 10 : i % 3 == 1 ? value - 1 : value + 2;
    }
    char zero[NUM_U64_DIGITS], most[NUM_U64_DIGITS];
    assert_int_equal(num_format_u64(zero, 0), 1);
    assert_int_equal(zero[0], '0');
    assert_int_equal(num_format_u64(most, UINT64_MAX), NUM_U64_DIGITS);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
