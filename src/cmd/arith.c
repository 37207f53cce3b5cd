/* incr and decr. */
#include "cmd/call.h"

static void
reply_number(struct call *call, uint64_t number)
{
    if (call->request->noreply)
        return;
    out_u64(call->out, number);
    out_text(call->out, "\r\n");
}

enum call_result
cmd_arith(struct call *call)
{
    const struct request *request = call->request;
    bool decr = request->command == COMMAND_DECR;
    uint64_t number, cas;
    enum store_status status = store_arith(call->env->store, &call->key, decr,
                                           request->number, &number, &cas);
    if (status == STORE_OK) {
        call_count(call, decr ? COUNTER_DECR_HITS : COUNTER_INCR_HITS);
        reply_number(call, number);
    } else if (status == STORE_NON_NUMERIC) {
        call_reply(call, REPLY_NON_NUMERIC);
    } else if (store_is_miss(status)) {
        call_count(call, decr ? COUNTER_DECR_MISSES : COUNTER_INCR_MISSES);
        call_reply(call, REPLY_NOT_FOUND);
    } else {
        call_reply(call, REPLY_NO_MEMORY);
    }
    return CALL_DONE;
}
