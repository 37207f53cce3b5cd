#include "reply.h"

#include <stdio.h>

enum { SAY_AT_MOST = 10 };

static void
complete(struct connection *connection, struct tally *tally, uint64_t now_ns)
{
    struct request *request = &connection->requests[connection->done++];
    tally->requests++;
    tally->ops += request->nkeys;
    if (request->command == WIRE_GET || request->command == WIRE_MG) {
        tally->hits += request->hits;
        tally->misses += request->nkeys - request->hits;
    }
    histogram_record(&tally->latency_ns, now_ns - request->since_ns);
}

/* The asked key that this reply is for: keys come in the order asked for,
 * only missing ones are left out. -1: none. */
static int64_t
match_key(struct request *request, const struct wire *wire,
          const struct wire_reply *reply)
{
    if (reply->key == NULL)
        return -1;
    int64_t key = key_parse(&wire->key, reply->key, reply->key_length);
    while (request->next < request->nkeys)
        if (request->keys[request->next++] == key)
            return key;
    return -1;
}

static void
check_value(struct request *request, struct tally *tally,
            const struct wire *wire, const struct wire_reply *reply,
            const char *value)
{
    int64_t key = match_key(request, wire, reply);
    if (key >= 0 &&
        value_check(&wire->values, (uint32_t)key, value, reply->value_length) &&
        memcmp(value + reply->value_length, "\r\n", 2) == 0)
        return;
    if (tally->wrong++ < SAY_AT_MOST)
        fprintf(stderr, "load: wrong value of %zu bytes for %.*s\n",
                reply->value_length, (int)reply->key_length,
                reply->key != NULL ? reply->key : "");
}

static void
take_error(struct tally *tally, const char *line, size_t len)
{
    if (tally->errors++ < SAY_AT_MOST)
        fprintf(stderr, "load: %.*s\n", (int)len - 2, line);
}

/* A reply line for the oldest open request; false: it cannot be one. */
static bool
take_line(struct connection *connection, struct tally *tally,
          const struct wire_reply *reply, uint64_t now_ns)
{
    struct request *request = &connection->requests[connection->done];
    enum wire_command command = request->command;
    switch (reply->kind) {
    case WIRE_VALUE:
    case WIRE_META_VALUE:
        connection->skip = reply->value_length + 2;
        connection->skip_ends = reply->kind == WIRE_META_VALUE;
        if (command != (connection->skip_ends ? WIRE_MG : WIRE_GET))
            return false;
        return request->hits++ < request->nkeys;
    case WIRE_END:
        complete(connection, tally, now_ns);
        return command == WIRE_GET;
    case WIRE_MISS:
        complete(connection, tally, now_ns);
        return command == WIRE_MG;
    case WIRE_STORED:
        complete(connection, tally, now_ns);
        return command == WIRE_SET || command == WIRE_MS;
    case WIRE_ERROR: complete(connection, tally, now_ns); return true;
    case WIRE_BAD: break;
    }
    return false;
}

static size_t
skip_value(struct connection *connection, struct tally *tally, size_t len,
           uint64_t now_ns)
{
    size_t n = len < connection->skip ? len : connection->skip;
    connection->skip -= n;
    if (connection->skip == 0 && connection->skip_ends)
        complete(connection, tally, now_ns);
    return n;
}

static bool
is_value(enum wire_kind kind)
{
    return kind == WIRE_VALUE || kind == WIRE_META_VALUE;
}

int64_t
reply_consume(struct connection *connection, struct tally *tally,
              const struct wire *check, const char *data, size_t len,
              uint64_t now_ns)
{
    size_t used = 0;
    while (used < len && connection->done < connection->nrequests) {
        struct wire_reply reply;
        const char *line = data + used;
        if (connection->skip > 0) {
            used += skip_value(connection, tally, len - used, now_ns);
            continue;
        }
        size_t n = wire_parse(line, len - used, &reply);
        if (n == 0)
            return (int64_t)used;
        if (check != NULL && is_value(reply.kind)) {
            if (len - used - n < reply.value_length + 2)
                return (int64_t)used;
            check_value(&connection->requests[connection->done], tally, check,
                        &reply, line + n);
        }
        used += n;
        if (reply.kind == WIRE_ERROR)
            take_error(tally, line, n);
        if (!take_line(connection, tally, &reply, now_ns))
            return -1;
    }
    return used == len ? (int64_t)used : -1;
}
