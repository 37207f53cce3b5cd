/* Storing: what a new value does to the old one, and to its tags. */
#include "store/blob.h"
#include "store/store.h"
#include "tagcached/check.h"
#include "tagcached/num.h"

#include <ctype.h>

/* One attempt to store, under the shard's lock. */
struct attempt {
    struct store *store;
    struct shard *shard;
    struct store_write *write;
    struct store_blob *blob; /* for the result, the attempt's own; or NULL */
    struct found old;
    uint32_t slots[STORE_TAGS_MAX]; /* of the result: kept ones first */
    unsigned nkept, ntags;
    uint64_t asof;
    size_t needed; /* after RETRY: bytes of the blob, or of the room */
};

/* What an attempt says beside a status: unlock, make room or a blob of
 * `needed` bytes, and try again. */
enum { RETRY_ROOM = 100, RETRY_BLOB };

/* Others may take the room that was made: try often, not forever. */
enum { TRIES = 16 };

/* ---- section 4 of the contract ---- */

static bool
is_stale(const struct attempt *a)
{
    const struct store_write *w = a->write;
    const struct tags *tags = &a->store->tags;
    if (w->guarded)
        return !tags_accept(tags, w->asof) ||
               *store_delete_slot(a->shard, w->key.hash) > w->asof;
    return w->ntags > 0 && tags_is_flushed(tags, w->asof);
}

/* ---- conditions ---- */

static enum store_status
check_condition(const struct attempt *a)
{
    const struct store_write *w = a->write;
    bool there = a->old.item != NULL;
    switch (w->mode) {
    case STORE_ADD:
        return there ? STORE_NOT_STORED : STORE_OK;
    case STORE_APPEND:
    case STORE_PREPEND:
        if (!there)
            return STORE_NOT_STORED;
        break;
    case STORE_REPLACE:
        if (!there && !w->match_cas)
            return STORE_NOT_STORED;
        break;
    case STORE_SET:
        break;
    }
    if (!w->match_cas)
        return STORE_OK;
    if (!there)
        return STORE_NOT_FOUND;
    bool same = a->store->env.cas && item_cas(a->old.item) == w->cas;
    return same ? STORE_OK : STORE_EXISTS;
}

static bool
joins(const struct store_write *w)
{
    return w->mode == STORE_APPEND || w->mode == STORE_PREPEND;
}

/* ---- tags ---- */

static bool
has_tag(const struct attempt *a, const struct item *it, struct span name)
{
    for (unsigned i = 0; i < item_ntags(it); i++)
        if (span_equals(tags_name(&a->store->tags, item_tags(it)[i]), name))
            return true;
    return false;
}

/* Those of the write that the old entry does not carry; returns how many. */
static unsigned
new_tags(const struct attempt *a, struct span *names)
{
    const struct store_write *w = a->write;
    unsigned n = 0;
    for (unsigned i = 0; i < w->ntags; i++)
        if (a->nkept == 0 || !has_tag(a, a->old.item, w->tags[i]))
            names[n++] = w->tags[i];
    return n;
}

/*
 * Links the result to its tags. An append keeps the old entry's, and is as old
 * as the older of the two.
 */
static enum store_status
link_tags(struct attempt *a)
{
    const struct store_write *w = a->write;
    struct tags *tags = &a->store->tags;
    const struct item *old = a->old.item;
    a->asof = w->asof;
    a->nkept = joins(w) ? item_ntags(old) : 0;
    if (a->nkept > 0) {
        memcpy(a->slots, item_tags(old), a->nkept * sizeof(*a->slots));
        if (item_asof(old) < a->asof)
            a->asof = item_asof(old);
        if (tags_is_flushed(tags, a->asof) ||
            !tags_are_valid(tags, a->slots, a->nkept, a->asof))
            return STORE_STALE;
    }
    struct span names[STORE_TAGS_MAX];
    unsigned n = new_tags(a, names);
    if (a->nkept + n > STORE_TAGS_MAX)
        return STORE_BAD_TAGS;
    enum tags_status status =
        tags_link(tags, names, n, a->asof, a->slots + a->nkept);
    if (status != TAGS_OK)
        return status == TAGS_STALE ? STORE_STALE : STORE_NO_MEMORY;
    a->ntags = a->nkept + n;
    return STORE_OK;
}

static void
unlink_tags(struct attempt *a)
{
    tags_unlink(&a->store->tags, a->slots + a->nkept, a->ntags - a->nkept,
                a->asof);
    a->ntags = a->nkept;
}

