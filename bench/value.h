/*
 * Values, which say what they are so that a wrong one is noticed. All bytes,
 * line ends and zeros included, come from one pool that every process makes
 * alike.
 *
 *   >= 32 bytes: four numbers of eight hexadecimal digits (key, write, length
 *                and a checksum of these), then the pool from a place that
 *                the checksum gives
 *    < 32 bytes: the pool from a place that the key gives
 */
#ifndef BENCH_VALUE_H
#define BENCH_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_pool {
    size_t min, max; /* lengths */
    char *bytes;
};

/* False: out of memory. */
bool value_init(struct value_pool *pool, size_t min, size_t max);
void value_fini(struct value_pool *pool);

/* The length of the `write`-th value for a key: uniform in min..max. */
size_t value_length(const struct value_pool *pool, uint32_t key,
                    uint32_t write);
/* Writes `length` bytes, returns their end. */
char *value_write(const struct value_pool *pool, char *out, uint32_t key,
                  uint32_t write, size_t length);
/* Whether these bytes were once written for this key. */
bool value_check(const struct value_pool *pool, uint32_t key, const char *value,
                 size_t length);

#endif
