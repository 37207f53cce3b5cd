/*
 * bytes ──▶ line ──▶ name ──▶ classic_parse or meta_parse ──▶ request
 *
 * A data block is not looked at here: request_size says where it ends.
 */
#include "tagcached/parser.h"

#include "tagcached/classic.h"
#include "tagcached/token.h"

enum {
    BINARY_MAGIC = 0x80, /* the first byte of memcached's binary protocol */
    SHORTEST_LINE = 4,   /* its end included; memcached refuses what is less */
    NAME_MAX_LEN = 16,   /* more than any command's */
};

struct command_row {
    uint8_t form;
    uint32_t limit;
};

static const struct command_row rows[COMMAND_END] = {
    [COMMAND_UNKNOWN] = {FORM_WORDS, LINE_SHORT},
#define COMMAND(id, name, form, handler, limit)                                \
    [COMMAND_##id] = {FORM_##form, limit},
#include "tagcached/tbl/commands.def"
#undef COMMAND
};

/* Compares with constants of known length: a few instructions a row, and the
 * frequent rows come first. */
static enum command
find_command(struct span name)
{
#define COMMAND(id, text, form, handler, limit)                                \
    if (name.len == sizeof(text) - 1 &&                                        \
        memcmp(name.data, text, sizeof(text) - 1) == 0)                        \
        return COMMAND_##id;
#include "tagcached/tbl/commands.def"
#undef COMMAND
    return COMMAND_UNKNOWN;
}

/* The first word, which begins at the first byte or is empty. */
static struct span
take_name(struct span line)
{
    size_t len = 0;
    while (len < line.len && line.data[len] != ' ')
        len++;
    return (struct span){line.data, len};
}

/* Decided by what is there, whether or not the line's end has come: a line
 * that is too long at some byte stays too long. */
static bool
is_too_long(struct span line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (line.len <= LINE_SHORT)
        return false;
    struct span start = {line.data, NAME_MAX_LEN};
    return line.len > rows[find_command(take_name(start))].limit;
}

static void
parse_line(struct span line, struct request *request, struct meta *meta)
{
    struct span name = take_name(line);
    struct span words = {line.data + name.len, line.len - name.len};
    request->command = find_command(name);
    if (request->command == COMMAND_UNKNOWN) {
        request_refuse(request, REPLY_ERROR);
        return;
    }
    enum form form = rows[request->command].form;
    if (form == FORM_META || form == FORM_META_STORE)
        meta_parse(form, words, request, meta);
    else
        classic_parse(form, words, request);
}

static bool
is_http(struct span line)
{
    struct span last = token_last(line);
    return last.len >= 5 && memcmp(last.data, "HTTP/", 5) == 0;
}

static enum parser_status
parse_whole(struct span line, struct request *request, struct meta *meta)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    parse_line(line, request, meta);
    if (request->command != COMMAND_UNKNOWN)
        return PARSER_REQUEST;
    if (is_http(line))
        return PARSER_HANG_UP;
    if (request->line_size < SHORTEST_LINE)
        request_refuse(request, REPLY_BAD_FORMAT);
    return PARSER_REQUEST;
}

enum parser_status
parser_parse(struct span input, struct request *request, struct meta *meta)
{
    if (input.len == 0)
        return PARSER_PARTIAL;
    if ((unsigned char)input.data[0] == BINARY_MAGIC)
        return PARSER_HANG_UP;
    const char *end = memchr(input.data, '\n', input.len);
    size_t len = end ? (size_t)(end - input.data) : input.len;
    struct span line = {input.data, len};
    if (__builtin_expect(len > LINE_SHORT, 0) && is_too_long(line))
        return PARSER_TOO_LONG;
    if (!end)
        return PARSER_PARTIAL;
    request->line = line.data;
    request->line_size = (uint32_t)len + 1;
    request->refusal = REPLY_NOTHING;
    request->has_value = false;
    request->noreply = false;
    request->hang_up = false;
    request->key = request->rest = (struct span){line.data, 0};
    request->meta = NULL;
    return parse_whole(line, request, meta);
}
