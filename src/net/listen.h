/*
 * The sockets that clients connect to, made from -p, -l, -s, -a and -b.
 * Threads: one at a time.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "tagcached/config.h"
#include "tagcached/span.h"

#include <sys/stat.h>

struct listen_socket {
    int fd;
    bool is_unix;
};

struct listen_set {
    struct listen_socket *sockets;
    unsigned n;
    const char *unix_path; /* our socket's file, or NULL */
    dev_t unix_dev;
    ino_t unix_ino;
};

/*
 * 0, or negative errno after one line in the log; then nothing is open. The
 * sockets are non-blocking and listen already.
 */
int listen_open(struct listen_set *set, const struct config *config);
/* Stops listening and removes the UNIX socket's file if it still is ours. */
void listen_close(struct listen_set *set);

/* Lines "TCP INET: port", as memcached writes them for its tests. The file
 * appears whole or not at all. */
int listen_write_ports(const struct listen_set *set, const char *path);

/* One host of a -l list, taken apart. */
struct listen_address {
    char host[256]; /* "" for every address */
    int port;       /* as config.port */
};
/* False: not of the form host, host:port, v6, [v6], [v6]:port, *, *:port. */
bool listen_parse(struct span text, int default_port,
                  struct listen_address *address);

#endif
