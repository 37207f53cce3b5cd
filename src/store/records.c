#include "store/records.h"

#include "store/tags.h"
#include "tagcached/check.h"
#include "tagcached/mem.h"

enum { START_BUCKETS = 64 };

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

void
records_raise(_Atomic uint64_t *at, uint64_t clock)
{
    uint64_t old = atomic_load_explicit(at, memory_order_relaxed);
    while (old < clock && !atomic_compare_exchange_weak_explicit(
                              at, &old, clock, memory_order_acq_rel,
                              memory_order_relaxed))
        ;
}

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

bool
records_init(struct tags *tags, struct tags_stripe *stripe)
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

static size_t
name_bytes(size_t len)
{
    return mem_size_class(len);
}

void
records_fini(struct tags *tags, struct tags_stripe *stripe)
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

struct tag_record *
records_at(const struct tags_stripe *stripe, uint32_t slot)
{
    struct tags_chunk *chunk =
        table_get(&stripe->chunks, slot >> TAGS_CHUNK_BITS);
    return &chunk->records[slot & (TAGS_CHUNK - 1)];
}

struct tag_clock *
records_clock(const struct tags_stripe *stripe, uint32_t slot)
{
    struct tags_chunk *chunk =
        table_get(&stripe->chunks, slot >> TAGS_CHUNK_BITS);
    return &chunk->clocks[slot & (TAGS_CHUNK - 1)];
}

struct tag_record *
records_find(const struct tags_stripe *stripe, uint32_t hash, struct span name)
{
    struct tag_record *r = stripe->buckets[hash & stripe->buckets_mask];
    while (r && !(r->hash == hash &&
                  span_equals((struct span){r->name, r->len}, name)))
        r = r->next;
    return r;
}

/* What an idle record keeps from others. */
static uint64_t
idle_bytes(const struct tag_record *r)
{
    return sizeof(*r) + sizeof(struct tag_clock) + name_bytes(r->len);
}

void
records_wake(struct tags *tags, struct tags_stripe *stripe,
             struct tag_record *r)
{
    *(r->older ? &r->older->newer : &stripe->idle_oldest) = r->newer;
    *(r->newer ? &r->newer->older : &stripe->idle_newest) = r->older;
    r->older = r->newer = NULL;
    atomic_fetch_sub_explicit(&tags->idle_bytes, idle_bytes(r),
                              memory_order_relaxed);
}

void
records_rest(struct tags *tags, struct tags_stripe *stripe,
             struct tag_record *r)
{
    CHECK(r->links == 0);
    r->newer = NULL;
    r->older = stripe->idle_newest;
    *(r->older ? &r->older->newer : &stripe->idle_oldest) = r;
    stripe->idle_newest = r;
    atomic_fetch_add_explicit(&tags->idle_bytes, idle_bytes(r),
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

/* Without memory for it the chains stay as long as they are. */
static void
buckets_resize(struct tags *tags, struct tags_stripe *stripe, uint32_t count)
{
    uint32_t old_count = stripe->buckets_mask + 1;
    struct tag_record **old = stripe->buckets;
    struct tag_record **buckets = mem_zalloc(buckets_bytes(count));
    if (!buckets)
        return;
    charge(tags, stripe, buckets_bytes(count));
    stripe->buckets = buckets;
    stripe->buckets_mask = count - 1;
    for (uint32_t i = 0; i < old_count; i++)
        while (old[i]) {
            struct tag_record *r = old[i];
            old[i] = r->next;
            bucket_add(stripe, r);
        }
    mem_free(old);
    discharge(tags, stripe, buckets_bytes(old_count));
}

static void
buckets_fit(struct tags *tags, struct tags_stripe *stripe)
{
    uint32_t count = stripe->buckets_mask + 1;
    if (stripe->records > count)
        buckets_resize(tags, stripe, count * 2);
    else if (count > START_BUCKETS && stripe->records < count / 8)
        buckets_resize(tags, stripe, count / 2);
}

void
records_drop(struct tags *tags, struct tags_stripe *stripe,
             struct tag_record *r)
{
    CHECK(r->links == 0);
    records_raise(&tags->floor, records_hard(stripe, r));
    records_wake(tags, stripe, r);
    bucket_remove(stripe, r);
    stripe->records--;
    buckets_fit(tags, stripe);
    discharge(tags, stripe, name_bytes(r->len));
    mem_free(r->name);
    slot_give(tags, stripe, r);
}

/* A record, idle, invalidated as of the floor. NULL: out of memory. */
struct tag_record *
records_create(struct tags *tags, struct tags_stripe *stripe, uint32_t hash,
               struct span name)
{
    /* What is not needed gives way before anything grows: two for one, so that
     * idle records become fewer, but not all at once, which would raise the
     * floor to the present. */
    for (int i = 0; i < 2 && stripe->idle_oldest &&
                    mem_budget_excess(tags->budget, name.len) > 0;
         i++)
        records_drop(tags, stripe, stripe->idle_oldest);
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
        &records_clock(stripe, r->slot)->hard,
        atomic_load_explicit(&tags->floor, memory_order_acquire),
        memory_order_release);
    bucket_add(stripe, r);
    stripe->records++;
    buckets_fit(tags, stripe);
    records_rest(tags, stripe, r);
    return r;
}
