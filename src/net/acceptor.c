#include "acceptor.h"

#include "tagcached/log.h"
#include "tagcached/mem.h"
#include "tagcached/now.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    /* In a row, so that a storm of them does not keep us from stopping. */
    ACCEPTS_A_TURN = 256,
    PAUSE_MS = 10,
    GRACE_MS = 20,
    COMPLAIN_EVERY_S = 5,
};

struct acceptor {
    struct event_base *base;
    struct event **sockets; /* one for each of nsockets */
    unsigned nsockets;
    struct event *pause; /* timer: accept again */
    struct worker **workers;
    unsigned nworkers, next;
    unsigned max_connections;
    struct server_info *info;
    /*
     * A descriptor to give up when the process has no more: only with a free
     * one can a client be accepted and be told that it is refused. -1 while
     * it is given up.
     */
    int reserve_fd;
    uint64_t complained_us;
};

static int
open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
refuse(struct acceptor *acceptor, int fd)
{
    static const char text[] = "ERROR Too many open connections\r\n";
    atomic_fetch_add_explicit(&acceptor->info->rejected_connections, 1,
                              memory_order_relaxed);
    if (send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) > 0) {
        /* What it has sent already must not turn this close into a reset. */
        char trash[2048];
        shutdown(fd, SHUT_WR);
        for (int i = 0; i < 32; i++)
            if (recv(fd, trash, sizeof(trash), 0) < (ssize_t)sizeof(trash))
                break;
    }
    close(fd);
}

/* Only we count up, so the limit is never passed. */
static bool
is_full(const struct acceptor *acceptor)
{
    return atomic_load_explicit(&acceptor->info->curr_connections,
                                memory_order_relaxed) >=
           acceptor->max_connections;
}

/*
 * A client that closes one connection and opens another must not be refused
 * because the worker has not seen the first one's end: it gets a moment. Once
 * a turn, so that refusing many stays quick.
 */
static void
wait_for_leavers(const struct acceptor *acceptor)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; i < GRACE_MS && is_full(acceptor); i++)
        nanosleep(&moment, NULL);
}

static void
hand_over(struct acceptor *acceptor, int fd)
{
    struct server_info *info = acceptor->info;
    if (is_full(acceptor)) {
        refuse(acceptor, fd);
        return;
    }
    atomic_fetch_add_explicit(&info->curr_connections, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&info->total_connections, 1,
                              memory_order_relaxed);
    struct worker *worker =
        acceptor->workers[acceptor->next++ % acceptor->nworkers];
    if (!worker_give(worker, fd)) {
        atomic_fetch_sub_explicit(&info->curr_connections, 1,
                                  memory_order_relaxed);
        refuse(acceptor, fd);
    }
}

static void
complain(struct acceptor *acceptor, int err)
{
    uint64_t now = now_us();
    if (acceptor->complained_us != 0 &&
        now < acceptor->complained_us + COMPLAIN_EVERY_S * UINT64_C(1000000))
        return;
    acceptor->complained_us = now;
    log_warn("cannot accept connections: %s", strerror(err));
}

/* Lets the machine recover: level-triggered events would come at once. */
static void
pause_accepting(struct acceptor *acceptor)
{
    struct timeval soon = {.tv_usec = PAUSE_MS * 1000};
    for (unsigned i = 0; i < acceptor->nsockets; i++)
        event_del(acceptor->sockets[i]);
    event_add(acceptor->pause, &soon);
    atomic_store_explicit(&acceptor->info->accepting, false,
                          memory_order_relaxed);
}

static int
accept_again(struct acceptor *acceptor)
{
    for (unsigned i = 0; i < acceptor->nsockets; i++) {
        if (event_add(acceptor->sockets[i], NULL) != 0)
            return -ENOMEM;
    }
    atomic_store_explicit(&acceptor->info->accepting, true,
                          memory_order_relaxed);
    return 0;
}

static void
on_pause_end(evutil_socket_t fd, short what, void *arg)
{
    struct acceptor *acceptor = arg;
    (void)fd;
    (void)what;
    if (acceptor->reserve_fd < 0)
        acceptor->reserve_fd = open_reserve();
    if (accept_again(acceptor) < 0)
        pause_accepting(acceptor);
}

