/* The store's own shape, for the files of this room. */
#ifndef TAGCACHED_STORE_STORE_H
#define TAGCACHED_STORE_STORE_H

#include "store/shard.h"
#include "store/tags.h"
#include "tagcached/store.h"

/* Where the background sweep stands. One thread. */
struct sweep {
    unsigned shard;
    uint32_t number;      /* of the segment looked at next */
    uint32_t flushes;     /* the shard's, when its lap began */
    bool tags_due;        /* this round looks into tagged segments */
    uint64_t links_seen;  /* invalidated_links when the round began */
};

struct store {
    struct shard_env env;
    struct tags tags;
    uint32_t item_size_max;
    unsigned nshards; /* a power of two */
    unsigned shard_bits;
    _Atomic unsigned rotor;    /* the shard that makes room next */
    _Atomic uint32_t flush_at; /* tick of an appointed flush, or NOW_NEVER */
    _Atomic uint64_t links_at_reset; /* invalidated_links then */
    struct sweep sweep;
    struct shard *shards;
};

static inline struct shard *
store_shard(const struct store *store, uint64_t hash)
{
    /* In two steps: a shift by 64 is not defined. */
    return &store->shards[hash >> 1 >> (63 - store->shard_bits)];
}

/* The slot of a shard that remembers when a key like this was deleted. */
static inline uint64_t *
store_delete_slot(struct shard *shard, uint64_t hash)
{
    return &shard->deletes[hash >> 20 & shard->deletes_mask];
}

/* Makes room for `bytes` more in the budget, taking from all shards in turn.
 * False: nothing is left to evict. No lock is held. */
bool store_make_room(struct store *store, size_t bytes);
/* The same from the next shard only, about a segment at the most. False: it
 * had nothing. */
bool store_make_some_room(struct store *store, size_t bytes);

/* What a visitor is shown of an entry, but for its size. */
void store_view_item(struct store_view *view, const struct item *it);

/* Kills everything that is there now. */
void store_flush_now(struct store *store);

#endif
