/*
 * The life of a connection:
 *
 *                        conn_open
 *                            |
 *          share used up     v     socket full
 *      +----------------[ READING ]---------------+
 *      |                 ^   |   ^                |
 *      v    all answered |   |   | all sent       v
 *  [ READY ]-------------+   |   +-----------[ BLOCKED ]
 *      ^  |                  |                 |  ^
 *      |  +-----------socket full-----------------+
 *      |                     |                 |
 *      +-----------all sent, input left--------+
 *                            |
 *                            | all sent (from any state), and
 *                            | the session or the server wants to close
 *                            v
 *                      [ LINGERING ]---> closed
 *
 * The end of input and errors close at once, from any state.
 *
 * READING    waits for EV_READ. The session owns nothing.
 * PARTIAL    the same, but what came ends in the middle of a request, and the
 *            session keeps that part (not in the picture).
 * READY      is in group->ready: the session holds whole requests, but has
 *            had its share of this turn. EV_READ is armed and ignored.
 * BLOCKED    waits for EV_WRITE and reads nothing, so a client that does not
 *            read its replies cannot make us produce more. The unsent replies
 *            are in `pending`.
 * LINGERING  has sent all and said so (FIN); what still comes is thrown away.
 *            To close() with unread input would reset the connection, and
 *            with it replies that are on their way.
 *
 * PARTIAL, BLOCKED and LINGERING ones are in group->waiting, and are closed
 * when their peer has sent or taken nothing for long (conn_check_waiting).
 */
#include "conn.h"

#include "tagcached/check.h"
#include "tagcached/mem.h"
#include "tagcached/now.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum conn_state { READING, PARTIAL, READY, BLOCKED, LINGERING };

/* Returned instead of a state where the connection is gone. */
enum { CLOSED = -1 };

struct conn {
    struct event event;
    LIST_ENTRY(conn) all;
    TAILQ_ENTRY(conn) queue; /* ready or waiting, by the state */
    struct conn_group *group;
    struct session *session; /* NULL when lingering */
    struct out *pending;     /* NULL unless blocked */
    uint64_t progress_us;    /* waiting: when the peer last did something */
    size_t held_bytes;       /* waiting: of the group's held_bytes */
    uint32_t charged_bytes;  /* to the budget */
    uint32_t unacked_bytes;  /* lingering: at the last look */
    enum conn_state state;
    enum session_want want; /* blocked: what the session wanted */
};
_Static_assert(sizeof(struct conn) <= 256, "idle connections are small");

enum {
    IOV_MAX_TURN = 2 * OUT_FULL_REFS + 1,
    /* Of one connection in a row, while each fills what the session offers.
     * More would be unfair to others; fewer waits for events that are due. */
    RECVS_A_TURN = 4,
    /* When a connection has sent so much, others have a turn: a session that
     * fills `out` again and again does not count that as yielding. */
    SEND_A_TURN = 3 * OUT_FULL_BYTES,
    DISCARD_BYTES = 16 * 1024,
    DISCARDS_A_TURN = 16,
};

static void
charge(struct conn *conn, size_t bytes)
{
    mem_budget_force(conn->group->budget, bytes);
    conn->charged_bytes += (uint32_t)bytes;
}

static void
discharge(struct conn *conn, size_t bytes)
{
    mem_budget_give(conn->group->budget, bytes);
    conn->charged_bytes -= (uint32_t)bytes;
}

static struct conn_queue *
queue_of(struct conn *conn)
{
    switch (conn->state) {
    case READING: return NULL;
    case READY: return &conn->group->ready;
    case PARTIAL:
    case BLOCKED:
    case LINGERING: return &conn->group->waiting;
    }
    return NULL;
}

static void
set_state(struct conn *conn, enum conn_state state)
{
    struct conn_queue *from = queue_of(conn);
    if (from)
        TAILQ_REMOVE(from, conn, queue);
    if (from == &conn->group->waiting) {
        conn->group->held_bytes -= conn->held_bytes;
        conn->held_bytes = 0;
    }
    conn->state = state;
    struct conn_queue *to = queue_of(conn);
    if (to)
        TAILQ_INSERT_TAIL(to, conn, queue);
}

