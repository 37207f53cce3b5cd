/*
 * An entry as it lies in a segment. Offsets are multiples of 4; the parts
 * behind the head stand there only where the head says so:
 *
 *     struct item   16 bytes
 *     cas            8            ITEM_CAS in `form`
 *     client flags   4            ITEM_FLAGS
 *     asof           8            tags > 0
 *     tag slots      4 * tags
 *     key            klen
 *     value          vlen; with ITEM_BLOB a struct store_blob * instead
 *
 * An entry never moves while its shard's lock is held by a reader, and its
 * size never changes: a segment is walked from entry to entry. A dead entry
 * (ITEM_DEAD) has left the index and waits for its segment to be reclaimed.
 */
#ifndef TAGCACHED_STORE_ITEM_H
#define TAGCACHED_STORE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum item_bit {
    ITEM_DEAD = 1,    /* not in the index */
    ITEM_FETCHED = 2, /* was read since it was stored */
    ITEM_TOUCHED = 4, /* used since the eviction hand last met it */
    ITEM_BLOB = 8,    /* the value lies in a blob */
    ITEM_FLAGS = 16,  /* client flags other than 0 */
};

enum { ITEM_ALIGN = 4, ITEM_TAGS_MASK = 0x7f, ITEM_CAS = 0x80 };

struct item {
    uint32_t expire;    /* tick, or NOW_NEVER */
    uint32_t access_s;  /* now_s() of the last access */
    uint32_t vlen;
    uint8_t klen;
    uint8_t generation; /* of the shard when stored: see shard_flush */
    uint8_t bits;       /* enum item_bit */
    uint8_t form;       /* number of tags, and ITEM_CAS */
};

struct store_blob;

static inline unsigned
item_ntags(const struct item *it)
{
    return it->form & ITEM_TAGS_MASK;
}

static inline size_t
item_cas_size(const struct item *it)
{
    return it->form & ITEM_CAS ? 8 : 0;
}

static inline size_t
item_flags_size(const struct item *it)
{
    return it->bits & ITEM_FLAGS ? 4 : 0;
}

static inline size_t
item_tags_size(const struct item *it)
{
    return item_ntags(it) > 0 ? 8 + 4 * (size_t)item_ntags(it) : 0;
}

/* Everything before the key. */
static inline size_t
item_head_size(const struct item *it)
{
    return sizeof(*it) + item_cas_size(it) + item_flags_size(it) +
           item_tags_size(it);
}

/* The room it takes in its segment. */
static inline size_t
item_size(const struct item *it)
{
    size_t value = it->bits & ITEM_BLOB ? sizeof(void *) : it->vlen;
    size_t size = item_head_size(it) + it->klen + value;
    return (size + ITEM_ALIGN - 1) & ~(size_t)(ITEM_ALIGN - 1);
}

static inline char *
item_key(const struct item *it)
{
    return (char *)it + item_head_size(it);
}

static inline char *
item_value(const struct item *it)
{
    return item_key(it) + it->klen;
}

static inline struct store_blob *
item_blob(const struct item *it)
{
    struct store_blob *blob;
    memcpy(&blob, item_value(it), sizeof(blob));
    return blob;
}

static inline uint64_t
item_cas(const struct item *it)
{
    uint64_t cas = 0;
    memcpy(&cas, it + 1, item_cas_size(it));
    return cas;
}

static inline void
item_set_cas(struct item *it, uint64_t cas)
{
    memcpy(it + 1, &cas, item_cas_size(it));
}

static inline uint32_t
item_flags(const struct item *it)
{
    uint32_t flags = 0;
    memcpy(&flags, (char *)(it + 1) + item_cas_size(it), item_flags_size(it));
    return flags;
}

static inline uint64_t
item_asof(const struct item *it)
{
    uint64_t asof = 0;
    if (item_ntags(it) > 0)
        memcpy(&asof,
               (char *)(it + 1) + item_cas_size(it) + item_flags_size(it),
               sizeof(asof));
    return asof;
}

/* Its tag slots; only where it has tags. 4-aligned as the entry is. */
static inline const uint32_t *
item_tags(const struct item *it)
{
    return (const uint32_t *)(const void *)((const char *)it +
                                            item_head_size(it) -
                                            4 * (size_t)item_ntags(it));
}

#endif
