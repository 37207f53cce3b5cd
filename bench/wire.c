#include "wire.h"

#include <stdbool.h>
#include <string.h>

enum { LINE_MAX_BYTES = 2048, TAG_TEXT = 4, NUMBER_MAX = 20 };

#define PUT(out, literal)                                                      \
    ((char *)memcpy((out), (literal), sizeof(literal) - 1) + sizeof(literal) - \
     1)

static char *
put_number(char *out, size_t number)
{
    char digits[NUMBER_MAX];
    size_t n = 0;
    do {
        digits[NUMBER_MAX - ++n] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memcpy(out, digits + NUMBER_MAX - n, n);
    return out + n;
}

size_t
wire_request_max(const struct wire *wire, unsigned keys)
{
    size_t fixed = 64, tag = TAG_TEXT + KEY_DIGITS + 1;
    return fixed + keys * (wire->key.length + 1) + wire->tags * tag +
           wire->values.max;
}

char *
wire_get(const struct wire *wire, char *out, const uint32_t *keys,
         unsigned nkeys)
{
    out = PUT(out, "get");
    for (unsigned i = 0; i < nkeys; i++) {
        *out++ = ' ';
        out = key_write(&wire->key, out, keys[i]);
    }
    return PUT(out, "\r\n");
}

char *
wire_mg(const struct wire *wire, char *out, uint32_t key)
{
    out = PUT(out, "mg ");
    out = key_write(&wire->key, out, key);
    return PUT(out, " k v\r\n");
}

static char *
put_value(const struct wire *wire, char *out, uint32_t key, uint32_t write,
          size_t length)
{
    out = PUT(out, "\r\n");
    out = value_write(&wire->values, out, key, write, length);
    return PUT(out, "\r\n");
}

char *
wire_set(const struct wire *wire, char *out, uint32_t key, uint32_t write)
{
    size_t length = value_length(&wire->values, key, write);
    out = PUT(out, "set ");
    out = key_write(&wire->key, out, key);
    out = PUT(out, " 0 0 ");
    out = put_number(out, length);
    return put_value(wire, out, key, write, length);
}

static char *
put_tags(struct wire *wire, char *out)
{
    out = PUT(out, " G");
    for (unsigned i = 0; i < wire->tags; i++) {
        if (i > 0)
            *out++ = ',';
        out = PUT(out, "tag:");
        key_digits(out, (uint32_t)rng_below(&wire->rng, wire->tag_space));
        out += KEY_DIGITS;
    }
    return out;
}

char *
wire_ms(struct wire *wire, char *out, uint32_t key, uint32_t write)
{
    size_t length = value_length(&wire->values, key, write);
    out = PUT(out, "ms ");
    out = key_write(&wire->key, out, key);
    *out++ = ' ';
    out = put_number(out, length);
    if (wire->tags > 0)
        out = put_tags(wire, out);
    return put_value(wire, out, key, write, length);
}

/* ---- replies ------------------------------------------------------------ */

/* Reads digits from *at on; false where there are none or too many. */
static bool
take_number(const char **at, const char *end, size_t *number)
{
    const char *p = *at;
    size_t n = 0;
    while (p < end && *p >= '0' && *p <= '9' && p - *at < 10)
        n = n * 10 + (size_t)(*p++ - '0');
    bool found = p > *at;
    *at = p;
    *number = n;
    return found;
}

/* <key> <flags> <length> [<cas>] */
static enum wire_kind
parse_value(const char *p, const char *end, struct wire_reply *reply)
{
    size_t flags;
    const char *space = memchr(p, ' ', (size_t)(end - p));
    if (space == NULL)
        return WIRE_BAD;
    reply->key = p;
    reply->key_length = (size_t)(space - p);
    p = space + 1;
    if (!take_number(&p, end, &flags) || p == end || *p++ != ' ' ||
        !take_number(&p, end, &reply->value_length))
        return WIRE_BAD;
    return WIRE_VALUE;
}

/* <length> [<flag>]*, of which k<key> is looked at if it is the first. */
static enum wire_kind
parse_meta_value(const char *p, const char *end, struct wire_reply *reply)
{
    if (!take_number(&p, end, &reply->value_length))
        return WIRE_BAD;
    reply->key = NULL;
    if (end - p > 2 && p[0] == ' ' && p[1] == 'k') {
        reply->key = p += 2;
        const char *space = memchr(p, ' ', (size_t)(end - p));
        reply->key_length = (size_t)((space != NULL ? space : end) - p);
    }
    return WIRE_META_VALUE;
}

static bool
starts(const char *line, size_t len, const char *with)
{
    size_t n = strlen(with);
    return len >= n && memcmp(line, with, n) == 0;
}

static enum wire_kind
parse_word(const char *line, size_t len)
{
    if (len == 3 && starts(line, len, "END"))
        return WIRE_END;
    if (starts(line, len, "STORED") || starts(line, len, "HD"))
        return WIRE_STORED;
    if (starts(line, len, "EN"))
        return WIRE_MISS;
    if (starts(line, len, "ERROR") || starts(line, len, "CLIENT_ERROR ") ||
        starts(line, len, "SERVER_ERROR ") || starts(line, len, "NS") ||
        starts(line, len, "NOT_STORED"))
        return WIRE_ERROR;
    return WIRE_BAD;
}

size_t
wire_parse(const char *data, size_t len, struct wire_reply *reply)
{
    size_t look = len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES;
    const char *newline = memchr(data, '\n', look);
    if (newline == NULL) {
        reply->kind = WIRE_BAD;
        return len < LINE_MAX_BYTES ? 0 : look;
    }
    size_t used = (size_t)(newline - data) + 1;
    if (used < 2 || newline[-1] != '\r')
        reply->kind = WIRE_BAD;
    else if (starts(data, used, "VALUE "))
        reply->kind = parse_value(data + 6, newline - 1, reply);
    else if (starts(data, used, "VA "))
        reply->kind = parse_meta_value(data + 3, newline - 1, reply);
    else
        reply->kind = parse_word(data, used - 2);
    return used;
}
