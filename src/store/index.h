/*
 * The index of a shard: hash -> location of an entry, in cache-line buckets of
 * ten (a fingerprint of 16 bits and a location of 32 bits each).
 *
 * It grows by linear hashing: one bucket is split at a time, in order, so
 * there is neither a pause nor a second table; a bucket that is full goes on
 * in an overflow bucket. Bits of the hash: the low ones choose the bucket, 32
 * to 47 are the fingerprint; the highest choose the shard.
 *
 * The shard's lock is held by all callers but index_prefetch*, which only
 * computes addresses.
 */
#ifndef TAGCACHED_STORE_INDEX_H
#define TAGCACHED_STORE_INDEX_H

#include "store/table.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    INDEX_SLOTS = 10,       /* of a bucket */
    INDEX_LOAD = 7,         /* entries a bucket at which it grows */
    INDEX_CHUNK_SHIFT = 8,  /* log2 of the buckets allocated together */
    INDEX_CHUNK = 1 << INDEX_CHUNK_SHIFT,
};

struct bucket {
    _Atomic uint32_t location[INDEX_SLOTS]; /* 0: free */
    _Atomic uint16_t fingerprint[INDEX_SLOTS];
    uint32_t next; /* overflow bucket, or 0 */
};
_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

struct index {
    struct table chunks;       /* of INDEX_CHUNK buckets */
    struct table overflow;     /* likewise, bucket 0 unused */
    _Atomic uint32_t buckets;  /* in use */
    uint32_t overflow_buckets; /* taken so far */
    uint32_t overflow_free;    /* a list through `next` */
    uint32_t items;
    uint64_t bytes;
};

/* One place in the index. */
struct index_place {
    struct bucket *bucket; /* NULL: none */
    unsigned slot;
};

bool index_init(struct index *index, struct mem_budget *budget);
void index_fini(struct index *index);

/* The first place whose fingerprint is the hash's, at or after `from` (which
 * came from here, or is zero for the start). */
struct index_place index_search(const struct index *index, uint64_t hash,
                                struct index_place from);
/* The place that holds `location`. */
struct index_place index_find(const struct index *index, uint64_t hash,
                              uint32_t location);

/* False: out of memory. */
bool index_insert(struct index *index, uint64_t hash, uint32_t location);
/* Other places of the same hash are not valid afterwards. */
void index_remove(struct index *index, uint64_t hash,
                  struct index_place place);

static inline uint32_t
index_location(struct index_place place)
{
    return atomic_load_explicit(&place.bucket->location[place.slot],
                                memory_order_relaxed);
}
static inline void
index_relocate(struct index_place place, uint32_t location)
{
    atomic_store_explicit(&place.bucket->location[place.slot], location,
                          memory_order_release);
}

/* What a growing step needs to know: the hash of the entry at a location. */
typedef uint64_t index_hash_of(const void *owner, uint32_t location);
/* Splits a bucket if the index is loaded; called after each insertion. */
void index_grow(struct index *index, index_hash_of *hash_of,
                const void *owner);
bool index_is_growing(const struct index *index);

/* Lock-free, for prefetching: the bucket of a hash. */
const struct bucket *index_bucket(const struct index *index, uint64_t hash);
/* Lock-free: a location that may be the hash's, or 0. */
uint32_t index_guess(const struct index *index, uint64_t hash);

#endif
