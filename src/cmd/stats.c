/* stats, stats settings, stats reset; cachedump is dump.c's. */
#include "cmd/call.h"

#include "tagcached/log.h"
#include "tagcached/now.h"
#include "tagcached/token.h"
#include "cmd/version.h"

#include <sys/resource.h>
#include <unistd.h>

/* What the lines of the tables are made of, read once for all of them. */
struct look {
    const struct config *config;
    struct server_info *info;
    struct mem_budget *budget;
    struct rusage usage;
    struct store_stats store;
    uint64_t sums[COUNTER_END];
};

static void
put_U64(struct out *out, const char *name, uint64_t value)
{
    out_printf(out, "STAT %s %llu\r\n", name, (unsigned long long)value);
}

static void
put_OCTAL(struct out *out, const char *name, unsigned value)
{
    out_printf(out, "STAT %s %o\r\n", name, value);
}

/* memcached's word for what is not set; a line is never without a value. */
static void
put_TEXT(struct out *out, const char *name, const char *value)
{
    out_printf(out, "STAT %s %s\r\n", name, value ? value : "NULL");
}

static void
put_TIME(struct out *out, const char *name, const struct timeval *time)
{
    out_printf(out, "STAT %s %lld.%06ld\r\n", name, (long long)time->tv_sec,
               (long)time->tv_usec);
}

static enum reply
show_general(struct call *call, struct span words)
{
    (void)words;
    const struct session_env *env = call->env;
    struct look at = {
        .config = env->config, .info = env->info, .budget = env->budget};
    const struct look *look = &at;
    struct out *out = call->out;
    getrusage(RUSAGE_SELF, &at.usage);
    store_stats(env->store, &at.store);
    counters_set_sum(env->counters, at.sums);
#define GENERAL(kind, name, value) put_##kind(out, name, value);
#include "tagcached/tbl/general_stats.def"
#undef GENERAL
    return REPLY_END;
}

static uint64_t
verbosity(void)
{
    enum log_level level = log_level();
    return level > LOG_WARN ? level - LOG_WARN : 0;
}

static const char *
yes_no(bool yes)
{
    return yes ? "yes" : "no";
}

static void
put_listen(struct out *out, const struct config *config)
{
    out_text(out, "STAT inter ");
    for (unsigned i = 0; i < config->nlisten; i++)
        out_printf(out, "%s%s", i > 0 ? "," : "", config->listen[i]);
    out_put(out, config->nlisten > 0 ? SPAN("\r\n") : SPAN("NULL\r\n"));
}

static enum reply
show_settings(struct call *call, struct span words)
{
    (void)words;
    const struct look at = {.config = call->env->config,
                            .budget = call->env->budget};
    const struct look *look = &at;
    struct out *out = call->out;
    put_listen(out, look->config);
#define SETTING(kind, name, value) put_##kind(out, name, value);
#include "tagcached/tbl/settings_stats.def"
#undef SETTING
    return REPLY_END;
}

static enum reply
reset(struct call *call, struct span words)
{
    (void)words;
    counters_set_reset(call->env->counters);
    store_stats_reset(call->env->store);
    return REPLY_RESET;
}

static const struct {
    struct span name;
    /* `words` are the ones behind the name. Returns the last line. */
    enum reply (*show)(struct call *call, struct span words);
} kinds[] = {
    {{"", 0}, show_general},
    {{"settings", 8}, show_settings},
    {{"reset", 5}, reset},
    {{"cachedump", 9}, dump_cache},
};

enum call_result
cmd_stats(struct call *call)
{
    struct span words = call->request->rest, name = {"", 0};
    enum reply last = REPLY_ERROR;
    token_next(&words, &name);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (span_equals(name, kinds[i].name))
            last = kinds[i].show(call, words);
    out_put(call->out, reply_line(last));
    return CALL_DONE;
}
