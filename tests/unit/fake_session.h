/*
 * A session that echoes lines, to test the network layer without commands and
 * store. Lines:
 *     big N    a line of N times x, copied into `out`
 *     ref N    the same, referenced
 *     put N    swallows the N bytes that follow, into memory of its own
 *     quit     says bye and closes
 *     die      closes and says nothing
 * and any other line is its own reply. It CHECKs that the thread's buffer has
 * one user at a time.
 */
#ifndef TESTS_FAKE_SESSION_H
#define TESTS_FAKE_SESSION_H

#include "tagcached/session.h"

/* How many there are: 0 when all is cleaned up. */
extern _Atomic int fake_sessions;
extern _Atomic int fake_refs;
/* While set, session_park fails. */
extern _Atomic bool fake_park_fails;

enum { FAKE_BUFFER = 4096 };

/* All that a server needs around it. */
struct fake_env {
    struct config config;
    struct server_info info;
    struct mem_budget budget;
    struct mem_budget unfinished;
    struct session_env env;
};
void fake_env_init(struct fake_env *fake, unsigned threads);
void fake_env_fini(struct fake_env *fake);

/* Connected non-blocking stream sockets over TCP. */
void fake_tcp_pair(int fds[2]);

#endif
