#include "talk.h"

#include "tagcached/check.h"
#include "tagcached/hash.h"
#include "tagcached/now.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
talk_init(struct talk *talk)
{
    *talk = (struct talk){
        .config = {.limit_bytes = 64 << 20,
                   .threads = 1,
                   .evict = true,
                   .cas = true,
                   .flush = true,
                   .max_connections = 1024,
                   .item_size_max = 1 << 20,
                   .requests_a_turn = 20},
    };
}

void
talk_start(struct talk *talk)
{
    now_refresh();
    talk->budget.limit = talk->config.limit_bytes;
    talk->unfinished.limit = talk->config.limit_bytes / 2;
    struct store_config config = {
        .budget = &talk->budget,
        .item_size_max = talk->config.item_size_max,
        .evict = talk->config.evict,
        .cas = talk->config.cas,
        .seed = hash_random_seed(),
    };
    talk->env = (struct session_env){
        .store = store_new(&config),
        .config = &talk->config,
        .counters = counters_set_new(1),
        .info = &talk->info,
        .budget = &talk->budget,
        .unfinished = &talk->unfinished,
    };
    CHECK(talk->env.store && talk->env.counters);
    talk->thread = session_thread_new(&talk->env, 0);
    CHECK(talk->thread);
}

void
talk_end(struct talk *talk)
{
    session_thread_free(talk->thread);
    counters_set_free(talk->env.counters);
    store_free(talk->env.store);
    CHECK(talk->budget.used == 0);
    CHECK(talk->unfinished.used == 0);
}

void
client_open(struct client *client, struct talk *talk)
{
    *client = (struct client){.session = session_new(talk->thread)};
    CHECK(client->session);
    out_init(&client->out);
    client->cap = 4096;
    client->got = calloc(1, client->cap);
    CHECK(client->got);
}

void
client_close(struct client *client)
{
    if (client->session)
        session_free(client->session);
    client->session = NULL;
    out_fini(&client->out);
    free(client->got);
    client->got = NULL;
}

static void
keep(struct client *client, const char *bytes, size_t len)
{
    while (client->cap <= client->len + len) {
        client->cap *= 2;
        client->got = realloc(client->got, client->cap);
        CHECK(client->got);
    }
    memcpy(client->got + client->len, bytes, len);
    client->len += len;
    client->got[client->len] = '\0';
}

static void
drain(struct client *client)
{
    struct iovec iov[8];
    int n;
    CHECK(!client->out.failed);
    while ((n = out_iov(&client->out, iov, 8)) > 0) {
        size_t sent = 0;
        for (int i = 0; i < n; i++) {
            keep(client, iov[i].iov_base, iov[i].iov_len);
            sent += iov[i].iov_len;
        }
        out_sent(&client->out, sent);
    }
    CHECK(out_is_empty(&client->out));
}

static void
run(struct client *client)
{
    for (;;) {
        enum session_want want = session_run(client->session, &client->out);
        if (want != SESSION_YIELD)
            drain(client);
        CHECK(session_park(client->session));
        client->closed = want == SESSION_CLOSE;
        if (want == SESSION_READ || want == SESSION_CLOSE)
            return;
    }
}

void
client_send(struct client *client, const char *bytes, size_t len, size_t piece)
{
    while (len > 0 && !client->closed) {
        char *space;
        size_t step;
        session_space(client->session, &space, &step);
        CHECK(step > 0);
        step = step < len ? step : len;
        step = piece > 0 && piece < step ? piece : step;
        memcpy(space, bytes, step);
        session_received(client->session, step);
        run(client);
        bytes += step;
        len -= step;
    }
}

void
client_expect(struct client *client, const char *text, const char *replies)
{
    client_send(client, text, strlen(text), 0);
    const char *got = client->got + client->read;
    client->read = client->len;
    if (strcmp(got, replies) == 0)
        return;
    fprintf(stderr, "sent:\n%s\nexpected:\n%s\ngot:\n%s\n", text, replies, got);
    abort();
}

char *
client_line(struct client *client)
{
    char *start = client->got + client->read;
    char *end = strstr(start, "\r\n");
    if (!end)
        return NULL;
    *end = '\0';
    client->read = (size_t)(end + 2 - client->got);
    return start;
}
