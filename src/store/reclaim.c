#include "store/reclaim.h"

#include "store/shard.h"
#include "store/tags.h"
#include "tagcached/check.h"
#include "tagcached/mem.h"

#include <stdatomic.h>

enum {
    /* Bytes that used entries may move for each byte evicted: bounds the work
     * where nearly all is in use. */
    MOVES_PER_EVICTION = 8,
    CREDIT_MAX = MOVES_PER_EVICTION * SEGMENT_BYTES,
    /* Bytes looked at, at most, for each byte that shall be freed. */
    SCAN_PER_FREED = 16,
    /* Packing starts where one part in so many of a shard's segments is dead:
     * then seven bytes move, at most, for one that is gained. */
    PACK_SHARE = 8,
};

void
reclaim_init(struct reclaim *r)
{
    *r = (struct reclaim){.credit = CREDIT_MAX};
}

static bool
is_tight(const struct shard *shard)
{
    return !shard->segs.spare &&
           mem_budget_excess(shard->env->budget, SEGMENT_BYTES) > 0;
}

static void
discard(struct shard *shard, struct segment *seg)
{
    struct reclaim *r = &shard->reclaim;
    if (r->hand == seg)
        r->hand = seg->newer;
    shard->dead_bytes -= segment_dead_bytes(seg);
    segment_free(&shard->segs, seg);
}

void
reclaim_empty(struct shard *shard, struct segment *seg)
{
    struct reclaim *r = &shard->reclaim;
    if (seg == r->pinned || seg == r->victim)
        return; /* whoever works on it comes back to it */
    if (seg == shard->open || seg == r->packed) {
        shard->dead_bytes -= segment_dead_bytes(seg);
        segment_rewind(seg);
    } else {
        discard(shard, seg);
    }
}

void
reclaim_close(struct shard *shard)
{
    /* An empty one may go on: it holds nothing of before. */
    if (shard->open && shard->open->live_items > 0)
        shard->open = NULL;
    if (shard->reclaim.packed && shard->reclaim.packed->live_items > 0)
        shard->reclaim.packed = NULL;
}

/* ---- the dead ---- */

static void
remove_item(struct shard *shard, struct item *it, enum removal why)
{
    struct found found = {
        it, index_find(&shard->index, shard_hash(shard, it),
                       segment_location(it))};
    CHECK(found.place.bucket);
    shard_remove(shard, found, why);
}

void
reclaim_dead(struct shard *shard, struct segment *seg)
{
    uint32_t soonest = UINT32_MAX;
    shard->reclaim.pinned = seg;
    for (uint32_t at = SEGMENT_FIRST; at < seg->fill;) {
        struct item *it = segment_at(seg, at);
        at += (uint32_t)item_size(it);
        if (it->bits & ITEM_DEAD)
            continue;
        shard->figures.swept_items++;
        enum removal why = shard_judge(shard, it);
        if (why != REMOVED_REPLACED) {
            shard->figures.swept_removed++;
            remove_item(shard, it, why);
        } else if (it->expire != 0 && it->expire < soonest) {
            soonest = it->expire;
        }
    }
    shard->reclaim.pinned = NULL;
    seg->soonest = soonest;
    if (seg->live_items == 0)
        reclaim_empty(shard, seg);
}

void
reclaim_all_dead(struct shard *shard)
{
    struct segment *newer;
    for (struct segment *s = shard->segs.oldest; s; s = newer) {
        newer = s->newer;
        reclaim_dead(shard, s);
    }
}

/* ---- the victim ---- */

static bool
open_new(struct shard *shard, bool force)
{
    struct segment *seg = segment_new(&shard->segs, NULL, force);
    if (seg)
        shard->open = seg;
    return seg != NULL;
}

/* Moves an entry that goes on living. */
static bool
keep(struct shard *shard, struct item *it)
{
    struct reclaim *r = &shard->reclaim;
    if (!r->packing)
        return (shard->open && shard_move(shard, it, shard->open)) ||
               (open_new(shard, true) && shard_move(shard, it, shard->open));
    if (r->packed && shard_move(shard, it, r->packed))
        return true;
    /* One segment more than the budget has, until the victim is free. */
    struct segment *seg = segment_new(&shard->segs, r->victim, true);
    if (seg)
        r->packed = seg;
    return seg && shard_move(shard, it, seg);
}

static bool
is_kept(struct shard *shard, struct item *it)
{
    struct reclaim *r = &shard->reclaim;
    if (r->packing || !shard->env->evict)
        return true;
    if (!(it->bits & ITEM_TOUCHED))
        return false;
    int64_t size = (int64_t)item_size(it);
    if (r->credit < size)
        return false;
    r->credit -= size;
    it->bits &= (uint8_t)~ITEM_TOUCHED;
    return true;
}

/* One live entry of the victim: removed, moved or evicted. False: it must
 * stay, and there is no room to move it to. Adds what was freed to *freed. */
static bool
settle(struct shard *shard, struct item *it, size_t *freed)
{
    struct reclaim *r = &shard->reclaim;
    size_t bytes = shard_item_bytes(it);
    enum removal why = shard_judge(shard, it);
    if (why == REMOVED_REPLACED) {
        if (is_kept(shard, it)) {
            if (keep(shard, it))
                return true;
            if (!shard->env->evict)
                return false;
        }
        why = REMOVED_EVICTED;
        r->credit += (int64_t)bytes * MOVES_PER_EVICTION;
        if (r->credit > CREDIT_MAX)
            r->credit = CREDIT_MAX;
        if (it->bits & ITEM_TOUCHED)
            shard->figures.evicted_active++;
    }
    remove_item(shard, it, why);
    *freed += bytes;
    return true;
}

