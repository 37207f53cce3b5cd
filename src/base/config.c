#include "tagcached/config.h"

#include "tagcached/num.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

/* memcached's exit code for most wrong values; the others are EX_USAGE. */
enum { BAD_VALUE = 1 };

enum {
    PORT_MAX = 65535,
    MEGABYTE = 1024 * 1024,
    LIMIT_MAX_MB = 16 * 1024 * 1024,
    ITEM_MIN = 1024,
    ITEM_MAX = 1024 * MEGABYTE,
};

/*
 * Parsers return 0, or the exit code after they printed why; DONE where the
 * option's whole work is done.
 */
enum { DONE = -1 };
typedef int parse_option(struct config *config, const char *word);

enum option_kind { KIND_FLAG, KIND_TEXT, KIND_NUMBER, KIND_OWN };

struct option_row {
    char letter;
    const char *name;
    const char *argument; /* NULL: takes none */
    const char *help;
    enum option_kind kind;
    size_t field; /* offset in struct config, but for KIND_OWN */
    bool value;   /* KIND_FLAG */
    uint32_t min, max;
    const char *complaint;
    parse_option *parse;
};

static struct span
span_of(const char *word)
{
    return (struct span){word, strlen(word)};
}

static int
parse_port(struct config *config, const char *word)
{
    int32_t port;
    if (!num_parse_i32(span_of(word), &port) || port < -1 || port > PORT_MAX) {
        fprintf(stderr, "ERROR: Invalid port number %s.\n", word);
        return EX_USAGE;
    }
    config->port = port;
    return 0;
}

static int
parse_udp_port(struct config *config, const char *word)
{
    (void)config;
    uint32_t port;
    if (!num_parse_u32(span_of(word), &port) || port > PORT_MAX) {
        fprintf(stderr, "ERROR: Invalid port number %s.\n", word);
        return EX_USAGE;
    }
    if (port != 0) {
        fprintf(stderr, "UDP is not supported: -U %s\n", word);
        return EX_USAGE;
    }
    return 0;
}

static int
parse_unix_mask(struct config *config, const char *word)
{
    unsigned mask = 0;
    size_t len = strlen(word);
    bool good = len > 0 && len <= 4;
    for (size_t i = 0; good && i < len; i++) {
        good = word[i] >= '0' && word[i] <= '7';
        mask = mask * 8 + (unsigned)(word[i] - '0');
    }
    if (!good || mask > 0777) {
        fprintf(stderr, "Invalid access mask: %s (octal, 0 to 777)\n", word);
        return BAD_VALUE;
    }
    config->unix_mask = mask;
    return 0;
}

static int
parse_listen(struct config *config, const char *word)
{
    if (config->nlisten == CONFIG_LISTEN_MAX) {
        fprintf(stderr, "More than %d times -l: %s\n", CONFIG_LISTEN_MAX, word);
        return EX_USAGE;
    }
    config->listen[config->nlisten++] = word;
    return 0;
}

/* 0 is refused by the rule that joins -m and -I. */
static int
parse_memory_limit(struct config *config, const char *word)
{
    uint64_t megabytes;
    if (!num_parse_u64(span_of(word), &megabytes) || megabytes > LIMIT_MAX_MB) {
        fprintf(stderr, "Memory limit must be 1 to %d megabytes: %s\n",
                LIMIT_MAX_MB, word);
        return EX_USAGE;
    }
    config->limit_bytes = megabytes * MEGABYTE;
    return 0;
}

static int
parse_verbose(struct config *config, const char *word)
{
    (void)word;
    config->verbose++;
    return 0;
}

/* With the binary protocol gone, auto means ascii too. */
static int
parse_protocol(struct config *config, const char *word)
{
    if (strcmp(word, "auto") == 0) {
        config->protocol = "auto-negotiate";
    } else if (strcmp(word, "ascii") == 0) {
        config->protocol = "ascii";
    } else {
        fprintf(stderr,
                "Invalid value for binding protocol: %s"
                " -- should be one of auto or ascii\n",
                word);
        return EX_USAGE;
    }
    return 0;
}

static int
parse_item_size(struct config *config, const char *word)
{
    struct span digits = span_of(word);
    uint64_t unit = 1;
    char last = digits.len > 0 ? digits.data[digits.len - 1] : '0';
    if (last == 'k' || last == 'K')
        unit = 1024;
    if (last == 'm' || last == 'M')
        unit = MEGABYTE;
    if (unit > 1)
        digits.len--;

    uint64_t size;
    if (!num_parse_u64(digits, &size)) {
        fprintf(stderr,
                "Item max size must be a number, or one with k or m "
                "behind it: %s\n",
                word);
        return EX_USAGE;
    }
    size = size <= ITEM_MAX ? size * unit : size; /* no overflow */
    if (size < ITEM_MIN) {
        fprintf(stderr, "Item max size cannot be less than 1024 bytes.\n");
        return EX_USAGE;
    }
    if (size > ITEM_MAX) {
        fprintf(stderr, "Cannot set item size limit higher than a gigabyte.\n");
        return EX_USAGE;
    }
    config->item_size_max = (uint32_t)size;
    return 0;
}

static int
print_version(struct config *config, const char *word)
{
    (void)config;
    (void)word;
    puts(PACKAGE_NAME " " PACKAGE_VERSION);
    return DONE;
}

static parse_option print_help;

