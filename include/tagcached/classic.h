/* The words of a classic command's line. */
#ifndef TAGCACHED_CLASSIC_H
#define TAGCACHED_CLASSIC_H

#include "tagcached/request.h"
#include "tagcached/span.h"

/* `words` is the line behind the command's name. Fills the request's fields of
 * this form, or its refusal. */
void classic_parse(enum form form, struct span words, struct request *request);

/* A <bytes> word. */
bool classic_length(struct span word, uint32_t *len);

#endif
