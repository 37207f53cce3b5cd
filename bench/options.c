#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * One row an option: its name ('_' is '-' on the command line), what its value
 * is called (NULL: it has none), the default and the limits where that is a
 * number, the help.
 */
#define OPTION_TABLE(ROW)                                                      \
    ROW(port, "N", 0, 1, 65535, "the server's port (needed)")                  \
    ROW(host, "ADDRESS", 0, 0, 0, "its IPv4 address (127.0.0.1)")              \
    ROW(connections, "N", 50, 1, 10000, "connections (50)")                    \
    ROW(depth, "N", 1, 1, 4096, "requests a connection sends at once (1)")     \
    ROW(multiget, "N", 1, 1, 1000, "keys of each get (1)")                     \
    ROW(read, "get|mg", 0, 0, 0, "command that reads (get)")                   \
    ROW(write, "set|ms", 0, 0, 0, "command that writes (set)")                 \
    ROW(gets, "PERCENT", 100, 0, 100, "reads among the requests (100)")        \
    ROW(keys, "N", 100000, 1, 4e9, "number of keys (100000)")                  \
    ROW(key_length, "N", 24, 8, 250, "length of keys, 8..250 (24)")            \
    ROW(value, "N|MIN:MAX", 0, 0, 0, "length of values (100)")                 \
    ROW(tags, "N", 0, 0, 64, "tags of each ms (0)")                            \
    ROW(tag_space, "N", 1000, 1, 4e9, "number of different tags (1000)")       \
    ROW(zipf, "EXPONENT", 0, 0, 10, "popularity of keys, 0: uniform (0)")      \
    ROW(sequential, NULL, 0, 0, 0, "each key in turn, not drawn")              \
    ROW(requests, "N", 0, 0, 1e15, "stop after so many requests")              \
    ROW(seconds, "S", 1, 0, 1e6, "or, without --requests, after so long (1)")  \
    ROW(warmup, "S", 0, 0, 1e6, "seconds before that, not counted (0)")        \
    ROW(rate, "N", 0, 0, 1e8,                                                  \
        "open loop: so many requests a second, each\n"                         \
        "                           timed from the moment it was due")         \
    ROW(preload, NULL, 0, 0, 0, "first set every key once")                    \
    ROW(preload_only, NULL, 0, 0, 0, "and do nothing else")                    \
    ROW(verify, NULL, 0, 0, 0, "check all values; a wrong one: exit code 1")   \
    ROW(seed, "N", 1, 0, 1e15, "of all random numbers (1)")                    \
    ROW(server_pid, "PID", 0, 1, 1e9, "report this process's CPU time")        \
    ROW(help, NULL, 0, 0, 0, "show this")

enum {
#define ROW(id, value, preset, min, max, help) OPTION_##id,
    OPTION_TABLE(ROW)
#undef ROW
        OPTION_END
};

