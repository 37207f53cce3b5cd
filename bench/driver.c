#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    RECEIVE_BYTES = 256 * 1024,
    EVENTS = 128,
    SILENCE_MS = 20 * 1000, /* then the server is taken for dead */
};

static uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int
fail(const char *what, int error)
{
    fprintf(stderr, "load: %s%s%s\n", what, error != 0 ? ": " : "",
            error != 0 ? strerror(-error) : "");
    return -1;
}

/* ---- connections -------------------------------------------------------- */

static int
watch(const struct driver *driver, struct connection *connection, int how)
{
    bool writing = connection->unsent.len > 0;
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0),
                                .data.ptr = connection};
    if (epoll_ctl(driver->epoll, how, connection->fd, &event) < 0)
        return fail("epoll_ctl", -errno);
    return 0;
}

static int
open_connection(struct driver *driver, unsigned index)
{
    const struct options *options = driver->workload->options;
    struct connection *connection = &driver->connections[index];
    if (!workload_equip(driver->workload, connection))
        return fail("connections", -ENOMEM);
    int error = connection_open(connection, options->host, options->port);
    if (error < 0)
        return fail(options->host, error);
    connection->index = index;
    driver->nconnections++;
    return watch(driver, connection, EPOLL_CTL_ADD);
}

int
driver_init(struct driver *driver, struct workload *workload)
{
    unsigned wanted = workload->options->connections;
    *driver = (struct driver){.workload = workload};
    driver->epoll = epoll_create1(EPOLL_CLOEXEC);
    /* A value that is checked must lie there as a whole. */
    driver->buffer_bytes = RECEIVE_BYTES + workload->options->value_max;
    driver->buffer = malloc(driver->buffer_bytes);
    driver->connections = calloc(wanted, sizeof(*driver->connections));
    if (driver->epoll < 0 || driver->buffer == NULL ||
        driver->connections == NULL)
        return fail("start", -errno);
    for (unsigned i = 0; i < wanted; i++)
        if (open_connection(driver, i) < 0)
            return -1;
    return 0;
}

void
driver_fini(struct driver *driver)
{
    for (unsigned i = 0; i < driver->nconnections; i++)
        connection_close(&driver->connections[i]);
    free(driver->connections);
    free(driver->buffer);
    close(driver->epoll);
}

/* ---- issuing ------------------------------------------------------------ */

static uint64_t
due_ns(const struct driver *driver, const struct driver_phase *phase,
       uint64_t arrival)
{
    return driver->start_ns + (uint64_t)((double)arrival * 1e9 / phase->rate);
}

static void
set_times(const struct driver *driver, const struct driver_phase *phase,
          struct connection *connection)
{
    uint64_t now = now_ns();
    for (unsigned i = 0; i < connection->nrequests; i++) {
        uint64_t arrival =
            connection->taken++ * driver->nconnections + connection->index;
        connection->requests[i].since_ns =
            phase->rate > 0 ? due_ns(driver, phase, arrival) : now;
    }
}

/* How many requests an idle connection may send now. */
static unsigned
batch_size(struct driver *driver, const struct driver_phase *phase,
           const struct connection *connection)
{
    uint64_t n = driver->workload->options->depth;
    if (phase->rate > 0) {
        uint64_t due = connection->due - connection->taken;
        return (unsigned)(due < n ? due : n);
    }
    if (phase->requests == 0)
        driver->over = driver->over || now_ns() >= driver->deadline_ns;
    else if (phase->requests - driver->issued < n)
        n = phase->requests - driver->issued;
    return driver->over ? 0 : (unsigned)n;
}

static int
start_batch(struct driver *driver, const struct driver_phase *phase,
            struct connection *connection)
{
    unsigned n = batch_size(driver, phase, connection);
    if (n == 0)
        return 0;
    size_t len = workload_batch(driver->workload, connection, n);
    driver->issued += n;
    driver->busy++;
    set_times(driver, phase, connection);
    int error = connection_send(connection, driver->workload->batch, len);
    if (error < 0)
        return fail("send", error);
    if (connection->unsent.len > 0)
        return watch(driver, connection, EPOLL_CTL_MOD);
    return 0;
}

