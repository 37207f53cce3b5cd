#include "store/store.h"

#include "store/blob.h"
#include "tagcached/check.h"
#include "tagcached/hash.h"
#include "tagcached/now.h"

enum {
    SHARD_BYTES = 4 << 20, /* a shard for so much of the budget, ... */
    SHARDS_MAX = 512,      /* ... and no more than this */
    DELETE_SLOTS = 65536,  /* of all shards together: at 1,000 deletes a second
                              and fills of 50 ms, 0.08 % of the slots ... */
    DELETE_SHARE = 64,     /* ... but only one part in so many of the budget */
    ROOM_PASSES = 4,
};

/* ---- life ---- */

static unsigned
shards_for(uint64_t limit)
{
    unsigned n = 1;
    while (n < SHARDS_MAX && (uint64_t)n * 2 * SHARD_BYTES <= limit)
        n *= 2;
    return n;
}

static uint32_t
delete_slots_for(uint64_t limit)
{
    uint64_t slots = DELETE_SLOTS;
    uint64_t most = limit / DELETE_SHARE / sizeof(uint64_t);
    while (slots > SHARDS_MAX && slots > most)
        slots /= 2;
    return (uint32_t)slots;
}

struct store *
store_new(const struct store_config *config)
{
    struct store *store = mem_zalloc_aligned(64, sizeof(*store));
    if (!store)
        return NULL;
    store->env = (struct shard_env){.tags = &store->tags,
                                    .budget = config->budget,
                                    .seed = config->seed,
                                    .evict = config->evict,
                                    .cas = config->cas};
    store->item_size_max = config->item_size_max;
    bool ok = tags_init(&store->tags, config->budget, hash_random_seed());
    unsigned n = shards_for(config->budget->limit);
    uint32_t deletes = delete_slots_for(config->budget->limit) / n;
    store->shards = mem_zalloc_aligned(64, n * sizeof(struct shard));
    for (unsigned i = 0; store->shards && i < n; i++) {
        ok = shard_init(&store->shards[i], &store->env, deletes) && ok;
        store->nshards++;
    }
    store->shard_bits = (unsigned)__builtin_ctz(n);
    if (!ok || !store->shards) {
        store_free(store);
        return NULL;
    }
    return store;
}

void
store_free(struct store *store)
{
    if (!store)
        return;
    for (unsigned i = 0; i < store->nshards; i++)
        shard_fini(&store->shards[i]);
    tags_fini(&store->tags);
    mem_free(store->shards);
    mem_free(store);
}

/* ---- keys ---- */

struct store_key
store_key(const struct store *store, struct span name)
{
    return (struct store_key){
        name, hash_bytes(name.data, name.len, store->env.seed)};
}

void
store_prefetch_bucket(const struct store *store, uint64_t hash)
{
    const struct shard *shard = store_shard(store, hash);
    __builtin_prefetch(index_bucket(&shard->index, hash));
}

void
store_prefetch_item(const struct store *store, uint64_t hash)
{
    const struct shard *shard = store_shard(store, hash);
    uint32_t location = index_guess(&shard->index, hash);
    if (location != 0)
        __builtin_prefetch(segment_item(&shard->segs, location), 1);
}

/* ---- memory ---- */

bool
store_make_some_room(struct store *store, size_t bytes)
{
    unsigned turn =
        atomic_fetch_add_explicit(&store->rotor, 1, memory_order_relaxed);
    struct shard *shard = &store->shards[turn & (store->nshards - 1)];
    shard_lock(shard);
    bool progress = reclaim_some(shard, bytes);
    shard_unlock(shard);
    return progress;
}

bool
store_make_room(struct store *store, size_t bytes)
{
    struct mem_budget *budget = store->env.budget;
    unsigned barren = 0; /* shards in a row that had nothing */
    while (mem_budget_excess(budget, bytes) > 0) {
        if (barren == store->nshards * ROOM_PASSES)
            return false;
        barren = store_make_some_room(store, bytes) ? 0 : barren + 1;
    }
    return true;
}

size_t
store_blob_min(const struct store *store)
{
    (void)store;
    /* With the longest key, all tags and the head it fits into a segment. */
    return SEGMENT_ITEM_MAX - 1024;
}

struct store_blob *
store_blob_new(struct store *store, size_t len)
{
    size_t charge = blob_charge(len);
    while (!mem_budget_take(store->env.budget, charge))
        if (!store_make_room(store, charge))
            return NULL;
    return blob_new(store->env.budget, &store->env.blob_bytes, len);
}

