#include "tagcached/out.h"

#include "tagcached/check.h"
#include "tagcached/mem.h"
#include "tagcached/num.h"

#include <stdarg.h>
#include <stdio.h>

void
out_init(struct out *out)
{
    *out = (struct out){0};
}

static void
release_refs(struct out *out)
{
    for (size_t i = out->refs_done; i < out->nrefs; i++)
        out->refs[i].release(out->refs[i].owner);
    out->refs_done = out->nrefs;
}

void
out_fini(struct out *out)
{
    release_refs(out);
    mem_free(out->data);
    mem_free(out->refs);
    *out = (struct out){0};
}

static size_t
grown(size_t cap, size_t start, size_t wanted)
{
    cap = cap > 0 ? cap : start;
    while (cap < wanted)
        cap *= 2;
    return cap;
}

static void
set_cap(struct out *out, size_t cap)
{
    char *data = mem_resize(out->data, cap);
    if (!data) {
        out->failed = true;
        return;
    }
    out->data = data;
    out->cap = cap;
}

static void
set_refs_cap(struct out *out, size_t cap)
{
    struct out_ref *refs = mem_resize(out->refs, cap * sizeof(*refs));
    if (!refs) {
        out->failed = true;
        return;
    }
    out->refs = refs;
    out->refs_cap = cap;
}

char *
out_reserve_slow(struct out *out, size_t len)
{
    if (!out->failed)
        set_cap(out, grown(out->cap, OUT_START_BYTES, out->len + len));
    return out->failed ? NULL : out->data + out->len;
}

void
out_put(struct out *out, struct span bytes)
{
    char *to = out_reserve(out, bytes.len);
    if (!to)
        return;
    memcpy(to, bytes.data, bytes.len);
    out_commit(out, bytes.len);
}

void
out_u64(struct out *out, uint64_t value)
{
    char *to = out_reserve(out, NUM_U64_DIGITS);
    if (to)
        out_commit(out, num_format_u64(to, value));
}

void
out_i64(struct out *out, int64_t value)
{
    if (value < 0)
        out_text(out, "-");
    out_u64(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void
out_printf(struct out *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    char *to = out_reserve(out, (size_t)len + 1);
    if (!to)
        return;
    va_start(args, format);
    vsnprintf(to, (size_t)len + 1, format, args);
    va_end(args);
    out_commit(out, (size_t)len);
}

void
out_ref(struct out *out, struct span span, out_release *release, void *owner)
{
    if (out->nrefs == out->refs_cap && !out->failed)
        set_refs_cap(out, grown(out->refs_cap, OUT_FULL_REFS, out->nrefs + 1));
    if (out->failed) {
        release(owner);
        return;
    }
    out->refs[out->nrefs++] = (struct out_ref){
        .at = out->len, .span = span, .release = release, .owner = owner};
    out->ref_bytes += span.len;
}

size_t
out_pending(const struct out *out)
{
    size_t pending = out->len - out->sent + out->ref_bytes;
    if (out->refs_done < out->nrefs)
        pending -= out->refs[out->refs_done].sent;
    return pending;
}

int
out_iov(const struct out *out, struct iovec *iov, int max)
{
    size_t at = out->sent;
    int n = 0;
    for (size_t i = out->refs_done; i <= out->nrefs && n < max; i++) {
        size_t end = i < out->nrefs ? out->refs[i].at : out->len;
        if (end > at) {
            iov[n++] = (struct iovec){out->data + at, end - at};
            at = end;
        }
        if (i == out->nrefs || n == max)
            break;
        const struct out_ref *ref = &out->refs[i];
        if (ref->span.len > ref->sent)
            iov[n++] = (struct iovec){(char *)ref->span.data + ref->sent,
                                      ref->span.len - ref->sent};
    }
    return n;
}

/* All is sent: the buffer is used again from its start. */
static void
rewind_all(struct out *out)
{
    out->len = out->sent = 0;
    out->nrefs = out->refs_done = 0;
    out->ref_bytes = 0;
    if (out->cap > OUT_START_BYTES) {
        char *data = mem_resize(out->data, OUT_START_BYTES);
        if (data) {
            out->data = data;
            out->cap = OUT_START_BYTES;
        }
    }
}

void
out_sent(struct out *out, size_t n)
{
    while (n > 0 || out->refs_done < out->nrefs) {
        bool at_end = out->refs_done == out->nrefs;
        struct out_ref *ref = at_end ? NULL : &out->refs[out->refs_done];
        size_t own = (at_end ? out->len : ref->at) - out->sent;
        size_t step = n < own ? n : own;
        out->sent += step;
        n -= step;
        if (step < own)
            return;
        if (at_end) {
            CHECK(n == 0);
            break;
        }
        step = ref->span.len - ref->sent;
        step = n < step ? n : step;
        ref->sent += step;
        n -= step;
        if (ref->sent < ref->span.len)
            return;
        out->ref_bytes -= ref->span.len;
        ref->release(ref->owner);
        out->refs_done++;
    }
    if (out_is_empty(out))
        rewind_all(out);
}

void
out_move(struct out *to, struct out *from)
{
    CHECK(out_is_empty(to));
    size_t base = from->sent;
    to->failed = from->failed;
    /* No more than is moved: there may be many whose client does not read. */
    size_t len = from->len - base, refs = from->nrefs - from->refs_done;
    if (!to->failed && to->cap < len)
        set_cap(to, len);
    if (!to->failed && to->refs_cap < refs)
        set_refs_cap(to, refs);
    out_put(to, (struct span){from->data + base, from->len - base});
    for (size_t i = from->refs_done; i < from->nrefs; i++) {
        struct out_ref ref = from->refs[i];
        out_ref(to, ref.span, ref.release, ref.owner);
        if (!to->failed) {
            to->refs[to->nrefs - 1].at = ref.at - base;
            to->refs[to->nrefs - 1].sent = ref.sent;
        }
    }
    from->refs_done = from->nrefs;
    rewind_all(from);
}
