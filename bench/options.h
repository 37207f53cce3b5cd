/* The command line of the load generator; read-only once parsed. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct options {
    const char *host; /* a numeric IPv4 address */
    uint16_t port;
    unsigned connections;
    unsigned depth;          /* requests sent at once by a connection */
    unsigned multiget;       /* keys of a `get` */
    enum wire_command read;  /* WIRE_GET, WIRE_MG */
    enum wire_command write; /* WIRE_SET, WIRE_MS */
    double get_share;        /* 0..1 of all requests */
    uint32_t keys;
    unsigned key_length;
    size_t value_min, value_max;
    unsigned tags; /* of each ms */
    uint32_t tag_space;
    double zipf;       /* exponent; 0: uniform */
    bool sequential;   /* keys one after the other, not drawn */
    uint64_t requests; /* 0: by seconds */
    double seconds;
    double warmup_seconds;
    double rate; /* requests a second; 0: closed loop */
    bool preload;
    bool preload_only;
    bool verify;
    uint64_t seed;
    pid_t server_pid; /* whose CPU time is wanted; 0: nobody's */
};

enum options_status { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_BAD };

/* What is wrong is said on stderr. */
enum options_status options_parse(struct options *options, int argc,
                                  char **argv);

#endif
