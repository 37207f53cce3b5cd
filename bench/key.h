/*
 * Keys: a fixed text of the wanted length whose last eight characters are the
 * number of the key in hexadecimal. Nothing is formatted while timing.
 */
#ifndef BENCH_KEY_H
#define BENCH_KEY_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

enum { KEY_LENGTH_MIN = 8, KEY_LENGTH_MAX = 250, KEY_DIGITS = 8 };

struct key_template {
    unsigned length;
    char text[KEY_LENGTH_MAX];
};

void key_init(struct key_template *key, unsigned length);

/* Eight hexadecimal digits: nibbles are spread to bytes, then made letters. */
static inline void
key_digits(char *out, uint32_t number)
{
    uint64_t x = number;
    x = ((x & 0xffff) << 32) | (x >> 16);
    x = ((x & 0x0000ff000000ff00) >> 8) | ((x & 0x000000ff000000ff) << 16);
    x = ((x & 0x00f000f000f000f0) >> 4) | ((x & 0x000f000f000f000f) << 8);
    uint64_t letter = ((x + 0x0606060606060606) >> 4) & 0x0101010101010101;
    x = htole64(x + 0x3030303030303030 + letter * ('a' - '0' - 10));
    memcpy(out, &x, sizeof(x));
}

/* Writes key->length bytes, returns their end. */
static inline char *
key_write(const struct key_template *key, char *out, uint32_t number)
{
    memcpy(out, key->text, key->length);
    out += key->length;
    key_digits(out - KEY_DIGITS, number);
    return out;
}

/* The number of eight digits, or -1. */
int64_t key_parse_digits(const char *text);
/* The number of a key of ours, or -1. */
int64_t key_parse(const struct key_template *key, const char *text,
                  size_t length);

#endif
