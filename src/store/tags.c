#include "store/tags.h"

#include "tagcached/check.h"
#include "tagcached/hash.h"
#include "tagcached/mem.h"
#include "tagcached/now.h"
#include "tagcached/store.h"

enum {
    START_BUCKETS = 64,
    CLOCK_COUNTER_BITS = 48,
    DROP_ROUND = 64, /* idle records dropped of a stripe before the next */
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

/* Slots are never moved; the chunk is given back when all are free. The
 * clocks stand first: the stripe's table points readers at them. */
enum { CHUNK_SLOTS = TAGS_CHUNK - 1 }; /* the last one's room is the rest's */
struct tags_chunk {
    struct tag_clock clocks[CHUNK_SLOTS];
    struct tag_record records[CHUNK_SLOTS];
    struct tag_record *free;
    struct tags_chunk *next_roomy, *prev_roomy;
    uint32_t number;
    uint32_t used;
};
_Static_assert(sizeof(struct tags_chunk) <= 4096, "a size class of jemalloc");

bool
store_tag_is_valid(struct span tag)
{
    if (tag.len == 0 || tag.len > STORE_TAG_MAX)
        return false;
    for (size_t i = 0; i < tag.len; i++) {
        unsigned char c = (unsigned char)tag.data[i];
        if (c <= 0x20 || c == 0x7f || c == ',')
            return false;
    }
    return true;
}

/* ---- life ---- */

static void
charge(struct tags *tags, struct tags_stripe *stripe, size_t bytes)
{
    mem_budget_force(tags->budget, bytes);
    stripe->bytes += bytes;
}

static void
discharge(struct tags *tags, struct tags_stripe *stripe, size_t bytes)
{
    mem_budget_give(tags->budget, bytes);
    stripe->bytes -= bytes;
}

static size_t
buckets_bytes(uint32_t buckets)
{
    return buckets * sizeof(struct tag_record *);
}

static bool
stripe_init(struct tags *tags, struct tags_stripe *stripe)
{
    pthread_mutex_init(&stripe->lock, NULL);
    table_init(&stripe->chunks, tags->budget);
    stripe->buckets = mem_zalloc(buckets_bytes(START_BUCKETS));
    if (!stripe->buckets)
        return false;
    stripe->buckets_mask = START_BUCKETS - 1;
    charge(tags, stripe, buckets_bytes(START_BUCKETS));
    return true;
}

bool
tags_init(struct tags *tags, struct mem_budget *budget, uint64_t seed)
{
    *tags = (struct tags){.seed = seed, .budget = budget};
    /* Never 0, so that no clock is 0; the counter starts at 1. */
    uint64_t boot = hash_random_seed() % UINT16_MAX + 1;
    tags->clock = boot << CLOCK_COUNTER_BITS | 1;
    bool ok = true;
    for (int i = 0; i < TAGS_STRIPES; i++)
        ok = stripe_init(tags, &tags->stripes[i]) && ok;
    return ok;
}

static size_t
name_bytes(size_t len)
{
    return mem_size_class(len);
}

static void
stripe_fini(struct tags *tags, struct tags_stripe *stripe)
{
    for (uint32_t i = 0; stripe->buckets && i <= stripe->buckets_mask; i++)
        for (struct tag_record *r = stripe->buckets[i]; r; r = r->next)
            mem_free(r->name);
    for (uint32_t i = 0; i < stripe->chunks_used; i++)
        mem_free(table_get(&stripe->chunks, i));
    mem_free(stripe->buckets);
    discharge(tags, stripe, stripe->bytes);
    table_fini(&stripe->chunks);
    pthread_mutex_destroy(&stripe->lock);
}

void
tags_fini(struct tags *tags)
{
    for (int i = 0; i < TAGS_STRIPES; i++)
        stripe_fini(tags, &tags->stripes[i]);
}

/* ---- the clock ---- */

uint64_t
tags_tick(struct tags *tags)
{
    return atomic_fetch_add_explicit(&tags->clock, 1, memory_order_acq_rel) +
           1;
}

static void
raise_to(_Atomic uint64_t *at, uint64_t clock)
{
    uint64_t old = atomic_load_explicit(at, memory_order_relaxed);
    while (old < clock && !atomic_compare_exchange_weak_explicit(
                              at, &old, clock, memory_order_acq_rel,
                              memory_order_relaxed))
        ;
}

void
tags_flush(struct tags *tags)
{
    raise_to(&tags->flushed, tags_tick(tags));
}

bool
tags_accept(const struct tags *tags, uint64_t asof)
{
    uint64_t now = tags_now(tags);
    return asof >> CLOCK_COUNTER_BITS == now >> CLOCK_COUNTER_BITS &&
           asof <= now && !tags_is_flushed(tags, asof);
}

/* ---- records ---- */

static struct tags_stripe *
stripe_of(struct tags *tags, uint64_t hash)
{
    return &tags->stripes[hash >> 32 & (TAGS_STRIPES - 1)];
}

static struct tag_clock *
clock_of(const struct tags_stripe *stripe, uint32_t slot)
{
    struct tags_chunk *chunk =
        table_get(&stripe->chunks, slot >> TAGS_CHUNK_BITS);
    return &chunk->clocks[slot & (TAGS_CHUNK - 1)];
}

static uint64_t
hard_of(const struct tags_stripe *stripe, const struct tag_record *r)
{
    return atomic_load_explicit(&clock_of(stripe, r->slot)->hard,
                                memory_order_relaxed);
}

static struct tag_record *
find(const struct tags_stripe *stripe, uint32_t hash, struct span name)
{
    struct tag_record *r = stripe->buckets[hash & stripe->buckets_mask];
    while (r && !(r->hash == hash &&
                  span_equals((struct span){r->name, r->len}, name)))
        r = r->next;
    return r;
}

static void
idle_remove(struct tags_stripe *stripe, struct tag_record *r)
{
    *(r->older ? &r->older->newer : &stripe->idle_oldest) = r->newer;
    *(r->newer ? &r->newer->older : &stripe->idle_newest) = r->older;
    r->older = r->newer = NULL;
}

static void
idle_add(struct tags_stripe *stripe, struct tag_record *r)
{
    r->newer = NULL;
    r->older = stripe->idle_newest;
    *(r->older ? &r->older->newer : &stripe->idle_oldest) = r;
    stripe->idle_newest = r;
}

static void
idle_count(struct tags *tags, const struct tag_record *r, int sign)
{
    uint64_t bytes = sizeof(*r) + sizeof(struct tag_clock) +
                     name_bytes(r->len);
    atomic_fetch_add_explicit(&tags->idle_bytes,
                              sign > 0 ? bytes : 0 - bytes,
                              memory_order_relaxed);
}

static void
roomy_add(struct tags_stripe *stripe, struct tags_chunk *chunk)
{
    chunk->prev_roomy = NULL;
    chunk->next_roomy = stripe->roomy;
    if (stripe->roomy)
        stripe->roomy->prev_roomy = chunk;
    stripe->roomy = chunk;
}

static void
roomy_remove(struct tags_stripe *stripe, struct tags_chunk *chunk)
{
    *(chunk->prev_roomy ? &chunk->prev_roomy->next_roomy : &stripe->roomy) =
        chunk->next_roomy;
    if (chunk->next_roomy)
        chunk->next_roomy->prev_roomy = chunk->prev_roomy;
}

/* The lowest number whose chunk was given back, or a new one. */
static uint32_t
chunk_number(const struct tags_stripe *stripe)
{
    uint32_t n = stripe->chunks_full;
    while (n < stripe->chunks_used && table_get(&stripe->chunks, n))
        n++;
    return n;
}

static bool
chunk_add(struct tags *tags, struct tags_stripe *stripe)
{
    struct tags_chunk *chunk = mem_zalloc(sizeof(*chunk));
    if (!chunk)
        return false;
    chunk->number = chunk_number(stripe);
    if (!table_set(&stripe->chunks, chunk->number, chunk)) {
        mem_free(chunk);
        return false;
    }
    if (chunk->number == stripe->chunks_used)
        stripe->chunks_used++;
    stripe->chunks_full = chunk->number + 1;
    stripe->chunks_held++;
    charge(tags, stripe, mem_size_class(sizeof(*chunk)));
    for (uint32_t i = CHUNK_SLOTS; i-- > 0;) {
        struct tag_record *r = &chunk->records[i];
        r->slot = chunk->number << TAGS_CHUNK_BITS | i;
        r->next = chunk->free;
        chunk->free = r;
    }
    roomy_add(stripe, chunk);
    return true;
}

static struct tag_record *
slot_take(struct tags *tags, struct tags_stripe *stripe)
{
    if (!stripe->roomy && !chunk_add(tags, stripe))
        return NULL;
    struct tags_chunk *chunk = stripe->roomy;
    struct tag_record *r = chunk->free;
    chunk->free = r->next;
    chunk->used++;
    if (!chunk->free)
        roomy_remove(stripe, chunk);
    return r;
}

static void
slot_give(struct tags *tags, struct tags_stripe *stripe, struct tag_record *r)
{
    struct tags_chunk *chunk =
        table_get(&stripe->chunks, r->slot >> TAGS_CHUNK_BITS);
    if (!chunk->free)
        roomy_add(stripe, chunk);
    r->next = chunk->free;
    chunk->free = r;
    /* The last chunk stays: a tag that comes and goes shall not make and unmake
     * it each time. */
    if (--chunk->used > 0 || stripe->chunks_held == 1)
        return;
    stripe->chunks_held--;
    /* Without links in the chunk no reader can be on its way to it. */
    roomy_remove(stripe, chunk);
    CHECK(table_set(&stripe->chunks, chunk->number, NULL));
    if (chunk->number < stripe->chunks_full)
        stripe->chunks_full = chunk->number;
    discharge(tags, stripe, mem_size_class(sizeof(*chunk)));
    mem_free(chunk);
}

static void
bucket_add(struct tags_stripe *stripe, struct tag_record *r)
{
    struct tag_record **bucket =
        &stripe->buckets[r->hash & stripe->buckets_mask];
    r->next = *bucket;
    *bucket = r;
}

static void
bucket_remove(struct tags_stripe *stripe, struct tag_record *r)
{
    struct tag_record **at = &stripe->buckets[r->hash & stripe->buckets_mask];
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
}

/* Without memory for it the chains grow longer, no more. */
static void
buckets_grow(struct tags *tags, struct tags_stripe *stripe)
{
    uint32_t count = stripe->buckets_mask + 1;
    if (stripe->records < count)
        return;
    struct tag_record **old = stripe->buckets;
    struct tag_record **grown = mem_zalloc(buckets_bytes(count * 2));
    if (!grown)
        return;
    charge(tags, stripe, buckets_bytes(count));
    stripe->buckets = grown;
    stripe->buckets_mask = count * 2 - 1;
    for (uint32_t i = 0; i < count; i++)
        while (old[i]) {
            struct tag_record *r = old[i];
            old[i] = r->next;
            bucket_add(stripe, r);
        }
    mem_free(old);
}

static void
drop(struct tags *tags, struct tags_stripe *stripe, struct tag_record *r)
{
    CHECK(r->links == 0);
    raise_to(&tags->floor, hard_of(stripe, r));
    idle_remove(stripe, r);
    idle_count(tags, r, -1);
    bucket_remove(stripe, r);
    stripe->records--;
    discharge(tags, stripe, name_bytes(r->len));
    mem_free(r->name);
    slot_give(tags, stripe, r);
}

/* A record, idle, invalidated as of the floor. NULL: out of memory. */
static struct tag_record *
create(struct tags *tags, struct tags_stripe *stripe, uint32_t hash,
       struct span name)
{
    /* What is not needed gives way before anything grows. */
    while (stripe->idle_oldest && mem_budget_excess(tags->budget, name.len))
        drop(tags, stripe, stripe->idle_oldest);
    char *copy = mem_alloc(name.len);
    struct tag_record *r = copy ? slot_take(tags, stripe) : NULL;
    if (!r) {
        mem_free(copy);
        return NULL;
    }
    memcpy(copy, name.data, name.len);
    charge(tags, stripe, name_bytes(name.len));
    *r = (struct tag_record){.name = copy,
                             .len = (uint8_t)name.len,
                             .hash = hash,
                             .slot = r->slot};
    /* Under the stripe's lock: a record of this name that was dropped before
     * has raised the floor before. */
    atomic_store_explicit(
        &clock_of(stripe, r->slot)->hard,
        atomic_load_explicit(&tags->floor, memory_order_acquire),
        memory_order_release);
    bucket_add(stripe, r);
    stripe->records++;
    buckets_grow(tags, stripe);
    idle_add(stripe, r);
    idle_count(tags, r, +1);
    return r;
}

/* ---- links ---- */

static void
unlink_one(struct tags *tags, struct tags_stripe *stripe, uint32_t slot,
           uint64_t asof)
{
    struct tags_chunk *chunk =
        table_get(&stripe->chunks, slot >> TAGS_CHUNK_BITS);
    struct tag_record *r = &chunk->records[slot & (TAGS_CHUNK - 1)];
    CHECK(r->links > 0);
    if (hard_of(stripe, r) <= asof) {
        CHECK(r->live > 0);
        r->live--;
    }
    stripe->links--;
    if (--r->links == 0) {
        idle_add(stripe, r);
        idle_count(tags, r, +1);
    }
}

void
tags_unlink(struct tags *tags, const uint32_t *slots, unsigned n,
            uint64_t asof)
{
    for (unsigned i = 0; i < n; i++) {
        struct tags_stripe *stripe =
            &tags->stripes[slots[i] & (TAGS_STRIPES - 1)];
        pthread_mutex_lock(&stripe->lock);
        unlink_one(tags, stripe, slots[i] >> TAGS_STRIPE_BITS, asof);
        pthread_mutex_unlock(&stripe->lock);
    }
}

/* Under the stripe's lock. */
static enum tags_status
link_one(struct tags *tags, struct tags_stripe *stripe, uint32_t hash,
         struct span name, uint64_t asof, uint32_t *slot)
{
    struct tag_record *r = find(stripe, hash, name);
    if (!r) {
        if (atomic_load_explicit(&tags->floor, memory_order_acquire) > asof)
            return TAGS_STALE;
        r = create(tags, stripe, hash, name);
        if (!r)
            return TAGS_NO_MEMORY;
    }
    if (hard_of(stripe, r) > asof)
        return TAGS_STALE;
    if (r->links == 0) {
        idle_remove(stripe, r);
        idle_count(tags, r, -1);
    }
    CHECK(r->links < UINT32_MAX);
    r->links++;
    r->live++;
    stripe->links++;
    *slot = r->slot;
    return TAGS_OK;
}

enum tags_status
tags_link(struct tags *tags, const struct span *names, unsigned n,
          uint64_t asof, uint32_t *slots)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t hash = hash_bytes(names[i].data, names[i].len, tags->seed);
        struct tags_stripe *stripe = stripe_of(tags, hash);
        uint32_t slot = 0;
        pthread_mutex_lock(&stripe->lock);
        enum tags_status status =
            link_one(tags, stripe, (uint32_t)hash, names[i], asof, &slot);
        pthread_mutex_unlock(&stripe->lock);
        if (status != TAGS_OK) {
            tags_unlink(tags, slots, i, asof);
            return status;
        }
        slots[i] = slot << TAGS_STRIPE_BITS |
                   (uint32_t)(stripe - tags->stripes);
    }
    return TAGS_OK;
}

