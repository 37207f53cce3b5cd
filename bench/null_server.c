/*
 * The physical limit: a single-threaded libevent server that receives and
 * sends the same bytes as a cache would, but looks nothing up. It counts the
 * line ends of requests, skips the data of sets, and answers with replies
 * that were made at the start; every key exists and has the same value.
 *
 * One recv and one send a turn for each readable connection, into and out of
 * one shared buffer, like the server it is the limit of.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_BYTES = 64 * 1024, LINE_MAX_BYTES = 64 * 1024 };

struct bytes {
    char *data;
    size_t len;
};

struct server {
    struct event_base *base;
    struct event *listener;
    unsigned key_length, value_length;
    struct bytes value, meta_value; /* replies to one key of get, to mg */
    struct bytes output;            /* of this turn */
    size_t output_cap;
    char input[INPUT_BYTES + LINE_MAX_BYTES];
};

struct client {
    struct server *server;
    struct event *readable, *writable;
    int fd;
    size_t skip;         /* data of a set still to come */
    struct bytes rest;   /* of a line */
    struct bytes unsent; /* nothing is read while there is some */
};

/* ---- replies ------------------------------------------------------------ */

static void *
need(void *memory)
{
    if (memory == NULL) {
        fputs("null_server: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static void
put(struct server *server, const char *data, size_t len)
{
    struct bytes *output = &server->output;
    if (output->len + len > server->output_cap) {
        server->output_cap = 2 * (output->len + len);
        output->data = need(realloc(output->data, server->output_cap));
    }
    memcpy(output->data + output->len, data, len);
    output->len += len;
}

/* A line, then the value. */
static struct bytes
make_value(const char *line, unsigned value_length)
{
    size_t head = strlen(line);
    struct bytes reply = {need(malloc(head + value_length + 2)),
                          head + value_length + 2};
    memcpy(reply.data, line, head);
    memset(reply.data + head, 'x', value_length);
    memcpy(reply.data + head + value_length, "\r\n", 2);
    return reply;
}

static void
make_replies(struct server *server)
{
    char key[251], line[320];
    memset(key, 'k', sizeof(key) - 1);
    key[server->key_length] = '\0';
    snprintf(line, sizeof(line), "VALUE %s 0 %u\r\n", key,
             server->value_length);
    server->value = make_value(line, server->value_length);
    snprintf(line, sizeof(line), "VA %u k%s\r\n", server->value_length, key);
    server->meta_value = make_value(line, server->value_length);
}

/* The n-th word of a line as a number. */
static size_t
word_number(const char *line, const char *end, int n)
{
    for (; n > 0 && line != NULL; n--) {
        line = memchr(line, ' ', (size_t)(end - line));
        if (line != NULL)
            line++;
    }
    return line != NULL ? strtoul(line, NULL, 10) : 0;
}

/* Answers one line; `end` is where its line end begins. */
static void
answer(struct client *client, const char *line, const char *end)
{
    struct server *server = client->server;
    char verb = line[0], kind = line[1];
    if (verb == 'g') {
        size_t keys = (size_t)(end - line - 3) / (server->key_length + 1);
        while (keys-- > 0)
            put(server, server->value.data, server->value.len);
        put(server, "END\r\n", 5);
    } else if (verb == 'm' && kind == 'g') {
        put(server, server->meta_value.data, server->meta_value.len);
    } else if (verb == 'm' && kind == 's') {
        client->skip = word_number(line, end, 2) + 2;
        put(server, "HD\r\n", 4);
    } else if (verb == 's') {
        client->skip = word_number(line, end, 4) + 2;
        put(server, "STORED\r\n", 8);
    } else {
        put(server, "ERROR\r\n", 7);
    }
}

/* Returns how much of the input was used; the rest is part of a line. */
static size_t
answer_all(struct client *client, const char *data, size_t len)
{
    size_t used = 0;
    while (used < len) {
        if (client->skip > 0) {
            size_t left = len - used;
            size_t n = left < client->skip ? left : client->skip;
            client->skip -= n;
            used += n;
            continue;
        }
        const char *line = data + used;
        const char *newline = memchr(line, '\n', len - used);
        if (newline == NULL)
            break;
        used += (size_t)(newline - line) + 1;
        if (newline - line >= 3)
            answer(client, line, newline - 1);
    }
    return used;
}

/* ---- sockets ------------------------------------------------------------ */

static void
keep(struct bytes *bytes, const char *data, size_t len)
{
    char *copy = NULL;
    if (len > 0)
        copy = memcpy(need(malloc(len)), data, len);
    free(bytes->data);
    *bytes = (struct bytes){copy, len};
}

static void
client_free(struct client *client)
{
    event_free(client->readable);
    event_free(client->writable);
    close(client->fd);
    free(client->rest.data);
    free(client->unsent.data);
    free(client);
}

/* Sends, and waits for room where the socket does not take all. */
static void
client_send(struct client *client, const char *data, size_t len)
{
    ssize_t sent = send(client->fd, data, len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        client_free(client);
        return;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    bool was_waiting = client->unsent.len > 0;
    if (done == len && !was_waiting)
        return;
    keep(&client->unsent, data + done, len - done);
    if (done < len) {
        event_del(client->readable);
        event_add(client->writable, NULL);
    } else {
        event_add(client->readable, NULL);
    }
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct client *client = arg;
    (void)fd;
    (void)what;
    client_send(client, client->unsent.data, client->unsent.len);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct client *client = arg;
    struct server *server = client->server;
    size_t kept = client->rest.len;
    (void)what;
    if (kept > 0)
        memcpy(server->input, client->rest.data, kept);
    ssize_t got = recv(fd, server->input + kept, INPUT_BYTES, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        client_free(client);
        return;
    }
    size_t len = kept + (size_t)got;
    server->output.len = 0;
    size_t used = answer_all(client, server->input, len);
    if (len - used > LINE_MAX_BYTES) {
        client_free(client);
        return;
    }
    if (kept > 0 || used < len)
        keep(&client->rest, server->input + used, len - used);
    if (server->output.len > 0)
        client_send(client, server->output.data, server->output.len);
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    int on = 1, accepted = accept(fd, NULL, NULL);
    (void)what;
    if (accepted < 0)
        return;
    evutil_make_socket_nonblocking(accepted);
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct client *client = need(calloc(1, sizeof(*client)));
    client->server = server;
    client->fd = accepted;
    client->readable = need(event_new(
        server->base, accepted, EV_READ | EV_PERSIST, on_readable, client));
    client->writable =
        need(event_new(server->base, accepted, EV_WRITE, on_writable, client));
    event_add(client->readable, NULL);
}

static bool
start_listening(struct server *server, const char *address, uint16_t port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (fd < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(fd, 1024) < 0 || evutil_make_socket_nonblocking(fd) < 0)
        return false;
    server->listener = event_new(server->base, fd, EV_READ | EV_PERSIST,
                                 on_connection, server);
    return server->listener != NULL && event_add(server->listener, NULL) == 0;
}

/* ---- start -------------------------------------------------------------- */

static struct event_base *
make_base(void)
{
    struct event_config *config = need(event_config_new());
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return need(base);
}

static int
usage(FILE *to, int code)
{
    fputs("usage: null_server -p PORT [-l ADDRESS] [-k KEY_LENGTH] "
          "[-v VALUE_LENGTH]\n"
          "Answers memcached's get, mg <key> k v, set and ms without storing\n"
          "anything. Keys must all have KEY_LENGTH (24) bytes; values have\n"
          "VALUE_LENGTH (100).\n",
          to);
    return code;
}

int
main(int argc, char **argv)
{
    static struct server server = {.key_length = 24, .value_length = 100};
    const char *address = "127.0.0.1";
    unsigned long port = 0;
    for (int c; (c = getopt(argc, argv, "p:l:k:v:h")) != -1;) {
        switch (c) {
        case 'p': port = strtoul(optarg, NULL, 10); break;
        case 'l': address = optarg; break;
        case 'k': server.key_length = (unsigned)atoi(optarg); break;
        case 'v': server.value_length = (unsigned)atoi(optarg); break;
        case 'h': return usage(stdout, 0);
        default: return usage(stderr, 2);
        }
    }
    if (port == 0 || port > 65535 || server.key_length < 1 ||
        server.key_length > 250 || server.value_length > 1u << 24)
        return usage(stderr, 2);
    signal(SIGPIPE, SIG_IGN);
    server.base = make_base();
    make_replies(&server);
    if (!start_listening(&server, address, (uint16_t)port)) {
        fprintf(stderr, "null_server: cannot listen on %s:%lu: %s\n", address,
                port, strerror(errno));
        return 1;
    }
    return event_base_dispatch(server.base) == 0 ? 0 : 1;
}
