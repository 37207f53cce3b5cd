
#include "transcript.h"

#include "talk.h"
#include "tagcached/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENTS_MAX = 200,
    NUMBERS_MAX = 64,
    NAME_MAX_LEN = 32,
    WORDS_MAX = 32,
    MESSAGE_MAX = 4096,
};

struct transcript {
    char *text; /* lines, each terminated */
    char **lines;
    size_t nlines;
};

struct bytes {
    char *data;
    size_t len, cap;
};

struct number {
    char name[NAME_MAX_LEN];
    char digits[NAME_MAX_LEN];
};

struct speaker {
    char name[NAME_MAX_LEN];
    struct client client;
    bool open;
};

struct play {
    struct talk talk;
    struct cut cut;
    struct speaker speakers[CLIENTS_MAX];
    size_t nspeakers;
    struct speaker *now;
    struct number numbers[NUMBERS_MAX];
    size_t nnumbers;
    struct bytes unsent;  /* of `now` */
    size_t awaited[4096]; /* lines whose replies are still to be compared */
    size_t nawaited;
    size_t sent;
    const struct transcript *transcript;
    bool failed;
};

static char message[MESSAGE_MAX];

/* ---- the file ----------------------------------------------------------- */

struct transcript *
transcript_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct transcript *t = calloc(1, sizeof(*t));
    CHECK(file && t);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    size_t size = (size_t)ftell(file);
    rewind(file);
    t->text = calloc(1, size + 1);
    t->lines = calloc(size + 1, sizeof(*t->lines));
    CHECK(t->text && t->lines && fread(t->text, 1, size, file) == size);
    fclose(file);
    for (char *at = t->text; at < t->text + size;) {
        t->lines[t->nlines++] = at;
        at += strcspn(at, "\n");
        *at++ = '\0';
    }
    return t;
}

void
transcript_free(struct transcript *transcript)
{
    free(transcript->lines);
    free(transcript->text);
    free(transcript);
}

static bool
differs(struct play *play, size_t line, const char *why, const char *got)
{
    snprintf(message, sizeof(message),
             "line %zu (%.200s): %s%.1000s [pipelined %d piece %zu split %zu]",
             line + 1, play->transcript->lines[line], why, got,
             play->cut.pipelined, play->cut.piece, play->cut.split);
    play->failed = true;
    return false;
}

/* ---- texts -------------------------------------------------------------- */

static void
add(struct bytes *to, const char *bytes, size_t len)
{
    while (to->cap < to->len + len) {
        to->cap = to->cap > 0 ? to->cap * 2 : 4096;
        to->data = realloc(to->data, to->cap);
        CHECK(to->data);
    }
    memcpy(to->data + to->len, bytes, len);
    to->len += len;
}

static struct number *
find_number(struct play *play, const char *name)
{
    for (size_t i = 0; i < play->nnumbers; i++)
        if (strcmp(play->numbers[i].name, name) == 0)
            return &play->numbers[i];
    return NULL;
}

/* $name at `at`; returns what stands behind it. */
static const char *
read_name(const char *at, char *name)
{
    size_t n = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
    CHECK(n > 0 && n < NAME_MAX_LEN);
    memcpy(name, at + 1, n);
    name[n] = '\0';
    return at + 1 + n;
}

/* A backslash and what belongs to it. */
static const char *
add_escape(struct bytes *to, const char *at)
{
    static const char plain[] = "rnt\\$", meaning[] = "\r\n\t\\$";
    const char *letter = strchr(plain, at[1]);
    char *end;
    if (at[1] == 'x') {
        char hex[3] = {at[2], at[3], '\0'};
        char byte = (char)strtoul(hex, &end, 16);
        add(to, &byte, 1);
        return at + 4;
    }
    if (at[1] == '(') {
        unsigned long n = strtoul(at + 2, &end, 10);
        CHECK(end[0] == '*' && end[2] == ')');
        while (n-- > 0)
            add(to, end + 1, 1);
        return end + 3;
    }
    CHECK(at[1] && letter);
    add(to, &meaning[letter - plain], 1);
    return at + 2;
}

