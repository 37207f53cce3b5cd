/*
 * A batch: all whole requests of the input, 32 at most, are parsed; their keys
 * hashed; the buckets of all of them prefetched, then the entries; and only
 * then they are executed, in order. So the memory they need is fetched at the
 * same time instead of one after the other.
 */
#include "cmd/state.h"

/* What ends a batch: nothing behind it is a command any more. */
static bool
is_last(const struct request *request)
{
    return request->hang_up || request->command == COMMAND_QUIT;
}

void
batch_collect(struct batch *batch, struct span input, unsigned max)
{
    unsigned n = 0;
    batch->unfinished = false;
    batch->end = PARSER_REQUEST;
    while (n < max) {
        struct request *request = &batch->requests[n];
        batch->end = parser_parse(input, request, &batch->metas[n]);
        if (batch->end != PARSER_REQUEST)
            break;
        uint64_t size = request_size(request);
        if (size > input.len) {
            batch->unfinished = true;
            break;
        }
        n++;
        if (is_last(request))
            break;
        input.data += size;
        input.len -= size;
    }
    batch->n = n;
}

static bool
has_one_key(const struct request *request)
{
    return request->refusal == REPLY_NOTHING && request->key.len > 0 &&
           request->rest.len == 0;
}

void
batch_prefetch(struct batch *batch, const struct store *store)
{
    for (unsigned i = 0; i < batch->n; i++) {
        struct store_key *key = &batch->keys[i];
        *key = (struct store_key){0};
        if (has_one_key(&batch->requests[i]))
            *key = store_key(store, batch->requests[i].key);
    }
    if (batch->n < 2)
        return;
    for (unsigned i = 0; i < batch->n; i++)
        if (batch->keys[i].name.len > 0)
            store_prefetch_bucket(store, batch->keys[i].hash);
    for (unsigned i = 0; i < batch->n; i++)
        if (batch->keys[i].name.len > 0)
            store_prefetch_item(store, batch->keys[i].hash);
}

struct call
session_call(struct session *session, const struct request *request,
             struct out *out)
{
    return (struct call){
        .env = session->thread->env,
        .counters = session->thread->counters,
        .request = request,
        .out = out,
        .asof = session->asof,
        .resume = session->resume,
        .keys_left = &session->thread->keys_left,
    };
}

static void
take_block(struct call *call)
{
    const struct request *request = call->request;
    const char *block = request->line + request->line_size;
    call->value = (struct span){block, request->value_len};
    call->terminated = memcmp(block + request->value_len, "\r\n", 2) == 0;
}

/* A client sends commands; what sends ten lines in a row that name none is
 * something else, and its bytes must not reach one by chance. */
static enum call_result
refuse(struct session *session, struct call *call)
{
    const struct request *request = call->request;
    call_reply(call, request->refusal);
    if (request->command == COMMAND_UNKNOWN)
        session->errors++;
    bool close = request->hang_up || session->errors >= ERRORS_MAX;
    return close ? CALL_CLOSE : CALL_DONE;
}

call_handler *
batch_handler(enum command command)
{
    static call_handler *const handlers[COMMAND_END] = {
#define COMMAND(id, name, form, handler, limit) [COMMAND_##id] = cmd_##handler,
#include "tagcached/tbl/commands.def"
#undef COMMAND
    };
    return handlers[command];
}

enum call_result
batch_execute(struct session *session, unsigned i, struct out *out)
{
    struct batch *batch = &session->thread->batch;
    const struct request *request = &batch->requests[i];
    struct call call = session_call(session, request, out);
    enum call_result result;
    call.key = batch->keys[i];
    if (request->command != COMMAND_UNKNOWN)
        session->errors = 0;
    if (request->has_value)
        take_block(&call);
    if (request->refusal != REPLY_NOTHING)
        result = refuse(session, &call);
    else
        result = batch_handler(request->command)(&call);
    bool goes_on = result == CALL_AGAIN || result == CALL_YIELD;
    session->resume = goes_on ? call.resume : 0;
    if (!goes_on) {
        session->asof = 0;
        session_consume(session, request_size(request));
    }
    return result;
}
