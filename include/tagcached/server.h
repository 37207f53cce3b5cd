/*
 * The server: sockets, one acceptor, worker threads. The one door to src/net.
 *
 * The caller's thread becomes the acceptor; server_run starts a thread for
 * each of config->threads. Errors are negative errno, and one line is logged.
 */
#ifndef TAGCACHED_SERVER_H
#define TAGCACHED_SERVER_H

#include "tagcached/session.h"

struct server;

/*
 * Opens the sockets that env->config asks for and prepares its workers. They
 * listen from here on, but nobody is served before server_run. Starts no
 * thread. `env` and all it points to outlive the server.
 */
int server_new(struct server **server, const struct session_env *env);

/*
 * Serves until `stop_fd` is readable. Then it accepts no more, answers what
 * was received (for one second at most) and sends it (for another), closes
 * all and ends its threads. They inherit the caller's signal mask. Once.
 */
int server_run(struct server *server, int stop_fd);

/* Closes the sockets and removes the UNIX socket's file. NULL is fine. */
void server_free(struct server *server);

#endif
