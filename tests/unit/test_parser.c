/* From bytes to a request: line ends, limits, names, and what ends a
 * conversation. The words of the commands are test_classic's and test_meta's.
 */
#include "tagcached/parser.h"

#include "edge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static char *edge;

static enum parser_status
parse(const char *bytes, size_t len, struct request *request)
{
    static struct meta meta;
    char *at = edge_put(edge, bytes, len);
    return parser_parse((struct span){at, len}, request, &meta);
}

static const char *const whole[] = {
    "get a\r\n",
    "get a\n",
    "gets a b c\r\n",
    "gat 0 a\r\n",
    "set a 0 0 5\r\n",
    "cas a 0 0 5 9 noreply\r\n",
    "delete a\r\n",
    "incr a 1\r\n",
    "mg a v k Oxyz\r\n",
    "ms a 5 Ga,b T30\r\n",
    "md a G i a\r\n",
    "me a\r\n",
    "mn\n",
    "invalidate a b\r\n",
    "stats\r\n",
    "version\r\n",
    "foo\r\n",
    "\n",
    "a\r\n",
};

static void
test_prefixes(void **state)
{
    (void)state;
    struct request request;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        size_t len = strlen(whole[i]);
        for (size_t n = 0; n < len; n++)
            assert_int_equal(parse(whole[i], n, &request), PARSER_PARTIAL);
        assert_int_equal(parse(whole[i], len, &request), PARSER_REQUEST);
        assert_int_equal(request.line_size, len);
        assert_ptr_equal(request.line, edge - len);
    }
}

/* What stands behind the line is not looked at. */
static void
test_behind(void **state)
{
    (void)state;
    struct request request;
    assert_int_equal(parse("get a\r\n\x80\n\n", 10, &request), PARSER_REQUEST);
    assert_int_equal(request.line_size, 7);
    assert_int_equal(request.key.len, 1);
}

static void
test_names(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum command command;
        enum reply refusal;
    } rows[] = {
#define COMMAND(id, name, form, handler, limit)                                \
    {name " 1 1 1 1 1\n", COMMAND_##id, REPLY_NOTHING},
#include "tagcached/tbl/commands.def"
#undef COMMAND
        {"GET a\r\n", COMMAND_UNKNOWN, REPLY_ERROR},
        {"gett a\r\n", COMMAND_UNKNOWN, REPLY_ERROR},
        {"ge a\r\n", COMMAND_UNKNOWN, REPLY_ERROR},
        {"get\ta\r\n", COMMAND_UNKNOWN, REPLY_ERROR},
        {" get a\r\n", COMMAND_UNKNOWN, REPLY_ERROR},
        {"foo noreply\r\n", COMMAND_UNKNOWN, REPLY_ERROR},
        {"ma a\r\n", COMMAND_UNKNOWN, REPLY_ERROR},
        {"    \n", COMMAND_UNKNOWN, REPLY_ERROR},
        {"ab\r\n", COMMAND_UNKNOWN, REPLY_ERROR},
        {"ab\n", COMMAND_UNKNOWN, REPLY_BAD_FORMAT},
        {"a\r\n", COMMAND_UNKNOWN, REPLY_BAD_FORMAT},
        {"\r\n", COMMAND_UNKNOWN, REPLY_BAD_FORMAT},
        {"\n", COMMAND_UNKNOWN, REPLY_BAD_FORMAT},
        {" \n", COMMAND_UNKNOWN, REPLY_BAD_FORMAT},
        {"mn\n", COMMAND_MN, REPLY_NOTHING},
        {"mg\n", COMMAND_MG, REPLY_BAD_FORMAT},
        {"get HTTP/1.1\n", COMMAND_GET, REPLY_NOTHING},
        {"foo HTTP\n", COMMAND_UNKNOWN, REPLY_ERROR},
    };
    struct request request;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *line = rows[i].line;
        assert_int_equal(parse(line, strlen(line), &request), PARSER_REQUEST);
        assert_int_equal(request.command, rows[i].command);
        if (rows[i].refusal != REPLY_NOTHING)
            assert_int_equal(request.refusal, rows[i].refusal);
    }
}

static void
test_hang_up(void **state)
{
    (void)state;
    struct request request;
    const char *http = "GET / HTTP/1.1\r\n";
    assert_int_equal(parse("\x80", 1, &request), PARSER_HANG_UP);
    assert_int_equal(parse("\x80get a\r\n", 8, &request), PARSER_HANG_UP);
    assert_int_equal(parse(http, strlen(http), &request), PARSER_HANG_UP);
    http = "x HTTP/\n";
    assert_int_equal(parse(http, strlen(http), &request), PARSER_HANG_UP);
}

/* `name`, a space and what fills the line up to `len` bytes. */
static char *
long_line(const char *name, size_t len, const char *end)
{
    size_t n = strlen(name), e = strlen(end);
    char *line = malloc(len + e + 1);
    memset(line, 'x', len);
    memcpy(line, name, n);
    line[n] = ' ';
    for (size_t i = n + 100; i < len; i += 100)
        line[i] = ' ';
    memcpy(line + len, end, e + 1);
    return line;
}

static void
assert_limit(const char *name, size_t limit)
{
    static const char *const ends[] = {"\n", "\r\n"};
    struct request request;
    for (int i = 0; i < 2; i++) {
        char *line = long_line(name, limit, ends[i]);
        size_t len = strlen(line);
        assert_int_equal(parse(line, len, &request), PARSER_REQUEST);
        assert_int_equal(parse(line, len - 1, &request), PARSER_PARTIAL);
        free(line);
        line = long_line(name, limit + 1, ends[i]);
        len = strlen(line);
        assert_int_equal(parse(line, len, &request), PARSER_TOO_LONG);
        assert_int_equal(parse(line, limit + 1, &request), PARSER_TOO_LONG);
        assert_int_equal(parse(line, limit, &request), PARSER_PARTIAL);
        free(line);
    }
}

static void
test_limits(void **state)
{
    (void)state;
#define COMMAND(id, name, form, handler, limit) assert_limit(name, limit);
#include "tagcached/tbl/commands.def"
#undef COMMAND
    assert_limit("foo", LINE_SHORT);
    assert_limit("getx", LINE_SHORT);
    assert_limit("", LINE_SHORT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes), cmocka_unit_test(test_behind),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_limits),
    };
    edge = edge_new();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("parser", tests, NULL, NULL);
    edge_free(edge);
    return failed;
}
