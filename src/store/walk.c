/* Looking at every entry, a segment at a time. */
#include "store/store.h"

_Static_assert(SEGMENT_BYTES / sizeof(struct item) <= STORE_WALK_MAX,
               "what a segment can hold");

static void
visit_segment(const struct shard *shard, struct segment *seg,
              store_visit *visit, void *arg)
{
    for (uint32_t at = SEGMENT_FIRST; at < seg->fill;) {
        const struct item *it = segment_at(seg, at);
        at += (uint32_t)item_size(it);
        if (it->bits & ITEM_DEAD ||
            shard_judge(shard, it) != REMOVED_REPLACED)
            continue;
        struct store_view view;
        store_view_item(&view, it);
        visit(arg, &view);
    }
}

bool
store_walk(struct store *store, struct store_cursor *cursor,
           store_visit *visit, void *arg)
{
    if (cursor->shard >= store->nshards)
        return false;
    struct shard *shard = &store->shards[cursor->shard];
    bool visited = false;
    shard_lock(shard);
    while (!visited && cursor->segment < shard->segs.by_number.cap) {
        struct segment *seg =
            segment_by_number(&shard->segs, cursor->segment++);
        if (seg && seg->live_items > 0) {
            visit_segment(shard, seg, visit, arg);
            visited = true;
        }
    }
    shard_unlock(shard);
    if (!visited)
        *cursor = (struct store_cursor){.shard = cursor->shard + 1};
    return true;
}
