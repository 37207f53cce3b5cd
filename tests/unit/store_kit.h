/*
 * What the store's tests share: a store on a budget of its own, operations in
 * one line each, and an audit that recounts everything the store counts.
 *
 * Tags are given as one string, "a,b"; NULL or "": none. Only the functions
 * that say so assert; the others may be called by any thread.
 */
#ifndef TESTS_STORE_KIT_H
#define TESTS_STORE_KIT_H

#include "tagcached/now.h"
#include "tagcached/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KIT_VALUE_MAX = 4096, KIT_MB = 1 << 20 };

struct kit {
    struct mem_budget budget;
    struct store *store;
};

/* Asserts that there is a store. */
void kit_open(struct kit *kit, uint64_t limit_bytes);
/* The same with any configuration; `budget` is set here. */
void kit_open_with(struct kit *kit, uint64_t limit_bytes,
                   struct store_config config);
/* Asserts that the books balance, and that all memory came back. */
void kit_close(struct kit *kit);

struct span kit_span(const char *text);
/* Splits in place of the text: the spans point into it. */
unsigned kit_tags(const char *text, struct span tags[STORE_TAGS_MAX + 1]);

/* A write ready for store_write, but for its value and blob. */
struct store_write kit_write(struct kit *kit, enum store_mode mode,
                             const char *key);
/* Gives it the value, as a blob where it must be one, and the tags. */
enum store_status kit_run(struct kit *kit, struct store_write *write,
                          struct span value, const char *tags);

enum store_status kit_store(struct kit *kit, enum store_mode mode,
                            const char *key, const char *value,
                            const char *tags);
enum store_status kit_set(struct kit *kit, const char *key, const char *value,
                          const char *tags);
/* Of `len` bytes, each `fill`. */
enum store_status kit_set_sized(struct kit *kit, const char *key, size_t len,
                                char fill, const char *tags);
/* A guarded set: its data is as of a client's clock. */
enum store_status kit_fill(struct kit *kit, const char *key, const char *value,
                           const char *tags, uint64_t asof);

struct kit_entry {
    enum store_status status;
    struct store_view view; /* its pointers are not valid */
    char value[KIT_VALUE_MAX + 1]; /* so much of it, and a NUL */
    char tags[2048];               /* as "a,b", in the entry's order */
    bool uniform;                  /* all bytes of the value are the same */
};
/* Into one of the thread's own, which the next call overwrites. */
const struct kit_entry *kit_get(struct kit *kit, const char *key);
const struct kit_entry *kit_peek(struct kit *kit, const char *key);
enum store_status kit_touch(struct kit *kit, const char *key, uint32_t expire);
enum store_status kit_delete(struct kit *kit, const char *key);
/* The links that ended. */
uint64_t kit_invalidate(struct kit *kit, const char *tags);

/* Asserts what the entry is; value NULL: a miss of any kind. */
#define kit_expect(kit, key, value)                                            \
    kit_expect_at((kit), (key), (value), __FILE__, __LINE__)
void kit_expect_at(struct kit *kit, const char *key, const char *value,
                   const char *file, int line);

struct store_stats kit_stats(struct kit *kit);
/* Sweeps until nothing is left to be swept. */
void kit_sweep(struct kit *kit);
/* Asserts that recounting segments, index, links and memory gives what the
 * store says. No other thread may be in the store. */
void kit_audit(struct kit *kit);

/* Reproducible random numbers. */
struct kit_random {
    uint64_t state;
};
uint64_t kit_next(struct kit_random *random);
/* In 0 .. n-1. */
uint32_t kit_below(struct kit_random *random, uint32_t n);

#endif
