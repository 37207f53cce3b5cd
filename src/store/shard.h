/*
 * A shard: one lock, and under it an index, the segments it points into, and
 * the figures of both. Keys fall to shards by the highest bits of their hash.
 *
 * All functions are called with the shard's lock held, unless they say
 * otherwise. Any call that may make room (shard_place, reclaim_*) may move or
 * remove any entry of the shard: entries found before must be found again.
 */
#ifndef TAGCACHED_STORE_SHARD_H
#define TAGCACHED_STORE_SHARD_H

#include "store/index.h"
#include "store/reclaim.h"
#include "store/segment.h"
#include "tagcached/store.h"

#include <pthread.h>

struct tags;

/* Why an entry left. */
enum removal {
    REMOVED_REPLACED, /* another took its place: not counted */
    REMOVED_DELETED,
    REMOVED_EXPIRED,
    REMOVED_FLUSHED,
    REMOVED_INVALIDATED,
    REMOVED_EVICTED,
    REMOVALS
};

struct shard_figures {
    uint64_t total_items, inserted;
    uint64_t removed[REMOVALS];
    uint64_t expired_unfetched, evicted_unfetched, evicted_active;
    uint64_t swept_items, swept_removed;
};

/* What all shards of a store share; none of it changes. */
struct shard_env {
    struct tags *tags;
    struct mem_budget *budget;
    uint64_t seed; /* of the key hash */
    bool evict, cas;
    _Atomic uint64_t blob_bytes;
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct shard_env *env;
    struct index index;
    struct segments segs;
    struct segment *open;   /* entries are appended here, or NULL */
    struct reclaim reclaim;
    uint32_t flushes;       /* so far; an entry keeps the lowest 8 bits */
    uint32_t swept;         /* of those, the dead of so many are gone */
    uint64_t cas;           /* last one given */
    uint64_t live_bytes;    /* of entries in the index */
    uint64_t dead_bytes;    /* in segments, of entries gone */
    uint64_t *deletes;      /* clock of the last delete, by hash slot */
    uint32_t deletes_mask;
    struct shard_figures figures;
};

bool shard_init(struct shard *shard, struct shard_env *env, uint32_t deletes);
void shard_fini(struct shard *shard);

static inline void
shard_lock(struct shard *shard)
{
    pthread_mutex_lock(&shard->lock);
}
static inline void
shard_unlock(struct shard *shard)
{
    pthread_mutex_unlock(&shard->lock);
}

/* An entry that was found, and where. */
struct found {
    struct item *item; /* NULL: not there */
    struct index_place place;
};

/* The visible entry of a key. A dead one that is met is removed; then, and
 * where there is none, the status says why: a miss. */
enum store_status shard_find(struct shard *shard, const struct store_key *key,
                             struct found *found);
/* The entry of a key, dead or alive, left as it is. */
struct found shard_peek(const struct shard *shard, const struct store_key *key);

/* REMOVED_REPLACED: it is alive; else why it is dead. */
enum removal shard_judge(const struct shard *shard, const struct item *it);

/* Takes it out of the index and ends its links and blob. */
void shard_remove(struct shard *shard, struct found found, enum removal why);
uint64_t shard_hash(const struct shard *shard, const struct item *it);

/* What an entry shall be. */
struct shape {
    const struct store_key *key;
    uint32_t expire, flags, vlen;
    struct store_blob *blob; /* or NULL */
    const uint32_t *tags;    /* ntags linked slots */
    unsigned ntags;
    uint64_t asof;
    uint8_t bits;            /* of ITEM_FETCHED, ITEM_TOUCHED */
};

/* Room for it, head and key written, not yet in the index (ITEM_DEAD, but
 * counted as live); its value is the caller's to write. May make room. NULL:
 * nothing in this shard is left to evict. */
struct item *shard_place(struct shard *shard, const struct shape *shape);
/* The same in the memory of `old`, which ends; NULL, and `old` is untouched:
 * it has another size. */
struct item *shard_replace(struct shard *shard, struct found old,
                           const struct shape *shape);
/* Puts it into the index, in the place of `old` where that has an entry, whose
 * links end unless they were handed over to `it`. False: out of memory; it is
 * buried then. */
bool shard_link(struct shard *shard, struct item *it, uint64_t hash,
                struct found old, bool handed_over);
/* What shard_place gave is not wanted. */
void shard_drop(struct shard *shard, struct item *it);

/* Moves an entry of the index into `to`; false: does not fit. */
bool shard_move(struct shard *shard, struct item *it, struct segment *to);

/* Gives an entry another end. */
void shard_touch(struct item *it, uint32_t expire);

/* Entries of now are dead: O(1). */
void shard_flush(struct shard *shard);

/* Bytes the entry takes, its blob included. */
size_t shard_item_bytes(const struct item *it);

#endif
