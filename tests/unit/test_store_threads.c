/*
 * Eight threads on a small budget, and the promises they must not break.
 *
 * The source of truth is a version for each tag, for each key and for all.
 * Whoever changes one first writes the new version, then invalidates (deletes,
 * flushes), then notes the version as done. Who fills takes the clock, reads
 * the versions and stores them as the value. A reader that notes what is done,
 * and then gets an entry, must never see an older version in it.
 */
#include "store_kit.h"

#include <pthread.h>
#include <stdatomic.h>

#if defined(__SANITIZE_THREAD__)
enum { STEPS = 30000 };
#else
enum { STEPS = 120000 };
#endif

enum { WORKERS = 7, KEYS = 8000, TAGS = 200, COUNTERS = 8, EXTRA = 56 };

struct truth {
    _Atomic uint64_t version, done;
};

static struct kit kit;
static struct truth of_tag[TAGS], of_key[KEYS], of_all;
static _Atomic uint64_t adds[COUNTERS], failures;
static _Atomic bool stop;

static void
fail_with(const char *what, uint64_t a, uint64_t b)
{
    if (failures++ < 5)
        fprintf(stderr, "%s: %llu, %llu\n", what, (unsigned long long)a,
                (unsigned long long)b);
}

/* Notes that a change is known to all from now on. */
static void
done(struct truth *truth, uint64_t version)
{
    uint64_t old = truth->done;
    while (old < version &&
           !atomic_compare_exchange_weak(&truth->done, &old, version))
        ;
}

/* ---- keys and values ---- */

struct facts {
    uint32_t key, tag[2];
    uint64_t first, second, own, all; /* versions */
};

static void
tags_of(uint32_t key, uint32_t tag[2])
{
    tag[0] = key % TAGS;
    tag[1] = (key / TAGS + key + 1) % TAGS;
    if (tag[1] == tag[0])
        tag[1] = (tag[0] + 1) % TAGS;
}

/* Every entry carries its two tags and some of its own that nobody ever
 * invalidates, so that links take their time. */
static unsigned
name_tags(uint32_t key, char text[1024], struct span tags[STORE_TAGS_MAX + 1])
{
    uint32_t tag[2];
    tags_of(key, tag);
    int len = sprintf(text, "tag%u,tag%u", tag[0], tag[1]);
    for (unsigned i = 0; i < key % 5 * 3; i++)
        len += sprintf(text + len, ",more%u", (key + i) % EXTRA);
    return kit_tags(text, tags);
}

static struct store_key
key_of(uint32_t key, char name[32])
{
    sprintf(name, "key%u", key);
    return store_key(kit.store, kit_span(name));
}

/* ---- the actors ---- */

static void
fill_key(struct kit_random *random, uint32_t key)
{
    char name[32], text[1024];
    struct span tags[STORE_TAGS_MAX + 1];
    struct store_write w = {.key = key_of(key, name), .guarded = true};
    w.mode = kit_below(random, 4) ? STORE_SET : STORE_ADD;
    w.asof = store_clock(kit.store);
    w.ntags = name_tags(key, text, tags);
    w.tags = tags;
    uint32_t tag[2];
    tags_of(key, tag);
    size_t len = 128 + kit_below(random, 600);
    if (kit_below(random, 50) == 0)
        len = store_blob_min(kit.store) + kit_below(random, 60000);
    w.blob = len >= store_blob_min(kit.store)
                 ? store_blob_new(kit.store, len)
                 : NULL;
    char room[1024];
    if (!w.blob && len > sizeof(room))
        return; /* no memory for the blob */
    char *value = w.blob ? store_blob_data(w.blob) : room;
    memset(value, 'a' + (int)(key % 26), len);
    snprintf(value, 128, "key%u %zu %llu %llu %llu %llu ", key, len,
             (unsigned long long)of_tag[tag[0]].version,
             (unsigned long long)of_tag[tag[1]].version,
             (unsigned long long)of_key[key].version,
             (unsigned long long)of_all.version);
    w.value = (struct span){value, len};
    w.expire = kit_below(random, 3) ? NOW_NEVER : now_expire(1);
    enum store_status status = store_write(kit.store, &w);
    if (status != STORE_OK && status != STORE_STALE &&
        status != STORE_NOT_STORED && status != STORE_NO_MEMORY)
        fail_with("status of a fill", status, key);
}