/* It waits for its peer, and keeps so many bytes meanwhile. */
static void
wait_with(struct conn *conn, enum conn_state state, size_t held_bytes)
{
    set_state(conn, state);
    conn->held_bytes = held_bytes;
    conn->group->held_bytes += held_bytes;
    conn->progress_us = now_us();
}

static void on_event(evutil_socket_t fd, short what, void *arg);

static bool
watch(struct conn *conn, short what)
{
    if (event_get_events(&conn->event) & what)
        return true;
    int fd = event_get_fd(&conn->event);
    event_del(&conn->event);
    event_assign(&conn->event, conn->group->base, fd, what | EV_PERSIST,
                 on_event, conn);
    return event_add(&conn->event, NULL) == 0;
}

static void
drop_pending(struct conn *conn)
{
    if (!conn->pending)
        return;
    /* The buffer may have shrunk since it was charged. */
    discharge(conn, conn->charged_bytes - mem_size_class(sizeof(*conn)));
    out_fini(conn->pending);
    mem_free(conn->pending);
    conn->pending = NULL;
}

static int
close_conn(struct conn *conn)
{
    struct conn_group *group = conn->group;
    int fd = event_get_fd(&conn->event);
    set_state(conn, READING);
    LIST_REMOVE(conn, all);
    event_del(&conn->event);
    drop_pending(conn);
    if (conn->session)
        session_free(conn->session);
    close(fd);
    discharge(conn, conn->charged_bytes);
    mem_free(conn);
    atomic_fetch_sub_explicit(&group->info->curr_connections, 1,
                              memory_order_relaxed);
    return CLOSED;
}

/* ---- sending ------------------------------------------------------------ */

/* One piece, the usual case, goes by the cheaper call. */
static ssize_t
send_pieces(int fd, struct iovec *iov, int n)
{
    if (n == 1)
        return send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)n};
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* 0 when all is sent, -EAGAIN, or another error. */
static int
send_out(struct conn *conn, struct out *out)
{
    if (out->failed)
        return -ENOMEM;
    while (!out_is_empty(out)) {
        struct iovec iov[IOV_MAX_TURN];
        int n = out_iov(out, iov, IOV_MAX_TURN);
        size_t total = 0;
        for (int i = 0; i < n; i++)
            total += iov[i].iov_len;

        ssize_t went = send_pieces(event_get_fd(&conn->event), iov, n);
        if (went < 0 && errno == EINTR)
            continue;
        if (went < 0)
            return errno == EWOULDBLOCK ? -EAGAIN : -errno;
        out_sent(out, (size_t)went);
        counters_add(conn->group->counters, COUNTER_BYTES_WRITTEN,
                     (uint64_t)went);
        if ((size_t)went < total)
            return -EAGAIN; /* the next try would say so */
    }
    return 0;
}

/* The replies of a turn that cannot be sent: nobody may find them there. */
static void
drop_replies(struct conn_group *group)
{
    out_fini(&group->out);
    out_init(&group->out);
}

static int
block(struct conn *conn, enum session_want want)
{
    struct out *out = &conn->group->out;
    struct out *pending = mem_alloc(sizeof(*pending));
    if (!pending) {
        drop_replies(conn->group);
        return close_conn(conn);
    }
    out_init(pending);
    out_move(pending, out);
    conn->pending = pending;
    charge(conn, sizeof(*pending) + pending->cap);
    conn->want = want;
    wait_with(conn, BLOCKED, pending->cap + pending->ref_bytes);
    if (pending->failed || !watch(conn, EV_WRITE))
        return close_conn(conn);
    return BLOCKED;
}

/* ---- lingering ---------------------------------------------------------- */

/* Throws away what came. Closes at its end, on an error, or when the peer has
 * acknowledged all we sent. */
