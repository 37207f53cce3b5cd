/*
 * The records of tags: name -> slot, in stripes by the name's hash, each under
 * its own lock. A record without links is idle, and stands in the order in
 * which it was last used; idle ones may be dropped (see tags.h for what that
 * means), and memory that only they needed is given back.
 *
 * The stripe's lock is held by all callers, but for what says lock-free.
 */
#ifndef TAGCACHED_STORE_RECORDS_H
#define TAGCACHED_STORE_RECORDS_H

#include "store/table.h"
#include "tagcached/span.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tags;

enum {
    TAGS_STRIPE_BITS = 4,
    TAGS_STRIPES = 1 << TAGS_STRIPE_BITS,
    TAGS_CHUNK_BITS = 6, /* small: the smallest budget is 1 MB */
    TAGS_CHUNK = 1 << TAGS_CHUNK_BITS,
};

/* What readers of entries read; written under the stripe's lock. */
struct tag_clock {
    _Atomic uint64_t hard; /* last invalidation, or the floor at creation */
};

/* The records whose hash falls here, under one lock. */
struct tags_stripe {
    _Alignas(64) pthread_mutex_t lock;
    struct table chunks;    /* of TAGS_CHUNK - 1 slots, or NULL: given back */
    uint32_t chunks_used;   /* numbers taken so far */
    uint32_t chunks_full;   /* of those, none below is free */
    uint32_t chunks_held;   /* not given back */
    struct tags_chunk *roomy; /* list of chunks with a free slot */
    struct tag_record **buckets;
    uint32_t buckets_mask;
    uint32_t records;
    struct tag_record *idle_oldest, *idle_newest; /* without links */
    uint64_t links;
    uint64_t bytes;
};

/* A tag's cold part. On the idle list while it has no links. */
struct tag_record {
    struct tag_record *next; /* in its bucket; of a free slot: next free */
    struct tag_record *older, *newer;
    char *name;
    uint32_t hash;
    uint32_t slot;  /* within its stripe */
    uint32_t links; /* of entries in the store, dead ones included */
    uint32_t live;  /* of those, not ended by an invalidation of this tag */
    uint8_t len;
};

bool records_init(struct tags *tags, struct tags_stripe *stripe);
void records_fini(struct tags *tags, struct tags_stripe *stripe);

struct tag_record *records_find(const struct tags_stripe *stripe,
                                uint32_t hash, struct span name);
/* An idle one, invalidated as of the floor. NULL: out of memory. */
struct tag_record *records_create(struct tags *tags,
                                  struct tags_stripe *stripe, uint32_t hash,
                                  struct span name);
/* Forgets an idle one: the floor rises to its last invalidation. */
void records_drop(struct tags *tags, struct tags_stripe *stripe,
                  struct tag_record *record);

/* The record of a slot. Lock-free where the slot has a link. */
struct tag_record *records_at(const struct tags_stripe *stripe, uint32_t slot);
/* Its clock; written under the lock, read without. */
struct tag_clock *records_clock(const struct tags_stripe *stripe,
                                uint32_t slot);

/* It has lost its last link, or been used without one: it is idle now, the
 * newest one. */
void records_rest(struct tags *tags, struct tags_stripe *stripe,
                  struct tag_record *record);
/* It is idle no more. */
void records_wake(struct tags *tags, struct tags_stripe *stripe,
                  struct tag_record *record);

static inline uint64_t
records_hard(const struct tags_stripe *stripe, const struct tag_record *r)
{
    return atomic_load_explicit(&records_clock(stripe, r->slot)->hard,
                                memory_order_relaxed);
}

/* Moves a clock forward, never back. */
void records_raise(_Atomic uint64_t *at, uint64_t clock);

#endif
