#include "store/shard.h"

#include "store/blob.h"
#include "store/tags.h"
#include "tagcached/check.h"
#include "tagcached/hash.h"
#include "tagcached/mem.h"
#include "tagcached/now.h"

bool
shard_init(struct shard *shard, struct shard_env *env, uint32_t deletes)
{
    *shard = (struct shard){.env = env, .deletes_mask = deletes - 1};
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    /* The lock is held for tens of nanoseconds: spin a little first. */
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&shard->lock, &attr);
    pthread_mutexattr_destroy(&attr);
    segments_init(&shard->segs, env->budget);
    reclaim_init(&shard->reclaim);
    mem_budget_force(env->budget, deletes * sizeof(*shard->deletes));
    shard->deletes = mem_zalloc(deletes * sizeof(*shard->deletes));
    return index_init(&shard->index, env->budget) && shard->deletes;
}

static void
release_blob(struct item *it)
{
    if (it->bits & ITEM_BLOB)
        store_blob_release(item_blob(it));
}

static void
release_blobs(struct segment *seg)
{
    for (uint32_t at = SEGMENT_FIRST; at < seg->fill;) {
        struct item *it = segment_at(seg, at);
        at += (uint32_t)item_size(it);
        if (!(it->bits & ITEM_DEAD))
            release_blob(it);
    }
}

void
shard_fini(struct shard *shard)
{
    for (struct segment *s = shard->segs.oldest; s; s = s->newer)
        release_blobs(s);
    segments_fini(&shard->segs);
    index_fini(&shard->index);
    mem_free(shard->deletes);
    mem_budget_give(shard->env->budget, ((size_t)shard->deletes_mask + 1) *
                                            sizeof(*shard->deletes));
    pthread_mutex_destroy(&shard->lock);
}

uint64_t
shard_hash(const struct shard *shard, const struct item *it)
{
    return hash_bytes(item_key(it), it->klen, shard->env->seed);
}

static uint64_t
hash_at(const void *owner, uint32_t location)
{
    const struct shard *shard = owner;
    return shard_hash(shard, segment_item(&shard->segs, location));
}

size_t
shard_item_bytes(const struct item *it)
{
    size_t bytes = item_size(it);
    return it->bits & ITEM_BLOB ? bytes + item_blob(it)->charged : bytes;
}

/* ---- finding ---- */

struct found
shard_peek(const struct shard *shard, const struct store_key *key)
{
    struct index_place place = {0};
    for (;;) {
        place = index_search(&shard->index, key->hash, place);
        if (!place.bucket)
            return (struct found){0};
        struct item *it =
            segment_item(&shard->segs, index_location(place));
        if (it->klen == key->name.len &&
            memcmp(item_key(it), key->name.data, it->klen) == 0)
            return (struct found){it, place};
        place.slot++;
    }
}

enum removal
shard_judge(const struct shard *shard, const struct item *it)
{
    if (it->generation != (uint8_t)shard->flushes)
        return REMOVED_FLUSHED;
    if (now_is_past(it->expire, now_tick()))
        return REMOVED_EXPIRED;
    if (item_ntags(it) > 0 &&
        !tags_are_valid(shard->env->tags, item_tags(it), item_ntags(it),
                        item_asof(it)))
        return REMOVED_INVALIDATED;
    return REMOVED_REPLACED;
}

enum store_status
shard_find(struct shard *shard, const struct store_key *key,
           struct found *found)
{
    *found = shard_peek(shard, key);
    if (!found->item)
        return STORE_NOT_FOUND;
    enum removal why = shard_judge(shard, found->item);
    if (why == REMOVED_REPLACED)
        return STORE_OK;
    shard_remove(shard, *found, why);
    *found = (struct found){0};
    return why == REMOVED_EXPIRED   ? STORE_EXPIRED
           : why == REMOVED_FLUSHED ? STORE_FLUSHED
                                    : STORE_NOT_FOUND;
}

/* ---- leaving ---- */

/* The entry's bytes are dead. */
static void
bury(struct shard *shard, struct item *it)
{
    struct segment *seg = segment_of(it);
    size_t size = item_size(it);
    segment_bury(it);
    shard->live_bytes -= size;
    shard->dead_bytes += size;
    if (seg->live_items == 0)
        reclaim_empty(shard, seg);
}

static void
release_links(struct shard *shard, struct item *it)
{
    if (item_ntags(it) > 0)
        tags_unlink(shard->env->tags, item_tags(it), item_ntags(it),
                    item_asof(it));
}

static void
count_removal(struct shard_figures *f, const struct item *it, enum removal why)
{
    bool fetched = it->bits & ITEM_FETCHED;
    f->removed[why]++;
    if (why == REMOVED_EXPIRED && !fetched)
        f->expired_unfetched++;
    if (why == REMOVED_EVICTED && !fetched)
        f->evicted_unfetched++;
}

