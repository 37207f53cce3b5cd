/*
 * Tags: the clock, the record of each tag, and the rules of what may be seen
 * and stored (sections 1 and 4 of the contract, doc/PROTOCOL.md).
 *
 * A tag's record has a slot; an entry holds slots. The clock of a tag's last
 * invalidation lies in an array of its own, is written under the record's
 * lock and read without one. Order: an invalidation first moves the clock,
 * then writes it into its tags' slots, then is answered. So what was stored as
 * of an older clock is dead before the answer, and who takes a clock
 * afterwards has one that is not older than the invalidation. Both are done
 * under the locks of all its tags: who links as of the new clock comes after
 * it, and is not counted among what it ended.
 *
 * A record with links is never dropped. One without is kept as long as its
 * memory is not wanted; when it is dropped, the floor rises to its last
 * invalidation, and a tag without a record counts as invalidated at the floor:
 * forgetting refuses a good store now and then, and never accepts a stale one.
 *
 * Threads: any. Locks of this room are taken inside a shard's lock, never the
 * other way round.
 */
#ifndef TAGCACHED_STORE_TAGS_H
#define TAGCACHED_STORE_TAGS_H

#include "store/records.h"
#include "tagcached/span.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mem_budget;

struct tags {
    _Atomic uint64_t clock;
    _Atomic uint64_t floor;
    _Atomic uint64_t flushed; /* clock of the last flush_all */
    _Atomic uint64_t idle_bytes;
    _Atomic uint64_t invalidated_links;
    uint64_t seed;
    struct mem_budget *budget;
    struct tags_stripe stripes[TAGS_STRIPES];
};

bool tags_init(struct tags *tags, struct mem_budget *budget, uint64_t seed);
void tags_fini(struct tags *tags);

/* ---- the clock ---- */
static inline uint64_t
tags_now(const struct tags *tags)
{
    return atomic_load_explicit(&tags->clock, memory_order_acquire);
}
/* Moves it; returns the new reading. */
uint64_t tags_tick(struct tags *tags);
/* A flush_all at a new clock. */
void tags_flush(struct tags *tags);
/* May data as of this clock, taken from a client, be stored at all: is it of
 * this boot, not ahead, and not from before a flush? */
bool tags_accept(const struct tags *tags, uint64_t asof);
/* The same for a clock of our own: only a flush can refuse. */
static inline bool
tags_is_flushed(const struct tags *tags, uint64_t asof)
{
    return asof <
           atomic_load_explicit(&tags->flushed, memory_order_acquire);
}

/* ---- links ---- */
enum tags_status { TAGS_OK, TAGS_STALE, TAGS_NO_MEMORY };

/*
 * Links an entry to `n` tags as of `asof`: fills slots[n] and counts a link
 * each, or does nothing at all: TAGS_STALE where one of them was invalidated
 * (or forgotten) after `asof`.
 */
enum tags_status tags_link(struct tags *tags, const struct span *names,
                           unsigned n, uint64_t asof, uint32_t *slots);
/* Ends an entry's links. */
void tags_unlink(struct tags *tags, const uint32_t *slots, unsigned n,
                 uint64_t asof);
/* Lock-free: the slot has a link of the caller's shard. */
static inline uint64_t
tags_hard(const struct tags *tags, uint32_t slot)
{
    const struct tags_stripe *stripe =
        &tags->stripes[slot & (TAGS_STRIPES - 1)];
    slot >>= TAGS_STRIPE_BITS;
    const struct tag_clock *clocks =
        table_get(&stripe->chunks, slot >> TAGS_CHUNK_BITS);
    return atomic_load_explicit(&clocks[slot & (TAGS_CHUNK - 1)].hard,
                                memory_order_acquire);
}
static inline bool
tags_are_valid(const struct tags *tags, const uint32_t *slots, unsigned n,
               uint64_t asof)
{
    for (unsigned i = 0; i < n; i++)
        if (tags_hard(tags, slots[i]) > asof)
            return false;
    return true;
}

/* The name of a linked slot; valid while the link lives. */
struct span tags_name(const struct tags *tags, uint32_t slot);

/* ---- invalidation ---- */

/* All at one new clock, *clock; *links counts the links that ended. False: a
 * tag could not be recorded, the floor was raised to the clock in its place. */
bool tags_invalidate(struct tags *tags, const struct span *names, size_t n,
                     uint64_t *links, uint64_t *clock);

/* ---- memory ---- */

/* Drops idle records, oldest first, until `bytes` were given back or none is
 * left; returns the bytes. */
size_t tags_drop_idle(struct tags *tags, size_t bytes);

struct tags_totals {
    uint64_t records, links, bytes;
};
struct tags_totals tags_totals(struct tags *tags);

#endif