/* ---- the value ---- */

static struct span
given_value(const struct store_write *w)
{
    return w->blob ? (struct span){w->blob->data, w->blob->len} : w->value;
}

static size_t
result_len(const struct attempt *a)
{
    size_t len = given_value(a->write).len;
    return joins(a->write) ? len + a->old.item->vlen : len;
}

static struct span
item_bytes(const struct item *it)
{
    bool blob = it->bits & ITEM_BLOB;
    return (struct span){blob ? item_blob(it)->data : item_value(it),
                         it->vlen};
}

static void
write_value(const struct attempt *a, char *to)
{
    const struct store_write *w = a->write;
    struct span given = given_value(w);
    if (!joins(w)) {
        memcpy(to, given.data, given.len);
        return;
    }
    struct span old = item_bytes(a->old.item);
    struct span first = w->mode == STORE_APPEND ? old : given;
    struct span last = w->mode == STORE_APPEND ? given : old;
    memcpy(to, first.data, first.len);
    memcpy(to + first.len, last.data, last.len);
}

/* Has the result a blob where it needs one? */
static int
prepare_blob(struct attempt *a, size_t len)
{
    struct store_write *w = a->write;
    if (len < store_blob_min(a->store))
        return STORE_OK;
    if (!joins(w)) {
        CHECK(w->blob);
        return STORE_OK;
    }
    if (a->blob && a->blob->len == len)
        return STORE_OK;
    a->needed = len;
    return RETRY_BLOB;
}

static struct shape
result_shape(const struct attempt *a, size_t len)
{
    const struct store_write *w = a->write;
    const struct item *old = joins(w) ? a->old.item : NULL;
    bool large = len >= store_blob_min(a->store);
    return (struct shape){
        .key = &w->key,
        .expire = old ? old->expire : w->expire,
        .flags = old ? item_flags(old) : w->flags,
        .vlen = (uint32_t)len,
        .blob = !large ? NULL : old ? a->blob : w->blob,
        .tags = a->slots,
        .ntags = a->ntags,
        .asof = a->asof,
        .bits = old ? old->bits & (ITEM_FETCHED | ITEM_TOUCHED) : 0,
    };
}

/* Writes and links the result, whose tags are linked. */
static int
place(struct attempt *a, size_t len)
{
    struct store_write *w = a->write;
    struct shape shape = result_shape(a, len);
    struct item *it = NULL;
    if (a->old.item && !joins(w))
        it = shard_replace(a->shard, a->old, &shape);
    if (!it) {
        it = shard_place(a->shard, &shape);
        if (!it) {
            a->needed = SEGMENT_BYTES;
            return RETRY_ROOM;
        }
        /* Making room may have moved the old one, or evicted it. */
        a->old = shard_peek(a->shard, &w->key);
        enum store_status status = check_condition(a);
        if (status != STORE_OK) {
            shard_drop(a->shard, it);
            return status;
        }
    }
    if (!shape.blob)
        write_value(a, item_value(it));
    else if (joins(w))
        write_value(a, shape.blob->data);
    w->cas_out = item_cas(it);
    if (!shard_link(a->shard, it, w->key.hash, a->old, a->nkept > 0))
        return STORE_NO_MEMORY;
    if (shape.blob)
        store_blob_ref(shape.blob); /* the entry's */
    return STORE_OK;
}

/* Everything under the lock. A status, or RETRY_*. */
static int
attempt(struct attempt *a)
{
    struct store_write *w = a->write;
    /* Before the entry is looked up, which would remove a dead one. */
    if (is_stale(a))
        return STORE_STALE;
    shard_find(a->shard, &w->key, &a->old);
    enum store_status status = check_condition(a);
    if (status != STORE_OK) {
        if (w->mode == STORE_ADD)
            a->old.item->bits |= ITEM_TOUCHED;
        return status;
    }
    size_t len = result_len(a);
    uint32_t flags = joins(w) ? item_flags(a->old.item) : w->flags;
    if (store_is_too_large(a->store, w->key.name.len, flags, len))
        return joins(w) ? STORE_NOT_STORED : STORE_TOO_LARGE;
    int next = prepare_blob(a, len);
    if (next != STORE_OK)
        return next;
    status = link_tags(a);
    if (status != STORE_OK)
        return status;
    next = place(a, len);
    if (next != STORE_OK)
        unlink_tags(a);
    return next;
}

