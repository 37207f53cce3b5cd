/* The clock, the records and what they count, against a model. */
#include "store_kit.h"
#include "store/tags.h"

enum { NAMES = 300, ENTRIES = 400 };

struct entry {
    uint32_t slots[8], names[8];
    unsigned n;
    uint64_t asof;
};

static struct mem_budget budget;
static struct tags tags;

static int
setup(void **state)
{
    (void)state;
    now_refresh();
    budget = (struct mem_budget){.limit = 64 * KIT_MB};
    assert_true(tags_init(&tags, &budget, 42));
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    tags_fini(&tags);
    assert_int_equal(budget.used, 0);
    return 0;
}

static struct span
name_of(uint32_t i, char text[32])
{
    return (struct span){text, (size_t)sprintf(text, "tag:%u", i)};
}

static enum tags_status
link_one(uint32_t name, uint64_t asof, uint32_t *slot)
{
    char text[32];
    struct span span = name_of(name, text);
    return tags_link(&tags, &span, 1, asof, slot);
}

static uint64_t
invalidate(uint32_t name, uint64_t *clock)
{
    char text[32];
    struct span span = name_of(name, text);
    uint64_t links, now;
    assert_true(tags_invalidate(&tags, &span, 1, &links, clock ? clock : &now));
    return links;
}

static void
test_clock(void **state)
{
    (void)state;
    uint64_t before = tags_now(&tags), clock;
    assert_true(before >> 48 != 0);
    assert_int_equal(before & 0xffff, 1);
    assert_int_equal(tags_tick(&tags), before + 1);
    assert_int_equal(tags_now(&tags), before + 1);
    invalidate(1, &clock);
    assert_int_equal(clock, before + 2);
    assert_false(tags_is_flushed(&tags, 0));
    tags_flush(&tags);
    assert_int_equal(tags_now(&tags), before + 3);
    assert_true(tags_is_flushed(&tags, before + 2));
    assert_false(tags_is_flushed(&tags, before + 3));
    assert_false(tags_accept(&tags, before + 2));
    assert_true(tags_accept(&tags, before + 3));
    assert_false(tags_accept(&tags, before + 4));
    assert_false(tags_accept(&tags, 3));
}

