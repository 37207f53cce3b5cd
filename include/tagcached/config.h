/*
 * What the command line says. One row of tbl/options.def is one option: its
 * letters, its help line, its parser. Parsed once, read-only afterwards.
 */
#ifndef TAGCACHED_CONFIG_H
#define TAGCACHED_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_LISTEN_MAX = 64 };

struct config {
    int port;                 /* -p; 0: no TCP, -1: any free port */
    const char *listen[CONFIG_LISTEN_MAX]; /* -l, as given: lists of hosts */
    unsigned nlisten;         /* 0: loopback, IPv4 and IPv6 */
    const char *unix_socket;  /* -s, or NULL */
    unsigned unix_mask;       /* -a, octal */
    unsigned threads;         /* -t */
    uint64_t limit_bytes;     /* -m */
    bool evict;               /* false with -M */
    bool cas;                 /* false with -C */
    bool flush;               /* false with -F */
    unsigned max_connections; /* -c */
    uint32_t item_size_max;   /* -I, bytes */
    unsigned requests_a_turn; /* -R */
    unsigned backlog;         /* -b */
    const char *protocol;     /* -B, as `stats settings` shows it */
    const char *user;         /* -u, or NULL */
    unsigned verbose;         /* -v, counted */
    bool daemonize;           /* -d */
    const char *pidfile;      /* -P, or NULL */
};

enum config_status {
    CONFIG_RUN,  /* start the server */
    CONFIG_DONE, /* -h or -V: all was printed, exit 0 */
    CONFIG_BAD,  /* *exit_code is set, one line is on stderr */
};

/* Fills `config`, which keeps pointing into argv. Uses getopt's globals: one
 * thread. */
enum config_status config_parse(struct config *config, int argc, char **argv,
                                int *exit_code);

#endif
