/*
 * A session from the inside: session.c (input and turns), batch.c (parse,
 * prefetch, execute) and block.c (data blocks that come in pieces).
 *
 *                    ┌────────────── whole requests: batch ◀────────────┐
 *   bytes ──▶ input ─┤                                                  │
 *                    └─ a line whose data block is not all here:        │
 *                         small      it stays input until it is         │
 *                         large      upload, straight into its blob ────┤
 *                         refused    swallow, then the refusal ─────────┘
 *
 * Input lies in the thread's shared buffer, or in `rest`, the session's own
 * memory, from where it is parsed as well; more is received into the shared
 * buffer only, and then the rest is moved there first.
 */
#ifndef TAGCACHED_CMD_STATE_H
#define TAGCACHED_CMD_STATE_H

#include "cmd/call.h"
#include "tagcached/parser.h"

enum {
    BATCH_REQUESTS = 32,
    KEYS_A_TURN = 1000, /* a line may name 32,000 */
    IN_BYTES = 128 * 1024, /* room for LINE_LONG and a receive of 64 KB */
    ERRORS_MAX = 10,       /* unknown commands in a row: this is not a client */
};

struct batch {
    unsigned n;             /* whole requests */
    enum parser_status end; /* what stands behind them */
    bool unfinished;        /* requests[n]: its data block is not whole */
    struct request requests[BATCH_REQUESTS + 1];
    struct store_key keys[BATCH_REQUESTS];
    struct meta metas[BATCH_REQUESTS + 1];
};

struct session_thread {
    const struct session_env *env;
    struct counters *counters;
    size_t charged; /* to the budget */
    size_t blob_min;
    unsigned keys_left; /* of multigets, that this turn may still answer */
    const struct session *owner; /* of what is in the shared buffer */
    size_t begin, end, cap;      /* unread bytes of `in` */
    char *in;
    struct batch batch;
};

/* A large value on its way into its blob. */
struct upload {
    struct store_blob *blob;
    size_t len, got;
    uint64_t asof;
    size_t charged;
    size_t line_size;
    char line[]; /* the command, parsed again when the value is there */
};

struct session {
    struct session_thread *thread;
    struct upload *upload;
    char *rest; /* parked input, or NULL */
    uint32_t rest_begin, rest_end, rest_charged;
    uint32_t swallow; /* bytes of a refused data block still to come */
    uint64_t asof;    /* clock when an unfinished store's line came, or 0 */
    uint32_t resume;  /* see struct call */
    uint8_t after_swallow; /* enum reply */
    uint8_t errors;        /* unknown commands in a row */
    bool closing;
};

/* ---- session.c: input ---- */
struct span session_input(const struct session *session);
void session_consume(struct session *session, size_t n);
/* Nothing more is done for this session. */
void session_shut(struct session *session);

/* ---- batch.c ---- */
void batch_collect(struct batch *batch, struct span input, unsigned max);
void batch_prefetch(struct batch *batch, const struct store *store);
call_handler *batch_handler(enum command command);
struct call session_call(struct session *session, const struct request *request,
                         struct out *out);
/* Answers requests[i] and consumes it, unless it goes on later. */
enum call_result batch_execute(struct session *session, unsigned i,
                               struct out *out);

/* ---- block.c ---- */
static inline bool
block_is_open(const struct session *session)
{
    return session->swallow > 0 || session->upload;
}
/* A request at the input's start whose block is not whole. False: it stays
 * there and waits for more. */
bool block_begin(struct session *session, const struct request *request,
                 struct out *out);
/* Takes input into an open block. False: more is needed. */
bool block_continue(struct session *session, struct out *out);
/* Where the next bytes may be received directly; false: nowhere. */
bool block_space(const struct session *session, char **space, size_t *len);
void block_drop(struct session *session);

#endif