bool
store_is_too_large(const struct store *store, size_t klen, uint32_t flags,
                   size_t vlen)
{
    /* memcached's sum: its header, CAS, key with a NUL, flags, CRLF. */
    size_t size = 48 + (store->env.cas ? 8 : 0) + klen + 1 + (flags ? 4 : 0) +
                  2;
    return vlen > store->item_size_max ||
           size + vlen > store->item_size_max;
}

/* ---- reading ---- */

void
store_view_item(struct store_view *view, const struct item *it)
{
    bool blob = it->bits & ITEM_BLOB;
    *view = (struct store_view){
        .key = {item_key(it), it->klen},
        .value = {blob ? item_blob(it)->data : item_value(it), it->vlen},
        .blob = blob ? item_blob(it) : NULL,
        .flags = item_flags(it),
        .expire = it->expire,
        .expire_before = it->expire,
        .cas = item_cas(it),
        .last_access_s = it->access_s,
        .fetched = it->bits & ITEM_FETCHED,
        .ntags = item_ntags(it),
    };
    if (view->ntags > 0) {
        view->tags = item_tags(it);
        view->asof = item_asof(it);
    }
}

/* Written only where it changes: a hit on a hot entry leaves its cache line
 * clean for the other threads. */
static void
mark_used(struct item *it, unsigned bits)
{
    if ((it->bits & bits) != bits)
        it->bits |= (uint8_t)bits;
    uint32_t now = now_s();
    if (it->access_s != now)
        it->access_s = now;
}

enum store_status
store_get(struct store *store, const struct store_key *key,
          struct store_read how, store_visit *visit, void *arg)
{
    struct shard *shard = store_shard(store, key->hash);
    struct found found;
    shard_lock(shard);
    enum store_status status = shard_find(shard, key, &found);
    if (status == STORE_OK) {
        struct item *it = found.item;
        struct store_view view;
        store_view_item(&view, it);
        if (!how.peek)
            mark_used(it, ITEM_FETCHED | ITEM_TOUCHED);
        if (how.touch) {
            shard_touch(it, how.expire);
            view.expire = how.expire;
        }
        if (visit) {
            view.size = shard_item_bytes(it);
            visit(arg, &view);
        }
    }
    shard_unlock(shard);
    return status;
}

struct span
store_tag_name(const struct store *store, uint32_t tag)
{
    return tags_name(&store->tags, tag);
}

/* ---- deleting ---- */

enum store_status
store_delete(struct store *store, const struct store_key *key, bool match_cas,
             uint64_t cas)
{
    struct shard *shard = store_shard(store, key->hash);
    struct found found;
    shard_lock(shard);
    enum store_status status = shard_find(shard, key, &found);
    if (status == STORE_OK && match_cas &&
        (!store->env.cas || item_cas(found.item) != cas)) {
        shard_unlock(shard);
        return STORE_EXISTS;
    }
    if (status == STORE_OK)
        shard_remove(shard, found, REMOVED_DELETED);
    /* Even where it was not there: somebody may be about to store it from data
     * of before. */
    *store_delete_slot(shard, key->hash) = tags_tick(&store->tags);
    shard_unlock(shard);
    return status;
}

void
store_flush_now(struct store *store)
{
    tags_flush(&store->tags);
    for (unsigned i = 0; i < store->nshards; i++) {
        struct shard *shard = &store->shards[i];
        shard_lock(shard);
        shard_flush(shard);
        shard_unlock(shard);
    }
}

void
store_flush(struct store *store, uint32_t at)
{
    bool now = at == NOW_NEVER || now_is_past(at, now_tick());
    atomic_store_explicit(&store->flush_at, now ? (uint32_t)NOW_NEVER : at,
                          memory_order_relaxed);
    if (now)
        store_flush_now(store);
}

/* ---- tags ---- */

uint64_t
store_clock(const struct store *store)
{
    return tags_now(&store->tags);
}

enum store_status
store_invalidate(struct store *store, const struct span *tags, size_t ntags,
                 uint64_t *links, uint64_t *clock)
{
    for (size_t i = 0; i < ntags; i++)
        CHECK(store_tag_is_valid(tags[i]));
    return tags_invalidate(&store->tags, tags, ntags, links, clock)
               ? STORE_OK
               : STORE_NO_MEMORY;
}
