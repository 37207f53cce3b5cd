/*
 * The store: entries by key, with expiry, CAS, tags and eviction, inside a
 * memory budget. The one door to src/store.
 *
 * Threads: any; it locks by shard inside and holds no lock when it returns. A
 * visitor runs under a shard's lock: it copies or references and returns, it
 * calls nothing of the store but store_tag_name and store_blob_ref, and makes
 * no system call.
 */
#ifndef TAGCACHED_STORE_H
#define TAGCACHED_STORE_H

#include "tagcached/mem.h"
#include "tagcached/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_KEY_MAX = 250, STORE_TAG_MAX = 250, STORE_TAGS_MAX = 64,
       STORE_WALK_MAX = 4096 };

struct store;

struct store_config {
    struct mem_budget *budget; /* charged for all that grows; outlives it */
    uint32_t item_size_max;    /* -I, bytes, by memcached's own sum */
    bool evict;                /* false: a full store refuses (-M) */
    bool cas;                  /* false: CAS reads 0 and never matches (-C) */
    uint64_t seed;             /* of the key hash; hash_random_seed() */
};

/* NULL: out of memory. Starts no thread. */
struct store *store_new(const struct store_config *config);
void store_free(struct store *store);

enum store_status {
    STORE_OK,
    STORE_NOT_FOUND,   /* no such entry, or dead by a tag */
    STORE_EXPIRED,     /* not found: this read met its end */
    STORE_FLUSHED,     /* not found: this read met what a flush left */
    STORE_NOT_STORED,  /* add, replace, append, prepend: condition failed */
    STORE_EXISTS,      /* CAS differs */
    STORE_STALE,       /* refused by section 4 of the tag contract */
    STORE_BAD_TAGS,    /* more than STORE_TAGS_MAX together, after append */
    STORE_TOO_LARGE,
    STORE_NO_MEMORY,
    STORE_NON_NUMERIC, /* arithmetic on something else */
};
static inline bool
store_is_miss(enum store_status status)
{
    return status == STORE_NOT_FOUND || status == STORE_EXPIRED ||
           status == STORE_FLUSHED;
}

/* ---- keys ---------------------------------------------------------------
 * Hash once, prefetch a whole batch, then execute it. */
struct store_key {
    struct span name; /* 1..STORE_KEY_MAX bytes */
    uint64_t hash;
};
struct store_key store_key(const struct store *store, struct span name);
/* First for every key of a batch the bucket, then for every key the entry. */
void store_prefetch_bucket(const struct store *store, uint64_t hash);
void store_prefetch_item(const struct store *store, uint64_t hash);

/* ---- large values -------------------------------------------------------
 * A value that does not fit into a segment lives in a blob of its own, which
 * is received into directly and sent from without a copy. */
struct store_blob;
/* From this length on a value must be handed over as a blob. */
size_t store_blob_min(const struct store *store);
/* A blob of `len` bytes, room made and charged; one reference, the caller's.
 * NULL: nothing left to evict. */
struct store_blob *store_blob_new(struct store *store, size_t len);
char *store_blob_data(struct store_blob *blob);
void store_blob_ref(struct store_blob *blob);
void store_blob_release(void *blob); /* an out_release */

/* ---- reading ------------------------------------------------------------ */
struct store_view {
    struct span key;
    struct span value;
    struct store_blob *blob; /* holds the value, or NULL: copy it */
    uint32_t flags;          /* the client's */
    uint32_t expire;         /* tick, NOW_NEVER; after a touch the new one */
    uint32_t expire_before;  /* before this command */
    uint64_t cas;
    uint32_t last_access_s;  /* now_s() of the last access before this one */
    bool fetched;            /* was read before this one */
    size_t size;             /* bytes it takes */
    const uint32_t *tags;    /* ntags handles for store_tag_name */
    unsigned ntags;
    uint64_t asof;           /* 0 where untagged */
};
typedef void store_visit(void *arg, const struct store_view *view);

struct store_read {
    bool touch;      /* set the end to `expire` */
    uint32_t expire; /* tick, see now_expire */
    bool peek;       /* no trace in the LRU, the entry stays unfetched */
};

