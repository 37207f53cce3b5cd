/* stats cachedump: names of entries, for tools that know no better. */
#include "cmd/call.h"

#include "tagcached/now.h"
#include "tagcached/num.h"
#include "tagcached/token.h"

enum {
    CLASSES = 64,  /* memcached's; ours are all in class 1 */
    OUR_CLASS = 1,
    DUMP_MAX = 2 * 1024 * 1024, /* bytes, as there */
    /* "ITEM ", " [4294967295 b; -9223372036854775808 s]", CRLF */
    LINE_MAX = STORE_KEY_MAX + 64,
};

struct dump {
    struct out *out;
    uint32_t left; /* entries still wanted */
    size_t max;    /* `out` is not to be longer */
};

/* Under a shard's lock: there is room already. */
static void
write_item(void *arg, const struct store_view *view)
{
    struct dump *dump = arg;
    struct out *out = dump->out;
    if (dump->left == 0 || out->len + LINE_MAX > dump->max ||
        out->cap - out->len < LINE_MAX)
        return;
    int64_t ttl = now_ttl_s(view->expire);
    uint64_t end = ttl < 0 ? 0 : (uint64_t)(now_unix_s() + ttl);
    char *start = out->data + out->len;
    char *to = reply_put(reply_put(start, SPAN("ITEM ")), view->key);
    to = reply_u64(reply_put(to, SPAN(" [")), view->value.len);
    to = reply_u64(reply_put(to, SPAN(" b; ")), end);
    to = reply_crlf(reply_put(to, SPAN(" s]")));
    out_commit(out, (size_t)(to - start));
    dump->left--;
}

static void
dump_all(struct call *call, uint32_t limit)
{
    struct dump dump = {.out = call->out,
                        .left = limit > 0 ? limit : UINT32_MAX,
                        .max = call->out->len + DUMP_MAX};
    struct store_cursor cursor = {0};
    size_t slice = STORE_WALK_MAX * (size_t)LINE_MAX;
    while (dump.left > 0 && call->out->len + LINE_MAX <= dump.max &&
           out_reserve(call->out, slice) &&
           store_walk(call->env->store, &cursor, write_item, &dump))
        ;
}

enum reply
dump_cache(struct call *call, struct span words)
{
    struct span class_word, limit_word;
    uint32_t class, limit;
    if (!token_next(&words, &class_word) || !token_next(&words, &limit_word))
        return REPLY_BAD_LINE;
    if (!num_parse_u32(class_word, &class) ||
        !num_parse_u32(limit_word, &limit))
        return REPLY_BAD_FORMAT;
    if (class >= CLASSES)
        return REPLY_ILLEGAL_CLASS;
    if (class == OUR_CLASS)
        dump_all(call, limit);
    return REPLY_END;
}
