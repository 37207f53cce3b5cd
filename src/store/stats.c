/* Figures of all shards and tags, summed. */
#include "store/store.h"

static void
add_gauges(struct store_stats *s, const struct shard *shard)
{
    s->curr_items += shard->index.items;
    s->bytes += shard->live_bytes;
    s->dead_bytes += shard->dead_bytes;
    s->segment_bytes += (uint64_t)shard->segs.count * SEGMENT_BYTES;
    s->hash_bytes += shard->index.bytes;
    s->hash_power += shard->index.buckets;
    s->hash_expanding |= index_is_growing(&shard->index);
}

static void
add_counters(struct store_stats *s, const struct shard_figures *f)
{
    s->total_items += f->total_items;
    s->inserted += f->inserted;
    s->removed_deleted += f->removed[REMOVED_DELETED];
    s->removed_expired += f->removed[REMOVED_EXPIRED];
    s->removed_flushed += f->removed[REMOVED_FLUSHED];
    s->removed_invalidated += f->removed[REMOVED_INVALIDATED];
    s->removed_evicted += f->removed[REMOVED_EVICTED];
    s->expired_unfetched += f->expired_unfetched;
    s->evicted_unfetched += f->evicted_unfetched;
    s->evicted_active += f->evicted_active;
    s->swept_items += f->swept_items;
    s->swept_removed += f->swept_removed;
}

static uint64_t
log2_up(uint64_t n)
{
    return n > 1 ? 64 - (uint64_t)__builtin_clzll(n - 1) : 0;
}

void
store_stats(struct store *store, struct store_stats *s)
{
    *s = (struct store_stats){.shards = store->nshards};
    for (unsigned i = 0; i < store->nshards; i++) {
        struct shard *shard = &store->shards[i];
        shard_lock(shard);
        add_gauges(s, shard);
        add_counters(s, &shard->figures);
        shard_unlock(shard);
    }
    s->hash_power = log2_up(s->hash_power);
    s->blob_bytes = atomic_load_explicit(&store->env.blob_bytes,
                                         memory_order_relaxed);
    struct tags_totals tags = tags_totals(&store->tags);
    s->tags = tags.records;
    s->tag_links = tags.links;
    s->tag_bytes = tags.bytes;
    s->bytes += s->blob_bytes;
    s->clock = tags_now(&store->tags);
    s->floor = atomic_load_explicit(&store->tags.floor, memory_order_relaxed);
    s->invalidated_links =
        atomic_load_explicit(&store->tags.invalidated_links,
                             memory_order_relaxed) -
        atomic_load_explicit(&store->links_at_reset, memory_order_relaxed);
}

void
store_stats_reset(struct store *store)
{
    atomic_store_explicit(
        &store->links_at_reset,
        atomic_load_explicit(&store->tags.invalidated_links,
                             memory_order_relaxed),
        memory_order_relaxed);
    for (unsigned i = 0; i < store->nshards; i++) {
        struct shard *shard = &store->shards[i];
        shard_lock(shard);
        /* As if what is there had come just now: the books stay balanced. */
        shard->figures =
            (struct shard_figures){.inserted = shard->index.items};
        shard_unlock(shard);
    }
}
