/*
 * get gets gat gats. A value is copied into `out` under the shard's lock, or,
 * where it lies in a blob, referenced; room is made outside of the lock.
 */
#include "cmd/call.h"

#include "tagcached/now.h"
#include "tagcached/token.h"

enum { KEYS_A_BATCH = 32 };

struct hit {
    struct out *out;
    struct span key;
    bool with_cas;
    size_t room;             /* what was missing, or 0: the hit is written */
    struct store_blob *blob; /* with a reference, or NULL */
    struct span value;
};

static void
write_hit(void *arg, const struct store_view *view)
{
    struct hit *hit = arg;
    struct out *out = hit->out;
    size_t copied = view->blob ? 0 : view->value.len;
    hit->room = REPLY_VALUE_MAX + copied + 2;
    if (out->cap - out->len < hit->room)
        return;
    hit->room = 0;
    char *start = out->data + out->len;
    char *to = hit->with_cas
                   ? reply_value_cas(start, hit->key, view->flags,
                                     view->value.len, view->cas)
                   : reply_value(start, hit->key, view->flags, view->value.len);
    to = reply_crlf(to);
    if (view->blob) {
        store_blob_ref(view->blob);
        hit->blob = view->blob;
        hit->value = view->value;
    } else {
        to = reply_crlf(reply_put(to, view->value));
    }
    out_commit(out, (size_t)(to - start));
}

struct getting {
    struct call *call;
    struct store_read read;
    bool with_cas;
    uint64_t hits, misses, expired, flushed;
};

static void
get_one(struct getting *getting, const struct store_key *key)
{
    struct call *call = getting->call;
    struct out *out = call->out;
    struct hit hit = {
        .out = out, .key = key->name, .with_cas = getting->with_cas};
    enum store_status status;
    do
        status =
            store_get(call->env->store, key, getting->read, write_hit, &hit);
    while (status == STORE_OK && hit.room > 0 && out_reserve(out, hit.room));
    if (hit.blob) {
        out_ref(out, hit.value, store_blob_release, hit.blob);
        out_text(out, "\r\n");
    }
    getting->hits += status == STORE_OK;
    getting->misses += status != STORE_OK;
    getting->expired += status == STORE_EXPIRED;
    getting->flushed += status == STORE_FLUSHED;
}

static void
count(const struct getting *getting)
{
    struct counters *c = getting->call->counters;
    uint64_t keys = getting->hits + getting->misses;
    if (getting->read.touch) {
        counters_add(c, COUNTER_CMD_TOUCH, keys);
        counters_add(c, COUNTER_TOUCH_HITS, getting->hits);
        counters_add(c, COUNTER_TOUCH_MISSES, getting->misses);
        return;
    }
    counters_add(c, COUNTER_CMD_GET, keys);
    if (getting->hits > 0)
        counters_add(c, COUNTER_GET_HITS, getting->hits);
    if (getting->misses > 0) {
        counters_add(c, COUNTER_GET_MISSES, getting->misses);
        counters_add(c, COUNTER_GET_EXPIRED, getting->expired);
        counters_add(c, COUNTER_GET_FLUSHED, getting->flushed);
    }
}

/* The next keys of a multiget, hashed and on their way from memory. */
static unsigned
take_keys(const struct store *store, struct span *words, struct store_key *keys)
{
    struct span word;
    unsigned n = 0;
    while (n < KEYS_A_BATCH && token_next(words, &word)) {
        keys[n] = store_key(store, word);
        store_prefetch_bucket(store, keys[n].hash);
        n++;
    }
    for (unsigned i = 0; i < n; i++)
        store_prefetch_item(store, keys[i].hash);
    return n;
}

static enum call_result
get_many(struct getting *getting)
{
    struct call *call = getting->call;
    const struct request *request = call->request;
    const char *end = request->rest.data + request->rest.len;
    const char *at =
        call->resume > 0 ? request->line + call->resume : request->key.data;
    struct span words = {at, (size_t)(end - at)};
    struct store_key keys[KEYS_A_BATCH];
    unsigned n;
    while ((n = take_keys(call->env->store, &words, keys)) > 0)
        for (unsigned i = 0; i < n; i++) {
            if (out_is_full(call->out) || *call->keys_left == 0) {
                size_t next = (size_t)(keys[i].name.data - request->line);
                call->resume = (uint32_t)next;
                return *call->keys_left == 0 ? CALL_YIELD : CALL_AGAIN;
            }
            get_one(getting, &keys[i]);
            --*call->keys_left;
        }
    return CALL_DONE;
}

enum call_result
cmd_get(struct call *call)
{
    const struct request *request = call->request;
    uint8_t command = request->command;
    bool touch = command == COMMAND_GAT || command == COMMAND_GATS;
    struct getting getting = {
        .call = call,
        .with_cas = command == COMMAND_GETS || command == COMMAND_GATS,
        .read = {.touch = touch,
                 .expire = touch ? now_expire(request->exptime) : 0},
    };
    enum call_result result = CALL_DONE;
    if (call->key.name.len > 0)
        get_one(&getting, &call->key);
    else
        result = get_many(&getting);
    count(&getting);
    if (result == CALL_DONE)
        out_put(call->out, reply_line(REPLY_END));
    return result;
}
