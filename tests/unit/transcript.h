/*
 * Replays a transcript (tests/transcripts/README.md) without a socket.
 */
#ifndef TAGCACHED_TESTS_TRANSCRIPT_H
#define TAGCACHED_TESTS_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct transcript;

/* Dies with a message where the file cannot be read. */
struct transcript *transcript_read(const char *path);
void transcript_free(struct transcript *transcript);

/* How the client's bytes are cut. */
struct cut {
    bool pipelined; /* sends all it can before it reads */
    size_t piece;   /* at most so many bytes at a time; 0: all */
    size_t split;   /* and at this byte of the conversation; 0: nowhere */
};

/* What differs from the file, or NULL. The text is valid until the next
 * call. `*sent` is how many bytes the clients sent. */
const char *transcript_play(const struct transcript *transcript, struct cut cut,
                            size_t *sent);

#endif
