/*
 * Connections: a socket, its session, and the way bytes go between them. All
 * connections of a worker share one conn_group and are used by its thread
 * alone.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "tagcached/counters.h"
#include "tagcached/session.h"

#include <event2/event.h>
#include <sys/queue.h>

struct conn;
LIST_HEAD(conn_list, conn);
TAILQ_HEAD(conn_queue, conn);

/* What the connections of one thread share. */
struct conn_group {
    struct event_base *base;
    struct session_thread *sessions;
    struct counters *counters;
    struct server_info *info;
    struct mem_budget *budget;
    struct out out; /* replies of the turn; empty between turns */
    struct conn_list all;
    struct conn_queue ready;   /* have input in hand, gave way to others */
    struct conn_queue waiting; /* for the peer: to take a reply, or to send the
                                  rest of a request */
    uint64_t held_bytes;       /* what those keep */
    unsigned threads;          /* that share the budget */
    bool clock_is_fresh;       /* cleared by the owner before it waits */
    bool stopping;             /* at rest: close */
    bool leaving;              /* answer no more, only send */
};

/* False: out of memory. The base is the caller's. */
bool conn_group_init(struct conn_group *group, struct event_base *base,
                     const struct session_env *env, unsigned index);
/* Closes what is open. */
void conn_group_fini(struct conn_group *group);

/*
 * A connection on `fd`, a non-blocking stream socket that belongs to it from
 * here on, even when this fails. The acceptor has counted it already; its end
 * is counted here.
 */
void conn_open(struct conn_group *group, int fd);

/* A turn for each that is in `ready` now. */
void conn_run_ready(struct conn_group *group);

/*
 * To be called every CONN_CHECK_MS while `waiting` is not empty: closes those
 * whose peer has done nothing for CONN_STALL_S. While the group holds more
 * than its share of a quarter of the budget for them (1 / CONN_HELD_PART), it
 * has the shorter patience: so a crowd that asks and does not read, or begins
 * to send and stops, neither grows the server nor keeps its memory from others.
 */
enum {
    CONN_CHECK_MS = 50,
    CONN_STALL_S = 30,
    CONN_STALL_SHORT_S = 1,
    CONN_HELD_PART = 4,
};
void conn_check_waiting(struct conn_group *group);

/*
 * From now on each one closes as soon as what it received is answered and
 * sent. Going on with events, conn_run_ready and conn_check_waiting empties
 * `all`, unless a peer does not read. conn_leave is for those that take too
 * long: they close when the replies they have are sent.
 */
void conn_stop(struct conn_group *group);
void conn_leave(struct conn_group *group);

#endif
