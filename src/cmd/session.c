#include "tagcached/session.h"

#include "cmd/state.h"
#include "tagcached/check.h"

void
session_set_limit(const struct session_env *env, uint64_t bytes)
{
    atomic_store_explicit(&env->budget->limit, bytes, memory_order_relaxed);
    /* As much as the largest entry that -I allows. */
    atomic_store_explicit(&env->unfinished->limit, bytes / 2,
                          memory_order_relaxed);
}

struct session_thread *
session_thread_new(const struct session_env *env, unsigned index)
{
    size_t blob_min = store_blob_min(env->store);
    size_t cap = LINE_SHORT + blob_min + IN_BYTES / 2;
    cap = cap > IN_BYTES ? cap : IN_BYTES;
    struct session_thread *thread = mem_zalloc(sizeof(*thread));
    char *in = mem_alloc(cap);
    if (!thread || !in) {
        mem_free(thread);
        mem_free(in);
        return NULL;
    }
    thread->env = env;
    thread->counters = counters_set_at(env->counters, index);
    thread->blob_min = blob_min;
    thread->in = in;
    thread->cap = cap;
    thread->charged = mem_size_class(sizeof(*thread)) + mem_size_class(cap);
    mem_budget_force(env->budget, thread->charged);
    return thread;
}

void
session_thread_free(struct session_thread *thread)
{
    if (!thread)
        return;
    mem_budget_give(thread->env->budget, thread->charged);
    mem_free(thread->in);
    mem_free(thread);
}

struct session *
session_new(struct session_thread *thread)
{
    struct session *session = mem_zalloc(sizeof(*session));
    if (!session)
        return NULL;
    session->thread = thread;
    mem_budget_force(thread->env->budget, mem_size_class(sizeof(*session)));
    return session;
}

void
session_free(struct session *session)
{
    if (!session)
        return;
    struct mem_budget *budget = session->thread->env->budget;
    session_shut(session);
    mem_budget_give(budget, mem_size_class(sizeof(*session)));
    mem_free(session);
}

/* ---- input -------------------------------------------------------------- */

static void
free_rest(struct session *session)
{
    const struct session_env *env = session->thread->env;
    mem_budget_give(env->budget, session->rest_charged);
    mem_budget_give(env->unfinished, session->rest_charged);
    mem_free(session->rest);
    session->rest = NULL;
    session->rest_charged = 0;
}

struct span
session_input(const struct session *session)
{
    const struct session_thread *thread = session->thread;
    if (session->rest)
        return (struct span){session->rest + session->rest_begin,
                             session->rest_end - session->rest_begin};
    CHECK(thread->begin == thread->end || thread->owner == session);
    return (struct span){thread->in + thread->begin,
                         thread->end - thread->begin};
}

void
session_consume(struct session *session, size_t n)
{
    struct session_thread *thread = session->thread;
    if (session->rest) {
        session->rest_begin += (uint32_t)n;
        CHECK(session->rest_begin <= session->rest_end);
        if (session->rest_begin == session->rest_end)
            free_rest(session);
        return;
    }
    thread->begin += n;
    CHECK(thread->begin <= thread->end);
    if (thread->begin == thread->end)
        thread->begin = thread->end = 0;
}

void
session_shut(struct session *session)
{
    struct session_thread *thread = session->thread;
    block_drop(session);
    if (session->rest)
        free_rest(session);
    if (thread->owner == session) {
        thread->begin = thread->end = 0;
        thread->owner = NULL;
    }
    session->closing = true;
}

/* What is unread moves to the start of the shared buffer. */
static void
gather_input(struct session *session)
{
    struct session_thread *thread = session->thread;
    struct span unread = session_input(session);
    if (unread.len > 0 && unread.data != thread->in)
        memmove(thread->in, unread.data, unread.len);
    if (session->rest)
        free_rest(session);
    thread->begin = 0;
    thread->end = unread.len;
    thread->owner = session;
}

void
session_space(struct session *session, char **space, size_t *len)
{
    struct session_thread *thread = session->thread;
    if (session_input(session).len == 0 && block_space(session, space, len))
        return;
    gather_input(session);
    *space = thread->in + thread->end;
    *len = thread->cap - thread->end;
    CHECK(*len > 0);
}

