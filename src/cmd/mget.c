/* mg and me: entries and what is known of them. */
#include "cmd/call.h"

#include "tagcached/now.h"

void
call_meta(struct call *call, struct span status,
          const struct reply_facts *facts)
{
    size_t room = reply_meta_room(status, call->request, facts);
    char *start = out_reserve(call->out, room);
    if (!start)
        return;
    char *end = reply_meta(start, status, call->request, facts);
    out_commit(call->out, (size_t)(end - start));
}

/* ---- mg ----------------------------------------------------------------- */

enum {
    HIT_FLAGS = CALL_ECHO | 1 << META_CLIENT_FLAGS | 1 << META_TTL_LEFT |
                1 << META_SIZE | 1 << META_CAS | 1 << META_TAG_LIST,
    STATUS_MAX = sizeof("VA 4294967295"),
};

struct meta_hit {
    const struct call *call;
    struct reply_facts facts;
    size_t room;             /* what was missing, or 0: the hit is written */
    struct store_blob *blob; /* with a reference, or NULL */
    struct span value;
};

static unsigned
name_tags(const struct store *store, const struct store_view *view,
          struct span *names)
{
    for (unsigned i = 0; i < view->ntags; i++)
        names[i] = store_tag_name(store, view->tags[i]);
    return view->ntags;
}

static void
take_facts(struct reply_facts *facts, const struct store_view *view)
{
    facts->client_flags = view->flags;
    facts->cas = view->cas;
    facts->size = view->value.len;
    facts->ttl = now_ttl_s(view->expire);
    facts->ttl_before = now_ttl_s(view->expire_before);
}

/* With a `C` that the entry has, its value is not sent: the client has it. */
static bool
wants_value(const struct meta *meta, const struct store_view *view)
{
    return meta_has(meta, META_VALUE) &&
           !(meta_has(meta, META_MATCH_CAS) && meta->cas == view->cas);
}

static struct span
hit_status(char *text, bool with_value, size_t len)
{
    if (!with_value)
        return SPAN("HD");
    char *end = reply_u64(reply_put(text, SPAN("VA ")), len);
    return (struct span){text, (size_t)(end - text)};
}

static void
write_meta_hit(void *arg, const struct store_view *view)
{
    struct meta_hit *hit = arg;
    const struct request *request = hit->call->request;
    struct out *out = hit->call->out;
    struct span names[STORE_TAGS_MAX];
    char text[STATUS_MAX];
    take_facts(&hit->facts, view);
    hit->facts.tags = names;
    hit->facts.ntags = meta_has(request->meta, META_TAG_LIST)
                           ? name_tags(hit->call->env->store, view, names)
                           : 0;
    bool with_value = wants_value(request->meta, view);
    struct span status = hit_status(text, with_value, view->value.len);
    hit->room = reply_meta_room(status, request, &hit->facts) +
                (with_value && !view->blob ? view->value.len + 2 : 0);
    if (out->cap - out->len < hit->room)
        return;
    hit->room = 0;
    char *start = out->data + out->len;
    char *to = reply_meta(start, status, request, &hit->facts);
    if (with_value && view->blob) {
        store_blob_ref(view->blob);
        hit->blob = view->blob;
        hit->value = view->value;
    } else if (with_value) {
        to = reply_crlf(reply_put(to, view->value));
    }
    out_commit(out, (size_t)(to - start));
}

static void
count_mg(struct call *call, enum store_status status, bool touch)
{
    bool hit = status == STORE_OK;
    if (touch) {
        call_count(call, COUNTER_CMD_TOUCH);
        call_count(call, hit ? COUNTER_TOUCH_HITS : COUNTER_TOUCH_MISSES);
        return;
    }
    call_count(call, COUNTER_CMD_GET);
    call_count(call, hit ? COUNTER_GET_HITS : COUNTER_GET_MISSES);
    if (status == STORE_EXPIRED)
        call_count(call, COUNTER_GET_EXPIRED);
    if (status == STORE_FLUSHED)
        call_count(call, COUNTER_GET_FLUSHED);
}

enum call_result
cmd_mg(struct call *call)
{
    const struct meta *meta = call->request->meta;
    struct out *out = call->out;
    bool touch = meta_has(meta, META_TTL);
    struct store_read read = {.touch = touch,
                              .expire = touch ? now_expire(meta->ttl) : 0};
    struct meta_hit hit = {.call = call};
    hit.facts.clock = call_clock(call);
    hit.facts.known = HIT_FLAGS;
    enum store_status status;
    do
        status =
            store_get(call->env->store, &call->key, read, write_meta_hit, &hit);
    while (status == STORE_OK && hit.room > 0 && out_reserve(out, hit.room));
    if (hit.blob) {
        out_ref(out, hit.value, store_blob_release, hit.blob);
        out_text(out, "\r\n");
    }
    count_mg(call, status, touch);
    hit.facts.known = CALL_ECHO;
    if (status != STORE_OK && !meta_has(meta, META_QUIET))
        call_meta(call, SPAN("EN"), &hit.facts);
    return CALL_DONE;
}

/* ---- me ----------------------------------------------------------------- */

struct description {
    const struct store *store;
    struct store_view view;
    size_t tags_len;
    char tags[STORE_TAGS_MAX * (STORE_TAG_MAX + 1)]; /* each with a comma */
};

static void
describe(void *arg, const struct store_view *view)
{
    struct description *d = arg;
    char *to = d->tags;
    d->view = *view;
    for (unsigned i = 0; i < view->ntags; i++) {
        to = reply_put(to, store_tag_name(d->store, view->tags[i]));
        *to++ = ',';
    }
    d->tags_len = (size_t)(to - d->tags);
}

enum call_result
cmd_me(struct call *call)
{
    struct out *out = call->out;
    struct description d;
    struct store_read peek = {.peek = true};
    d.store = call->env->store;
    call_count(call, COUNTER_CMD_META);
    if (store_get(call->env->store, &call->key, peek, describe, &d) !=
        STORE_OK) {
        out_put(out, reply_line(REPLY_EN));
        return CALL_DONE;
    }
    out_text(out, "ME ");
    out_put(out, call->request->key);
    out_text(out, " exp=");
    out_i64(out, now_ttl_s(d.view.expire));
    out_text(out, " la=");
    out_i64(out, (int64_t)now_s() - d.view.last_access_s);
    out_text(out, " cas=");
    out_u64(out, d.view.cas);
    out_put(out, d.view.fetched ? SPAN(" fetch=yes") : SPAN(" fetch=no"));
    out_text(out, " cls=1 size=");
    out_u64(out, d.view.size);
    if (d.view.ntags > 0) {
        out_text(out, " tags=");
        out_put(out, (struct span){d.tags, d.tags_len - 1});
        out_text(out, " asof=");
        out_u64(out, d.view.asof);
    }
    out_text(out, "\r\n");
    return CALL_DONE;
}