void
shard_remove(struct shard *shard, struct found found, enum removal why)
{
    count_removal(&shard->figures, found.item, why);
    index_remove(&shard->index, shard_hash(shard, found.item), found.place);
    release_links(shard, found.item);
    release_blob(found.item);
    bury(shard, found.item);
}

void
shard_drop(struct shard *shard, struct item *it)
{
    bury(shard, it);
}

/* ---- arriving ---- */

static size_t
shape_size(const struct shard *shard, const struct shape *s)
{
    size_t size = sizeof(struct item) + (shard->env->cas ? 8 : 0) +
                  (s->flags ? 4 : 0) +
                  (s->ntags ? 8 + 4 * (size_t)s->ntags : 0) +
                  s->key->name.len + (s->blob ? sizeof(s->blob) : s->vlen);
    return (size + ITEM_ALIGN - 1) & ~(size_t)(ITEM_ALIGN - 1);
}

/* Appends `bytes` to the parts behind the head. */
static char *
part(char *at, const void *from, size_t bytes)
{
    memcpy(at, from, bytes);
    return at + bytes;
}

static void
write_head(const struct shard *shard, struct item *it, const struct shape *s)
{
    uint64_t cas = shard->cas;
    *it = (struct item){
        .expire = s->expire,
        .access_s = now_s(),
        .vlen = s->vlen,
        .klen = (uint8_t)s->key->name.len,
        .generation = (uint8_t)shard->flushes,
        .bits = (uint8_t)(s->bits | ITEM_DEAD | (s->blob ? ITEM_BLOB : 0) |
                          (s->flags ? ITEM_FLAGS : 0)),
        .form = (uint8_t)(s->ntags | (shard->env->cas ? ITEM_CAS : 0)),
    };
    char *at = (char *)(it + 1);
    if (shard->env->cas)
        at = part(at, &cas, sizeof(cas));
    if (s->flags)
        at = part(at, &s->flags, sizeof(s->flags));
    if (s->ntags) {
        at = part(at, &s->asof, sizeof(s->asof));
        at = part(at, s->tags, s->ntags * sizeof(*s->tags));
    }
    at = part(at, s->key->name.data, s->key->name.len);
    if (s->blob)
        part(at, &s->blob, sizeof(s->blob));
}

static void
note_in_segment(struct segment *seg, const struct item *it)
{
    if (it->expire != NOW_NEVER && it->expire < seg->soonest)
        seg->soonest = it->expire;
    if (item_ntags(it) > 0)
        seg->has_tags = true;
}

void
shard_touch(struct item *it, uint32_t expire)
{
    it->expire = expire;
    note_in_segment(segment_of(it), it);
}

struct item *
shard_place(struct shard *shard, const struct shape *shape)
{
    size_t size = shape_size(shard, shape);
    CHECK(size <= SEGMENT_ITEM_MAX);
    struct item *it = reclaim_append(shard, size);
    if (!it)
        return NULL;
    shard->live_bytes += size;
    shard->cas++;
    write_head(shard, it, shape);
    note_in_segment(segment_of(it), it);
    return it;
}

struct item *
shard_replace(struct shard *shard, struct found old, const struct shape *shape)
{
    struct item *it = old.item;
    if (item_size(it) != shape_size(shard, shape))
        return NULL;
    release_links(shard, it);
    release_blob(it);
    shard->cas++;
    write_head(shard, it, shape);
    /* Its segment is older than it is now: it must not go with the others. */
    it->bits |= ITEM_TOUCHED;
    note_in_segment(segment_of(it), it);
    return it;
}

bool
shard_link(struct shard *shard, struct item *it, uint64_t hash,
           struct found old, bool handed_over)
{
    uint32_t location = segment_location(it);
    if (!old.item) {
        if (!index_insert(&shard->index, hash, location)) {
            bury(shard, it);
            return false;
        }
        shard->figures.inserted++;
        index_grow(&shard->index, hash_at, shard);
    } else if (old.item != it) {
        index_relocate(old.place, location);
        if (!handed_over)
            release_links(shard, old.item);
        release_blob(old.item);
        bury(shard, old.item);
    }
    it->bits &= (uint8_t)~ITEM_DEAD;
    shard->figures.total_items++;
    return true;
}

bool
shard_move(struct shard *shard, struct item *it, struct segment *to)
{
    size_t size = item_size(it);
    struct item *copy = segment_append(to, size);
    if (!copy)
        return false;
    memcpy(copy, it, size);
    note_in_segment(to, copy);
    struct index_place place = index_find(
        &shard->index, shard_hash(shard, it), segment_location(it));
    CHECK(place.bucket);
    index_relocate(place, segment_location(copy));
    segment_bury(it);
    shard->dead_bytes += size;
    return true;
}

/* ---- flush ---- */

void
shard_flush(struct shard *shard)
{
    /* Before the generation could come round again, what is left of old ones
     * is removed. The sweep normally did so long before. */
    if (shard->flushes - shard->swept == UINT8_MAX) {
        reclaim_all_dead(shard);
        shard->swept = shard->flushes;
    }
    shard->flushes++;
    reclaim_close(shard);
}
