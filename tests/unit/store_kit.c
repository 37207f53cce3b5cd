#include "store_kit.h"

#include "store/blob.h"
#include "store/store.h"
#include "tagcached/hash.h"

/* ---- life ---- */

void
kit_open_with(struct kit *kit, uint64_t limit_bytes,
              struct store_config config)
{
    now_refresh();
    *kit = (struct kit){.budget = {.limit = limit_bytes}};
    config.budget = &kit->budget;
    if (config.seed == 0)
        config.seed = hash_random_seed();
    kit->store = store_new(&config);
    assert_non_null(kit->store);
}

void
kit_open(struct kit *kit, uint64_t limit_bytes)
{
    kit_open_with(kit, limit_bytes,
                  (struct store_config){
                      .item_size_max = (uint32_t)(limit_bytes / 2),
                      .evict = true,
                      .cas = true,
                  });
}

void
kit_close(struct kit *kit)
{
    kit_audit(kit);
    store_free(kit->store);
    assert_int_equal(kit->budget.used, 0);
    kit->store = NULL;
}

/* ---- writing ---- */

struct span
kit_span(const char *text)
{
    return (struct span){text, strlen(text)};
}

unsigned
kit_tags(const char *text, struct span tags[STORE_TAGS_MAX + 1])
{
    unsigned n = 0;
    while (text && *text && n <= STORE_TAGS_MAX) {
        size_t len = strcspn(text, ",");
        tags[n++] = (struct span){text, len};
        text += len + (text[len] == ',');
    }
    return n;
}

struct store_write
kit_write(struct kit *kit, enum store_mode mode, const char *key)
{
    return (struct store_write){.key = store_key(kit->store, kit_span(key)),
                                .mode = mode,
                                .asof = store_clock(kit->store)};
}

enum store_status
kit_run(struct kit *kit, struct store_write *write, struct span value,
        const char *text)
{
    struct span tags[STORE_TAGS_MAX + 1];
    write->ntags = kit_tags(text, tags);
    write->tags = tags;
    write->value = value;
    if (value.len >= store_blob_min(kit->store)) {
        write->blob = store_blob_new(kit->store, value.len);
        if (!write->blob)
            return STORE_NO_MEMORY;
        memcpy(store_blob_data(write->blob), value.data, value.len);
    }
    enum store_status status = store_write(kit->store, write);
    write->tags = NULL;
    return status;
}

enum store_status
kit_store(struct kit *kit, enum store_mode mode, const char *key,
          const char *value, const char *tags)
{
    struct store_write write = kit_write(kit, mode, key);
    return kit_run(kit, &write, kit_span(value), tags);
}

enum store_status
kit_set(struct kit *kit, const char *key, const char *value, const char *tags)
{
    return kit_store(kit, STORE_SET, key, value, tags);
}

enum store_status
kit_set_sized(struct kit *kit, const char *key, size_t len, char fill,
              const char *tags)
{
    struct store_write write = kit_write(kit, STORE_SET, key);
    char *bytes = malloc(len + 1);
    memset(bytes, fill, len);
    enum store_status status =
        kit_run(kit, &write, (struct span){bytes, len}, tags);
    free(bytes);
    return status;
}

enum store_status
kit_fill(struct kit *kit, const char *key, const char *value, const char *tags,
         uint64_t asof)
{
    struct store_write write = kit_write(kit, STORE_SET, key);
    write.guarded = true;
    write.asof = asof;
    return kit_run(kit, &write, kit_span(value), tags);
}

/* ---- reading ---- */

struct visit {
    struct kit *kit;
    struct kit_entry *entry;
};

static void
copy_entry(void *arg, const struct store_view *view)
{
    struct visit *visit = arg;
    struct kit_entry *e = visit->entry;
    e->view = *view;
    size_t len = view->value.len < KIT_VALUE_MAX ? view->value.len
                                                 : KIT_VALUE_MAX;
    memcpy(e->value, view->value.data, len);
    e->value[len] = '\0';
    e->uniform = true;
    for (size_t i = 1; i < view->value.len; i++)
        if (view->value.data[i] != view->value.data[0])
            e->uniform = false;
    size_t at = 0;
    for (unsigned i = 0; i < view->ntags; i++) {
        struct span name = store_tag_name(visit->kit->store, view->tags[i]);
        at += (size_t)snprintf(e->tags + at, sizeof(e->tags) - at, "%s%.*s",
                               i ? "," : "", (int)name.len, name.data);
    }
}