/* Open loop: what has become due goes to its connection. */
static int
let_arrive(struct driver *driver, const struct driver_phase *phase)
{
    uint64_t now = now_ns();
    for (uint64_t due; !driver->over; driver->arrived++) {
        due = due_ns(driver, phase, driver->arrived);
        driver->over = phase->requests > 0 ? driver->arrived >= phase->requests
                                           : due >= driver->deadline_ns;
        if (driver->over || due > now)
            return 0;
        struct connection *connection =
            &driver->connections[driver->arrived % driver->nconnections];
        connection->due++;
        if (connection->done == connection->nrequests &&
            start_batch(driver, phase, connection) < 0)
            return -1;
    }
    return 0;
}

/* ---- receiving ---------------------------------------------------------- */

static int
receive(struct driver *driver, const struct driver_phase *phase,
        struct connection *connection)
{
    struct workload *workload = driver->workload;
    bool verify = workload->options->verify;
    size_t kept = connection->unread.len;
    if (kept > 0)
        memcpy(driver->buffer, connection->unread.data, kept);
    ssize_t got = recv(connection->fd, driver->buffer + kept,
                       driver->buffer_bytes - kept, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return fail("connection lost", got < 0 ? -errno : 0);
    size_t len = kept + (size_t)got;
    int64_t used = reply_consume(connection, driver->tally,
                                 verify ? &workload->wire : NULL,
                                 driver->buffer, len, now_ns());
    if (used < 0 || len - (size_t)used == driver->buffer_bytes)
        return fail("these are no replies to what was asked", 0);
    if (!rest_keep(&connection->unread, driver->buffer + used,
                   len - (size_t)used))
        return fail("receive", -ENOMEM);
    if (connection->done < connection->nrequests)
        return 0;
    driver->busy--;
    return start_batch(driver, phase, connection);
}

static int
handle(struct driver *driver, const struct driver_phase *phase,
       const struct epoll_event *event)
{
    struct connection *connection = event->data.ptr;
    if (event->events & EPOLLOUT) {
        int error = connection_flush(connection);
        if (error < 0)
            return fail("send", error);
        if (connection->unsent.len == 0 &&
            watch(driver, connection, EPOLL_CTL_MOD) < 0)
            return -1;
    }
    if (event->events & ~(uint32_t)EPOLLOUT)
        return receive(driver, phase, connection);
    return 0;
}

/* An open loop does not sleep: it has a core, and waking up takes longer than
 * what it measures. */
static int
turn(struct driver *driver, const struct driver_phase *phase)
{
    struct epoll_event events[EVENTS];
    bool open = phase->rate > 0 && !driver->over;
    if (open && let_arrive(driver, phase) < 0)
        return -1;
    int n = epoll_wait(driver->epoll, events, EVENTS, open ? 0 : SILENCE_MS);
    if (n < 0 && errno != EINTR)
        return fail("epoll_wait", -errno);
    if (n == 0 && !open)
        return fail("the server is silent", 0);
    for (int i = 0; i < n; i++)
        if (handle(driver, phase, &events[i]) < 0)
            return -1;
    return 0;
}

/* ---- a phase ------------------------------------------------------------ */

static int
start_all(struct driver *driver, const struct driver_phase *phase)
{
    for (unsigned i = 0; i < driver->nconnections; i++) {
        struct connection *connection = &driver->connections[i];
        connection->due = connection->taken = 0;
        connection->nrequests = connection->done = 0;
        if (phase->rate == 0 && start_batch(driver, phase, connection) < 0)
            return -1;
    }
    return 0;
}

int
driver_run(struct driver *driver, const struct driver_phase *phase,
           struct tally *tally, uint64_t *elapsed_ns)
{
    driver->tally = tally;
    driver->issued = driver->arrived = 0;
    driver->busy = 0;
    driver->over = false;
    driver->start_ns = now_ns();
    driver->deadline_ns = driver->start_ns + (uint64_t)(phase->seconds * 1e9);
    workload_start(driver->workload, phase->mix);
    if (start_all(driver, phase) < 0)
        return -1;
    while (driver->busy > 0 || (phase->rate > 0 && !driver->over))
        if (turn(driver, phase) < 0)
            return -1;
    *elapsed_ns = now_ns() - driver->start_ns;
    return 0;
}
