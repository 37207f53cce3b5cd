/*
 * A value too large for a segment: memory of its own, counted by references.
 * The entry holds one; a reply on its way to a slow client holds another, so
 * the bytes that were asked for are sent even if the entry is gone by then.
 * Charged from its making to its last release. Threads: any.
 */
#ifndef TAGCACHED_STORE_BLOB_H
#define TAGCACHED_STORE_BLOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct mem_budget;

struct store_blob {
    _Atomic uint32_t refs;
    size_t len;
    size_t charged;
    struct mem_budget *budget;
    _Atomic uint64_t *total; /* bytes of all blobs of the store */
    char data[];
};

/* What a blob of `len` bytes is charged. */
size_t blob_charge(size_t len);
/* The charge was taken from the budget by the caller, and is given back where
 * this returns NULL: out of memory. */
struct store_blob *blob_new(struct mem_budget *budget, _Atomic uint64_t *total,
                            size_t len);

#endif
