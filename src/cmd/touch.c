/* touch: a new end for an entry. */
#include "cmd/call.h"

#include "tagcached/now.h"

enum call_result
cmd_touch(struct call *call)
{
    struct store_read read = {.touch = true,
                              .expire = now_expire(call->request->exptime)};
    bool hit =
        store_get(call->env->store, &call->key, read, NULL, NULL) == STORE_OK;
    call_count(call, COUNTER_CMD_TOUCH);
    call_count(call, hit ? COUNTER_TOUCH_HITS : COUNTER_TOUCH_MISSES);
    call_reply(call, hit ? REPLY_TOUCHED : REPLY_NOT_FOUND);
    return CALL_DONE;
}
