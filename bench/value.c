#include "value.h"
#include "key.h"
#include "rng.h"

#include <stdlib.h>

enum { HEAD = 4 * KEY_DIGITS, PLACES = 1 << 14 };

bool
value_init(struct value_pool *pool, size_t min, size_t max)
{
    struct rng rng = {1};
    size_t words = (PLACES + max) / sizeof(uint64_t) + 1;
    uint64_t *bytes = malloc(words * sizeof(*bytes));
    if (bytes == NULL)
        return false;
    for (size_t i = 0; i < words; i++)
        bytes[i] = htole64(rng_next(&rng));
    /* A line end or an end of reply inside a value must not matter. */
    for (size_t i = 0; i + 32 < words; i += 16)
        memcpy(bytes + i, "\r\nEND\r\n", 8);
    *pool = (struct value_pool){min, max, (char *)bytes};
    return true;
}

void
value_fini(struct value_pool *pool)
{
    free(pool->bytes);
    pool->bytes = NULL;
}

static uint32_t
checksum(uint32_t key, uint32_t write, size_t length)
{
    uint64_t both = (uint64_t)key << 32 | write;
    return (uint32_t)(rng_mix(rng_mix(both) + length) >> 32);
}

static const char *
place(const struct value_pool *pool, uint64_t seed)
{
    return pool->bytes + (rng_mix(seed) & (PLACES - 1));
}

size_t
value_length(const struct value_pool *pool, uint32_t key, uint32_t write)
{
    uint64_t both = (uint64_t)key << 32 | write;
    uint64_t range = pool->max - pool->min + 1;
    if (range == 1)
        return pool->min;
    return pool->min + ((rng_mix(both + 1) >> 32) * range >> 32);
}

char *
value_write(const struct value_pool *pool, char *out, uint32_t key,
            uint32_t write, size_t length)
{
    if (length < HEAD) {
        memcpy(out, place(pool, key), length);
        return out + length;
    }
    uint32_t check = checksum(key, write, length);
    key_digits(out, key);
    key_digits(out + KEY_DIGITS, write);
    key_digits(out + 2 * KEY_DIGITS, (uint32_t)length);
    key_digits(out + 3 * KEY_DIGITS, check);
    memcpy(out + HEAD, place(pool, check), length - HEAD);
    return out + length;
}

bool
value_check(const struct value_pool *pool, uint32_t key, const char *value,
            size_t length)
{
    if (length < pool->min || length > pool->max)
        return false;
    if (length < HEAD)
        return memcmp(value, place(pool, key), length) == 0;
    int64_t number[4];
    for (int i = 0; i < 4; i++)
        number[i] = key_parse_digits(value + i * KEY_DIGITS);
    return number[0] == key && number[1] >= 0 && number[2] == (int64_t)length &&
           number[3] == checksum(key, (uint32_t)number[1], length) &&
           memcmp(value + HEAD, place(pool, (uint64_t)number[3]),
                  length - HEAD) == 0;
}