static const struct {
    const char *name, *value;
    double preset, min, max;
    const char *help;
} rows[] = {
#define ROW(id, value, preset, min, max, help)                                 \
    {#id, value, preset, min, max, help},
    OPTION_TABLE(ROW)
#undef ROW
};

/* What the command line gave: a number, or 1 for an option without value. */
struct given {
    char name[OPTION_END][16];
    struct option longs[OPTION_END + 1];
    double number[OPTION_END];
};

static void
given_init(struct given *given)
{
    for (int i = 0; i < OPTION_END; i++) {
        const char *from = rows[i].name;
        char *name = given->name[i];
        for (; *from != '\0'; from++)
            *name++ = *from == '_' ? '-' : *from;
        *name = '\0';
        given->longs[i] = (struct option){
            given->name[i],
            rows[i].value != NULL ? required_argument : no_argument, NULL, i};
        given->number[i] = rows[i].preset;
    }
    given->longs[OPTION_END] = (struct option){0};
}

static void
print_help(const struct given *given)
{
    puts("usage: load --port N [option]...\n"
         "A load generator for servers that speak memcached's text protocol.\n"
         "Prints one line of key=value; an op is one key read or written.\n");
    for (int i = 0; i < OPTION_END; i++)
        printf("  --%-12s %-9s %s\n", given->name[i],
               rows[i].value != NULL ? rows[i].value : "", rows[i].help);
    puts("\nexit code: 0 done, 1 wrong values (--verify), 2 bad command line,\n"
         "3 the connection or the stream of replies broke");
}

static bool
parse_number(const char *text, double min, double max, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && *end == '\0' && *number >= min && *number <= max;
}

static bool
parse_value_range(struct options *options, const char *text)
{
    char *end;
    options->value_min = strtoul(text, &end, 10);
    options->value_max = options->value_min;
    if (end == text)
        return false;
    if (*end == ':')
        options->value_max = strtoul(end + 1, &end, 10);
    return *end == '\0' && options->value_min <= options->value_max &&
           options->value_max <= 1u << 30;
}

static bool
parse_word(const char *text, const char *classic, const char *meta,
           enum wire_command classic_command, enum wire_command *command)
{
    bool is_meta = strcmp(text, meta) == 0;
    *command = is_meta ? classic_command + 1 : classic_command;
    return is_meta || strcmp(text, classic) == 0;
}

static bool
parse_one(struct options *options, struct given *given, int id,
          const char *text)
{
    switch (id) {
    case OPTION_host: options->host = text; return true;
    case OPTION_value: return parse_value_range(options, text);
    case OPTION_read:
        return parse_word(text, "get", "mg", WIRE_GET, &options->read);
    case OPTION_write:
        return parse_word(text, "set", "ms", WIRE_SET, &options->write);
    }
    if (rows[id].value == NULL) {
        given->number[id] = 1;
        return true;
    }
    return parse_number(text, rows[id].min, rows[id].max, &given->number[id]);
}

static void
take_numbers(struct options *options, const double *number)
{
    options->port = (uint16_t)number[OPTION_port];
    options->connections = (unsigned)number[OPTION_connections];
    options->depth = (unsigned)number[OPTION_depth];
    options->multiget = (unsigned)number[OPTION_multiget];
    options->get_share = number[OPTION_gets] / 100;
    options->keys = (uint32_t)number[OPTION_keys];
    options->key_length = (unsigned)number[OPTION_key_length];
    options->tags = (unsigned)number[OPTION_tags];
    options->tag_space = (uint32_t)number[OPTION_tag_space];
    options->zipf = number[OPTION_zipf];
    options->sequential = number[OPTION_sequential] != 0;
    options->requests = (uint64_t)number[OPTION_requests];
    options->seconds = number[OPTION_seconds];
    options->warmup_seconds = number[OPTION_warmup];
    options->rate = number[OPTION_rate];
    options->preload_only = number[OPTION_preload_only] != 0;
    options->preload = options->preload_only || number[OPTION_preload] != 0;
    options->verify = number[OPTION_verify] != 0;
    options->seed = (uint64_t)number[OPTION_seed];
    options->server_pid = (pid_t)number[OPTION_server_pid];
}

static const char *
find_contradiction(const struct options *options)
{
    if (options->port == 0)
        return "--port is needed";
    if (options->multiget > 1 && options->read != WIRE_GET)
        return "--multiget needs --read get";
    if (options->tags > 0 && options->write != WIRE_MS)
        return "--tags needs --write ms";
    return NULL;
}

enum options_status
options_parse(struct options *options, int argc, char **argv)
{
    struct given given;
    given_init(&given);
    *options = (struct options){.host = "127.0.0.1",
                                .read = WIRE_GET,
                                .write = WIRE_SET,
                                .value_min = 100,
                                .value_max = 100};
    for (int id; (id = getopt_long(argc, argv, "", given.longs, NULL)) != -1;) {
        if (id == OPTION_help) {
            print_help(&given);
            return OPTIONS_HELP;
        }
        if (id == '?')
            return OPTIONS_BAD;
        if (!parse_one(options, &given, id, optarg)) {
            fprintf(stderr, "load: bad --%s %s\n", given.name[id], optarg);
            return OPTIONS_BAD;
        }
    }
    take_numbers(options, given.number);
    const char *wrong = find_contradiction(options);
    if (optind < argc)
        wrong = "an option begins with --";
    if (wrong != NULL)
        fprintf(stderr, "load: %s\n", wrong);
    return wrong != NULL ? OPTIONS_BAD : OPTIONS_RUN;
}