/* Out of descriptors. False: not even the reserve helped. */
static bool
refuse_with_reserve(struct acceptor *acceptor, int listen_fd)
{
    if (acceptor->reserve_fd < 0)
        return false;
    close(acceptor->reserve_fd);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        refuse(acceptor, fd);
    acceptor->reserve_fd = open_reserve();
    return fd >= 0 && acceptor->reserve_fd >= 0;
}

/* The connection was gone before we took it; or the network had a hiccup that
 * accept(2) tells to take for EAGAIN. */
static bool
is_about_one_client(int err)
{
    return err == ECONNABORTED || err == EINTR || err == EPROTO ||
           err == ENETDOWN || err == ENOPROTOOPT || err == EHOSTDOWN ||
           err == ENONET || err == EHOSTUNREACH || err == EOPNOTSUPP ||
           err == ENETUNREACH || err == EPERM;
}

static void
on_connect(evutil_socket_t listen_fd, short what, void *arg)
{
    struct acceptor *acceptor = arg;
    (void)what;
    bool waited = false;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (!waited && is_full(acceptor)) {
                wait_for_leavers(acceptor);
                waited = true;
            }
            hand_over(acceptor, fd);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (is_about_one_client(errno))
            continue;
        complain(acceptor, errno);
        if (errno != EMFILE || !refuse_with_reserve(acceptor, listen_fd)) {
            pause_accepting(acceptor);
            return;
        }
    }
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(arg);
}

int
acceptor_run(struct acceptor *acceptor, int stop_fd)
{
    struct event *stop =
        event_new(acceptor->base, stop_fd, EV_READ, on_stop, acceptor->base);
    if (!stop)
        return -ENOMEM;
    int err = event_add(stop, NULL) == 0 ? accept_again(acceptor) : -ENOMEM;
    if (err == 0 && event_base_dispatch(acceptor->base) < 0)
        err = -EIO;
    atomic_store_explicit(&acceptor->info->accepting, false,
                          memory_order_relaxed);
    event_free(stop);
    return err;
}

static bool
make_events(struct acceptor *acceptor, const struct listen_set *sockets)
{
    acceptor->sockets = mem_zalloc(sockets->n * sizeof(*acceptor->sockets));
    acceptor->base = event_base_new();
    if (!acceptor->sockets || !acceptor->base)
        return false;
    acceptor->pause = event_new(acceptor->base, -1, 0, on_pause_end, acceptor);
    for (unsigned i = 0; i < sockets->n; i++) {
        acceptor->sockets[i] =
            event_new(acceptor->base, sockets->sockets[i].fd,
                      EV_READ | EV_PERSIST, on_connect, acceptor);
        if (!acceptor->sockets[i])
            return false;
        acceptor->nsockets++;
    }
    return acceptor->pause != NULL;
}

struct acceptor *
acceptor_new(const struct listen_set *sockets, struct worker **workers,
             unsigned nworkers, const struct session_env *env)
{
    struct acceptor *acceptor = mem_zalloc(sizeof(*acceptor));
    if (!acceptor)
        return NULL;
    acceptor->workers = workers;
    acceptor->nworkers = nworkers;
    acceptor->max_connections = env->config->max_connections;
    acceptor->info = env->info;
    acceptor->reserve_fd = open_reserve();
    if (acceptor->reserve_fd < 0 || !make_events(acceptor, sockets)) {
        acceptor_free(acceptor);
        return NULL;
    }
    return acceptor;
}

void
acceptor_free(struct acceptor *acceptor)
{
    if (!acceptor)
        return;
    for (unsigned i = 0; i < acceptor->nsockets; i++)
        event_free(acceptor->sockets[i]);
    mem_free(acceptor->sockets);
    if (acceptor->pause)
        event_free(acceptor->pause);
    if (acceptor->base)
        event_base_free(acceptor->base);
    if (acceptor->reserve_fd >= 0)
        close(acceptor->reserve_fd);
    mem_free(acceptor);
}