static const struct kit_entry *
look(struct kit *kit, const char *key, struct store_read how)
{
    static _Thread_local struct kit_entry entry;
    struct store_key k = store_key(kit->store, kit_span(key));
    struct visit visit = {kit, &entry};
    entry.tags[0] = entry.value[0] = '\0';
    store_prefetch_bucket(kit->store, k.hash);
    store_prefetch_item(kit->store, k.hash);
    entry.status = store_get(kit->store, &k, how, copy_entry, &visit);
    return &entry;
}

const struct kit_entry *
kit_get(struct kit *kit, const char *key)
{
    return look(kit, key, (struct store_read){0});
}

const struct kit_entry *
kit_peek(struct kit *kit, const char *key)
{
    return look(kit, key, (struct store_read){.peek = true});
}

enum store_status
kit_touch(struct kit *kit, const char *key, uint32_t expire)
{
    return look(kit, key, (struct store_read){.touch = true, .expire = expire})
        ->status;
}

void
kit_expect_at(struct kit *kit, const char *key, const char *value,
              const char *file, int line)
{
    const struct kit_entry *e = kit_get(kit, key);
    if (value == NULL ? store_is_miss(e->status)
                      : e->status == STORE_OK && strcmp(e->value, value) == 0)
        return;
    print_error("%s: status %d, value '%.60s', expected '%.60s'\n", key,
                (int)e->status, e->value, value ? value : "(a miss)");
    _fail(file, line);
}

/* ---- other operations ---- */

enum store_status
kit_delete(struct kit *kit, const char *key)
{
    struct store_key k = store_key(kit->store, kit_span(key));
    return store_delete(kit->store, &k, false, 0);
}

uint64_t
kit_invalidate(struct kit *kit, const char *text)
{
    struct span tags[STORE_TAGS_MAX + 1];
    unsigned n = kit_tags(text, tags);
    uint64_t links, clock;
    store_invalidate(kit->store, tags, n, &links, &clock);
    return links;
}

struct store_stats
kit_stats(struct kit *kit)
{
    struct store_stats stats;
    store_stats(kit->store, &stats);
    return stats;
}

void
kit_sweep(struct kit *kit)
{
    /* A slice goes through a small store as a whole; what tags killed is
     * looked for in the round after the one that notices. */
    unsigned quiet = 0;
    uint64_t before = UINT64_MAX;
    while (quiet < 2 * kit->store->nshards + 8) {
        store_sweep(kit->store);
        struct store_stats s = kit_stats(kit);
        uint64_t state = s.swept_items + s.dead_bytes;
        quiet = state == before ? quiet + 1 : 0;
        before = state;
    }
}

