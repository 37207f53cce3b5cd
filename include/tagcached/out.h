/*
 * Replies on their way to a socket: bytes of our own, and values that are
 * referenced instead of copied, in one order. Grows as needed; a failed growth
 * is remembered and the connection is closed by whoever sends (out_failed).
 * Threads: one at a time.
 */
#ifndef TAGCACHED_OUT_H
#define TAGCACHED_OUT_H

#include "tagcached/span.h"

#include <stdint.h>
#include <sys/uio.h>

/* Called once when the referenced bytes have been sent or dropped. */
typedef void out_release(void *owner);

struct out_ref {
    size_t at;        /* stands before data[at] */
    struct span span; /* the owner's bytes */
    size_t sent;      /* of span */
    out_release *release;
    void *owner;
};

struct out {
    char *data;
    size_t len, cap;
    size_t sent; /* of data */
    struct out_ref *refs;
    size_t nrefs, refs_cap, refs_done;
    size_t ref_bytes; /* of refs not yet done */
    bool failed;
};

/* Where a turn stops producing and sends: see out_is_full. */
enum { OUT_FULL_BYTES = 48 * 1024, OUT_FULL_REFS = 32,
       OUT_FULL_REF_BYTES = 256 * 1024, OUT_START_BYTES = 64 * 1024 };

void out_init(struct out *out);
void out_fini(struct out *out); /* releases what is referenced */

/* Room for `len` bytes at the end, to be written and then out_commit()ted;
 * NULL (and failed) where memory is out. */
char *out_reserve_slow(struct out *out, size_t len);
static inline char *
out_reserve(struct out *out, size_t len)
{
    if (__builtin_expect(out->cap - out->len >= len, 1))
        return out->data + out->len;
    return out_reserve_slow(out, len);
}
static inline void
out_commit(struct out *out, size_t len)
{
    out->len += len;
}

void out_put(struct out *out, struct span bytes);
#define out_text(out, literal) out_put((out), SPAN(literal))
void out_u64(struct out *out, uint64_t value);
void out_i64(struct out *out, int64_t value);
void out_printf(struct out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* References bytes. On failure they are released at once. */
void out_ref(struct out *out, struct span span, out_release *release,
             void *owner);

static inline bool
out_is_empty(const struct out *out)
{
    return out->sent == out->len && out->refs_done == out->nrefs;
}
static inline bool
out_is_full(const struct out *out)
{
    return out->len - out->sent >= OUT_FULL_BYTES ||
           out->nrefs - out->refs_done >= OUT_FULL_REFS ||
           out->ref_bytes >= OUT_FULL_REF_BYTES;
}
/* Bytes still to be sent, referenced ones included. */
size_t out_pending(const struct out *out);

/* The next pieces to send, at most `max`; returns how many. */
int out_iov(const struct out *out, struct iovec *iov, int max);
/* `n` bytes of those were sent. When all is sent it is as after init, and a
 * buffer that grew large is given back. */
void out_sent(struct out *out, size_t n);

/* Moves what is unsent into `to`, which is empty. On failure `to->failed`. */
void out_move(struct out *to, struct out *from);

#endif
