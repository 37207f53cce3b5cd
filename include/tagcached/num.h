/*
 * Decimal numbers on the wire. The one checked parser: digits only, the whole
 * span, no sign unless the name says so, no blanks, no overflow.
 */
#ifndef TAGCACHED_NUM_H
#define TAGCACHED_NUM_H

#include "tagcached/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { NUM_U64_DIGITS = 20 };

bool num_parse_u64(struct span text, uint64_t *out);
bool num_parse_u32(struct span text, uint32_t *out);
/* A leading '-' is allowed. */
bool num_parse_i64(struct span text, int64_t *out);
bool num_parse_i32(struct span text, int32_t *out);

/* Writes the digits, no terminator; returns how many (<= NUM_U64_DIGITS). */
size_t num_format_u64(char *out, uint64_t value);

#endif
