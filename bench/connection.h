/*
 * One connection of the load generator and the batch it waits for.
 *
 *     idle --start--> requests sent --replies--> done == nrequests --> idle
 *
 * Bytes are received into a buffer that all connections share; a connection
 * keeps only the unfinished rest of a reply, and of a batch what the socket
 * did not take.
 */
#ifndef BENCH_CONNECTION_H
#define BENCH_CONNECTION_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request {
    enum wire_command command;
    unsigned nkeys;
    uint32_t *keys;
    unsigned next; /* keys before this one were answered or missed */
    unsigned hits;
    uint64_t since_ns; /* sent, or in an open loop: due */
};

struct rest {
    char *data;
    size_t len, cap;
};

struct connection {
    int fd;
    unsigned index;
    struct request *requests;
    uint32_t *keys; /* of all requests */
    unsigned nrequests, done;
    size_t skip;    /* bytes of a value still to come */
    bool skip_ends; /* and with them the reply is complete */
    struct rest unread, unsent;
    uint64_t due, taken; /* open loop: requests due, requests sent */
};

/* 0 or a negative errno. */
int connection_open(struct connection *connection, const char *host,
                    uint16_t port);
void connection_close(struct connection *connection);

/* Sends, and keeps what the socket does not take. 0 or a negative errno. */
int connection_send(struct connection *connection, const char *data,
                    size_t len);
/* Sends what was kept. */
int connection_flush(struct connection *connection);

/* Keeps bytes; false: out of memory. */
bool rest_keep(struct rest *rest, const char *data, size_t len);

#endif