static void
test_all_or_nothing(void **state)
{
    (void)state;
    char text[3][32];
    struct span names[3];
    uint32_t slots[3];
    for (uint32_t i = 0; i < 3; i++)
        names[i] = name_of(i, text[i]);
    uint64_t before = tags_now(&tags);
    invalidate(2, NULL);
    assert_int_equal(tags_link(&tags, names, 3, before, slots), TAGS_STALE);
    assert_int_equal(tags_totals(&tags).links, 0);
    assert_int_equal(tags_link(&tags, names, 3, before + 1, slots), TAGS_OK);
    assert_int_equal(tags_totals(&tags).links, 3);
    assert_int_equal(tags_totals(&tags).records, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(span_equals(tags_name(&tags, slots[i]), names[i]));
    assert_true(tags_are_valid(&tags, slots, 3, before + 1));
    invalidate(0, NULL);
    assert_false(tags_are_valid(&tags, slots, 3, before + 1));
    assert_true(tags_are_valid(&tags, slots + 1, 2, before + 1));
    tags_unlink(&tags, slots, 3, before + 1);
    assert_int_equal(tags_totals(&tags).links, 0);
    assert_int_equal(tags_link(&tags, NULL, 0, 0, NULL), TAGS_OK);
}

/* ---- counts against a model ---- */

static struct entry entries[ENTRIES];
static uint64_t hard[NAMES];

static void
relink(struct kit_random *random, struct entry *e)
{
    char text[8][32];
    struct span names[8];
    tags_unlink(&tags, e->slots, e->n, e->asof);
    unsigned wanted = kit_below(random, 8);
    uint32_t from = kit_below(random, NAMES);
    uint64_t back = kit_below(random, 20);
    uint64_t asof = tags_now(&tags);
    asof -= back < (asof & 0xffffff) ? back : 0;
    bool stale = false;
    *e = (struct entry){.asof = asof};
    for (unsigned i = 0; i < wanted; i++) {
        e->names[i] = (from + 7 * i) % NAMES;
        names[i] = name_of(e->names[i], text[i]);
        stale = stale || hard[e->names[i]] > asof;
    }
    enum tags_status status = tags_link(&tags, names, wanted, asof, e->slots);
    assert_int_equal(status, stale ? TAGS_STALE : TAGS_OK);
    e->n = stale ? 0 : wanted;
}

static uint64_t
live_links(uint32_t name)
{
    uint64_t n = 0;
    for (int i = 0; i < ENTRIES; i++)
        for (unsigned t = 0; t < entries[i].n; t++)
            n += entries[i].names[t] == name && entries[i].asof >= hard[name];
    return n;
}

static void
test_counts(void **state)
{
    (void)state;
    struct kit_random random = {7};
    memset(entries, 0, sizeof(entries));
    memset(hard, 0, sizeof(hard));
    for (int step = 0; step < 100000; step++) {
        relink(&random, &entries[kit_below(&random, ENTRIES)]);
        if (step % 5 != 0)
            continue;
        uint32_t name = kit_below(&random, NAMES);
        uint64_t expected = live_links(name);
        assert_int_equal(invalidate(name, &hard[name]), expected);
        const struct entry *e = &entries[kit_below(&random, ENTRIES)];
        bool valid = true;
        for (unsigned t = 0; t < e->n; t++)
            valid = valid && hard[e->names[t]] <= e->asof;
        assert_int_equal(tags_are_valid(&tags, e->slots, e->n, e->asof),
                         valid);
    }
    uint64_t links = 0;
    for (int i = 0; i < ENTRIES; i++)
        links += entries[i].n;
    assert_int_equal(tags_totals(&tags).links, links);
    for (int i = 0; i < ENTRIES; i++)
        tags_unlink(&tags, entries[i].slots, entries[i].n, entries[i].asof);
    assert_int_equal(tags_totals(&tags).links, 0);
    assert_int_equal(tags.floor, 0);
}

/* ---- forgetting ---- */

static void
test_drop_raises_floor(void **state)
{
    (void)state;
    uint32_t slot, kept;
    uint64_t before = tags_now(&tags), clock;
    assert_int_equal(link_one(9, before, &kept), TAGS_OK);
    invalidate(1, &clock);
    assert_int_equal(tags.floor, 0);
    tags_drop_idle(&tags, SIZE_MAX);
    assert_int_equal(tags.floor, clock);
    assert_int_equal(tags_totals(&tags).records, 1); /* the linked one */
    /* Unknown tags count as invalidated at the floor, the known one does
     * not. */
    assert_int_equal(link_one(1, before, &slot), TAGS_STALE);
    assert_int_equal(link_one(2, before, &slot), TAGS_STALE);
    assert_int_equal(link_one(9, before, &slot), TAGS_OK);
    tags_unlink(&tags, &slot, 1, before);
    assert_int_equal(link_one(2, clock, &slot), TAGS_OK);
    tags_unlink(&tags, &slot, 1, clock);
    /* A record made since knows no better than the floor. */
    assert_int_equal(link_one(2, before, &slot), TAGS_STALE);
    tags_unlink(&tags, &kept, 1, before);
    tags_drop_idle(&tags, SIZE_MAX);
    assert_int_equal(tags.floor, clock);
    assert_int_equal(tags.idle_bytes, 0);
    assert_int_equal(tags_totals(&tags).records, 0);
}

/* Oldest first: what is dropped was idle for longest within its stripe, so a
 * recent invalidation is still known when half is forgotten. */
static void
test_oldest_first(void **state)
{
    (void)state;
    enum { MANY = 40000 };
    uint64_t first, clock, last;
    invalidate(0, &first);
    for (uint32_t i = 1; i < MANY; i++)
        invalidate(i, &clock);
    uint64_t bytes = tags_totals(&tags).bytes;
    size_t given = tags_drop_idle(&tags, bytes / 2);
    assert_in_range(given, bytes / 2, bytes * 3 / 4);
    uint64_t records = tags_totals(&tags).records;
    assert_in_range(records, MANY / 5, MANY * 3 / 4);
    last = tags.floor;
    assert_true(last > first && last < clock);
    /* All that were invalidated after the floor are still there. */
    uint32_t slot;
    for (uint64_t i = last - first + 1; i < MANY; i += 97) {
        assert_int_equal(link_one((uint32_t)i, last, &slot), TAGS_STALE);
        assert_int_equal(link_one((uint32_t)i, first + i, &slot), TAGS_OK);
        tags_unlink(&tags, &slot, 1, first + i);
    }
    assert_int_equal(tags_totals(&tags).records, records);
}

/* Oldest first among all, not only among those that share a lock: a little
 * forgetting raises the floor a little. */
static void
test_floor_rises_slowly(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    uint64_t first, clock;
    invalidate(0, &first);
    for (uint32_t i = 1; i < MANY; i++)
        invalidate(i, &clock);
    tags_drop_idle(&tags, 16384);
    uint64_t dropped = MANY - tags_totals(&tags).records;
    assert_in_range(dropped, 10, MANY / 4);
    assert_int_equal(tags.floor, first + dropped - 1);
}

/* Memory of records comes back, also where a few of them stay. */
static void
test_memory_comes_back(void **state)
{
    (void)state;
    enum { MANY = 100000, KEPT = 64 };
    uint64_t empty = budget.used;
    static uint32_t slots[MANY];
    uint64_t asof = tags_now(&tags);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(link_one(i, asof, &slots[i]), TAGS_OK);
    uint64_t full = budget.used;
    assert_in_range((full - empty) / MANY, 64, 120); /* a tag */
    for (uint32_t i = KEPT; i < MANY; i++)
        tags_unlink(&tags, &slots[i], 1, asof);
    assert_true(tags.idle_bytes > MANY * 64);
    tags_drop_idle(&tags, SIZE_MAX);
    assert_int_equal(tags_totals(&tags).records, KEPT);
    /* But for the tables and the buckets of the hash. */
    assert_true(budget.used - empty < (full - empty) / 4);
    for (uint32_t i = 0; i < KEPT; i++) {
        char text[32];
        assert_true(span_equals(tags_name(&tags, slots[i]), name_of(i, text)));
        tags_unlink(&tags, &slots[i], 1, asof);
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(link_one(i, asof, &slots[i]), TAGS_OK);
    assert_true(budget.used <= full);
    for (uint32_t i = 0; i < MANY; i++)
        tags_unlink(&tags, &slots[i], 1, asof);
}

/* A million tags that nothing carries, on a small budget. */
static void
test_many_distinct(void **state)
{
    (void)state;
    uint64_t clock, most = 0;
    budget.limit = 4 * KIT_MB;
    for (uint32_t i = 0; i < 1000000; i++) {
        invalidate(i, &clock);
        most = budget.used > most ? budget.used : most;
    }
    assert_true(most <= budget.limit + 65536);
    assert_true(tags_totals(&tags).records > 10000);
    assert_true(tags.floor > 0 && tags.floor < clock);
    uint32_t slot;
    assert_int_equal(link_one(0, tags.floor - 1, &slot), TAGS_STALE);
    assert_int_equal(link_one(999999, clock - 1, &slot), TAGS_STALE);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_clock),
        TEST(test_all_or_nothing),
        TEST(test_counts),
        TEST(test_drop_raises_floor),
        TEST(test_oldest_first),
        TEST(test_floor_rises_slowly),
        TEST(test_memory_comes_back),
        TEST(test_many_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