static void
check_value(void *arg, const struct store_view *view)
{
    const struct facts *f = arg;
    unsigned key;
    size_t len;
    unsigned long long first, second, own, all;
    char head[129];
    memcpy(head, view->value.data, 128);
    head[128] = '\0';
    if (sscanf(head, "key%u %zu %llu %llu %llu %llu ", &key, &len, &first,
               &second, &own, &all) != 6 ||
        key != f->key || len != view->value.len ||
        view->value.data[len - 1] != 'a' + (int)(key % 26)) {
        fail_with("a value of another key", f->key, view->value.len);
        return;
    }
    if (first < f->first)
        fail_with("older than its first tag", first, f->first);
    if (second < f->second)
        fail_with("older than its second tag", second, f->second);
    if (own < f->own)
        fail_with("older than its deletion", own, f->own);
    if (all < f->all)
        fail_with("older than a flush", all, f->all);
    if (view->ntags != 2 + f->key % 5 * 3)
        fail_with("number of tags", view->ntags, f->key);
}

static void
read_key(uint32_t key)
{
    char name[32];
    struct store_key k = key_of(key, name);
    struct facts f = {.key = key};
    tags_of(key, f.tag);
    f.first = of_tag[f.tag[0]].done;
    f.second = of_tag[f.tag[1]].done;
    f.own = of_key[key].done;
    f.all = of_all.done;
    store_prefetch_bucket(kit.store, k.hash);
    store_prefetch_item(kit.store, k.hash);
    store_get(kit.store, &k, (struct store_read){0}, check_value, &f);
}

static void
delete_key(uint32_t key)
{
    char name[32];
    struct store_key k = key_of(key, name);
    uint64_t version = ++of_key[key].version;
    store_delete(kit.store, &k, false, 0);
    done(&of_key[key], version);
}

/* Several tags at one clock, some of them rarely used. */
static void
invalidate_tags(struct kit_random *random)
{
    char text[2048];
    struct span tags[STORE_TAGS_MAX + 1];
    uint32_t n = 1 + kit_below(random, 3);
    uint32_t from = kit_below(random, TAGS);
    uint64_t versions[3], links, clock;
    int len = 0;
    for (uint32_t i = 0; i < n; i++) {
        versions[i] = ++of_tag[(from + i) % TAGS].version;
        len += sprintf(text + len, "%stag%u", i ? "," : "", (from + i) % TAGS);
    }
    for (uint32_t i = kit_below(random, 20); i > 0; i--)
        len += sprintf(text + len, ",rare%u", kit_below(random, 100000));
    store_invalidate(kit.store, tags, kit_tags(text, tags), &links, &clock);
    for (uint32_t i = 0; i < n; i++)
        done(&of_tag[(from + i) % TAGS], versions[i]);
}

static void
flush_all(void)
{
    uint64_t version = ++of_all.version;
    store_flush(kit.store, NOW_NEVER);
    done(&of_all, version);
}

/* Counters that nothing evicts for long would be lost to flushes: they are
 * only checked to be numbers. */
static void
count(struct kit_random *random)
{
    char name[32];
    uint32_t i = kit_below(random, COUNTERS);
    sprintf(name, "count%u", i);
    struct store_key k = store_key(kit.store, kit_span(name));
    uint64_t result, cas;
    enum store_status status = store_arith(kit.store, &k, false, 1, &result,
                                           &cas);
    if (store_is_miss(status))
        kit_store(&kit, STORE_ADD, name, "98", i % 2 ? "tag1,tag2" : NULL);
    else if (status == STORE_OK)
        adds[i]++;
    else if (status != STORE_NO_MEMORY)
        fail_with("status of an increment", status, i);
}

