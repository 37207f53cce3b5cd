/*
 * A worker: a thread with an event base of its own, and the connections it
 * was given. worker_give may be called from another thread; all other
 * functions are for the thread that made it.
 */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include "tagcached/session.h"

struct worker;

/* NULL: out of memory or descriptors. `index` as for session_thread_new. */
struct worker *worker_new(const struct session_env *env, unsigned index);
/* Closes what it was given. Not while its thread runs. NULL is fine. */
void worker_free(struct worker *worker);

/* 0 or negative errno. */
int worker_start(struct worker *worker);

/*
 * A connected socket, the worker's from here on, counted in curr_connections.
 * False: out of memory; it stays the caller's.
 */
bool worker_give(struct worker *worker, int fd);

/*
 * Asks it to stop as server_run promises: it answers what it received for
 * WORKER_FINISH_MS at most, and ends after WORKER_STOP_MS at most.
 */
enum { WORKER_FINISH_MS = 1000, WORKER_STOP_MS = 2000 };
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);

#endif
