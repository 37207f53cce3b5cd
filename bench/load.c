/* The load generator: phases, and the line they end with. */
#include "cpu.h"
#include "driver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_BROKEN = 3 };

struct result {
    struct tally tally;
    uint64_t elapsed_ns;
    int64_t server_cpu_ns; /* -1: not known */
    int64_t client_cpu_ns;
};

static struct driver_phase
main_phase(const struct options *options)
{
    return (struct driver_phase){
        .mix = {options->get_share, options->sequential},
        .requests = options->requests,
        .seconds = options->seconds,
        .rate = options->rate,
    };
}

static int
preload(struct driver *driver, const struct options *options,
        struct result *result)
{
    struct driver_phase phase = {
        .mix = {.get_share = 0, .sequential = true},
        .requests = options->keys,
    };
    return driver_run(driver, &phase, &result->tally, &result->elapsed_ns);
}

/* What was counted before is not the result, but what went wrong is. */
static void
forget(struct tally *tally)
{
    *tally = (struct tally){.errors = tally->errors, .wrong = tally->wrong};
}

static int
warm_up(struct driver *driver, const struct options *options,
        struct result *result)
{
    struct driver_phase phase = main_phase(options);
    phase.requests = 0;
    phase.seconds = options->warmup_seconds;
    return driver_run(driver, &phase, &result->tally, &result->elapsed_ns);
}

static int64_t
server_cpu(const struct options *options)
{
    return options->server_pid > 0 ? cpu_of_process_ns(options->server_pid)
                                   : -1;
}

/* No request is under way where CPU time is read, so it is all of theirs. */
static int
measure(struct driver *driver, const struct options *options,
        struct result *result)
{
    struct driver_phase phase = main_phase(options);
    int64_t server = server_cpu(options), client = cpu_of_self_ns();
    if (driver_run(driver, &phase, &result->tally, &result->elapsed_ns) < 0)
        return -1;
    result->client_cpu_ns = cpu_of_self_ns() - client;
    result->server_cpu_ns = server < 0 ? -1 : server_cpu(options) - server;
    return 0;
}

static int
run(struct driver *driver, const struct options *options, struct result *result)
{
    if (options->preload && preload(driver, options, result) < 0)
        return -1;
    if (options->preload_only)
        return 0;
    if (options->warmup_seconds > 0 && warm_up(driver, options, result) < 0)
        return -1;
    forget(&result->tally);
    return measure(driver, options, result);
}

static void
print_latency(const struct histogram *latency_ns)
{
    static const struct {
        const char *name;
        double share;
    } wanted[] = {{"p50", 0.5},
                  {"p90", 0.9},
                  {"p99", 0.99},
                  {"p999", 0.999},
                  {"p9999", 0.9999}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        printf(" %s_us=%.1f", wanted[i].name,
               (double)histogram_at(latency_ns, wanted[i].share) / 1e3);
    printf(" max_us=%.1f\n", (double)latency_ns->max / 1e3);
}

static void
print_result(const struct result *result)
{
    const struct tally *tally = &result->tally;
    double ops = tally->ops > 0 ? (double)tally->ops : 1;
    double elapsed_s = (double)result->elapsed_ns / 1e9;
    printf("ops=%" PRIu64 " requests=%" PRIu64 " hits=%" PRIu64
           " misses=%" PRIu64 " errors=%" PRIu64 " wrong=%" PRIu64,
           tally->ops, tally->requests, tally->hits, tally->misses,
           tally->errors, tally->wrong);
    printf(" elapsed_s=%.6f ops_per_s=%.0f", elapsed_s,
           elapsed_s > 0 ? (double)tally->ops / elapsed_s : 0);
    if (result->server_cpu_ns >= 0)
        printf(" server_cpu_s=%.6f server_ns_per_op=%.1f",
               (double)result->server_cpu_ns / 1e9,
               (double)result->server_cpu_ns / ops);
    printf(" client_ns_per_op=%.1f", (double)result->client_cpu_ns / ops);
    print_latency(&tally->latency_ns);
}

static int
run_all(const struct options *options)
{
    struct workload workload;
    struct driver driver;
    static struct result result = {.server_cpu_ns = -1};
    int status = -1;
    if (!workload_init(&workload, options)) {
        fprintf(stderr, "load: out of memory\n");
        return EXIT_BROKEN;
    }
    if (driver_init(&driver, &workload) == 0)
        status = run(&driver, options, &result);
    print_result(&result);
    driver_fini(&driver);
    workload_fini(&workload);
    if (status < 0)
        return EXIT_BROKEN;
    return result.tally.wrong > 0 ? EXIT_WRONG : EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    struct options options;
    switch (options_parse(&options, argc, argv)) {
    case OPTIONS_RUN: return run_all(&options);
    case OPTIONS_HELP: return EXIT_SUCCESS;
    case OPTIONS_BAD: break;
    }
    return EXIT_USAGE;
}
