/* version verbosity flush_all mn quit */
#include "cmd/call.h"

#include "tagcached/log.h"
#include "tagcached/now.h"
#include "cmd/version.h"

enum call_result
cmd_version(struct call *call)
{
    out_text(call->out, "VERSION " PROTOCOL_VERSION "\r\n");
    return CALL_DONE;
}

enum call_result
cmd_verbosity(struct call *call)
{
    uint64_t level = call->request->number;
    log_set_level(level > 1 ? LOG_DEBUG : level > 0 ? LOG_INFO : LOG_WARN);
    call_reply(call, REPLY_OK);
    return CALL_DONE;
}

enum call_result
cmd_flush_all(struct call *call)
{
    if (!call->env->config->flush) {
        call_reply(call, REPLY_NO_FLUSH);
        return CALL_DONE;
    }
    store_flush(call->env->store, now_expire(call->request->exptime));
    call_count(call, COUNTER_CMD_FLUSH);
    call_reply(call, REPLY_OK);
    return CALL_DONE;
}

/* Replies never wait here longer than a turn, so there is nothing to flush. */
enum call_result
cmd_mn(struct call *call)
{
    out_put(call->out, reply_line(REPLY_MN));
    return CALL_DONE;
}

enum call_result
cmd_quit(struct call *call)
{
    (void)call;
    return CALL_CLOSE;
}
