/*
 * What a handler gets and gives. One handler a command; the table is made from
 * tbl/commands.def (dispatch.c).
 */
#ifndef TAGCACHED_CMD_CALL_H
#define TAGCACHED_CMD_CALL_H

#include "tagcached/counters.h"
#include "tagcached/meta.h"
#include "tagcached/out.h"
#include "tagcached/reply.h"
#include "tagcached/request.h"
#include "tagcached/session.h"
#include "tagcached/store.h"

struct call {
    const struct session_env *env;
    struct counters *counters; /* this thread's */
    const struct request *request;
    struct store_key key; /* where the request names one key only */
    struct out *out;

    /* Of a storage command: its data block. */
    struct span value;
    struct store_blob *blob; /* holds the value instead; the handler's */
    bool terminated;         /* the block ends as it must */
    uint64_t asof;           /* clock when the line came, 0: it is now */

    /* Of a request that goes on later: where in its line, 0 at its start.
     * Written before CALL_AGAIN and CALL_YIELD. */
    uint32_t resume;
    unsigned *keys_left; /* multigets: how many this turn may still answer */
};

enum call_result {
    CALL_DONE,
    CALL_AGAIN, /* `out` is full: flush it, then call again */
    CALL_YIELD, /* nothing is left of the turn: let others have one first */
    CALL_CLOSE,
};
typedef enum call_result call_handler(struct call *call);

/* One declaration a command, some of them the same. */
#define COMMAND(id, name, form, handler, limit) call_handler cmd_##handler;
#include "tagcached/tbl/commands.def"
#undef COMMAND

static inline void
call_count(struct call *call, enum counter id)
{
    counters_add(call->counters, id, 1);
}

/* A fixed line, unless `noreply`. */
static inline void
call_reply(struct call *call, enum reply reply)
{
    if (!call->request->noreply)
        out_put(call->out, reply_line(reply));
}

/* ---- set.c: what the session does before a whole value has come ---------- */

/* Why a store is refused before its value is looked at, or REPLY_NOTHING. The
 * older value is removed where the contract says so. */
enum reply set_refusal(struct call *call);
/* Likewise where there is no memory for its value. */
enum reply set_no_memory(struct call *call);

/* ---- dump.c -------------------------------------------------------------- */

/* stats cachedump <class> <limit>; returns the last line. */
enum reply dump_cache(struct call *call, struct span words);

/* ---- meta commands ------------------------------------------------------ */

/* Answers a meta command by a status and the flags that it carries. */
void call_meta(struct call *call, struct span status,
               const struct reply_facts *facts);
/* The clock for the flag `a`, read before the lookup; 0 where not asked. */
static inline uint64_t
call_clock(const struct call *call)
{
    bool asked = meta_has(call->request->meta, META_CLOCK);
    return asked ? store_clock(call->env->store) : 0;
}

/* Flags that a status without an entry carries. */
enum {
    CALL_ECHO = 1 << META_KEY | 1 << META_OPAQUE | 1 << META_CLOCK,
};

/* ---- tags --------------------------------------------------------------- */

/* `md ... G` */
enum call_result tag_invalidate_meta(struct call *call);

#endif
