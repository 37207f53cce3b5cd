/*
 * invalidate, and md ... G. What could not be recorded for want of memory is
 * covered by the floor (see store_invalidate), so the promise holds and the
 * answer is the same.
 */
#include "cmd/call.h"

#include "tagcached/mem.h"
#include "tagcached/token.h"

enum { TAGS_AT_HAND = 64 };

static size_t
count_words(struct span words)
{
    struct span word;
    size_t n = 0;
    while (token_next(&words, &word))
        n++;
    return n;
}

static void
reply_invalidated(struct call *call, uint64_t links)
{
    if (call->request->noreply)
        return;
    out_text(call->out, "INVALIDATED ");
    out_u64(call->out, links);
    out_text(call->out, "\r\n");
}

/* All at one clock, so they are taken together however many they are. */
static void
invalidate_words(struct call *call, struct span words, struct span *tags)
{
    size_t n = 0;
    while (token_next(&words, &tags[n])) {
        if (!store_tag_is_valid(tags[n])) {
            call_reply(call, REPLY_BAD_TAG);
            return;
        }
        n++;
    }
    uint64_t links, clock;
    store_invalidate(call->env->store, tags, n, &links, &clock);
    counters_add(call->counters, COUNTER_INVALIDATIONS, n);
    reply_invalidated(call, links);
}

enum call_result
cmd_invalidate(struct call *call)
{
    struct span words = call->request->rest;
    struct span at_hand[TAGS_AT_HAND + 1];
    size_t n = count_words(words);
    if (n <= TAGS_AT_HAND) {
        invalidate_words(call, words, at_hand);
        return CALL_DONE;
    }
    struct span *tags = mem_alloc((n + 1) * sizeof(*tags));
    if (tags)
        invalidate_words(call, words, tags);
    else
        call_reply(call, REPLY_NO_MEMORY);
    mem_free(tags);
    return CALL_DONE;
}

enum call_result
tag_invalidate_meta(struct call *call)
{
    struct span tag = call->request->key;
    if (!store_tag_is_valid(tag)) {
        call_reply(call, REPLY_BAD_TAG);
        return CALL_DONE;
    }
    struct reply_facts facts = {.known = CALL_ECHO | 1 << META_COUNT};
    store_invalidate(call->env->store, &tag, 1, &facts.count, &facts.clock);
    call_count(call, COUNTER_INVALIDATIONS);
    if (!meta_has(call->request->meta, META_QUIET))
        call_meta(call, SPAN("HD"), &facts);
    return CALL_DONE;
}
