/*
 * Words of a command line: what stands between spaces. Only the space
 * separates; a tab or any other byte belongs to its word.
 */
#ifndef TAGCACHED_TOKEN_H
#define TAGCACHED_TOKEN_H

#include "tagcached/span.h"

#include <stdbool.h>

/* Takes the first word off `words`. False: none is left. */
static inline bool
token_next(struct span *words, struct span *word)
{
    const char *at = words->data, *end = at + words->len;
    while (at < end && *at == ' ')
        at++;
    if (at == end)
        return false;
    size_t left = (size_t)(end - at);
    const char *space = memchr(at, ' ', left);
    word->data = at;
    word->len = space ? (size_t)(space - at) : left;
    words->data = at + word->len;
    words->len = left - word->len;
    return true;
}

/* The last word; empty where there is none. */
struct span token_last(struct span words);

/* Takes the last word off where it is `word` (which has no space). */
bool token_take_last(struct span *words, struct span word);

#endif
