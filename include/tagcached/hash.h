/* The only door to xxHash. */
#ifndef TAGCACHED_HASH_H
#define TAGCACHED_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A seed nobody outside can guess (getrandom). */
uint64_t hash_random_seed(void);

/* Seeded XXH3, 64 bits, all of them good. */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

#endif
