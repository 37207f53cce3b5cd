/*
 * The background sweep: gives back the memory of expired, flushed and
 * invalidated entries that nobody asks for again.
 *
 * It goes round the segments by number, shard by shard, and looks into one
 * only if something in it is known to be dead: its soonest end has come, its
 * shard was flushed, or it holds tagged entries and links were invalidated
 * since the last round. A slice is bounded in time, a lock is held for one
 * segment.
 */
#include "store/store.h"
#include "tagcached/mem.h"
#include "tagcached/now.h"

enum { SLICE_US = 150 };

static bool
is_due(const struct sweep *sweep, const struct shard *shard,
       const struct segment *seg)
{
    if (seg->live_items == 0)
        return false;
    return seg->soonest <= now_tick() || shard->swept != shard->flushes ||
           (sweep->tags_due && seg->has_tags);
}

/* Looks at the next segment of the shard, under its lock. False: the lap is
 * done. */
static bool
sweep_segment(struct sweep *sweep, struct shard *shard)
{
    struct segments *segs = &shard->segs;
    if (sweep->number >= segs->by_number.cap)
        return false;
    struct segment *seg = segment_by_number(segs, sweep->number++);
    if (seg && is_due(sweep, shard, seg))
        reclaim_dead(shard, seg);
    return true;
}

static void
begin_lap(struct store *store)
{
    struct sweep *sweep = &store->sweep;
    sweep->number = 1;
    sweep->flushes = store->shards[sweep->shard].flushes;
}

static void
end_lap(struct store *store, struct shard *shard)
{
    struct sweep *sweep = &store->sweep;
    /* What was flushed after the lap began may have been passed already; a
     * flush itself may have swept further since. */
    if (sweep->flushes - shard->swept <= shard->flushes - shard->swept)
        shard->swept = sweep->flushes;
    if (++sweep->shard < store->nshards)
        return;
    sweep->shard = 0;
    uint64_t links = atomic_load_explicit(&store->tags.invalidated_links,
                                          memory_order_relaxed);
    sweep->tags_due = links != sweep->links_seen;
    sweep->links_seen = links;
}

static void
keep_appointment(struct store *store)
{
    uint32_t at =
        atomic_load_explicit(&store->flush_at, memory_order_relaxed);
    if (at != NOW_NEVER && now_is_past(at, now_tick()) &&
        atomic_compare_exchange_strong(&store->flush_at, &at, NOW_NEVER))
        store_flush_now(store);
}

/* The limit was lowered, or the budget overdrawn by what could not wait. */
static void
shed(struct store *store, uint64_t end_us)
{
    struct mem_budget *budget = store->env.budget;
    for (unsigned barren = 0;
         barren < store->nshards && mem_budget_excess(budget, 0) > 0 &&
         now_us() < end_us;)
        barren = store_make_some_room(store, 0) ? 0 : barren + 1;
}

void
store_sweep(struct store *store)
{
    struct sweep *sweep = &store->sweep;
    uint64_t end_us = now_us() + SLICE_US;
    keep_appointment(store);
    shed(store, end_us);
    /* At most one round a slice: an idle server does next to nothing. */
    for (unsigned laps = 0; laps < store->nshards && now_us() < end_us;) {
        struct shard *shard = &store->shards[sweep->shard];
        shard_lock(shard);
        if (sweep->number == 0)
            begin_lap(store);
        if (!sweep_segment(sweep, shard) && !reclaim_pack(shard)) {
            end_lap(store, shard);
            sweep->number = 0;
            laps++;
        }
        shard_unlock(shard);
    }
}