/* Outside the lock: what the attempt lacks. */
static bool
provide(struct attempt *a, int lacks)
{
    if (lacks == RETRY_ROOM)
        return store_make_room(a->store, a->needed);
    if (a->blob)
        store_blob_release(a->blob);
    a->blob = store_blob_new(a->store, a->needed);
    return a->blob != NULL;
}

enum store_status
store_write(struct store *store, struct store_write *w)
{
    struct attempt a = {.store = store,
                        .shard = store_shard(store, w->key.hash),
                        .write = w};
    int status = RETRY_ROOM;
    for (int i = 0; i < TRIES; i++) {
        shard_lock(a.shard);
        status = attempt(&a);
        shard_unlock(a.shard);
        if (status < RETRY_ROOM || !provide(&a, status))
            break;
    }
    if (status >= RETRY_ROOM)
        status = STORE_NO_MEMORY;
    if (a.blob)
        store_blob_release(a.blob);
    if (w->blob)
        store_blob_release(w->blob);
    w->blob = NULL;
    return (enum store_status)status;
}

/* ---- arithmetic ---- */

/* A number as memcached reads it: blanks around it and a plus are let pass. */
static bool
parse_number(struct span text, uint64_t *number)
{
    while (text.len > 0 && isspace((unsigned char)text.data[0]))
        text = (struct span){text.data + 1, text.len - 1};
    while (text.len > 0 && isspace((unsigned char)text.data[text.len - 1]))
        text.len--;
    if (text.len > 1 && text.data[0] == '+')
        text = (struct span){text.data + 1, text.len - 1};
    return num_parse_u64(text, number);
}

/* The same entry with other digits; its tags go with it. */
static int
rewrite(struct attempt *a, struct span digits)
{
    struct item *old = a->old.item;
    a->nkept = a->ntags = item_ntags(old);
    if (a->ntags > 0)
        memcpy(a->slots, item_tags(old), a->ntags * sizeof(*a->slots));
    struct shape shape = {.key = &a->write->key,
                          .expire = old->expire,
                          .flags = item_flags(old),
                          .vlen = (uint32_t)digits.len,
                          .tags = a->slots,
                          .ntags = a->ntags,
                          .asof = item_asof(old),
                          .bits = old->bits &
                                  (ITEM_FETCHED | ITEM_TOUCHED)};
    struct item *it = shard_place(a->shard, &shape);
    if (!it)
        return RETRY_ROOM;
    a->old = shard_peek(a->shard, &a->write->key);
    if (!a->old.item) {
        shard_drop(a->shard, it); /* evicted in the meantime */
        return STORE_NOT_FOUND;
    }
    memcpy(item_value(it), digits.data, digits.len);
    a->write->cas_out = item_cas(it);
    return shard_link(a->shard, it, a->write->key.hash, a->old, true)
               ? STORE_OK
               : STORE_NO_MEMORY;
}

static int
attempt_arith(struct attempt *a, bool decrement, uint64_t delta,
              uint64_t *result)
{
    enum store_status status =
        shard_find(a->shard, &a->write->key, &a->old);
    if (status != STORE_OK)
        return status;
    struct item *it = a->old.item;
    uint64_t number;
    if (it->bits & ITEM_BLOB || !parse_number(item_bytes(it), &number))
        return STORE_NON_NUMERIC;
    *result = !decrement     ? number + delta
              : number > delta ? number - delta
                               : 0;
    char digits[NUM_U64_DIGITS];
    size_t len = num_format_u64(digits, *result);
    it->bits |= ITEM_TOUCHED;
    if (len != it->vlen)
        return rewrite(a, (struct span){digits, len});
    memcpy(item_value(it), digits, len);
    item_set_cas(it, ++a->shard->cas);
    a->write->cas_out = item_cas(it);
    return STORE_OK;
}

enum store_status
store_arith(struct store *store, const struct store_key *key, bool decrement,
            uint64_t delta, uint64_t *result, uint64_t *cas_out)
{
    struct store_write write = {.key = *key};
    struct attempt a = {.store = store,
                        .shard = store_shard(store, key->hash),
                        .write = &write,
                        .needed = SEGMENT_BYTES};
    int status = RETRY_ROOM;
    for (int i = 0; i < TRIES && status == RETRY_ROOM; i++) {
        shard_lock(a.shard);
        status = attempt_arith(&a, decrement, delta, result);
        shard_unlock(a.shard);
        if (status == RETRY_ROOM && !provide(&a, status))
            break;
    }
    *cas_out = write.cas_out;
    return status >= RETRY_ROOM ? STORE_NO_MEMORY : (enum store_status)status;
}