/* What a `>` line sends. */
static void
add_text(struct play *play, struct bytes *to, const char *at)
{
    while (*at) {
        char name[NAME_MAX_LEN];
        if (*at == '\\') {
            at = add_escape(to, at);
        } else if (*at == '$') {
            at = read_name(at, name);
            struct number *number = find_number(play, name);
            CHECK(number);
            add(to, number->digits, strlen(number->digits));
        } else {
            add(to, at++, 1);
        }
    }
}

static bool
knows_numbers(struct play *play, const char *at)
{
    char name[NAME_MAX_LEN];
    for (; *at; at++)
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '$' && (read_name(at, name), !find_number(play, name)))
            return false;
    return true;
}

static size_t
number_len(const char *at, size_t left)
{
    size_t n = left > 0 && at[0] == '-' ? 1 : 0, sign = n;
    while (n < left && at[n] >= '0' && at[n] <= '9')
        n++;
    return n > sign ? n : 0;
}

/* A number in a reply: kept, compared or passed over. */
static bool
match_number(struct play *play, const char **pattern, const char **got,
             size_t *left)
{
    char name[NAME_MAX_LEN];
    size_t n = number_len(*got, *left);
    if (n == 0 || n >= NAME_MAX_LEN)
        return false;
    if ((*pattern)[1] == '_') {
        *pattern += 2;
    } else {
        *pattern = read_name(*pattern, name);
        struct number *number = find_number(play, name);
        if (!number) {
            CHECK(play->nnumbers < NUMBERS_MAX);
            number = &play->numbers[play->nnumbers++];
            snprintf(number->name, sizeof(number->name), "%s", name);
            snprintf(number->digits, sizeof(number->digits), "%.*s", (int)n,
                     *got);
        }
        if (strlen(number->digits) != n || memcmp(number->digits, *got, n) != 0)
            return false;
    }
    *got += n;
    *left -= n;
    return true;
}

static bool
match(struct play *play, const char *pattern, const char *got, size_t left)
{
    while (*pattern) {
        struct bytes literal = {0};
        if (pattern[0] == '$' && pattern[1] == '*')
            return true;
        if (*pattern == '$') {
            if (!match_number(play, &pattern, &got, &left))
                return false;
            continue;
        }
        if (*pattern == '\\')
            pattern = add_escape(&literal, pattern);
        else
            add(&literal, pattern++, 1);
        bool same =
            left >= literal.len && memcmp(got, literal.data, literal.len) == 0;
        got += literal.len;
        left -= same ? literal.len : 0;
        free(literal.data);
        if (!same)
            return false;
    }
    return left == 0;
}

/* ---- the conversation --------------------------------------------------- */

static const char *
text_of(const char *line, size_t mark)
{
    return line[mark] == ' ' ? line + mark + 1 : line + mark;
}

static bool
compare(struct play *play, size_t line)
{
    struct client *client = &play->now->client;
    char *start = client->got + client->read;
    size_t left = client->len - client->read;
    char *end = memmem(start, left, "\r\n", 2);
    const char *pattern = text_of(play->transcript->lines[line], 1);
    if (!end)
        return differs(play, line, "no such reply; got ", start);
    client->read = (size_t)(end + 2 - client->got);
    if (match(play, pattern, start, (size_t)(end - start)))
        return true;
    *end = '\0';
    return differs(play, line, "got ", start);
}

/* Sends what waits, cut where it is to be cut, and compares the replies. */
static bool
settle(struct play *play)
{
    if (!play->now->open)
        return true;
    struct bytes *unsent = &play->unsent;
    struct client *client = &play->now->client;
    size_t first = 0, split = play->cut.split;
    if (split > play->sent && split < play->sent + unsent->len)
        first = split - play->sent;
    client_send(client, unsent->data, first, play->cut.piece);
    client_send(client, unsent->data + first, unsent->len - first,
                play->cut.piece);
    play->sent += unsent->len;
    unsent->len = 0;
    for (size_t i = 0; i < play->nawaited; i++)
        if (!compare(play, play->awaited[i]))
            return false;
    play->nawaited = 0;
    return true;
}

static bool
has_left(const struct client *client)
{
    return client->read < client->len;
}

