/* delete and md. `md ... G` is tag.c's. */
#include "cmd/call.h"

static enum store_status
delete_key(struct call *call, bool match_cas, uint64_t cas)
{
    enum store_status status =
        store_delete(call->env->store, &call->key, match_cas, cas);
    call_count(call, status == STORE_OK ? COUNTER_DELETE_HITS
                                        : COUNTER_DELETE_MISSES);
    return status;
}

enum call_result
cmd_delete(struct call *call)
{
    enum store_status status = delete_key(call, false, 0);
    call_reply(call, status == STORE_OK ? REPLY_DELETED : REPLY_NOT_FOUND);
    return CALL_DONE;
}

enum call_result
cmd_md(struct call *call)
{
    const struct meta *meta = call->request->meta;
    if (meta_has(meta, META_TAGS))
        return tag_invalidate_meta(call);
    struct reply_facts facts = {.clock = call_clock(call), .known = CALL_ECHO};
    bool match = meta_has(meta, META_MATCH_CAS);
    enum store_status status = delete_key(call, match, match ? meta->cas : 0);
    if (status == STORE_OK && meta_has(meta, META_QUIET))
        return CALL_DONE;
    struct span answer = status == STORE_OK       ? SPAN("HD")
                         : status == STORE_EXISTS ? SPAN("EX")
                                                  : SPAN("NF");
    call_meta(call, answer, &facts);
    return CALL_DONE;
}
