#include "store/index.h"

#include "tagcached/check.h"
#include "tagcached/mem.h"

enum { LINE = 64 };
#define CHUNK_BYTES (INDEX_CHUNK * sizeof(struct bucket))

static uint16_t
fingerprint_of(uint64_t hash)
{
    return (uint16_t)(hash >> 32);
}

/* Which of `buckets` a hash belongs to. Those below `buckets - half` and their
 * counterparts above `half` have been split already. */
static uint32_t
number_of(uint64_t hash, uint32_t buckets)
{
    uint32_t low = (uint32_t)hash;
    uint32_t half = UINT32_C(1) << (31 - __builtin_clz(buckets));
    uint32_t number = low & (2 * half - 1);
    return number < buckets ? number : number & (half - 1);
}

static struct bucket *
in_chunks(const struct table *table, uint32_t number)
{
    struct bucket *chunk = table_get(table, number >> INDEX_CHUNK_SHIFT);
    return &chunk[number & (INDEX_CHUNK - 1)];
}

static uint32_t
bucket_count(const struct index *index)
{
    return atomic_load_explicit(&index->buckets, memory_order_acquire);
}

static uint32_t
load_location(const struct bucket *b, unsigned slot)
{
    return atomic_load_explicit(&b->location[slot], memory_order_relaxed);
}

static uint16_t
load_fingerprint(const struct bucket *b, unsigned slot)
{
    return atomic_load_explicit(&b->fingerprint[slot], memory_order_relaxed);
}

static void
fill(struct bucket *b, unsigned slot, uint16_t fingerprint, uint32_t location)
{
    atomic_store_explicit(&b->fingerprint[slot], fingerprint,
                          memory_order_relaxed);
    /* Who reads it without the lock (index_guess) must also see the table in
     * which its segment stands. */
    atomic_store_explicit(&b->location[slot], location, memory_order_release);
}

static struct bucket *
next_bucket(const struct index *index, const struct bucket *b)
{
    return b->next ? in_chunks(&index->overflow, b->next) : NULL;
}

/* Adds one chunk to a table of buckets. */
static bool
add_chunk(struct index *index, struct table *table, uint32_t at)
{
    struct bucket *chunk = mem_zalloc_aligned(LINE, CHUNK_BYTES);
    if (!chunk)
        return false;
    if (!table_set(table, at, chunk)) {
        mem_free(chunk);
        return false;
    }
    mem_budget_force(table->budget, CHUNK_BYTES);
    index->bytes += CHUNK_BYTES;
    return true;
}

static void
free_chunks(struct table *table, uint32_t buckets)
{
    for (uint32_t n = 0; n < buckets; n += INDEX_CHUNK) {
        mem_free(table_get(table, n >> INDEX_CHUNK_SHIFT));
        mem_budget_give(table->budget, CHUNK_BYTES);
    }
    table_fini(table);
}

bool
index_init(struct index *index, struct mem_budget *budget)
{
    *index = (struct index){0};
    table_init(&index->chunks, budget);
    table_init(&index->overflow, budget);
    if (!add_chunk(index, &index->chunks, 0))
        return false;
    index->buckets = INDEX_CHUNK;
    return true;
}

void
index_fini(struct index *index)
{
    free_chunks(&index->chunks, bucket_count(index));
    free_chunks(&index->overflow, index->overflow_buckets);
}

const struct bucket *
index_bucket(const struct index *index, uint64_t hash)
{
    return in_chunks(&index->chunks, number_of(hash, bucket_count(index)));
}

uint32_t
index_guess(const struct index *index, uint64_t hash)
{
    const struct bucket *b = index_bucket(index, hash);
    uint16_t fingerprint = fingerprint_of(hash);
    for (unsigned i = 0; i < INDEX_SLOTS; i++)
        if (load_fingerprint(b, i) == fingerprint)
            return atomic_load_explicit(&b->location[i],
                                        memory_order_acquire);
    return 0;
}

struct index_place
index_search(const struct index *index, uint64_t hash, struct index_place from)
{
    uint16_t fingerprint = fingerprint_of(hash);
    struct bucket *b = from.bucket ? from.bucket
                                   : (struct bucket *)index_bucket(index, hash);
    unsigned slot = from.slot;
    for (; b; b = next_bucket(index, b), slot = 0)
        for (; slot < INDEX_SLOTS; slot++)
            if (load_fingerprint(b, slot) == fingerprint &&
                load_location(b, slot) != 0)
                return (struct index_place){b, slot};
    return (struct index_place){0};
}

struct index_place
index_find(const struct index *index, uint64_t hash, uint32_t location)
{
    struct bucket *b = (struct bucket *)index_bucket(index, hash);
    for (; b; b = next_bucket(index, b))
        for (unsigned i = 0; i < INDEX_SLOTS; i++)
            if (load_location(b, i) == location)
                return (struct index_place){b, i};
    return (struct index_place){0};
}

