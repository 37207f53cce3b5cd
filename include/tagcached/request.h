/*
 * One request, as its command line says. Spans point into that line, so a
 * request lives no longer than the bytes it was parsed from.
 */
#ifndef TAGCACHED_REQUEST_H
#define TAGCACHED_REQUEST_H

#include "tagcached/reply.h"
#include "tagcached/span.h"

#include <stdbool.h>
#include <stdint.h>

struct meta;

enum {
    REQUEST_KEY_MAX = 250,
    REQUEST_TAGS_MAX = 64, /* of an entry */
    /* A line without its end. */
    LINE_SHORT = 20480,
    LINE_LONG = 65536,
    /* The largest <bytes> there is. */
    REQUEST_VALUE_MAX = 2147483645,
};

enum command {
    COMMAND_UNKNOWN,
#define COMMAND(id, name, form, handler, limit) COMMAND_##id,
#include "tagcached/tbl/commands.def"
#undef COMMAND
    COMMAND_END
};

/* How the words of a line are read. */
enum form {
    FORM_WORDS,      /* [words] */
    FORM_KEYS,       /* key [keys] */
    FORM_TOUCH_KEYS, /* exptime key [keys] */
    FORM_STORE,      /* key flags exptime bytes [noreply] */
    FORM_CAS,        /* key flags exptime bytes unique [noreply] */
    FORM_DELETE,     /* key [0] [noreply] */
    FORM_DELTA,      /* key delta [noreply] */
    FORM_TOUCH,      /* key exptime [noreply] */
    FORM_DELAY,      /* [exptime] [noreply] */
    FORM_LEVEL,      /* level [noreply] */
    FORM_MEGABYTES,  /* number [noreply] */
    FORM_TAGS,       /* tag [tags] [noreply] */
    FORM_KEY,        /* key */
    FORM_META,       /* key [flags] */
    FORM_META_STORE, /* key bytes [flags] */
};

/* Which fields are set follows from the form; the first group always is. */
struct request {
    const char *line;
    uint32_t line_size; /* its end included */
    uint8_t command;    /* enum command */
    uint8_t refusal;    /* enum reply: what to answer instead, or NOTHING */
    bool has_value;     /* value_len bytes and a line end follow the line */
    bool noreply;
    bool hang_up; /* after the refusal: what follows has no known end */
    uint32_t value_len;
    struct span key;  /* the first key; empty where there is none */
    struct span rest; /* words after it: keys, tags, words */

    uint32_t client_flags;
    int64_t exptime;
    uint64_t number;   /* delta, CAS unique, level */
    struct meta *meta; /* of a meta command, else NULL */
};

/* Line and data block. */
static inline uint64_t
request_size(const struct request *request)
{
    uint64_t block = request->has_value ? (uint64_t)request->value_len + 2 : 0;
    return request->line_size + block;
}

/* Answers with `refusal` in place of what was asked. */
static inline void
request_refuse(struct request *request, enum reply refusal)
{
    request->refusal = (uint8_t)refusal;
}

#endif
