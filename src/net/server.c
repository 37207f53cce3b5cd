#include "tagcached/server.h"

#include "acceptor.h"
#include "listen.h"
#include "worker.h"

#include "tagcached/log.h"
#include "tagcached/mem.h"

#include <errno.h>
#include <stdlib.h>

struct server {
    const struct session_env *env;
    struct listen_set sockets;
    struct worker **workers;
    unsigned nworkers; /* made */
    struct acceptor *acceptor;
};

static bool
make_threads(struct server *server)
{
    unsigned n = server->env->config->threads;
    server->workers = mem_zalloc(n * sizeof(*server->workers));
    if (!server->workers)
        return false;
    for (unsigned i = 0; i < n; i++) {
        server->workers[i] = worker_new(server->env, i);
        if (!server->workers[i])
            return false;
        server->nworkers++;
    }
    server->acceptor =
        acceptor_new(&server->sockets, server->workers, n, server->env);
    return server->acceptor != NULL;
}

/* memcached's way to tell a test which ports it got. */
static int
tell_ports(const struct server *server)
{
    const char *path = getenv("MEMCACHED_PORT_FILENAME");
    if (!path)
        return 0;
    int err = listen_write_ports(&server->sockets, path);
    if (err < 0)
        log_error("failed to write the ports to %s: %s", path, strerror(-err));
    return err;
}

int
server_new(struct server **out, const struct session_env *env)
{
    *out = NULL;
    struct server *server = mem_zalloc(sizeof(*server));
    if (!server) {
        log_error("cannot start: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    server->env = env;
    int err = listen_open(&server->sockets, env->config);
    if (err == 0 && !make_threads(server)) {
        err = errno == EMFILE ? -EMFILE : -ENOMEM;
        log_error("cannot prepare %u threads: %s", env->config->threads,
                  strerror(-err));
    }
    if (err == 0)
        err = tell_ports(server);
    if (err < 0) {
        server_free(server);
        return err;
    }
    *out = server;
    return 0;
}

int
server_run(struct server *server, int stop_fd)
{
    unsigned started = 0;
    int err = 0;
    while (err == 0 && started < server->nworkers) {
        err = worker_start(server->workers[started]);
        if (err == 0)
            started++;
    }
    if (err < 0)
        log_error("cannot start a thread: %s", strerror(-err));
    else if ((err = acceptor_run(server->acceptor, stop_fd)) < 0)
        log_error("cannot go on accepting: %s", strerror(-err));

    /* Nobody new gets in from here on; those who are in get their replies. */
    acceptor_free(server->acceptor);
    server->acceptor = NULL;
    listen_close(&server->sockets);
    for (unsigned i = 0; i < started; i++)
        worker_stop(server->workers[i]);
    for (unsigned i = 0; i < started; i++)
        worker_join(server->workers[i]);
    return err;
}

void
server_free(struct server *server)
{
    if (!server)
        return;
    acceptor_free(server->acceptor);
    for (unsigned i = 0; i < server->nworkers; i++)
        worker_free(server->workers[i]);
    mem_free(server->workers);
    listen_close(&server->sockets);
    mem_free(server);
}
