/*
 * The loop: sends batches on all connections, waits, hands what comes to
 * reply.c. One thread.
 *
 * Closed loop: a connection sends its next batch when all replies to the last
 * one are there. Open loop: request i is due at i / rate and belongs to
 * connection i mod connections; a connection sends what is due as soon as it
 * is idle, and the time of a request runs from when it was due, so a server
 * that stalls is charged for everyone who would have waited.
 */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include "reply.h"
#include "workload.h"

struct driver {
    struct workload *workload;
    struct connection *connections;
    unsigned nconnections, busy;
    int epoll;
    char *buffer; /* everything is received here */
    size_t buffer_bytes;
    uint64_t issued;  /* requests of this phase */
    uint64_t arrived; /* of these, due by now (open loop) */
    uint64_t start_ns, deadline_ns;
    bool over; /* nothing more is to be issued */
    struct tally *tally;
};

struct driver_phase {
    struct workload_mix mix;
    uint64_t requests; /* 0: by seconds */
    double seconds;
    double rate; /* 0: closed loop */
};

/* 0, or -1 after saying why on stderr. */
int driver_init(struct driver *driver, struct workload *workload);
void driver_fini(struct driver *driver);
/* Runs until every reply is there; the elapsed time goes to *elapsed_ns. */
int driver_run(struct driver *driver, const struct driver_phase *phase,
               struct tally *tally, uint64_t *elapsed_ns);

#endif
