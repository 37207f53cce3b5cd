/*
 * What the network layer knows and `stats` shows. Written by net, read by
 * anybody; every field is a plain number of its own, no field depends on
 * another.
 */
#ifndef TAGCACHED_SERVER_INFO_H
#define TAGCACHED_SERVER_INFO_H

#include <stdbool.h>
#include <stdint.h>

struct server_info {
    _Atomic uint64_t curr_connections;
    _Atomic uint64_t total_connections;
    _Atomic uint64_t rejected_connections;
    _Atomic bool accepting;
    const char *libevent_version; /* set before the first thread starts */
};

#endif
