/*
 * Data blocks that have not come whole. See state.h for the picture.
 *
 * An upload receives straight into the value's own memory, which was made room
 * for when its command came. Its last bytes come through the shared buffer
 * again, together with the block's end and the commands behind it, so that
 * they do not cost a receive of their own.
 */
#include "cmd/state.h"

#include "tagcached/check.h"

enum { DIRECT_MIN = 16 * 1024 };

/* The block's bytes go by, then `reply` is given. */
static void
swallow(struct session *session, const struct request *request,
        enum reply reply)
{
    size_t have = session_input(session).len;
    session->swallow = (uint32_t)(request_size(request) - have);
    session->after_swallow =
        (uint8_t)(request->noreply ? REPLY_NOTHING : reply);
    session_consume(session, have);
}

/* The value's memory, if all uploads together leave room for it: those who
 * announce and do not send shall not take the cache's place. */
static struct store_blob *
reserve(const struct session_env *env, size_t len)
{
    if (!mem_budget_take(env->unfinished, len))
        return NULL;
    struct store_blob *blob = store_blob_new(env->store, len);
    if (!blob)
        mem_budget_give(env->unfinished, len);
    return blob;
}

static struct upload *
upload_new(struct session *session, const struct request *request)
{
    const struct session_env *env = session->thread->env;
    size_t bytes = sizeof(struct upload) + request->line_size;
    struct upload *upload = mem_alloc(bytes);
    if (!upload)
        return NULL;
    upload->blob = reserve(env, request->value_len);
    if (!upload->blob) {
        mem_free(upload);
        return NULL;
    }
    upload->len = request->value_len;
    upload->got = 0;
    upload->asof = store_clock(env->store);
    upload->line_size = request->line_size;
    memcpy(upload->line, request->line, request->line_size);
    upload->charged = mem_size_class(bytes);
    mem_budget_force(env->budget, upload->charged);
    return upload;
}

static void
upload_free(struct session *session)
{
    struct upload *upload = session->upload;
    const struct session_env *env = session->thread->env;
    mem_budget_give(env->budget, upload->charged);
    mem_budget_give(env->unfinished, upload->len);
    if (upload->blob)
        store_blob_release(upload->blob);
    mem_free(upload);
    session->upload = NULL;
}

bool
block_begin(struct session *session, const struct request *request,
            struct out *out)
{
    const struct session_thread *thread = session->thread;
    struct call call = session_call(session, request, out);
    enum reply refusal = request->refusal;
    if (refusal == REPLY_NOTHING) {
        call.key = store_key(thread->env->store, request->key);
        refusal = set_refusal(&call);
    }
    if (refusal == REPLY_NOTHING && request->value_len < thread->blob_min) {
        if (session->asof == 0)
            session->asof = store_clock(thread->env->store);
        return false;
    }
    if (refusal == REPLY_NOTHING) {
        session->upload = upload_new(session, request);
        if (session->upload) {
            session_consume(session, request->line_size);
            return true;
        }
        refusal = set_no_memory(&call);
    }
    session->errors = 0;
    swallow(session, request, refusal);
    return true;
}

static bool
continue_swallow(struct session *session, struct out *out)
{
    size_t have = session_input(session).len;
    size_t step = have < session->swallow ? have : session->swallow;
    session_consume(session, step);
    session->swallow -= (uint32_t)step;
    if (session->swallow > 0)
        return false;
    out_put(out, reply_line(session->after_swallow));
    return true;
}

/* The value is there and so are the two bytes behind it. */
static void
finish_upload(struct session *session, struct out *out)
{
    struct upload *upload = session->upload;
    const struct store *store = session->thread->env->store;
    struct request request;
    struct meta meta;
    struct span line = {upload->line, upload->line_size};
    enum parser_status status = parser_parse(line, &request, &meta);
    CHECK(status == PARSER_REQUEST && request.has_value);
    struct call call = session_call(session, &request, out);
    call.key = store_key(store, request.key);
    call.value = (struct span){store_blob_data(upload->blob), upload->len};
    call.blob = upload->blob;
    call.asof = upload->asof;
    call.terminated = memcmp(session_input(session).data, "\r\n", 2) == 0;
    upload->blob = NULL;
    session_consume(session, 2);
    session->errors = 0;
    batch_handler(request.command)(&call);
    upload_free(session);
}

static bool
continue_upload(struct session *session, struct out *out)
{
    struct upload *upload = session->upload;
    struct span input = session_input(session);
    size_t missing = upload->len - upload->got;
    size_t step = input.len < missing ? input.len : missing;
    if (step > 0) {
        char *to = store_blob_data(upload->blob) + upload->got;
        memcpy(to, input.data, step);
        upload->got += step;
        session_consume(session, step);
    }
    if (upload->got < upload->len || session_input(session).len < 2)
        return false;
    finish_upload(session, out);
    return true;
}

bool
block_continue(struct session *session, struct out *out)
{
    return session->upload ? continue_upload(session, out)
                           : continue_swallow(session, out);
}

bool
block_space(const struct session *session, char **space, size_t *len)
{
    const struct upload *upload = session->upload;
    if (!upload || upload->len - upload->got < DIRECT_MIN)
        return false;
    *space = store_blob_data(upload->blob) + upload->got;
    *len = upload->len - upload->got;
    return true;
}

void
block_drop(struct session *session)
{
    if (session->upload)
        upload_free(session);
    session->swallow = 0;
}
