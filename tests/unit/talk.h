/*
 * Conversations in one process: a store, a thread of sessions and clients that
 * feed them bytes, as many at a time as the test says, and keep the replies.
 * After every piece the session is parked, as the network layer does when it
 * turns to somebody else.
 */
#ifndef TAGCACHED_TESTS_TALK_H
#define TAGCACHED_TESTS_TALK_H

#include "tagcached/config.h"
#include "tagcached/session.h"
#include "tagcached/store.h"

struct talk {
    struct config config; /* may be changed before talk_start */
    struct server_info info;
    struct mem_budget budget;
    struct mem_budget unfinished;
    struct session_env env;
    struct session_thread *thread;
};

void talk_init(struct talk *talk); /* defaults: 64 MB, -I 1m */
void talk_start(struct talk *talk);
/* Checks that every byte charged was given back. */
void talk_end(struct talk *talk);

struct client {
    struct session *session;
    struct out out;
    char *got; /* all replies so far, terminated */
    size_t len, cap;
    size_t read; /* of `got`, by client_line and client_expect */
    bool closed; /* by the server */
};

void client_open(struct client *client, struct talk *talk);
void client_close(struct client *client);

/* Sends at most `piece` bytes at a time; 0: as many as fit. */
void client_send(struct client *client, const char *bytes, size_t len,
                 size_t piece);
/* Sends text, whole, and checks that exactly `replies` come. */
void client_expect(struct client *client, const char *text,
                   const char *replies);
/* The next reply line without its end, terminated; NULL: there is none. */
char *client_line(struct client *client);

/* Bytes and their number, for texts with a NUL. */
#define client_send_text(client, literal, piece)                               \
    client_send((client), (literal), sizeof(literal) - 1, (piece))

#endif