static int
discard(struct conn *conn)
{
    int fd = event_get_fd(&conn->event);
    char trash[DISCARD_BYTES];
    ssize_t n = 1;
    for (int i = 0; i < DISCARDS_A_TURN && n > 0; i++)
        n = recv(fd, trash, sizeof(trash), 0);
    int unacked = 0;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
        ioctl(fd, SIOCOUTQ, &unacked) != 0 || unacked == 0)
        return close_conn(conn);
    if ((uint32_t)unacked != conn->unacked_bytes)
        conn->progress_us = now_us();
    conn->unacked_bytes = (uint32_t)unacked;
    return LINGERING;
}

static int
linger(struct conn *conn)
{
    drop_pending(conn);
    session_free(conn->session);
    conn->session = NULL;
    wait_with(conn, LINGERING, 0);
    if (shutdown(event_get_fd(&conn->event), SHUT_WR) != 0 ||
        !watch(conn, EV_READ))
        return close_conn(conn);
    return discard(conn);
}

/* ---- a turn ------------------------------------------------------------- */

/* All input is answered and sent. */
static int
rest(struct conn *conn)
{
    if (conn->group->stopping)
        return linger(conn);
    set_state(conn, READING);
    return READING;
}

static int
give_way(struct conn *conn)
{
    set_state(conn, READY);
    return READY;
}

/* Runs the session and sends what it replies, until one of them has enough.
 * Returns the new state. The session is not parked yet. */
static int
run(struct conn *conn)
{
    struct out *out = &conn->group->out;
    size_t sent = 0;
    for (;;) {
        enum session_want want = session_run(conn->session, out);
        sent += out_pending(out);
        int err = send_out(conn, out);
        if (err == -EAGAIN)
            return block(conn, want);
        if (err < 0) {
            drop_replies(conn->group);
            return close_conn(conn);
        }
        switch (want) {
        case SESSION_READ: return rest(conn);
        case SESSION_CLOSE: return linger(conn);
        case SESSION_YIELD:
            counters_add(conn->group->counters, COUNTER_CONN_YIELDS, 1);
            return give_way(conn);
        case SESSION_FLUSH:
            if (sent >= SEND_A_TURN)
                return give_way(conn);
        }
    }
}

/* The end of a turn: the next session of the thread uses the same buffers. */
static void
park(struct conn *conn, int state)
{
    if (state == CLOSED || state == LINGERING)
        return;
    CHECK(out_is_empty(&conn->group->out));
    if (!session_park(conn->session)) {
        close_conn(conn);
        return;
    }
    size_t held = session_held(conn->session);
    if (state == READING && held > 0)
        wait_with(conn, PARTIAL, held);
}

/* Once for all turns between two waits. */
static void
freshen_clock(struct conn_group *group)
{
    if (group->clock_is_fresh)
        return;
    now_refresh();
    group->clock_is_fresh = true;
}

static void
receive(struct conn *conn)
{
    int fd = event_get_fd(&conn->event);
    int state = READING;
    for (int i = 0; i < RECVS_A_TURN && state == READING; i++) {
        char *space;
        size_t len;
        session_space(conn->session, &space, &len);
        ssize_t n = recv(fd, space, len, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            /* All before the end was answered when it came. */
            close_conn(conn);
            return;
        }
        counters_add(conn->group->counters, COUNTER_BYTES_READ, (uint64_t)n);
        session_received(conn->session, (size_t)n);
        state = run(conn);
        if ((size_t)n < len)
            break; /* that was all; what comes later is an event */
    }
    park(conn, state);
}

void
conn_run_ready(struct conn_group *group)
{
    struct conn *last = TAILQ_LAST(&group->ready, conn_queue);
    struct conn *conn;
    if (last)
        freshen_clock(group);
    while ((conn = TAILQ_FIRST(&group->ready)) != NULL) {
        bool is_last = conn == last;
        set_state(conn, READING);
        park(conn, run(conn));
        if (is_last)
            break;
    }
}