/* clang-format off */
#define OFFSET(field) offsetof(struct config, field)
#define FLAG(l, n, f, v, h)                                                    \
    {.letter = l, .name = n, .help = h, .kind = KIND_FLAG,                     \
     .field = OFFSET(f), .value = v},
#define TEXT(l, n, a, f, h)                                                    \
    {.letter = l, .name = n, .argument = a, .help = h, .kind = KIND_TEXT,      \
     .field = OFFSET(f)},
#define NUMBER(l, n, a, f, low, high, c, h)                                    \
    {.letter = l, .name = n, .argument = a, .help = h, .kind = KIND_NUMBER,    \
     .field = OFFSET(f), .min = low, .max = high, .complaint = c},
#define OWN(l, n, a, p, h)                                                     \
    {.letter = l, .name = n, .argument = a, .help = h, .kind = KIND_OWN,       \
     .parse = p},
/* clang-format on */
static const struct option_row rows[] = {
#include "tagcached/tbl/options.def"
};
#undef FLAG
#undef TEXT
#undef NUMBER
#undef OWN
enum { NROWS = sizeof(rows) / sizeof(rows[0]) };

/* "-p, --port=<num>" in a column, the help beside it. */
static int
print_help(struct config *config, const char *word)
{
    enum { COLUMN = 30 };
    print_version(config, word);
    for (size_t i = 0; i < NROWS; i++) {
        const struct option_row *row = &rows[i];
        int used = printf("-%c, --%s%s%s", row->letter, row->name,
                          row->argument ? "=" : "",
                          row->argument ? row->argument : "");
        const char *line = row->help;
        while (line) {
            const char *end = strchr(line, '\n');
            int len = (int)(end ? (size_t)(end - line) : strlen(line));
            printf("%*s%.*s\n", COLUMN - used, "", len, line);
            used = 0;
            line = end ? end + 1 : NULL;
        }
    }
    return DONE;
}

static int
parse_number(const struct option_row *row, unsigned *field, const char *word)
{
    uint32_t value;
    if (!num_parse_u32(span_of(word), &value) || value < row->min ||
        value > row->max) {
        fprintf(stderr, "%s and at most %u: -%c %s\n", row->complaint, row->max,
                row->letter, word);
        return BAD_VALUE;
    }
    *field = value;
    return 0;
}

static int
apply(const struct option_row *row, struct config *config, const char *word)
{
    void *field = (char *)config + row->field;
    switch (row->kind) {
    case KIND_FLAG: *(bool *)field = row->value; return 0;
    case KIND_TEXT: *(const char **)field = word; return 0;
    case KIND_NUMBER: return parse_number(row, field, word);
    case KIND_OWN: return row->parse(config, word);
    }
    return 0;
}

static void
set_defaults(struct config *config)
{
    *config = (struct config){
        .port = 11211,
        .unix_mask = 0700,
        .threads = 4,
        .limit_bytes = (uint64_t)64 * MEGABYTE,
        .evict = true,
        .cas = true,
        .flush = true,
        .max_connections = 1024,
        .item_size_max = MEGABYTE,
        /* memcached's 20 is for requests that cost it a system call each.
         * Here a turn is one batch with one send, 500 requests take some
         * 100 us, and a smaller number would only cost more sends. */
        .requests_a_turn = 500,
        .backlog = 1024,
        .protocol = "auto-negotiate",
    };
}

/* Rules that join options. */
static int
check_together(const struct config *config)
{
    if (config->item_size_max > config->limit_bytes / 2) {
        fprintf(stderr,
                "Cannot set item size limit higher than 1/2 of memory max.\n");
        return EX_USAGE;
    }
    return 0;
}

/* getopt's two views of the rows. */
struct getopt_tables {
    char letters[2 * NROWS + 1];
    struct option names[NROWS + 1];
};

static void
fill_tables(struct getopt_tables *tables)
{
    *tables = (struct getopt_tables){0};
    char *letter = tables->letters;
    for (size_t i = 0; i < NROWS; i++) {
        *letter++ = rows[i].letter;
        if (rows[i].argument)
            *letter++ = ':';
        tables->names[i] = (struct option){
            .name = rows[i].name,
            .has_arg = rows[i].argument ? required_argument : no_argument,
            .val = rows[i].letter,
        };
    }
}

static const struct option_row *
find_row(int letter)
{
    for (size_t i = 0; i < NROWS; i++) {
        if (rows[i].letter == letter)
            return &rows[i];
    }
    return NULL;
}

enum config_status
config_parse(struct config *config, int argc, char **argv, int *exit_code)
{
    struct getopt_tables tables;
    fill_tables(&tables);
    set_defaults(config);
    *exit_code = 0;

    optind = 0; /* glibc: start anew */
    int letter;
    while ((letter = getopt_long(argc, argv, tables.letters, tables.names,
                                 NULL)) != -1) {
        const struct option_row *row = find_row(letter);
        if (!row) {
            /* getopt has said which. */
            fprintf(stderr, "Illegal argument \"%c\"\n", letter);
            *exit_code = BAD_VALUE;
            return CONFIG_BAD;
        }
        int result = apply(row, config, optarg);
        if (result == DONE)
            return CONFIG_DONE;
        if (result != 0) {
            *exit_code = result;
            return CONFIG_BAD;
        }
    }
    *exit_code = check_together(config);
    return *exit_code == 0 ? CONFIG_RUN : CONFIG_BAD;
}
