/*
 * The storage commands: set add replace append prepend cas, and ms.
 *
 * A store is looked at twice: when its line is there (set_refusal: may it be
 * received at all?) and when its value is (store_write).
 */
#include "cmd/call.h"

#include "tagcached/now.h"

_Static_assert((int)REQUEST_KEY_MAX == (int)STORE_KEY_MAX, "one limit");
_Static_assert((int)REQUEST_TAGS_MAX == (int)STORE_TAGS_MAX, "one limit");

/* ---- what the line asks for --------------------------------------------- */

static enum store_mode
meta_mode(const struct meta *meta)
{
    switch (meta->mode) {
    case 'E': return STORE_ADD;
    case 'A': return STORE_APPEND;
    case 'R': return STORE_REPLACE;
    case 'P': return STORE_PREPEND;
    default: return STORE_SET;
    }
}

static enum store_mode
write_mode(const struct request *request)
{
    switch (request->command) {
    case COMMAND_MS: return meta_mode(request->meta);
    case COMMAND_ADD: return STORE_ADD;
    case COMMAND_REPLACE: return STORE_REPLACE;
    case COMMAND_APPEND: return STORE_APPEND;
    case COMMAND_PREPEND: return STORE_PREPEND;
    default: return STORE_SET;
    }
}

static bool
joins_old_value(enum store_mode mode)
{
    return mode == STORE_APPEND || mode == STORE_PREPEND;
}

static uint32_t
client_flags(const struct request *request)
{
    if (!request->meta)
        return request->client_flags;
    return meta_has(request->meta, META_SET_FLAGS) ? request->meta->client_flags
                                                   : 0;
}

struct tags {
    struct span names[STORE_TAGS_MAX];
    unsigned n;
};

/* The tags of the request; false: they are not valid. */
static bool
take_tags(const struct request *request, struct tags *tags)
{
    tags->n = 0;
    if (!request->meta || !meta_has(request->meta, META_TAGS))
        return true;
    int n = meta_split_tags(request->meta->tags, tags->names);
    for (int i = 0; i < n; i++)
        if (!store_tag_is_valid(tags->names[i]))
            return false;
    tags->n = n > 0 ? (unsigned)n : 0;
    return n > 0;
}

/* ---- refusals ----------------------------------------------------------- */

/* A store that fails for what it brings must not leave older data behind that
 * the client takes for what it sent. */
static void
remove_old(struct call *call)
{
    store_delete(call->env->store, &call->key, false, 0);
}

static bool
replaces_old(const struct request *request)
{
    return request->command == COMMAND_SET || request->command == COMMAND_MS;
}

static enum reply
refuse_too_large(struct call *call)
{
    call_count(call, COUNTER_STORE_TOO_LARGE);
    if (replaces_old(call->request))
        remove_old(call);
    return REPLY_TOO_LARGE;
}

enum reply
set_no_memory(struct call *call)
{
    call_count(call, COUNTER_STORE_NO_MEMORY);
    if (replaces_old(call->request))
        remove_old(call);
    return REPLY_NO_MEMORY_STORING;
}

static enum reply
refuse_tags(struct call *call)
{
    remove_old(call);
    return REPLY_BAD_TAG;
}

/* What the line alone says; fills `tags` where nothing speaks against it. */
static enum reply
line_refusal(struct call *call, struct tags *tags)
{
    const struct request *request = call->request;
    if (store_is_too_large(call->env->store, request->key.len,
                           client_flags(request), request->value_len))
        return refuse_too_large(call);
    if (!take_tags(request, tags))
        return refuse_tags(call);
    return REPLY_NOTHING;
}

enum reply
set_refusal(struct call *call)
{
    struct tags tags;
    return line_refusal(call, &tags);
}

/* ---- the store ---------------------------------------------------------- */

/* A value of a blob's size that came whole into the input buffer. */
static bool
move_to_blob(struct call *call)
{
    struct store *store = call->env->store;
    if (call->blob || call->value.len < store_blob_min(store))
        return true;
    call->blob = store_blob_new(store, call->value.len);
    if (!call->blob)
        return false;
    memcpy(store_blob_data(call->blob), call->value.data, call->value.len);
    return true;
}

/* The clock only matters for what is tagged or may join what is. */
static uint64_t
write_asof(const struct call *call, const struct store_write *write)
{
    if (write->guarded)
        return call->request->meta->asof;
    if (write->ntags == 0 && !joins_old_value(write->mode))
        return 0;
    return call->asof > 0 ? call->asof : store_clock(call->env->store);
}

