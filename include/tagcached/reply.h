/*
 * Replies as bytes. What is always the same line is a row of tbl/replies.def;
 * the others are written at `to`, where the caller made room (see the _room
 * functions and _MAX sizes), and the end of what was written is returned.
 */
#ifndef TAGCACHED_REPLY_H
#define TAGCACHED_REPLY_H

#include "tagcached/num.h"
#include "tagcached/span.h"

#include <stdint.h>

struct request;

enum reply {
    REPLY_NOTHING,
#define REPLY(id, text) REPLY_##id,
#include "tagcached/tbl/replies.def"
#undef REPLY
    REPLY_LAST
};

/* The line, its end included; empty for REPLY_NOTHING. */
struct span reply_line(enum reply reply);

static inline char *
reply_put(char *to, struct span bytes)
{
    memcpy(to, bytes.data, bytes.len);
    return to + bytes.len;
}

static inline char *
reply_u64(char *to, uint64_t value)
{
    if (value < 10) {
        *to = (char)('0' + value);
        return to + 1;
    }
    return to + num_format_u64(to, value);
}

static inline char *
reply_crlf(char *to)
{
    return reply_put(to, SPAN("\r\n"));
}

/* VALUE <key> <flags> <bytes>: the line without its end. */
enum { REPLY_VALUE_MAX = 6 + 250 + 3 * (1 + NUM_U64_DIGITS) + 2 };
char *reply_value(char *to, struct span key, uint32_t flags, size_t len);
/* The same with a CAS behind it. */
char *reply_value_cas(char *to, struct span key, uint32_t flags, size_t len,
                      uint64_t cas);

/* What the flags of a meta command may ask for. */
struct reply_facts {
    uint32_t known; /* flags that this status answers: 1 << meta_flag */
    uint32_t client_flags;
    uint64_t cas;
    uint64_t clock;
    uint64_t count; /* links that an invalidation ended */
    uint64_t size;
    int64_t ttl_before; /* seconds, -1 never; for a `t` before a `T` */
    int64_t ttl;
    const struct span *tags;
    unsigned ntags;
};

/* A meta status and the flags asked for, in the order of the request, with the
 * line's end. */
size_t reply_meta_room(struct span status, const struct request *request,
                       const struct reply_facts *facts);
char *reply_meta(char *to, struct span status, const struct request *request,
                 const struct reply_facts *facts);

#endif
