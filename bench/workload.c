#include "workload.h"

#include <stdlib.h>

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Neighbours in popularity must not be neighbours in a server's memory, where
 * they lie in the order of the preload. */
static uint64_t
choose_scatter(uint64_t keys)
{
    uint64_t scatter = (uint64_t)((double)keys * 0.6180339887) | 1;
    while (common_divisor(scatter, keys) != 1)
        scatter += 2;
    return scatter;
}

bool
workload_init(struct workload *workload, const struct options *options)
{
    *workload = (struct workload){
        .options = options,
        .wire = {.tags = options->tags,
                 .tag_space = options->tag_space,
                 .rng = {rng_mix(options->seed)}},
        .rng = {options->seed},
        .scatter = choose_scatter(options->keys),
        .write = (uint32_t)rng_mix(options->seed),
    };
    key_init(&workload->wire.key, options->key_length);
    if (options->zipf > 0)
        zipf_init(&workload->zipf, options->keys, options->zipf);
    if (!value_init(&workload->wire.values, options->value_min,
                    options->value_max))
        return false;
    workload->batch = malloc(
        options->depth * wire_request_max(&workload->wire, options->multiget));
    return workload->batch != NULL;
}

void
workload_fini(struct workload *workload)
{
    value_fini(&workload->wire.values);
    free(workload->batch);
}

void
workload_start(struct workload *workload, struct workload_mix mix)
{
    workload->mix = mix;
    workload->next_key = 0;
}

bool
workload_equip(const struct workload *workload, struct connection *connection)
{
    const struct options *options = workload->options;
    size_t depth = options->depth, keys = depth * options->multiget;
    connection->requests = calloc(depth, sizeof(*connection->requests));
    connection->keys = calloc(keys, sizeof(*connection->keys));
    return connection->requests != NULL && connection->keys != NULL;
}

static uint32_t
next_key(struct workload *workload)
{
    const struct options *options = workload->options;
    if (workload->mix.sequential)
        return (uint32_t)(workload->next_key++ % options->keys);
    if (options->zipf == 0)
        return (uint32_t)rng_below(&workload->rng, options->keys);
    uint64_t rank = zipf_draw(&workload->zipf, &workload->rng);
    return (uint32_t)(rank * workload->scatter % options->keys);
}

static bool
next_is_read(struct workload *workload)
{
    double share = workload->mix.get_share;
    if (share <= 0 || share >= 1)
        return share > 0;
    return rng_unit(&workload->rng) < share;
}

static char *
write_request(struct workload *workload, const struct request *request,
              char *out)
{
    struct wire *wire = &workload->wire;
    switch (request->command) {
    case WIRE_GET: return wire_get(wire, out, request->keys, request->nkeys);
    case WIRE_MG: return wire_mg(wire, out, request->keys[0]);
    case WIRE_SET:
        return wire_set(wire, out, request->keys[0], workload->write++);
    case WIRE_MS:
        return wire_ms(wire, out, request->keys[0], workload->write++);
    }
    return out;
}

size_t
workload_batch(struct workload *workload, struct connection *connection,
               unsigned requests)
{
    const struct options *options = workload->options;
    uint32_t *keys = connection->keys;
    char *out = workload->batch;
    connection->nrequests = requests;
    connection->done = 0;
    for (unsigned i = 0; i < requests; i++) {
        bool read = next_is_read(workload);
        struct request *request = &connection->requests[i];
        *request = (struct request){
            .command = read ? options->read : options->write,
            .nkeys = read ? options->multiget : 1,
            .keys = keys,
        };
        for (unsigned k = 0; k < request->nkeys; k++)
            *keys++ = next_key(workload);
        out = write_request(workload, request, out);
    }
    return (size_t)(out - workload->batch);
}