static struct speaker *
find_speaker(struct play *play, const char *name)
{
    for (size_t i = 0; i < play->nspeakers; i++)
        if (strcmp(play->speakers[i].name, name) == 0)
            return &play->speakers[i];
    CHECK(play->nspeakers < CLIENTS_MAX);
    struct speaker *speaker = &play->speakers[play->nspeakers++];
    snprintf(speaker->name, sizeof(speaker->name), "%s", name);
    return speaker;
}

/* Opened at its first mention, and at the first after `! close`. */
static bool
speak_as(struct play *play, const char *name)
{
    if (play->now && !settle(play))
        return false;
    play->now = find_speaker(play, name);
    if (!play->now->open)
        client_open(&play->now->client, &play->talk);
    play->now->open = true;
    return true;
}

static bool
act(struct play *play, size_t line, const char *what)
{
    char a[NAME_MAX_LEN], b[NAME_MAX_LEN];
    struct client *client = &play->now->client;
    if (!settle(play))
        return false;
    if (strcmp(what, "closed") == 0) {
        if (!client->closed || has_left(client))
            return differs(play, line, "not closed, or more was sent: ",
                           client->got + client->read);
        return true;
    }
    if (strcmp(what, "close") == 0) {
        if (has_left(client))
            return differs(play, line,
                           "more was sent: ", client->got + client->read);
        client_close(client);
        play->now->open = false;
        return true;
    }
    CHECK(sscanf(what, "less %31s %31s", a, b) == 2);
    struct number *x = find_number(play, a), *y = find_number(play, b);
    CHECK(x && y);
    if (strtoull(x->digits, NULL, 10) < strtoull(y->digits, NULL, 10))
        return true;
    return differs(play, line, "not less", "");
}

static bool
step(struct play *play, size_t i)
{
    const char *line = play->transcript->lines[i];
    if (line[0] == '@')
        return speak_as(play, text_of(line, 1));
    if (line[0] == '!')
        return strncmp(line, "! server", 8) == 0 ||
               act(play, i, text_of(line, 1));
    if (line[0] == '<') {
        CHECK(play->nawaited < sizeof(play->awaited) / sizeof(size_t));
        play->awaited[play->nawaited++] = i;
        return play->cut.pipelined || settle(play);
    }
    if (line[0] != '>')
        return true;
    bool as_is = line[1] == '>';
    if (!knows_numbers(play, line) && !settle(play))
        return false;
    add_text(play, &play->unsent, text_of(line, as_is ? 2 : 1));
    if (!as_is)
        add(&play->unsent, "\r\n", 2);
    return true;
}

/* The server's options, by its own parser. */
static void
start(struct play *play)
{
    const struct transcript *t = play->transcript;
    static char words[1024];
    char *argv[WORDS_MAX] = {"tagcached", "-u", "root"};
    int argc = 3, exit_code;
    talk_init(&play->talk);
    for (size_t i = 0; i < t->nlines; i++)
        if (strncmp(t->lines[i], "! server ", 9) == 0) {
            snprintf(words, sizeof(words), "%s", t->lines[i] + 9);
            for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
                argv[argc++] = w;
            CHECK(config_parse(&play->talk.config, argc, argv, &exit_code) ==
                  CONFIG_RUN);
        }
    talk_start(&play->talk);
    speak_as(play, "main");
}

const char *
transcript_play(const struct transcript *transcript, struct cut cut,
                size_t *sent)
{
    struct play *play = calloc(1, sizeof(*play));
    CHECK(play);
    play->transcript = transcript;
    play->cut = cut;
    start(play);
    bool ok = true;
    for (size_t i = 0; ok && i < transcript->nlines; i++)
        ok = step(play, i);
    ok = ok && settle(play);
    for (size_t i = 0; i < play->nspeakers; i++) {
        struct speaker *speaker = &play->speakers[i];
        if (ok && speaker->open && has_left(&speaker->client))
            ok = differs(play, transcript->nlines - 1, "more was sent: ",
                         speaker->client.got + speaker->client.read);
        if (speaker->open)
            client_close(&speaker->client);
    }
    *sent = play->sent;
    talk_end(&play->talk);
    free(play->unsent.data);
    free(play);
    return ok ? NULL : message;
}
