/*
 * Making room: the LRU order and what it is used for.
 *
 * The segments of a shard stand from oldest to newest, and so do the entries
 * in them. A hand goes through the oldest one, the victim: an entry that was
 * used since the hand last met it moves to the newest end, its mark taken off;
 * all others are evicted, oldest first; then the segment is free. This is
 * second-chance FIFO (CLOCK): a hit sets a bit and moves nothing.
 *
 * Where many bytes are dead (replaced, deleted, expired entries), a sparse
 * segment is packed instead: its live entries move together into a segment of
 * the same age, and nothing is evicted.
 *
 * The work is paid in small coin: while the budget is tight, each arriving
 * entry frees about as many bytes as it takes.
 *
 * Called with the shard's lock held.
 */
#ifndef TAGCACHED_STORE_RECLAIM_H
#define TAGCACHED_STORE_RECLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct item;
struct segment;
struct shard;

struct reclaim {
    struct segment *victim; /* being reclaimed, or NULL */
    struct segment *packed; /* where what is packed goes, or NULL */
    struct segment *hand;   /* next candidate to be packed, or NULL */
    struct segment *pinned; /* being walked: not to be freed */
    bool packing;           /* the victim's live entries are all kept */
    int64_t credit;         /* bytes that may move before some must go */
};

void reclaim_init(struct reclaim *reclaim);

/* Memory for an entry of `size` bytes, counted as live. NULL: nothing in this
 * shard is left to evict. */
struct item *reclaim_append(struct shard *shard, size_t size);

/* Frees memory until `bytes` more would fit into the budget, or for at most
 * about a segment. False: there is nothing left to free in this shard. */
bool reclaim_some(struct shard *shard, size_t bytes);

/* A segment that has lost its last live entry. */
void reclaim_empty(struct shard *shard, struct segment *seg);

/* Removes the dead of a segment from the index; it may be freed. */
void reclaim_dead(struct shard *shard, struct segment *seg);
void reclaim_all_dead(struct shard *shard);

/* Packs sparse segments, for at most about a segment, if so many bytes are
 * dead that it is worth it. False: it is not. */
bool reclaim_pack(struct shard *shard);

/* What comes next goes into new segments. */
void reclaim_close(struct shard *shard);

#endif