static void
take_meta(struct store_write *write, const struct meta *meta)
{
    bool cas = meta_has(meta, META_MATCH_CAS);
    write->match_cas = cas && write->mode != STORE_ADD;
    write->cas = cas ? meta->cas : 0;
    write->expire =
        meta_has(meta, META_TTL) ? now_expire(meta->ttl) : NOW_NEVER;
    write->guarded = meta_has(meta, META_ASOF);
}

static void
count(struct call *call, const struct store_write *write,
      enum store_status status)
{
    if (status == STORE_NO_MEMORY)
        return;
    call_count(call, COUNTER_CMD_SET);
    if (status == STORE_STALE)
        call_count(call, COUNTER_STALE_STORES_REFUSED);
    if (!write->match_cas)
        return;
    if (status == STORE_OK)
        call_count(call, COUNTER_CAS_HITS);
    else if (status == STORE_EXISTS)
        call_count(call, COUNTER_CAS_BADVAL);
    else if (store_is_miss(status))
        call_count(call, COUNTER_CAS_MISSES);
}

/* Stores what `call` brings; the blob is consumed whatever comes of it.
 * Returns the status, and *refusal where the answer is an error line. */
static enum store_status
store(struct call *call, struct store_write *write, const struct tags *tags,
      enum reply *refusal)
{
    const struct request *request = call->request;
    write->key = call->key;
    write->flags = client_flags(request);
    write->mode = write_mode(request);
    if (request->meta)
        take_meta(write, request->meta);
    write->tags = tags->names;
    write->ntags = tags->n;
    write->asof = write_asof(call, write);
    if (!move_to_blob(call)) {
        *refusal = set_no_memory(call);
        return STORE_NO_MEMORY;
    }
    write->value = call->value;
    write->blob = call->blob;
    call->blob = NULL;
    enum store_status status = store_write(call->env->store, write);
    count(call, write, status);
    if (status == STORE_BAD_TAGS)
        *refusal = refuse_tags(call);
    else if (joins_old_value(write->mode))
        return status;
    else if (status == STORE_TOO_LARGE)
        *refusal = refuse_too_large(call);
    else if (status == STORE_NO_MEMORY)
        *refusal = set_no_memory(call);
    return status;
}

/* The refusals that need no store, with the blob given back. */
static enum reply
early_refusal(struct call *call, struct tags *tags)
{
    enum reply refusal = line_refusal(call, tags);
    if (refusal == REPLY_NOTHING && !call->terminated)
        refusal = REPLY_BAD_CHUNK;
    if (refusal != REPLY_NOTHING && call->blob) {
        store_blob_release(call->blob);
        call->blob = NULL;
    }
    return refusal;
}

/* ---- answers ------------------------------------------------------------ */

static enum reply
classic_answer(enum store_status status)
{
    switch (status) {
    case STORE_OK: return REPLY_STORED;
    case STORE_EXISTS: return REPLY_EXISTS;
    case STORE_NOT_FOUND:
    case STORE_EXPIRED:
    case STORE_FLUSHED: return REPLY_NOT_FOUND;
    default: return REPLY_NOT_STORED;
    }
}

enum call_result
cmd_set(struct call *call)
{
    const struct request *request = call->request;
    struct store_write write = {.expire = now_expire(request->exptime)};
    struct tags tags;
    enum reply refusal = early_refusal(call, &tags);
    if (request->command == COMMAND_CAS) {
        write.match_cas = true;
        write.cas = request->number;
    }
    enum store_status status = STORE_OK;
    if (refusal == REPLY_NOTHING)
        status = store(call, &write, &tags, &refusal);
    call_reply(call,
               refusal != REPLY_NOTHING ? refusal : classic_answer(status));
    return CALL_DONE;
}

static struct span
meta_answer(enum store_status status, enum store_mode mode)
{
    switch (status) {
    case STORE_OK: return SPAN("HD");
    case STORE_EXISTS: return SPAN("EX");
    case STORE_NOT_FOUND:
    case STORE_EXPIRED:
    case STORE_FLUSHED: return joins_old_value(mode) ? SPAN("NS") : SPAN("NF");
    default: return SPAN("NS");
    }
}

enum call_result
cmd_ms(struct call *call)
{
    struct store_write write = {0};
    struct tags tags;
    struct reply_facts facts = {.clock = call_clock(call),
                                .known = CALL_ECHO | 1 << META_CAS};
    enum reply refusal = early_refusal(call, &tags);
    enum store_status status = STORE_OK;
    if (refusal == REPLY_NOTHING)
        status = store(call, &write, &tags, &refusal);
    if (refusal != REPLY_NOTHING) {
        call_reply(call, refusal);
        return CALL_DONE;
    }
    facts.cas = status == STORE_OK ? write.cas_out : 0;
    if (status != STORE_OK || !meta_has(call->request->meta, META_QUIET))
        call_meta(call, meta_answer(status, write.mode), &facts);
    return CALL_DONE;
}