static bool
packing_pays(const struct shard *shard)
{
    uint64_t worth = (uint64_t)shard->segs.count * SEGMENT_BYTES / PACK_SHARE;
    return shard->dead_bytes >= worth &&
           shard->dead_bytes >= 2 * SEGMENT_BYTES;
}

/* A closed segment so sparse that packing pays, going on from the last one. */
static struct segment *
find_sparse(struct shard *shard)
{
    if (!packing_pays(shard))
        return NULL;
    uint64_t count = shard->segs.count;
    struct reclaim *r = &shard->reclaim;
    struct segment *seg = r->hand;
    for (uint64_t i = 0; i <= count; i++, seg = seg->newer) {
        if (!seg)
            seg = shard->segs.oldest;
        /* Some segment is as sparse as the mean of all. */
        if (seg != shard->open && seg != r->packed &&
            segment_dead_bytes(seg) >= SEGMENT_BYTES / PACK_SHARE) {
            r->hand = seg->newer;
            return seg;
        }
    }
    return NULL;
}

static struct segment *
find_oldest(struct shard *shard)
{
    struct segment *seg = shard->segs.oldest;
    if (seg && seg == shard->open)
        seg = seg->newer;
    if (seg)
        return seg;
    /* Only the open one is left; with blobs it may hold much. */
    seg = shard->open;
    if (!seg || seg->live_items == 0)
        return NULL;
    shard->open = NULL;
    return seg;
}

static bool
choose_victim(struct shard *shard, bool evict)
{
    struct reclaim *r = &shard->reclaim;
    r->victim = find_sparse(shard);
    r->packing = r->victim != NULL;
    if (!r->victim && evict)
        r->victim = find_oldest(shard);
    if (!r->victim)
        return false;
    if (r->victim == r->packed)
        r->packed = NULL;
    r->victim->scan = SEGMENT_FIRST;
    return true;
}

/* Records of tags without entries give way before any entry does. Dropping
 * less than a segment's worth of them would make no room for one. */
static bool
drop_idle_tags(struct shard *shard)
{
    struct tags *tags = shard->env->tags;
    return atomic_load_explicit(&tags->idle_bytes, memory_order_relaxed) >=
               SEGMENT_BYTES &&
           tags_drop_idle(tags, SEGMENT_BYTES) > 0;
}

/* The hand goes through the victim until `want` bytes are freed, `scan` are
 * looked at, or the segment is done and freed. */
static bool
work(struct shard *shard, size_t want, size_t scan)
{
    struct reclaim *r = &shard->reclaim;
    struct segment *victim = r->victim;
    size_t freed = 0, seen = 0;
    while (victim->live_items > 0 && victim->scan < victim->fill &&
           freed < want && seen < scan) {
        struct item *it = segment_at(victim, victim->scan);
        size_t size = item_size(it);
        if (it->bits & ITEM_DEAD)
            freed += size;
        else if (!settle(shard, it, &freed))
            return false;
        victim->scan += (uint32_t)size;
        seen += size;
    }
    if (victim->live_items > 0 && victim->scan < victim->fill)
        return true;
    CHECK(victim->live_items == 0);
    r->victim = NULL;
    discard(shard, victim);
    return true;
}

static bool
step(struct shard *shard, size_t want, size_t scan)
{
    if (drop_idle_tags(shard))
        return true;
    if (!shard->reclaim.victim && !choose_victim(shard, shard->env->evict))
        return false;
    if (work(shard, want, scan))
        return true;
    shard->reclaim.victim = NULL; /* nothing could be moved */
    return false;
}

bool
reclaim_some(struct shard *shard, size_t bytes)
{
    size_t seen = 0;
    while (mem_budget_excess(shard->env->budget, bytes) > 0 &&
           seen < SEGMENT_BYTES) {
        /* In pieces: with blobs a few entries may be enough. */
        enum { PIECE = 1024 };
        if (!segments_give_spare(&shard->segs) && !step(shard, 1, PIECE))
            return false;
        seen += PIECE;
    }
    return true;
}

bool
reclaim_pack(struct shard *shard)
{
    struct reclaim *r = &shard->reclaim;
    if (!r->victim && !choose_victim(shard, false))
        return false;
    /* What the hand has left of a victim is kept where there is no need to
     * evict any more. */
    if (!r->packing && !packing_pays(shard))
        return false;
    r->packing = true;
    if (work(shard, SIZE_MAX, SEGMENT_BYTES))
        return true;
    r->victim = NULL; /* no memory to move anything to */
    return false;
}

/* ---- arriving ---- */

struct item *
reclaim_append(struct shard *shard, size_t size)
{
    if (is_tight(shard))
        step(shard, size, size * SCAN_PER_FREED);
    for (;;) {
        struct item *it =
            shard->open ? segment_append(shard->open, size) : NULL;
        if (it)
            return it;
        while (!open_new(shard, false))
            if (!step(shard, SEGMENT_BYTES, SEGMENT_BYTES))
                return NULL;
    }
}
