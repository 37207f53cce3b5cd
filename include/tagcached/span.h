/* Bytes that somebody else owns: not terminated, may hold any byte. */
#ifndef TAGCACHED_SPAN_H
#define TAGCACHED_SPAN_H

#include <stddef.h>
#include <stdbool.h>
#include <string.h>

struct span {
    const char *data;
    size_t len;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline bool
span_equals(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

#endif