/* STORE_OK after `visit` saw the entry (visit may be NULL), else a miss. */
enum store_status store_get(struct store *store, const struct store_key *key,
                            struct store_read how, store_visit *visit,
                            void *arg);

/* Within a visit: the name of one of view->tags. */
struct span store_tag_name(const struct store *store, uint32_t tag);

/* ---- writing ------------------------------------------------------------ */
enum store_mode {
    STORE_SET, STORE_ADD, STORE_REPLACE, STORE_APPEND, STORE_PREPEND,
};

struct store_write {
    struct store_key key;
    enum store_mode mode;
    bool match_cas;          /* store only over an entry with this `cas`: no
                                entry: STORE_NOT_FOUND, other: STORE_EXISTS */
    uint64_t cas;
    uint32_t flags;          /* append, prepend: ignored, kept */
    uint32_t expire;         /* tick; append, prepend: ignored, kept */
    struct span value;       /* shorter than store_blob_min, or: */
    struct store_blob *blob; /* consumed whatever the outcome; value unused */
    const struct span *tags; /* distinct and valid, see store_tag_is_valid */
    unsigned ntags;
    uint64_t asof;           /* clock when parsed, or the client's (guarded) */
    bool guarded;            /* asof came from the client (flag A) */
    uint64_t cas_out;        /* result: the entry's CAS after STORE_OK */
};
enum store_status store_write(struct store *store, struct store_write *write);

/* The memory that memcached would count for an entry, against -I. */
bool store_is_too_large(const struct store *store, size_t klen, uint32_t flags,
                        size_t vlen);

/* STORE_OK, a miss, or STORE_EXISTS (match_cas). Moves the clock and guards
 * the key against older fills, but for STORE_EXISTS. */
enum store_status store_delete(struct store *store, const struct store_key *key,
                               bool match_cas, uint64_t cas);

/* Kept: flags, end, tags. Increment wraps at 2^64, decrement stops at 0.
 * *result is the new number, *cas_out its CAS. */
enum store_status store_arith(struct store *store, const struct store_key *key,
                              bool decrement, uint64_t delta, uint64_t *result,
                              uint64_t *cas_out);

/* Everything goes: now (NOW_NEVER or a past tick), or when `at` comes, which
 * replaces an earlier appointment. */
void store_flush(struct store *store, uint32_t at);

/* ---- tags: the contract is doc/PROTOCOL.md ------------------------------ */

/* 1..STORE_TAG_MAX bytes, none <= 0x20, 0x7f or a comma. */
bool store_tag_is_valid(struct span tag);
/* The clock, to be read before the lookup it shall guard. Never 0. */
uint64_t store_clock(const struct store *store);
/*
 * Invalidates valid tags, all at one new clock. *links: entry-tag links not
 * yet invalidated through these tags or removed. STORE_NO_MEMORY: a tag could
 * not be recorded; then everything is as if all unknown tags were invalidated
 * (the floor was raised), so the promise holds and *links is right.
 */
enum store_status store_invalidate(struct store *store, const struct span *tags,
                                   size_t ntags, uint64_t *links,
                                   uint64_t *clock);

/* ---- background --------------------------------------------------------- */

/* One bounded slice of sweeping (expired, flushed, invalidated entries, the
 * appointment of a flush). Called every few ms by one thread. */
void store_sweep(struct store *store);

/* ---- looking at all entries --------------------------------------------- */

struct store_cursor { /* where a walk stands; zero at its start */
    unsigned shard;
    uint32_t segment;
};
/* Shows the entries of one segment (at most STORE_WALK_MAX), or none, and
 * moves on; false: that was all. What moves or comes while the walk goes on
 * may be seen twice or not at all. */
bool store_walk(struct store *store, struct store_cursor *cursor,
                store_visit *visit, void *arg);

/* ---- looking ------------------------------------------------------------ */
struct store_stats {
#define STORE_STAT(name) uint64_t name;
#include "tagcached/tbl/store_stats.def"
#undef STORE_STAT
};
void store_stats(struct store *store, struct store_stats *stats);
/* Counters (not gauges) start again at 0. */
void store_stats_reset(struct store *store);

#endif
