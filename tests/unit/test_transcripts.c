/*
 * Every transcript, in one process: line by line, pipelined, in pieces of a
 * few bytes, byte by byte, and cut in two at every position (of the long ones,
 * at some).
 */
#include "transcript.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILES_MAX = 500, SPLITS_MAX = 4000 };

static void
play(const struct transcript *transcript, struct cut cut, size_t *sent)
{
    const char *difference = transcript_play(transcript, cut, sent);
    if (difference)
        fail_msg("%s", difference);
}

static void
test_file(void **state)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64, 1000};
    struct transcript *transcript = transcript_read(*state);
    size_t sent, n = 0;
    play(transcript, (struct cut){0}, &sent);
    play(transcript, (struct cut){.pipelined = true}, &sent);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        if (pieces[i] < 64 && sent > 200000)
            continue;
        play(transcript, (struct cut){.piece = pieces[i]}, &n);
        play(transcript, (struct cut){true, pieces[i], 0}, &n);
    }
    size_t stride = 1 + sent / SPLITS_MAX;
    for (size_t at = 1; at < sent; at += stride)
        play(transcript, (struct cut){.pipelined = true, .split = at}, &n);
    transcript_free(transcript);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name,
                  ((const struct CMUnitTest *)b)->name);
}

static size_t
find_files(const char *dir, struct CMUnitTest *tests)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    size_t n = 0;
    while (d && n < FILES_MAX && (entry = readdir(d))) {
        size_t len = strlen(entry->d_name);
        if (len < 4 || strcmp(entry->d_name + len - 4, ".txt") != 0)
            continue;
        char *path = malloc(strlen(dir) + len + 2);
        sprintf(path, "%s/%s", dir, entry->d_name);
        tests[n++] = (struct CMUnitTest){path + strlen(dir) + 1, test_file,
                                         NULL, NULL, path};
    }
    if (d)
        closedir(d);
    qsort(tests, n, sizeof(*tests), by_name);
    return n;
}

/* Names of files, if given, choose among them. */
int
main(int argc, char **argv)
{
    static struct CMUnitTest tests[FILES_MAX];
    static char dir[4096];
    const char *srcdir = getenv("srcdir");
    snprintf(dir, sizeof(dir), "%s/tests/transcripts", srcdir ? srcdir : ".");
    size_t n = find_files(dir, tests);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (n == 0) {
        puts("1..1\nnot ok 1 - no transcripts found");
        return 1;
    }
    return _cmocka_run_group_tests("transcripts", tests, n, NULL, NULL);
}
