/*
 * The acceptor: takes new connections, keeps to -c, and gives them to the
 * workers in turn. Runs in the thread that calls acceptor_run.
 */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include "listen.h"
#include "worker.h"

struct acceptor;

/* NULL: out of memory or descriptors. The sockets and workers stay the
 * caller's and outlive it. */
struct acceptor *acceptor_new(const struct listen_set *sockets,
                              struct worker **workers, unsigned nworkers,
                              const struct session_env *env);
void acceptor_free(struct acceptor *acceptor);

/* Until stop_fd is readable. 0 or negative errno. */
int acceptor_run(struct acceptor *acceptor, int stop_fd);

#endif