void
session_received(struct session *session, size_t len)
{
    struct session_thread *thread = session->thread;
    char *space;
    size_t room;
    if (session_input(session).len == 0 &&
        block_space(session, &space, &room)) {
        CHECK(len <= room);
        session->upload->got += len;
        return;
    }
    CHECK(len <= thread->cap - thread->end);
    thread->end += len;
}

bool
session_park(struct session *session)
{
    struct session_thread *thread = session->thread;
    struct span unread = session_input(session);
    bool in_rest = session->rest != NULL;
    if (thread->owner == session)
        thread->owner = NULL;
    if (unread.len == 0 || (in_rest && unread.len > session->rest_charged / 2))
        return true;
    size_t charge = mem_size_class(unread.len);
    char *rest = NULL;
    if (mem_budget_take(thread->env->unfinished, charge)) {
        rest = mem_alloc(unread.len);
        if (!rest)
            mem_budget_give(thread->env->unfinished, charge);
    }
    if (rest)
        memcpy(rest, unread.data, unread.len);
    if (in_rest)
        free_rest(session);
    else
        thread->begin = thread->end = 0;
    if (!rest)
        return false;
    session->rest = rest;
    session->rest_begin = 0;
    session->rest_end = (uint32_t)unread.len;
    session->rest_charged = (uint32_t)charge;
    mem_budget_force(thread->env->budget, session->rest_charged);
    return true;
}

size_t
session_held(const struct session *session)
{
    size_t held = session->rest ? session->rest_charged : 0;
    return session->upload ? held + session->upload->len : held;
}

/* ---- turns -------------------------------------------------------------- */

static enum session_want
hang_up(struct session *session, struct out *out, enum reply farewell)
{
    out_put(out, reply_line(farewell));
    session_shut(session);
    return SESSION_CLOSE;
}

/* Is at least one whole request (or a reason to close) left? Where not, the
 * batch says what is there instead. */
static bool
is_work_left(struct session *session)
{
    struct batch *batch = &session->thread->batch;
    batch_collect(batch, session_input(session), 1);
    return batch->n > 0 || batch->end == PARSER_TOO_LONG ||
           batch->end == PARSER_HANG_UP;
}

/* Executes what the batch holds; SESSION_READ stands for going on. */
static enum session_want
run_batch(struct session *session, struct out *out)
{
    const struct batch *batch = &session->thread->batch;
    for (unsigned i = 0; i < batch->n; i++) {
        if (out_is_full(out))
            return SESSION_FLUSH;
        switch (batch_execute(session, i, out)) {
        case CALL_DONE: break;
        case CALL_AGAIN: return SESSION_FLUSH;
        case CALL_YIELD: return SESSION_YIELD;
        case CALL_CLOSE: return hang_up(session, out, REPLY_NOTHING);
        }
    }
    return SESSION_READ;
}

enum session_want
session_run(struct session *session, struct out *out)
{
    struct session_thread *thread = session->thread;
    struct batch *batch = &thread->batch;
    unsigned left = thread->env->config->requests_a_turn;
    CHECK(left > 0);
    thread->keys_left = KEYS_A_TURN;
    for (;;) {
        if (session->closing)
            return SESSION_CLOSE;
        if (block_is_open(session) && !block_continue(session, out))
            return SESSION_READ;
        if (left == 0 && is_work_left(session))
            return SESSION_YIELD;
        if (left > 0)
            batch_collect(batch, session_input(session),
                          left < BATCH_REQUESTS ? left : BATCH_REQUESTS);
        batch_prefetch(batch, thread->env->store);
        enum session_want want = run_batch(session, out);
        if (want != SESSION_READ)
            return want;
        left -= batch->n;
        if (batch->end == PARSER_TOO_LONG)
            return hang_up(session, out, REPLY_LINE_TOO_LONG);
        if (batch->end == PARSER_HANG_UP)
            return hang_up(session, out, REPLY_NOTHING);
        if (batch->end == PARSER_PARTIAL)
            return SESSION_READ;
        if (batch->unfinished &&
            !block_begin(session, &batch->requests[batch->n], out))
            return SESSION_READ;
    }
}
