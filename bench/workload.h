/* Which requests come next, and their bytes. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "connection.h"
#include "options.h"
#include "zipf.h"

/* What a phase asks for. */
struct workload_mix {
    double get_share;
    bool sequential;
};

struct workload {
    const struct options *options;
    struct wire wire;
    struct zipf zipf;
    struct rng rng;
    struct workload_mix mix;
    uint64_t next_key; /* sequential */
    uint64_t scatter;  /* popularity rank * scatter mod keys = key */
    uint32_t write;    /* number of the next write */
    char *batch;       /* the bytes of one batch */
};

/* False: out of memory. */
bool workload_init(struct workload *workload, const struct options *options);
void workload_fini(struct workload *workload);
void workload_start(struct workload *workload, struct workload_mix mix);

/* Room for a connection's largest batch; false: out of memory. */
bool workload_equip(const struct workload *workload,
                    struct connection *connection);
/* Makes the connection's next batch in workload->batch, returns its length.
 * The requests' times are left to the caller. */
size_t workload_batch(struct workload *workload, struct connection *connection,
                      unsigned requests);

#endif
