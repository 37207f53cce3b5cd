#include "tagcached/reply.h"

#include "tagcached/meta.h"
#include "tagcached/request.h"

static const struct span lines[REPLY_LAST] = {
    [REPLY_NOTHING] = {"", 0},
#define REPLY(id, text) [REPLY_##id] = {text "\r\n", sizeof(text) + 1},
#include "tagcached/tbl/replies.def"
#undef REPLY
};

struct span
reply_line(enum reply reply)
{
    return lines[reply];
}

char *
reply_value(char *to, struct span key, uint32_t flags, size_t len)
{
    to = reply_put(to, SPAN("VALUE "));
    to = reply_put(to, key);
    *to++ = ' ';
    to = reply_u64(to, flags);
    *to++ = ' ';
    return reply_u64(to, len);
}

char *
reply_value_cas(char *to, struct span key, uint32_t flags, size_t len,
                uint64_t cas)
{
    to = reply_value(to, key, flags, len);
    *to++ = ' ';
    return reply_u64(to, cas);
}

/* ---- answers to meta flags ---------------------------------------------- */

/* Writes the flag's answer, its letter included; the space stands already. */
typedef char *put_flag(char *to, const struct request *request,
                       const struct reply_facts *facts);

static char *
put_number(char *to, char letter, uint64_t number)
{
    *to = letter;
    return reply_u64(to + 1, number);
}

static char *
put_key(char *to, const struct request *request,
        const struct reply_facts *facts)
{
    (void)facts;
    *to = 'k';
    return reply_put(to + 1, request->key);
}

static char *
put_opaque(char *to, const struct request *request,
           const struct reply_facts *facts)
{
    (void)facts;
    *to = 'O';
    return reply_put(to + 1, request->meta->opaque);
}

static char *
put_client_flags(char *to, const struct request *request,
                 const struct reply_facts *facts)
{
    (void)request;
    return put_number(to, 'f', facts->client_flags);
}

static char *
put_ttl(char *to, const struct request *request,
        const struct reply_facts *facts)
{
    (void)request;
    if (facts->ttl < 0)
        return reply_put(to, SPAN("t-1"));
    return put_number(to, 't', (uint64_t)facts->ttl);
}

static char *
put_size(char *to, const struct request *request,
         const struct reply_facts *facts)
{
    (void)request;
    return put_number(to, 's', facts->size);
}

static char *
put_cas(char *to, const struct request *request,
        const struct reply_facts *facts)
{
    (void)request;
    return put_number(to, 'c', facts->cas);
}

static char *
put_clock(char *to, const struct request *request,
          const struct reply_facts *facts)
{
    (void)request;
    return put_number(to, 'a', facts->clock);
}

static char *
put_count(char *to, const struct request *request,
          const struct reply_facts *facts)
{
    (void)request;
    return put_number(to, 'i', facts->count);
}

static char *
put_tag_list(char *to, const struct request *request,
             const struct reply_facts *facts)
{
    (void)request;
    *to++ = 'g';
    for (unsigned i = 0; i < facts->ntags; i++) {
        if (i > 0)
            *to++ = ',';
        to = reply_put(to, facts->tags[i]);
    }
    return to;
}

static put_flag *const answers[META_END] = {
    [META_KEY] = put_key,
    [META_OPAQUE] = put_opaque,
    [META_CLIENT_FLAGS] = put_client_flags,
    [META_TTL_LEFT] = put_ttl,
    [META_SIZE] = put_size,
    [META_CAS] = put_cas,
    [META_CLOCK] = put_clock,
    [META_COUNT] = put_count,
    [META_TAG_LIST] = put_tag_list,
};

size_t
reply_meta_room(struct span status, const struct request *request,
                const struct reply_facts *facts)
{
    size_t room = status.len + 2 + request->key.len + META_OPAQUE_MAX +
                  request->meta->nflags * (size_t)(2 + NUM_U64_DIGITS);
    if (meta_has(request->meta, META_TAG_LIST))
        for (unsigned i = 0; i < facts->ntags; i++)
            room += facts->tags[i].len + 1;
    return room;
}

char *
reply_meta(char *to, struct span status, const struct request *request,
           const struct reply_facts *facts)
{
    const struct meta *meta = request->meta;
    const struct reply_facts *now = facts;
    struct reply_facts before;
    if (meta_has(meta, META_TTL) && meta_has(meta, META_TTL_LEFT)) {
        before = *facts;
        before.ttl = facts->ttl_before;
        now = &before;
    }
    to = reply_put(to, status);
    for (unsigned i = 0; i < meta->nflags; i++) {
        enum meta_flag flag = meta->order[i];
        if (flag == META_TTL)
            now = facts;
        if (!(facts->known >> flag & 1) || !answers[flag])
            continue;
        *to++ = ' ';
        to = answers[flag](to, request, now);
    }
    return reply_crlf(to);
}