/* An empty overflow bucket's number, or 0. */
static uint32_t
overflow_take(struct index *index)
{
    if (index->overflow_free) {
        uint32_t number = index->overflow_free;
        struct bucket *b = in_chunks(&index->overflow, number);
        index->overflow_free = b->next;
        b->next = 0;
        return number;
    }
    uint32_t number = index->overflow_buckets;
    if (number % INDEX_CHUNK == 0 &&
        !add_chunk(index, &index->overflow, number >> INDEX_CHUNK_SHIFT))
        return 0;
    /* Number 0 means "none": the first chunk starts with 1. */
    index->overflow_buckets = number == 0 ? 2 : number + 1;
    return number == 0 ? 1 : number;
}

/* Puts a location into the chain that starts at `b`. */
static bool
put(struct index *index, struct bucket *b, uint16_t fingerprint,
    uint32_t location)
{
    for (;;) {
        for (unsigned i = 0; i < INDEX_SLOTS; i++)
            if (load_location(b, i) == 0) {
                fill(b, i, fingerprint, location);
                return true;
            }
        if (b->next == 0 && (b->next = overflow_take(index)) == 0)
            return false;
        b = next_bucket(index, b);
    }
}

bool
index_insert(struct index *index, uint64_t hash, uint32_t location)
{
    struct bucket *b = (struct bucket *)index_bucket(index, hash);
    if (!put(index, b, fingerprint_of(hash), location))
        return false;
    index->items++;
    return true;
}

/* The last bucket of a chain; *before is the one before it. */
static struct bucket *
chain_end(const struct index *index, struct bucket *b, struct bucket **before)
{
    *before = NULL;
    while (b->next) {
        *before = b;
        b = next_bucket(index, b);
    }
    return b;
}

static void
overflow_give(struct index *index, struct bucket *before, struct bucket *last)
{
    uint32_t number = before->next;
    before->next = 0;
    last->next = index->overflow_free;
    index->overflow_free = number;
}

void
index_remove(struct index *index, uint64_t hash, struct index_place place)
{
    CHECK(index_location(place) != 0);
    index_relocate(place, 0);
    index->items--;
    /* A hole is filled from the end of the chain, so that chains which grew by
     * chance become short again. */
    struct bucket *before;
    struct bucket *last =
        chain_end(index, (struct bucket *)index_bucket(index, hash), &before);
    if (!before)
        return;
    unsigned left = 0, at = 0;
    for (unsigned i = 0; i < INDEX_SLOTS; i++)
        if (load_location(last, i) != 0) {
            left++;
            at = i;
        }
    if (left > 0 && last != place.bucket) {
        fill(place.bucket, place.slot, load_fingerprint(last, at),
             load_location(last, at));
        fill(last, at, 0, 0);
        left--;
    }
    if (left == 0)
        overflow_give(index, before, last);
}

bool
index_is_growing(const struct index *index)
{
    return index->items > (uint64_t)bucket_count(index) * INDEX_LOAD;
}

/* Takes all entries out of a chain; its overflow buckets become free. At most
 * `max` are written to `locations`; returns how many. */
static unsigned
drain(struct index *index, struct bucket *b, uint32_t *locations, unsigned max)
{
    unsigned n = 0;
    uint32_t next = b->next;
    b->next = 0;
    for (;;) {
        for (unsigned i = 0; i < INDEX_SLOTS; i++) {
            uint32_t location = load_location(b, i);
            if (location == 0)
                continue;
            CHECK(n < max);
            locations[n++] = location;
            fill(b, i, 0, 0);
        }
        if (next == 0)
            return n;
        uint32_t number = next;
        b = in_chunks(&index->overflow, number);
        next = b->next;
        b->next = index->overflow_free;
        index->overflow_free = number;
        /* Its slots are emptied in the next round of the loop. */
    }
}

static unsigned
chain_length(const struct index *index, const struct bucket *b)
{
    unsigned n = 0;
    for (; b; b = next_bucket(index, b))
        n++;
    return n;
}

/* Growth stops at a longer chain. It would take a hash that puts more than 160
 * entries into one bucket, where 7 are the mean. */
enum { SPLIT_CHAIN = 16 };

static bool
split(struct index *index, index_hash_of *hash_of, const void *owner)
{
    uint32_t buckets = bucket_count(index);
    uint32_t half = UINT32_C(1) << (31 - __builtin_clz(buckets));
    struct bucket *from = in_chunks(&index->chunks, buckets - half);
    if (chain_length(index, from) > SPLIT_CHAIN)
        return false;
    if (buckets % INDEX_CHUNK == 0 &&
        !add_chunk(index, &index->chunks, buckets >> INDEX_CHUNK_SHIFT))
        return false;
    uint32_t locations[SPLIT_CHAIN * INDEX_SLOTS];
    unsigned n = drain(index, from, locations, SPLIT_CHAIN * INDEX_SLOTS);
    atomic_store_explicit(&index->buckets, buckets + 1, memory_order_release);
    for (unsigned i = 0; i < n; i++) {
        uint64_t hash = hash_of(owner, locations[i]);
        struct bucket *to = (struct bucket *)index_bucket(index, hash);
        /* The overflow buckets just freed are enough for all of them. */
        CHECK(put(index, to, fingerprint_of(hash), locations[i]));
    }
    return true;
}

void
index_grow(struct index *index, index_hash_of *hash_of, const void *owner)
{
    if (index_is_growing(index))
        split(index, hash_of, owner);
}