struct span
tags_name(const struct tags *tags, uint32_t slot)
{
    const struct tags_stripe *stripe =
        &tags->stripes[slot & (TAGS_STRIPES - 1)];
    slot >>= TAGS_STRIPE_BITS;
    const struct tags_chunk *chunk =
        table_get(&stripe->chunks, slot >> TAGS_CHUNK_BITS);
    const struct tag_record *r = &chunk->records[slot & (TAGS_CHUNK - 1)];
    /* Written once, before the slot had a link. */
    return (struct span){r->name, r->len};
}

/* ---- invalidation ---- */

static uint64_t
hash_of(const struct tags *tags, struct span name)
{
    return hash_bytes(name.data, name.len, tags->seed);
}

/* Under the stripe's lock. */
static bool
invalidate_one(struct tags *tags, struct span name, uint64_t clock,
               uint64_t *links)
{
    uint64_t hash = hash_of(tags, name);
    struct tags_stripe *stripe = stripe_of(tags, hash);
    struct tag_record *r = find(stripe, (uint32_t)hash, name);
    if (!r)
        r = create(tags, stripe, (uint32_t)hash, name);
    if (r) {
        *links += r->live;
        r->live = 0;
        raise_to(&clock_of(stripe, r->slot)->hard, clock);
        if (r->links == 0) {
            idle_remove(stripe, r);
            idle_add(stripe, r);
        }
    } else {
        raise_to(&tags->floor, clock);
    }
    return r != NULL;
}