/* The socket takes bytes again. */
static void
resume(struct conn *conn)
{
    size_t before = out_pending(conn->pending);
    int err = send_out(conn, conn->pending);
    if (err == -EAGAIN) {
        if (out_pending(conn->pending) < before)
            conn->progress_us = now_us();
        return;
    }
    if (err < 0) {
        close_conn(conn);
        return;
    }
    if (conn->want == SESSION_CLOSE || conn->group->leaving) {
        linger(conn);
        return;
    }
    drop_pending(conn);
    if (!watch(conn, EV_READ))
        close_conn(conn);
    else if (conn->want == SESSION_READ)
        rest(conn);
    else
        set_state(conn, READY);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
    struct conn *conn = arg;
    (void)fd;
    (void)what;
    freshen_clock(conn->group);
    switch (conn->state) {
    case PARTIAL: set_state(conn, READING); receive(conn); break;
    case READING: receive(conn); break;
    case READY: break; /* conn_run_ready comes to it */
    case BLOCKED: resume(conn); break;
    case LINGERING: discard(conn); break;
    }
}

/* ---- from outside ------------------------------------------------------- */

static struct conn *
new_conn(struct conn_group *group, int fd)
{
    struct conn *conn = mem_zalloc(sizeof(*conn));
    if (!conn)
        return NULL;
    conn->session = session_new(group->sessions);
    if (!conn->session) {
        mem_free(conn);
        return NULL;
    }
    conn->group = group;
    conn->state = READING;
    event_assign(&conn->event, group->base, fd, EV_READ | EV_PERSIST, on_event,
                 conn);
    charge(conn, mem_size_class(sizeof(*conn)));
    LIST_INSERT_HEAD(&group->all, conn, all);
    return conn;
}

void
conn_open(struct conn_group *group, int fd)
{
    struct conn *conn = new_conn(group, fd);
    if (!conn) {
        close(fd);
        atomic_fetch_sub_explicit(&group->info->curr_connections, 1,
                                  memory_order_relaxed);
        return;
    }
    if (event_add(&conn->event, NULL) != 0)
        close_conn(conn);
}

/* How long a peer may take nothing, in microseconds. */
static uint64_t
patience_us(const struct conn_group *group)
{
    uint64_t limit =
        atomic_load_explicit(&group->budget->limit, memory_order_relaxed);
    bool crowded = group->held_bytes > limit / CONN_HELD_PART / group->threads;
    return (crowded ? CONN_STALL_SHORT_S : CONN_STALL_S) * UINT64_C(1000000);
}

void
conn_check_waiting(struct conn_group *group)
{
    uint64_t now = now_us();
    struct conn *next;
    for (struct conn *conn = TAILQ_FIRST(&group->waiting); conn; conn = next) {
        next = TAILQ_NEXT(conn, queue);
        if (conn->state == LINGERING && discard(conn) == CLOSED)
            continue;
        if (now > conn->progress_us + patience_us(group))
            close_conn(conn);
    }
}

void
conn_stop(struct conn_group *group)
{
    group->stopping = true;
    struct conn *next;
    for (struct conn *conn = LIST_FIRST(&group->all); conn; conn = next) {
        next = LIST_NEXT(conn, all);
        if (conn->state == READING || conn->state == PARTIAL)
            linger(conn);
    }
}

void
conn_leave(struct conn_group *group)
{
    conn_stop(group);
    group->leaving = true;
    struct conn *conn;
    while ((conn = TAILQ_FIRST(&group->ready)) != NULL)
        linger(conn);
}

bool
conn_group_init(struct conn_group *group, struct event_base *base,
                const struct session_env *env, unsigned index)
{
    *group = (struct conn_group){
        .base = base,
        .sessions = session_thread_new(env, index),
        .counters = counters_set_at(env->counters, index),
        .info = env->info,
        .budget = env->budget,
        .threads = env->config->threads,
    };
    if (!group->sessions)
        return false;
    out_init(&group->out);
    LIST_INIT(&group->all);
    TAILQ_INIT(&group->ready);
    TAILQ_INIT(&group->waiting);
    return true;
}

void
conn_group_fini(struct conn_group *group)
{
    if (!group->sessions)
        return;
    while (!LIST_EMPTY(&group->all))
        close_conn(LIST_FIRST(&group->all));
    out_fini(&group->out);
    session_thread_free(group->sessions);
    group->sessions = NULL;
}
