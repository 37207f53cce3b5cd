/* Who goes when there is no room, and who stays. One shard. */
#include "store_kit.h"
#include "store/store.h"

enum { LEN = 400, MANY = 20000 };

static struct kit kit;

static int
setup(void **state)
{
    (void)state;
    kit_open(&kit, 4 * KIT_MB);
    assert_int_equal(kit_stats(&kit).shards, 1);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    kit_close(&kit);
    return 0;
}

static const char *
name_of(const char *kind, int i)
{
    static char name[32];
    sprintf(name, "%s%d", kind, i);
    return name;
}

static bool
is_there(const char *kind, int i)
{
    return kit_peek(&kit, name_of(kind, i))->status == STORE_OK;
}

/* Untouched entries go strictly in the order in which they came. */
static void
test_oldest_first(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(kit_set_sized(&kit, name_of("k", i), LEN, 'v', NULL),
                         STORE_OK);
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.curr_items + s.removed_evicted, MANY);
    assert_int_equal(s.evicted_unfetched, s.removed_evicted);
    assert_int_equal(s.evicted_active, 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(is_there("k", i), (uint64_t)i >= s.removed_evicted);
    /* The budget is used for entries. */
    assert_true(s.curr_items * LEN > 3 * KIT_MB);
}

/* What is read now and then survives any number of others. */
static void
test_used_survive(void **state)
{
    (void)state;
    enum { HOT = 500 };
    for (int i = 0; i < HOT; i++)
        kit_set_sized(&kit, name_of("hot", i), LEN, 'h', "t");
    for (int i = 0; i < 5 * MANY; i++) {
        kit_set_sized(&kit, name_of("k", i), LEN, 'v', NULL);
        if (i % 4 == 0)
            assert_int_equal(
                kit_get(&kit, name_of("hot", i / 4 % HOT))->status, STORE_OK);
        if (i % MANY == 0)
            kit_audit(&kit);
    }
    assert_int_equal(kit_stats(&kit).tag_links, HOT);
    assert_int_equal(kit_invalidate(&kit, "t"), HOT);
}

/* A peek is no use; one that is replaced in place is. */
static void
test_peek_and_replace(void **state)
{
    (void)state;
    int i = 0;
    kit_set_sized(&kit, "peeked", LEN, 'p', NULL);
    kit_set_sized(&kit, "replaced", LEN, 'r', NULL);
    while (kit_stats(&kit).removed_evicted == 0) {
        kit_peek(&kit, "peeked");
        kit_set_sized(&kit, name_of("k", i++), LEN, 'v', NULL);
        if (i == 5000)
            kit_set_sized(&kit, "replaced", LEN, 's', NULL);
    }
    for (int k = 0; k < 1000; k++)
        kit_set_sized(&kit, name_of("k", i++), LEN, 'v', NULL);
    assert_int_equal(kit_peek(&kit, "peeked")->status, STORE_NOT_FOUND);
    assert_int_equal(kit_peek(&kit, "replaced")->status, STORE_OK);
}

/* Where all are in use some must go all the same, with bounded work. */
static void
test_all_in_use(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * MANY; i++) {
        kit_set_sized(&kit, name_of("k", i), LEN, 'v', NULL);
        kit_get(&kit, name_of("k", i));
        const struct reclaim *r = &kit.store->shards[0].reclaim;
        assert_true(r->credit >= 0 && r->credit <= 8 * SEGMENT_BYTES);
    }
    struct store_stats s = kit_stats(&kit);
    assert_true(s.evicted_active > 0);
    assert_true(s.curr_items * LEN > 3 * KIT_MB);
    assert_int_equal(s.evicted_unfetched, 0);
}

/* What is dead goes before what lives: replaced entries make room without an
 * eviction. */
static void
test_replaced_make_room(void **state)
{
    (void)state;
    enum { LIVE = 3500 };
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < LIVE; i++) {
            size_t len = LEN + (size_t)((i + round) % 5) * 8;
            assert_int_equal(
                kit_set_sized(&kit, name_of("k", i), len, 'v', NULL),
                STORE_OK);
        }
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.curr_items, LIVE);
    assert_int_equal(s.removed_evicted, 0);
    for (int i = 0; i < LIVE; i++)
        assert_true(is_there("k", i));
}

