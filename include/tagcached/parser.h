/*
 * From bytes to requests: one command line at a time, classic or meta. A pure
 * function of its input, which it reads no byte beyond; it never allocates and
 * keeps nothing between calls.
 */
#ifndef TAGCACHED_PARSER_H
#define TAGCACHED_PARSER_H

#include "tagcached/meta.h"
#include "tagcached/request.h"
#include "tagcached/span.h"

enum parser_status {
    PARSER_PARTIAL,  /* no line end yet: come again with more bytes */
    PARSER_REQUEST,  /* `request` is filled, maybe with a refusal */
    PARSER_TOO_LONG, /* a line beyond its limit, seen without its end */
    PARSER_HANG_UP,  /* not our protocol (binary, HTTP): close, say nothing */
};

/* Parses the line that `input` begins with. `meta` is filled, and pointed to
 * by the request, for meta commands only. */
enum parser_status parser_parse(struct span input, struct request *request,
                                struct meta *meta);

#endif
