/*
 * A session: one client's conversation, as bytes. It knows no descriptor; the
 * network layer feeds it what it received and sends what it replies, and a
 * test does the same from memory.
 *
 * A turn:
 *     session_space()     where the next bytes go
 *     (recv into it)
 *     session_received()  so many came
 *     session_run()       replies are in `out`; says what it wants next
 *     (send; on SESSION_FLUSH run again once everything is sent)
 *     session_park()      the thread turns to somebody else
 *
 * A session belongs to the thread of its session_thread and is used there
 * only. Between turns a session at rest owns no buffer: input lies in the
 * thread's shared buffer and only an unfinished rest is kept by park.
 */
#ifndef TAGCACHED_SESSION_H
#define TAGCACHED_SESSION_H

#include "tagcached/config.h"
#include "tagcached/counters.h"
#include "tagcached/mem.h"
#include "tagcached/out.h"
#include "tagcached/server_info.h"

#include <stddef.h>

struct store;
struct session;
struct session_thread;

/* What all sessions of a process share; outlives them. */
struct session_env {
    struct store *store;
    const struct config *config;
    struct counters_set *counters;
    struct server_info *info;
    struct mem_budget *budget; /* connection buffers are charged here */
    struct mem_budget *unfinished; /* and what of them is input that has not
                                      come whole, whose sum this bounds */
};

/* The memory that -m sets, and what of it may be unfinished input. At any
 * time, by any thread. */
void session_set_limit(const struct session_env *env, uint64_t bytes);

/* `index` is the thread's place in env->counters. NULL: out of memory. */
struct session_thread *session_thread_new(const struct session_env *env,
                                          unsigned index);
void session_thread_free(struct session_thread *thread);

/* NULL: out of memory. */
struct session *session_new(struct session_thread *thread);
/* Valid at any moment; an unfinished upload is given back. */
void session_free(struct session *session);

/*
 * Where to receive, and how much fits (never 0). Inside a large value that is
 * the entry's own memory, else the thread's shared buffer.
 */
void session_space(struct session *session, char **space, size_t *len);
void session_received(struct session *session, size_t len);

enum session_want {
    SESSION_READ,  /* all input is used up: receive more */
    SESSION_FLUSH, /* `out` is full: send all of it, then run again */
    SESSION_YIELD, /* config->requests_a_turn done, input is left: let others
                      have a turn, then run again */
    SESSION_CLOSE, /* send `out`, then close */
};

/* `out` may already hold earlier replies; it is never shortened. */
enum session_want session_run(struct session *session, struct out *out);

/*
 * Keeps what is unfinished in memory of its own. False: out of memory, close
 * the connection. Without it the next session of the thread would find it.
 */
bool session_park(struct session *session);

/* Bytes that it keeps of a request that has not come whole; 0 at rest. */
size_t session_held(const struct session *session);

#endif