/* Expired and invalidated ones are not counted as evicted. */
static void
test_dead_are_named(void **state)
{
    (void)state;
    uint32_t end = now_expire(5);
    for (int i = 0; i < 2000; i++) {
        struct store_write w = kit_write(&kit, STORE_SET, name_of("e", i));
        w.expire = end;
        kit_run(&kit, &w, kit_span("an entry with an end"), NULL);
        kit_set_sized(&kit, name_of("t", i), LEN, 'v', "t");
    }
    now_advance_ms(6000);
    assert_int_equal(kit_invalidate(&kit, "t"), 2000);
    int i = 0;
    while (kit_stats(&kit).removed_evicted == 0)
        kit_set_sized(&kit, name_of("k", i++), LEN, 'v', NULL);
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.removed_expired, 2000);
    assert_int_equal(s.removed_invalidated, 2000);
    assert_int_equal(s.expired_unfetched, 2000);
}

/* -M: a full store refuses; deleting makes room. */
static void
test_no_eviction(void **state)
{
    (void)state;
    struct kit full;
    kit_open_with(&full, 4 * KIT_MB,
                  (struct store_config){.item_size_max = KIT_MB, .cas = true});
    int n = 0;
    while (kit_set_sized(&full, name_of("k", n), LEN, 'v', "t") == STORE_OK)
        n++;
    assert_true(n * LEN > 3 * KIT_MB);
    assert_int_equal(kit_set_sized(&full, "more", LEN, 'v', NULL),
                     STORE_NO_MEMORY);
    assert_int_equal(kit_set_sized(&full, "blob", 300000, 'v', NULL),
                     STORE_NO_MEMORY);
    assert_true(full.budget.used <= full.budget.limit + 65536);
    for (int i = 0; i < n; i++)
        assert_int_equal(kit_peek(&full, name_of("k", i))->status, STORE_OK);
    for (int i = 0; i < n; i += 2)
        kit_delete(&full, name_of("k", i));
    kit_audit(&full);
    int more = 0;
    while (kit_set_sized(&full, name_of("m", more), LEN, 'v', NULL) ==
           STORE_OK)
        more++;
    assert_true(more > n / 4);
    for (int i = 1; i < n; i += 2)
        assert_int_equal(kit_peek(&full, name_of("k", i))->status, STORE_OK);
    assert_int_equal(kit_stats(&full).removed_evicted, 0);
    assert_int_equal(kit_stats(&full).tag_links, n / 2);
    kit_close(&full);
}

/* Blobs are evicted with their entries, and a held one is not lost sight
 * of. */
static void
test_blobs(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        assert_int_equal(kit_set_sized(&kit, name_of("b", i),
                                       20000 + (size_t)i * 700, 'b', NULL),
                         STORE_OK);
        assert_true(kit.budget.used <= kit.budget.limit + 65536);
    }
    struct store_stats s = kit_stats(&kit);
    assert_true(s.removed_evicted > 300);
    assert_true(s.blob_bytes > 2 * KIT_MB);
    for (int i = 0; i < 400; i++)
        assert_int_equal(is_there("b", i), (uint64_t)i >= s.removed_evicted);
}

/* Idle records of tags go before any entry does. */
static void
test_idle_tags_first(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++)
        kit_invalidate(&kit, name_of("tag", i));
    assert_int_equal(kit_stats(&kit).tags, 20000);
    int i = 0;
    while (kit_stats(&kit).removed_evicted == 0)
        kit_set_sized(&kit, name_of("k", i++), LEN, 'v', NULL);
    struct store_stats s = kit_stats(&kit);
    assert_true(s.tags < 2000);
    assert_true(s.floor > 0);
    assert_true(i * LEN > 2 * KIT_MB);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_oldest_first),   TEST(test_used_survive),
        TEST(test_peek_and_replace), TEST(test_all_in_use),
        TEST(test_replaced_make_room), TEST(test_dead_are_named),
        TEST(test_no_eviction),    TEST(test_blobs),
        TEST(test_idle_tags_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
