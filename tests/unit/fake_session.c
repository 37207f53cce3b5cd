#include "fake_session.h"

#include "tagcached/check.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

_Atomic int fake_sessions;
_Atomic int fake_refs;
_Atomic bool fake_park_fails;

struct session_thread {
    unsigned requests_a_turn;
    struct session *user; /* of the buffer */
    char buffer[FAKE_BUFFER];
};

struct session {
    struct session_thread *thread;
    size_t len;  /* input not yet used, in the buffer or in rest */
    char *rest;  /* parked */
    char *value; /* of put */
    size_t value_len, value_got;
};

struct session_thread *
session_thread_new(const struct session_env *env, unsigned index)
{
    (void)index;
    struct session_thread *thread = calloc(1, sizeof(*thread));
    thread->requests_a_turn = env->config->requests_a_turn;
    return thread;
}

void
session_thread_free(struct session_thread *thread)
{
    CHECK(!thread->user);
    free(thread);
}

struct session *
session_new(struct session_thread *thread)
{
    struct session *session = calloc(1, sizeof(*session));
    session->thread = thread;
    fake_sessions++;
    return session;
}

static void
use_buffer(struct session *session)
{
    struct session_thread *thread = session->thread;
    CHECK(!thread->user || thread->user == session);
    thread->user = session;
    if (session->rest) {
        memcpy(thread->buffer, session->rest, session->len);
        free(session->rest);
        session->rest = NULL;
    }
}

bool
session_park(struct session *session)
{
    CHECK(!session->thread->user || session->thread->user == session);
    if (fake_park_fails)
        return false;
    if (session->thread->user && session->len > 0) {
        session->rest = malloc(session->len);
        memcpy(session->rest, session->thread->buffer, session->len);
    }
    session->thread->user = NULL;
    return true;
}

size_t
session_held(const struct session *session)
{
    return (session->rest ? session->len : 0) + session->value_len;
}

void
session_free(struct session *session)
{
    if (session->thread->user == session)
        session->thread->user = NULL;
    free(session->rest);
    free(session->value);
    free(session);
    fake_sessions--;
}

void
session_space(struct session *session, char **space, size_t *len)
{
    if (session->value) {
        *space = session->value + session->value_got;
        *len = session->value_len - session->value_got;
        return;
    }
    use_buffer(session);
    CHECK(session->len < FAKE_BUFFER);
    *space = session->thread->buffer + session->len;
    *len = FAKE_BUFFER - session->len;
}

void
session_received(struct session *session, size_t len)
{
    if (session->value)
        session->value_got += len;
    else
        session->len += len;
}

static void
release(void *owner)
{
    free(owner);
    fake_refs--;
}

static void
reply_many(struct out *out, size_t n, bool by_ref)
{
    char *text = malloc(n + 1);
    memset(text, 'x', n);
    if (by_ref) {
        fake_refs++;
        out_ref(out, (struct span){text, n}, release, text);
        out_text(out, "\n");
    } else {
        text[n] = '\n';
        out_put(out, (struct span){text, n + 1});
        free(text);
    }
}

static void
use_up(struct session *session, size_t n)
{
    char *buffer = session->thread->buffer;
    session->len -= n;
    memmove(buffer, buffer + n, session->len);
}

static void
start_put(struct session *session, size_t n)
{
    session->value_len = n;
    session->value = malloc(n + 1);
    size_t here = session->len < n ? session->len : n;
    memcpy(session->value, session->thread->buffer, here);
    session->value_got = here;
    use_up(session, here);
}

/* False: close. */
static bool
execute(struct session *session, struct out *out, char *line, size_t len)
{
    char *number = memchr(line, ' ', len);
    size_t n = number ? (size_t)atol(number) : 0;
    bool is_put = strncmp(line, "put ", 4) == 0;
    if (strncmp(line, "big ", 4) == 0 || strncmp(line, "ref ", 4) == 0)
        reply_many(out, n, line[0] == 'r');
    else if (strcmp(line, "quit") == 0)
        out_text(out, "bye\n");
    else if (!is_put && strcmp(line, "die") != 0)
        out_printf(out, "%s\n", line);
    bool close_it = strcmp(line, "quit") == 0 || strcmp(line, "die") == 0;
    use_up(session, len + 1);
    if (is_put)
        start_put(session, n);
    return !close_it;
}

enum session_want
session_run(struct session *session, struct out *out)
{
    unsigned done = 0;
    for (;;) {
        if (session->value) {
            if (session->value_got < session->value_len)
                return SESSION_READ;
            out_printf(out, "got %zu %c\n", session->value_len,
                       session->value[session->value_len - 1]);
            free(session->value);
            session->value = NULL;
        }
        use_buffer(session);
        if (out_is_full(out))
            return SESSION_FLUSH;
        char *buffer = session->thread->buffer;
        char *end = memchr(buffer, '\n', session->len);
        if (!end)
            return SESSION_READ;
        if (done++ == session->thread->requests_a_turn)
            return SESSION_YIELD;
        *end = '\0';
        if (!execute(session, out, buffer, (size_t)(end - buffer)))
            return SESSION_CLOSE;
    }
}

void
fake_env_init(struct fake_env *fake, unsigned threads)
{
    *fake = (struct fake_env){0};
    fake->config.port = -1;
    fake->config.threads = threads;
    fake->config.max_connections = 100;
    fake->config.requests_a_turn = 50;
    fake->config.backlog = 100;
    fake->config.unix_mask = 0700;
    fake->budget.limit = (uint64_t)64 << 20;
    fake->env = (struct session_env){
        .config = &fake->config,
        .counters = counters_set_new(threads),
        .info = &fake->info,
        .budget = &fake->budget,
        .unfinished = &fake->unfinished,
    };
}

void
fake_env_fini(struct fake_env *fake)
{
    counters_set_free(fake->env.counters);
}

void
fake_tcp_pair(int fds[2])
{
    struct sockaddr_in name = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof(name);
    struct sockaddr *any = (struct sockaddr *)&name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, any, len) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, any, &len) == 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fds[0], any, len) == 0);
    fds[1] = accept(listener, NULL, NULL);
    CHECK(fds[1] >= 0);
    close(listener);
    for (int i = 0; i < 2; i++)
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
}
