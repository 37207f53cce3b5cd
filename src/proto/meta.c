#include "tagcached/meta.h"

#include "tagcached/classic.h"
#include "tagcached/num.h"
#include "tagcached/token.h"

#include <stddef.h>

/* Commands, as a set, for the table's column of that name. */
enum { MG = 1, MS = 2, MD = 4, ANY = MG | MS | MD };

/* Reads a token into a field of struct meta. */
typedef bool parse_token(struct span token, void *field);

static bool
parse_none(struct span token, void *field)
{
    (void)token;
    (void)field;
    return true;
}

static bool
parse_u64(struct span token, void *field)
{
    return num_parse_u64(token, field);
}

static bool
parse_ttl(struct span token, void *field)
{
    return num_parse_i64(token, field);
}

static bool
parse_client_flags(struct span token, void *field)
{
    return num_parse_u32(token, field);
}

static bool
parse_text(struct span token, void *field)
{
    *(struct span *)field = token;
    return true;
}

static bool
parse_opaque(struct span token, void *field)
{
    return token.len <= META_OPAQUE_MAX && parse_text(token, field);
}

static bool
parse_mode(struct span token, void *field)
{
    if (token.len == 0 || !memchr("SEARP", token.data[0], 5))
        return false;
    *(char *)field = token.data[0];
    return true;
}

enum {
    KIND_NONE,
    KIND_U64,
    KIND_TTL,
    KIND_CLIENT_FLAGS,
    KIND_TEXT,
    KIND_OPAQUE,
    KIND_MODE,
};

static const struct kind {
    parse_token *parse;
    enum reply refusal;
} kinds[] = {
    [KIND_NONE] = {parse_none, REPLY_NOTHING},
    [KIND_U64] = {parse_u64, REPLY_BAD_TOKEN},
    [KIND_TTL] = {parse_ttl, REPLY_BAD_TOKEN},
    [KIND_CLIENT_FLAGS] = {parse_client_flags, REPLY_BAD_FORMAT},
    [KIND_TEXT] = {parse_text, REPLY_NOTHING},
    [KIND_OPAQUE] = {parse_opaque, REPLY_OPAQUE_TOO_LONG},
    [KIND_MODE] = {parse_mode, REPLY_BAD_MODE},
};

static const struct row {
    uint8_t commands;
    uint8_t kind;
    uint16_t field;
} rows[META_END] = {
#define META_FLAG(id, letter, commands) [META_##id] = {commands, KIND_NONE, 0},
#define META_TOKEN(id, letter, commands, kind, field)                          \
    [META_##id] = {commands, KIND_##kind, offsetof(struct meta, field)},
#include "tagcached/tbl/meta_flags.def"
#undef META_FLAG
#undef META_TOKEN
};

/* By letter: one more than enum meta_flag, or 0. */
static const uint8_t by_letter[128] = {
#define META_FLAG(id, letter, commands) [letter] = META_##id + 1,
#define META_TOKEN(id, letter, commands, kind, field) [letter] = META_##id + 1,
#include "tagcached/tbl/meta_flags.def"
#undef META_FLAG
#undef META_TOKEN
};

/* Bytes that may be a flag at all: digits, and 'A' to 'z'. */
static bool
is_flag_byte(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'z' && c != '\\');
}

static enum reply
take_flag(struct span word, unsigned command, struct meta *meta)
{
    unsigned char letter = (unsigned char)word.data[0];
    if (!is_flag_byte(letter))
        return REPLY_BAD_FORMAT;
    if (by_letter[letter] == 0)
        return REPLY_INVALID_FLAG;
    enum meta_flag flag = by_letter[letter] - 1;
    const struct row *row = &rows[flag];
    if (meta_has(meta, flag))
        return REPLY_DUPLICATE_FLAG;
    if (!(row->commands & command))
        return REPLY_INVALID_FLAG;
    struct span token = {word.data + 1, word.len - 1};
    if (!kinds[row->kind].parse(token, (char *)meta + row->field))
        return kinds[row->kind].refusal;
    meta->present |= UINT32_C(1) << flag;
    meta->order[meta->nflags++] = flag;
    return REPLY_NOTHING;
}

static enum reply
take_flags(struct span words, unsigned max, unsigned command, struct meta *meta)
{
    struct span rest = words, word;
    unsigned n = 0;
    while (token_next(&rest, &word))
        n++;
    if (n > max)
        return REPLY_TOO_MANY_FLAGS;
    enum reply refusal = REPLY_NOTHING;
    while (refusal == REPLY_NOTHING && token_next(&words, &word))
        refusal = take_flag(word, command, meta);
    return refusal;
}

/* `md` with G names a tag in place of a key: flags that speak of an entry, or
 * of the invalidation where there is none, would promise what is not done. */
static enum reply
check_md(const struct meta *meta)
{
    if (!meta_has(meta, META_TAGS))
        return meta_has(meta, META_COUNT) ? REPLY_INVALID_FLAG : REPLY_NOTHING;
    if (meta->tags.len > 0 || meta_has(meta, META_MATCH_CAS) ||
        meta_has(meta, META_TTL))
        return REPLY_INVALID_FLAG;
    return REPLY_NOTHING;
}

static unsigned
command_bit(const struct request *request)
{
    switch (request->command) {
    case COMMAND_MS: return MS;
    case COMMAND_MD: return MD;
    default: return MG;
    }
}

void
meta_parse(enum form form, struct span words, struct request *request,
           struct meta *meta)
{
    unsigned command = command_bit(request), max = META_FLAGS_MAX;
    request->meta = meta;
    meta->present = 0;
    meta->nflags = 0;
    meta->mode = 'S';
    bool usable = token_next(&words, &request->key);
    if (form == FORM_META_STORE) {
        struct span bytes;
        usable = usable && token_next(&words, &bytes) &&
                 classic_length(bytes, &request->value_len);
        request->has_value = usable;
        request->hang_up = !usable;
        max--;
    }
    if (!usable) {
        request_refuse(request, REPLY_BAD_FORMAT);
        return;
    }
    enum reply refusal = take_flags(words, max, command, meta);
    if (refusal == REPLY_NOTHING && command == MD)
        refusal = check_md(meta);
    if (refusal == REPLY_NOTHING && request->key.len > REQUEST_KEY_MAX)
        refusal = command == MD && meta_has(meta, META_TAGS) ? REPLY_BAD_TAG
                                                             : REPLY_BAD_FORMAT;
    request_refuse(request, refusal);
}

static bool
is_among(struct span tag, const struct span *tags, int n)
{
    for (int i = 0; i < n; i++)
        if (span_equals(tag, tags[i]))
            return true;
    return false;
}

int
meta_split_tags(struct span list, struct span *tags)
{
    int n = 0;
    for (;;) {
        const char *comma =
            list.len > 0 ? memchr(list.data, ',', list.len) : NULL;
        struct span tag = {list.data,
                           comma ? (size_t)(comma - list.data) : list.len};
        if (!is_among(tag, tags, n)) {
            if (n == REQUEST_TAGS_MAX)
                return -1;
            tags[n++] = tag;
        }
        if (!comma)
            return n;
        list.data = comma + 1;
        list.len -= tag.len + 1;
    }
}