bool
tags_invalidate(struct tags *tags, const struct span *names, size_t n,
                uint64_t *links, uint64_t *clock)
{
    bool recorded = true;
    bool locked[TAGS_STRIPES] = {false};
    *links = 0;
    for (size_t i = 0; i < n; i++)
        locked[stripe_of(tags, hash_of(tags, names[i])) - tags->stripes] =
            true;
    for (int s = 0; s < TAGS_STRIPES; s++)
        if (locked[s])
            pthread_mutex_lock(&tags->stripes[s].lock);
    *clock = tags_tick(tags);
    for (size_t i = 0; i < n; i++)
        recorded = invalidate_one(tags, names[i], *clock, links) && recorded;
    for (int s = 0; s < TAGS_STRIPES; s++)
        if (locked[s])
            pthread_mutex_unlock(&tags->stripes[s].lock);
    atomic_fetch_add_explicit(&tags->invalidated_links, *links,
                              memory_order_relaxed);
    return recorded;
}

/* ---- memory ---- */

size_t
tags_drop_idle(struct tags *tags, size_t bytes)
{
    size_t given = 0;
    bool found = true;
    while (found && given < bytes) {
        found = false;
        for (int s = 0; s < TAGS_STRIPES && given < bytes; s++) {
            struct tags_stripe *stripe = &tags->stripes[s];
            pthread_mutex_lock(&stripe->lock);
            uint64_t before = stripe->bytes;
            for (int i = 0; i < DROP_ROUND && stripe->idle_oldest; i++) {
                drop(tags, stripe, stripe->idle_oldest);
                found = true;
            }
            given += before - stripe->bytes;
            pthread_mutex_unlock(&stripe->lock);
        }
    }
    return given;
}

struct tags_totals
tags_totals(struct tags *tags)
{
    struct tags_totals totals = {0};
    for (int s = 0; s < TAGS_STRIPES; s++) {
        struct tags_stripe *stripe = &tags->stripes[s];
        pthread_mutex_lock(&stripe->lock);
        totals.records += stripe->records;
        totals.links += stripe->links;
        totals.bytes += stripe->bytes;
        pthread_mutex_unlock(&stripe->lock);
    }
    return totals;
}
