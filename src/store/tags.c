#include "store/tags.h"

#include "tagcached/check.h"
#include "tagcached/hash.h"
#include "tagcached/mem.h"
#include "tagcached/store.h"

enum { CLOCK_COUNTER_BITS = 48 };

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

bool
tags_init(struct tags *tags, struct mem_budget *budget, uint64_t seed)
{
    *tags = (struct tags){.seed = seed, .budget = budget};
    /* Never 0, so that no clock is 0; the counter starts at 1. */
    uint64_t boot = hash_random_seed() % UINT16_MAX + 1;
    tags->clock = boot << CLOCK_COUNTER_BITS | 1;
    bool ok = true;
    for (int i = 0; i < TAGS_STRIPES; i++)
        ok = records_init(tags, &tags->stripes[i]) && ok;
    return ok;
}

void
tags_fini(struct tags *tags)
{
    for (int i = 0; i < TAGS_STRIPES; i++)
        records_fini(tags, &tags->stripes[i]);
}

/* ---- the clock ---- */

uint64_t
tags_tick(struct tags *tags)
{
    return atomic_fetch_add_explicit(&tags->clock, 1, memory_order_acq_rel) +
           1;
}

void
tags_flush(struct tags *tags)
{
    records_raise(&tags->flushed, tags_tick(tags));
}

bool
tags_accept(const struct tags *tags, uint64_t asof)
{
    uint64_t now = tags_now(tags);
    return asof >> CLOCK_COUNTER_BITS == now >> CLOCK_COUNTER_BITS &&
           asof <= now && !tags_is_flushed(tags, asof);
}

/* ---- links ---- */

static uint64_t
hash_of(const struct tags *tags, struct span name)
{
    return hash_bytes(name.data, name.len, tags->seed);
}

static struct tags_stripe *
stripe_of(struct tags *tags, uint64_t hash)
{
    return &tags->stripes[hash >> 32 & (TAGS_STRIPES - 1)];
}

static void
unlink_one(struct tags *tags, struct tags_stripe *stripe, uint32_t slot,
           uint64_t asof)
{
    struct tag_record *r = records_at(stripe, slot);
    CHECK(r->links > 0);
    if (records_hard(stripe, r) <= asof) {
        CHECK(r->live > 0);
        r->live--;
    }
    stripe->links--;
    if (--r->links == 0)
        records_rest(tags, stripe, r);
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
    struct tag_record *r = records_find(stripe, hash, name);
    if (!r) {
        if (atomic_load_explicit(&tags->floor, memory_order_acquire) > asof)
            return TAGS_STALE;
        r = records_create(tags, stripe, hash, name);
        if (!r)
            return TAGS_NO_MEMORY;
    }
    if (records_hard(stripe, r) > asof)
        return TAGS_STALE;
    if (r->links == 0)
        records_wake(tags, stripe, r);
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
        uint64_t hash = hash_of(tags, names[i]);
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
    const struct tag_record *r = records_at(stripe, slot >> TAGS_STRIPE_BITS);
    /* Written once, before the slot had a link. */
    return (struct span){r->name, r->len};
}

/* ---- invalidation ---- */

/* Under the stripe's lock. */
static bool
invalidate_one(struct tags *tags, struct span name, uint64_t clock,
               uint64_t *links)
{
    uint64_t hash = hash_of(tags, name);
    struct tags_stripe *stripe = stripe_of(tags, hash);
    struct tag_record *r = records_find(stripe, (uint32_t)hash, name);
    if (!r)
        r = records_create(tags, stripe, (uint32_t)hash, name);
    if (r) {
        *links += r->live;
        r->live = 0;
        records_raise(&records_clock(stripe, r->slot)->hard, clock);
        if (r->links == 0) {
            records_wake(tags, stripe, r);
            records_rest(tags, stripe, r);
        }
    } else {
        records_raise(&tags->floor, clock);
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

/* The stripe whose oldest idle record was invalidated first, or NULL. */
static struct tags_stripe *
oldest_stripe(struct tags *tags)
{
    struct tags_stripe *oldest = NULL;
    uint64_t least = UINT64_MAX;
    for (int s = 0; s < TAGS_STRIPES; s++) {
        struct tags_stripe *stripe = &tags->stripes[s];
        struct tag_record *r = stripe->idle_oldest;
        if (r && records_hard(stripe, r) < least) {
            least = records_hard(stripe, r);
            oldest = stripe;
        }
    }
    return oldest;
}

size_t
tags_drop_idle(struct tags *tags, size_t bytes)
{
    size_t given = 0;
    /* All at once: dropping the newer ones of one stripe before the older ones
     * of another would raise the floor without need. */
    for (int s = 0; s < TAGS_STRIPES; s++)
        pthread_mutex_lock(&tags->stripes[s].lock);
    struct tags_stripe *stripe;
    while (given < bytes && (stripe = oldest_stripe(tags)) != NULL) {
        uint64_t before = stripe->bytes;
        records_drop(tags, stripe, stripe->idle_oldest);
        given += before - stripe->bytes;
    }
    for (int s = 0; s < TAGS_STRIPES; s++)
        pthread_mutex_unlock(&tags->stripes[s].lock);
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
