/*
 * The memcached text protocol as a client sees it: requests are written into
 * a buffer that is large enough, replies are read from bytes. No descriptor,
 * no allocation, no formatting by printf.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "key.h"
#include "rng.h"
#include "value.h"

#include <stddef.h>
#include <stdint.h>

enum wire_command {
    WIRE_GET, /* get <key>* */
    WIRE_MG,  /* mg <key> k v */
    WIRE_SET, /* set <key> 0 0 <length> */
    WIRE_MS,  /* ms <key> <length> [G<tag>,<tag>...] */
};

struct wire {
    struct key_template key;
    struct value_pool values;
    unsigned tags;      /* of each ms; 0: no flag G */
    uint32_t tag_space; /* tags are drawn from so many */
    struct rng rng;     /* draws the tags */
};

/* No request of `keys` keys and its value is longer than this. */
size_t wire_request_max(const struct wire *wire, unsigned keys);

/* Each returns the end of what it wrote. */
char *wire_get(const struct wire *wire, char *out, const uint32_t *keys,
               unsigned nkeys);
char *wire_mg(const struct wire *wire, char *out, uint32_t key);
/* `write` is the number of this write, see value.h. */
char *wire_set(const struct wire *wire, char *out, uint32_t key,
               uint32_t write);
char *wire_ms(struct wire *wire, char *out, uint32_t key, uint32_t write);

enum wire_kind {
    WIRE_VALUE,      /* VALUE <key> <flags> <length>; value_length + 2 follow */
    WIRE_META_VALUE, /* VA <length> k<key>; value_length + 2 follow */
    WIRE_END,        /* END */
    WIRE_MISS,       /* EN */
    WIRE_STORED,     /* STORED, HD */
    WIRE_ERROR,      /* ERROR, CLIENT_ERROR, SERVER_ERROR, NOT_STORED, NS */
    WIRE_BAD,        /* anything else: the stream is lost */
};

struct wire_reply {
    enum wire_kind kind;
    const char *key; /* of a value; NULL where it was not told */
    size_t key_length;
    size_t value_length;
};

/* Reads one line. Returns its length, line end included; 0: more is needed. */
size_t wire_parse(const char *data, size_t len, struct wire_reply *reply);

#endif
