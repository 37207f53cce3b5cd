/*
 * Bytes whose end lies against a page that must not be touched: a parser that
 * reads one byte too many dies of it.
 */
#ifndef TAGCACHED_TESTS_EDGE_H
#define TAGCACHED_TESTS_EDGE_H

#include "tagcached/check.h"

#include <string.h>
#include <sys/mman.h>

enum { EDGE_PAGE = 65536, EDGE_BYTES = 2 * EDGE_PAGE };

/* Room for EDGE_BYTES before the page; returns the end of the room. */
static inline char *
edge_new(void)
{
    char *room = mmap(NULL, EDGE_BYTES + EDGE_PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(room != MAP_FAILED);
    CHECK(mprotect(room + EDGE_BYTES, EDGE_PAGE, PROT_NONE) == 0);
    return room + EDGE_BYTES;
}

static inline void
edge_free(char *end)
{
    CHECK(munmap(end - EDGE_BYTES, EDGE_BYTES + EDGE_PAGE) == 0);
}

/* A copy that ends at the edge. */
static inline char *
edge_put(char *end, const char *bytes, size_t len)
{
    CHECK(len <= EDGE_BYTES);
    return memcpy(end - len, bytes, len);
}

#endif
