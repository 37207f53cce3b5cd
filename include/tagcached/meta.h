/* The words of a meta command's line: a key and flags of one letter each. */
#ifndef TAGCACHED_META_H
#define TAGCACHED_META_H

#include "tagcached/request.h"
#include "tagcached/span.h"

#include <stdint.h>

enum meta_flag {
#define META_FLAG(id, letter, commands) META_##id,
#define META_TOKEN(id, letter, commands, kind, field) META_##id,
#include "tagcached/tbl/meta_flags.def"
#undef META_FLAG
#undef META_TOKEN
    META_END
};
_Static_assert(META_END <= 32, "a flag is a bit of `present`");

enum {
    META_WORDS_MAX = 20, /* of a line, command and key included */
    META_FLAGS_MAX = META_WORDS_MAX - 2,
    META_OPAQUE_MAX = 32,
};

struct meta {
    uint32_t present; /* 1 << enum meta_flag */
    unsigned nflags;
    uint8_t order[META_FLAGS_MAX]; /* enum meta_flag, as they came */
    /* Tokens, where present. */
    struct span opaque;
    struct span tags; /* not yet split: meta_split_tags */
    uint64_t cas;
    uint64_t asof;
    int64_t ttl;
    uint32_t client_flags;
    char mode; /* one of "SEARP"; 'S' where absent */
};

static inline bool
meta_has(const struct meta *meta, enum meta_flag flag)
{
    return meta->present >> flag & 1;
}

/* `words` is the line behind the command's name. Fills `meta` and the request,
 * or its refusal. */
void meta_parse(enum form form, struct span words, struct request *request,
                struct meta *meta);

/*
 * The tags of a list, each once, into tags[REQUEST_TAGS_MAX]; returns how many
 * or -1 where there are more. Whether each is a valid tag is not looked at (an
 * empty one may be among them, so at least one is returned).
 */
int meta_split_tags(struct span list, struct span *tags);

#endif
