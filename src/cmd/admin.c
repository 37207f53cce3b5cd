/* version verbosity flush_all cache_memlimit mn quit */
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

/* Entries that do not fit any more are evicted by the sweep. */
enum call_result
cmd_cache_memlimit(struct call *call)
{
    enum { LEAST_MB = 8, MOST_MB = 1000000000 };
    uint64_t mb = call->request->number;
    enum reply reply = REPLY_OK;
    if (mb < LEAST_MB)
        reply = REPLY_LIMIT_TOO_SMALL;
    else if (mb > MOST_MB)
        reply = REPLY_LIMIT_IN_BYTES;
    else
        session_set_limit(call->env, mb << 20);
    call_reply(call, reply);
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