/* Appends of one letter: the value is all of that letter. */
static void
append(struct kit_random *random)
{
    char name[32], letter[2] = "a";
    uint32_t i = kit_below(random, 26);
    letter[0] = (char)('a' + i);
    sprintf(name, "list%u", i);
    enum store_mode mode = kit_below(random, 2) ? STORE_APPEND : STORE_PREPEND;
    char tag[16];
    sprintf(tag, "tag%u", kit_below(random, TAGS));
    if (kit_store(&kit, mode, name, letter, tag) == STORE_NOT_STORED)
        kit_store(&kit, STORE_ADD, name, letter, tag);
    const struct kit_entry *e = kit_get(&kit, name);
    if (e->status == STORE_OK && (!e->uniform || e->value[0] != letter[0]))
        fail_with("a list of other letters", i, e->view.value.len);
    if (e->status == STORE_OK && kit_below(random, 20) == 0)
        kit_touch(&kit, name, now_expire(kit_below(random, 3)));
}

static void *
work(void *arg)
{
    struct kit_random random = {*(unsigned *)arg};
    for (int i = 0; i < STEPS; i++) {
        uint32_t dice = kit_below(&random, 1000);
        uint32_t key = kit_below(&random, KEYS);
        if (dice < 350)
            read_key(key);
        else if (dice < 800)
            fill_key(&random, key);
        else if (dice < 840)
            delete_key(key);
        else if (dice < 846)
            invalidate_tags(&random);
        else if (dice < 950)
            count(&random);
        else if (dice < 999)
            append(&random);
        else if (kit_below(&random, 10) == 0)
            flush_all();
        if (i % 64 == 0)
            now_refresh();
    }
    return NULL;
}

static void *
sweep(void *arg)
{
    (void)arg;
    struct store_stats s;
    for (unsigned i = 0; !stop; i++) {
        store_sweep(kit.store);
        if (i % 16 == 0)
            store_stats(kit.store, &s);
    }
    return NULL;
}

static void
run_all(uint64_t limit)
{
    pthread_t threads[WORKERS], sweeper;
    unsigned seeds[WORKERS];
    kit_open(&kit, limit);
    stop = false;
    pthread_create(&sweeper, NULL, sweep, NULL);
    for (unsigned i = 0; i < WORKERS; i++) {
        seeds[i] = i + 1;
        pthread_create(&threads[i], NULL, work, &seeds[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    stop = true;
    pthread_join(sweeper, NULL);
    assert_int_equal(failures, 0);
    kit_audit(&kit);
    kit_sweep(&kit);
    struct store_stats s = kit_stats(&kit);
    assert_true(s.removed_evicted + (limit > 8 * KIT_MB) > 0);
    assert_true(s.removed_invalidated > 0);
    kit_close(&kit);
}

/* One shard: all of them meet. */
static void
test_one_shard(void **state)
{
    (void)state;
    run_all(2 * KIT_MB);
}

static void
test_many_shards(void **state)
{
    (void)state;
    run_all(32 * KIT_MB);
}

/* ---- counts at the moment of an invalidation ---- */

/* Who takes the clock while an invalidation is under way has a fresh one: the
 * entry lives, and its link is still there to be counted. */
static void *
fill_again(void *arg)
{
    struct kit_random random = {*(unsigned *)arg};
    char name[16];
    while (!stop) {
        sprintf(name, "k%u", kit_below(&random, 4));
        kit_fill(&kit, name, "v", "z1,z2,z3", store_clock(kit.store));
        if (kit_below(&random, 2))
            kit_delete(&kit, name);
    }
    return NULL;
}

static void
test_fills_beside_invalidations(void **state)
{
    (void)state;
    pthread_t threads[3];
    unsigned seeds[3] = {11, 12, 13};
    char text[1024];
    int len = 0;
    kit_open(&kit, 16 * KIT_MB);
    stop = false;
    for (int i = 0; i < 60; i++)
        len += sprintf(text + len, "u%d,", i);
    strcpy(text + len, "z1,z2,z3");
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, fill_again, &seeds[i]);
    for (int i = 0; i < STEPS / 6; i++)
        kit_invalidate(&kit, text);
    stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    kit_audit(&kit);
    for (int i = 0; i < 4; i++) {
        char name[16];
        sprintf(name, "k%d", i);
        kit_delete(&kit, name);
    }
    assert_int_equal(kit_invalidate(&kit, "z1,z2,z3"), 0);
    kit_close(&kit);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_shard),
        cmocka_unit_test(test_many_shards),
        cmocka_unit_test(test_fills_beside_invalidations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