uint64_t
kit_next(struct kit_random *random)
{
    /* splitmix64 */
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t
kit_below(struct kit_random *random, uint32_t n)
{
    return (uint32_t)(kit_next(random) >> 32) % n;
}

/* ---- the audit ---- */

struct recount {
    uint64_t live_items, live_bytes, dead_bytes, links, blob_bytes, memory;
};

static void
recount_item(struct recount *count, const struct shard *shard,
             struct segment *seg, struct item *it)
{
    struct index_place place = index_find(
        &shard->index, shard_hash(shard, it), segment_location(it));
    assert_non_null(place.bucket);
    count->live_items++;
    count->live_bytes += item_size(it);
    count->links += item_ntags(it);
    if (it->bits & ITEM_BLOB)
        count->blob_bytes += item_blob(it)->charged;
    if (it->expire != NOW_NEVER)
        assert_true(seg->soonest <= it->expire);
    if (item_ntags(it) > 0)
        assert_true(seg->has_tags);
}

static void
recount_segment(struct recount *count, const struct shard *shard,
                struct segment *seg)
{
    struct recount own = {0};
    uint32_t at = SEGMENT_FIRST;
    while (at < seg->fill) {
        struct item *it = segment_at(seg, at);
        at += (uint32_t)item_size(it);
        if (it->bits & ITEM_DEAD)
            own.dead_bytes += item_size(it);
        else
            recount_item(&own, shard, seg, it);
    }
    assert_int_equal(at, seg->fill);
    assert_true(at <= SEGMENT_BYTES);
    assert_int_equal(own.live_items, seg->live_items);
    assert_int_equal(own.live_bytes, seg->live_bytes);
    assert_int_equal(own.dead_bytes, segment_dead_bytes(seg));
    count->live_items += own.live_items;
    count->live_bytes += own.live_bytes;
    count->dead_bytes += own.dead_bytes;
    count->links += own.links;
    count->blob_bytes += own.blob_bytes;
}

/* The list and the numbers agree; returns how many segments there are. */
static void
check_segments(const struct shard *shard)
{
    const struct segments *segs = &shard->segs;
    uint32_t listed = 0, numbered = 0;
    const struct segment *older = NULL;
    for (struct segment *s = segs->oldest; s; older = s, s = s->newer) {
        assert_ptr_equal(s->older, older);
        assert_ptr_equal(segment_by_number(segs, s->number), s);
        listed++;
    }
    assert_ptr_equal(segs->newest, older);
    for (uint32_t n = 1; n < segs->numbers; n++)
        numbered += segment_by_number(segs, n) != NULL;
    assert_int_equal(listed + (segs->spare != NULL), segs->count);
    assert_int_equal(numbered, segs->count);
}

static uint64_t
table_bytes(const struct table *table)
{
    uint64_t bytes = 0;
    for (uint64_t cap = table->cap; cap >= 8; cap /= 2)
        bytes += (cap + 1) * sizeof(void *);
    return bytes;
}

static uint32_t
count_index(const struct index *index)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < index->buckets; i++) {
        const struct bucket *chunk =
            table_get(&index->chunks, i >> INDEX_CHUNK_SHIFT);
        const struct bucket *b = &chunk[i & (INDEX_CHUNK - 1)];
        for (;;) {
            for (unsigned slot = 0; slot < INDEX_SLOTS; slot++)
                n += b->location[slot] != 0;
            if (b->next == 0)
                break;
            chunk = table_get(&index->overflow, b->next >> INDEX_CHUNK_SHIFT);
            b = &chunk[b->next & (INDEX_CHUNK - 1)];
        }
    }
    return n;
}

static void
audit_shard(struct recount *all, const struct shard *shard)
{
    struct recount count = {0};
    check_segments(shard);
    for (struct segment *s = shard->segs.oldest; s; s = s->newer)
        recount_segment(&count, shard, s);
    assert_int_equal(count.live_items, shard->index.items);
    assert_int_equal(count_index(&shard->index), shard->index.items);
    assert_int_equal(count.live_bytes, shard->live_bytes);
    assert_int_equal(count.dead_bytes, shard->dead_bytes);
    all->links += count.links;
    all->blob_bytes += count.blob_bytes;
    all->memory += (uint64_t)shard->segs.count * SEGMENT_BYTES +
                   shard->segs.next_free_cap * sizeof(uint32_t) +
                   table_bytes(&shard->segs.by_number) +
                   shard->index.bytes + table_bytes(&shard->index.chunks) +
                   table_bytes(&shard->index.overflow) +
                   ((uint64_t)shard->deletes_mask + 1) * sizeof(uint64_t);
}

void
kit_audit(struct kit *kit)
{
    struct store *store = kit->store;
    struct recount all = {0};
    for (unsigned i = 0; i < store->nshards; i++)
        audit_shard(&all, &store->shards[i]);
    struct store_stats s = kit_stats(kit);
    assert_int_equal(all.links, s.tag_links);
    assert_int_equal(all.blob_bytes, s.blob_bytes);
    assert_int_equal(s.curr_items, s.inserted - s.removed_deleted -
                                       s.removed_expired - s.removed_flushed -
                                       s.removed_invalidated -
                                       s.removed_evicted);
    all.memory += all.blob_bytes + s.tag_bytes;
    for (int i = 0; i < TAGS_STRIPES; i++)
        all.memory += table_bytes(&store->tags.stripes[i].chunks);
    assert_int_equal(all.memory, kit->budget.used);
}
