#include "worker.h"

#include "conn.h"

#include "tagcached/check.h"
#include "tagcached/mem.h"
#include "tagcached/now.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What other threads leave for a worker. */
struct inbox {
    pthread_mutex_t lock;
    int *fds;
    size_t n, cap;
    bool stop;
};

struct worker {
    unsigned index;
    pthread_t thread;
    struct event_base *base;
    struct event *wake;  /* on wake_fd: look into the inbox */
    struct event *check; /* while connections are waiting */
    int wake_fd;
    bool check_is_on;
    uint64_t stop_us; /* when it was asked to stop, or 0 */
    struct inbox inbox;
    struct conn_group conns;
};

/* ---- the inbox ---------------------------------------------------------- */

/* One write wakes it for all that came since it last looked. */
static void
wake(struct worker *worker)
{
    uint64_t one = 1;
    ssize_t n = write(worker->wake_fd, &one, sizeof(one));
    CHECK(n == sizeof(one));
}

bool
worker_give(struct worker *worker, int fd)
{
    struct inbox *inbox = &worker->inbox;
    bool given = true;
    pthread_mutex_lock(&inbox->lock);
    if (inbox->n == inbox->cap) {
        size_t cap = inbox->cap ? 2 * inbox->cap : 16;
        int *fds = mem_resize(inbox->fds, cap * sizeof(*fds));
        given = fds != NULL;
        if (given) {
            inbox->fds = fds;
            inbox->cap = cap;
        }
    }
    if (given)
        inbox->fds[inbox->n++] = fd;
    bool was_empty = inbox->n == 1;
    pthread_mutex_unlock(&inbox->lock);
    if (given && was_empty)
        wake(worker);
    return given;
}

void
worker_stop(struct worker *worker)
{
    pthread_mutex_lock(&worker->inbox.lock);
    worker->inbox.stop = true;
    pthread_mutex_unlock(&worker->inbox.lock);
    wake(worker);
}

/* Takes all descriptors out; the caller frees the array. */
static int *
empty_inbox(struct inbox *inbox, size_t *n, bool *stop)
{
    pthread_mutex_lock(&inbox->lock);
    int *fds = inbox->fds;
    *n = inbox->n;
    *stop = inbox->stop;
    inbox->fds = NULL;
    inbox->n = inbox->cap = 0;
    pthread_mutex_unlock(&inbox->lock);
    return fds;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    (void)what;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) != sizeof(count))
        return; /* somebody else's wake-up */
    size_t n;
    bool stop;
    int *fds = empty_inbox(&worker->inbox, &n, &stop);
    for (size_t i = 0; i < n; i++)
        conn_open(&worker->conns, fds[i]);
    mem_free(fds);
    if (stop && worker->stop_us == 0) {
        worker->stop_us = now_us();
        conn_stop(&worker->conns);
    }
}

/* ---- the loop ----------------------------------------------------------- */

static void
on_check(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    (void)fd;
    (void)what;
    conn_check_waiting(&worker->conns);
}

/* The timer runs only while there is something to check. */
static void
update_check(struct worker *worker)
{
    bool wanted = !TAILQ_EMPTY(&worker->conns.waiting);
    if (wanted == worker->check_is_on)
        return;
    struct timeval every = {.tv_usec = CONN_CHECK_MS * 1000};
    if (wanted)
        event_add(worker->check, &every);
    else
        event_del(worker->check);
    worker->check_is_on = wanted;
}

/* The end in steps: finish, leave, drop. True when it is over. */
static bool
advance_stop(struct worker *worker)
{
    if (worker->stop_us == 0)
        return false;
    uint64_t passed_ms = (now_us() - worker->stop_us) / 1000;
    if (passed_ms >= WORKER_FINISH_MS && !worker->conns.leaving)
        conn_leave(&worker->conns);
    return passed_ms >= WORKER_STOP_MS || LIST_EMPTY(&worker->conns.all);
}

static void *
run(void *arg)
{
    struct worker *worker = arg;
    while (!advance_stop(worker)) {
        bool busy = !TAILQ_EMPTY(&worker->conns.ready);
        worker->conns.clock_is_fresh = false;
        event_base_loop(worker->base,
                        EVLOOP_ONCE | (busy ? EVLOOP_NONBLOCK : 0));
        conn_run_ready(&worker->conns);
        update_check(worker);
    }
    return NULL;
}

int
worker_start(struct worker *worker)
{
    int err = pthread_create(&worker->thread, NULL, run, worker);
    if (err == 0) {
        char name[16];
        snprintf(name, sizeof(name), "worker-%u", worker->index);
        pthread_setname_np(worker->thread, name);
    }
    return -err;
}

void
worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
}

/* ---- making and breaking ------------------------------------------------ */

/* Only the worker's thread touches the base, so it needs no locks; without
 * the time cache it reads no clock either, unless a timer is set. */
static struct event_base *
new_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool
set_up(struct worker *worker, const struct session_env *env)
{
    worker->base = new_base();
    if (worker->base && worker->wake_fd >= 0) {
        worker->wake = event_new(worker->base, worker->wake_fd,
                                 EV_READ | EV_PERSIST, on_wake, worker);
        worker->check =
            event_new(worker->base, -1, EV_PERSIST, on_check, worker);
    }
    return worker->wake && worker->check &&
           event_add(worker->wake, NULL) == 0 &&
           conn_group_init(&worker->conns, worker->base, env, worker->index);
}

struct worker *
worker_new(const struct session_env *env, unsigned index)
{
    struct worker *worker = mem_zalloc(sizeof(*worker));
    if (!worker)
        return NULL;
    pthread_mutex_init(&worker->inbox.lock, NULL);
    worker->index = index;
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!set_up(worker, env)) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

void
worker_free(struct worker *worker)
{
    if (!worker)
        return;
    for (size_t i = 0; i < worker->inbox.n; i++)
        close(worker->inbox.fds[i]);
    mem_free(worker->inbox.fds);
    conn_group_fini(&worker->conns);
    if (worker->wake)
        event_free(worker->wake);
    if (worker->check)
        event_free(worker->check);
    if (worker->base)
        event_base_free(worker->base);
    if (worker->wake_fd >= 0)
        close(worker->wake_fd);
    pthread_mutex_destroy(&worker->inbox.lock);
    mem_free(worker);
}
