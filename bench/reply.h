/*
 * What was received, against what was asked: counts and times replies, and
 * checks values.
 */
#ifndef BENCH_REPLY_H
#define BENCH_REPLY_H

#include "connection.h"
#include "histogram.h"

struct tally {
    uint64_t requests;
    uint64_t ops; /* keys read or written */
    uint64_t hits, misses;
    uint64_t errors; /* replies other than a value, a miss or "stored" */
    uint64_t wrong;  /* values that were never written for their key */
    struct histogram latency_ns; /* of requests */
};

/*
 * Returns how many bytes were used; the others must come again, with more
 * behind them. -1: these are no replies to what was asked. `check`: the wire
 * whose values to check, or NULL.
 */
int64_t reply_consume(struct connection *connection, struct tally *tally,
                      const struct wire *check, const char *data, size_t len,
                      uint64_t now_ns);

#endif
