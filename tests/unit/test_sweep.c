/* The memory of what is dead comes back without anybody asking for it. */
#include "store_kit.h"
#include "store/store.h"

enum { ENTRIES = 15000, LEN = 500 };

static struct kit kit;

static int
setup(void **state)
{
    (void)state;
    kit_open(&kit, 16 * KIT_MB);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    kit_close(&kit);
    return 0;
}

/* Entries of which two in three get the tag or the end. */
static void
fill(const char *tag, uint32_t expire)
{
    char value[LEN + 1], key[16];
    memset(value, 'v', LEN);
    value[LEN] = '\0';
    for (int i = 0; i < ENTRIES; i++) {
        sprintf(key, "k%d", i);
        struct store_write w = kit_write(&kit, STORE_SET, key);
        w.expire = i % 3 ? expire : NOW_NEVER;
        assert_int_equal(kit_run(&kit, &w, kit_span(value),
                                 i % 3 ? tag : NULL),
                         STORE_OK);
    }
    kit_set_sized(&kit, "blob", 200000, 'b', tag);
    kit_touch(&kit, "blob", expire);
}

static void
assert_swept(uint64_t full)
{
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.curr_items, (ENTRIES + 2) / 3);
    assert_int_equal(s.blob_bytes, 0);
    assert_int_equal(s.tag_links, 0);
    assert_int_equal(s.swept_removed, ENTRIES + 1 - (ENTRIES + 2) / 3);
    /* What is left takes little more than it needs. */
    assert_true(s.segment_bytes <= s.bytes * 5 / 4 + 3 * 65536 * s.shards);
    assert_true(kit.budget.used < full / 2);
    for (int i = 0; i < ENTRIES; i += 3) {
        char key[16];
        sprintf(key, "k%d", i);
        assert_int_equal(kit_peek(&kit, key)->status, STORE_OK);
    }
}

static void
test_nothing_to_do(void **state)
{
    (void)state;
    fill("t", now_expire(1000));
    for (int i = 0; i < 100; i++)
        store_sweep(kit.store);
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.swept_removed, 0);
    assert_int_equal(s.swept_items, 0);
    assert_int_equal(s.curr_items, ENTRIES + 1);
}

static void
test_expired(void **state)
{
    (void)state;
    fill(NULL, now_expire(10));
    uint64_t full = kit.budget.used;
    kit_sweep(&kit);
    assert_int_equal(kit_stats(&kit).curr_items, ENTRIES + 1);
    now_advance_ms(10300);
    kit_sweep(&kit);
    assert_swept(full);
    assert_true(kit_stats(&kit).removed_expired > 0);
}

/* An end that a touch brought nearer is seen too. */
static void
test_touched_to_expire(void **state)
{
    (void)state;
    fill(NULL, NOW_NEVER);
    uint64_t full = kit.budget.used;
    uint32_t end = now_expire(5);
    for (int i = 0; i < ENTRIES; i++) {
        char key[16];
        sprintf(key, "k%d", i);
        if (i % 3)
            kit_touch(&kit, key, end);
    }
    kit_touch(&kit, "blob", end);
    now_advance_ms(5300);
    kit_sweep(&kit);
    assert_swept(full);
}

static void
test_invalidated(void **state)
{
    (void)state;
    fill("t,u", NOW_NEVER);
    uint64_t full = kit.budget.used;
    kit_sweep(&kit);
    assert_int_equal(kit_invalidate(&kit, "u"), kit_stats(&kit).tag_links / 2);
    kit_sweep(&kit);
    assert_swept(full);
    assert_true(kit_stats(&kit).removed_invalidated > 0);
    assert_int_equal(kit_invalidate(&kit, "t"), 0);
}

static void
test_flushed(void **state)
{
    (void)state;
    fill("t", NOW_NEVER);
    uint64_t full = kit.budget.used;
    store_flush(kit.store, NOW_NEVER);
    kit_sweep(&kit);
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.curr_items, 0);
    assert_int_equal(s.removed_flushed, ENTRIES + 1);
    assert_int_equal(s.tag_links, 0);
    assert_true(s.segment_bytes <= 2 * 65536 * s.shards);
    assert_true(kit.budget.used < full / 2);
    fill("t", NOW_NEVER);
    kit_sweep(&kit);
    assert_int_equal(kit_stats(&kit).curr_items, ENTRIES + 1);
}

/* Replaced and deleted entries: segments are packed. */
static void
test_packed(void **state)
{
    (void)state;
    fill("t", NOW_NEVER);
    uint64_t full = kit.budget.used;
    for (int i = 0; i < ENTRIES; i++) {
        char key[16];
        sprintf(key, "k%d", i);
        if (i % 3)
            kit_delete(&kit, key);
    }
    kit_delete(&kit, "blob");
    kit_audit(&kit);
    assert_true(kit_stats(&kit).dead_bytes > full / 3);
    kit_sweep(&kit);
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.curr_items, (ENTRIES + 2) / 3);
    assert_int_equal(s.removed_evicted, 0);
    assert_true(s.dead_bytes <= s.segment_bytes / 4);
    assert_true(kit.budget.used < full * 2 / 3);
    for (int i = 0; i < ENTRIES; i += 3) {
        char key[16];
        sprintf(key, "k%d", i);
        assert_int_equal(kit_peek(&kit, key)->view.value.len, LEN);
    }
}

/* The same in a store that was full and evicted before. */
static void
test_packed_after_evicting(void **state)
{
    (void)state;
    char key[16];
    for (int i = 0; i < 40000; i++) {
        sprintf(key, "k%d", i);
        kit_set_sized(&kit, key, LEN, 'v', NULL);
    }
    assert_true(kit_stats(&kit).removed_evicted > 0);
    for (int i = 0; i < 40000; i++) {
        sprintf(key, "k%d", i);
        if (i % 4)
            kit_delete(&kit, key);
    }
    uint64_t items = kit_stats(&kit).curr_items;
    kit_sweep(&kit);
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.curr_items, items);
    assert_true(s.dead_bytes <= s.segment_bytes / 4);
}

/* Flushes that fall into a lap which has already passed their dead: these are
 * not taken for swept, and do not rise when the generations come round. */
static void
flush_within_a_lap(int before)
{
    struct kit one;
    kit_open(&one, 4 * KIT_MB);
    struct sweep *sweep = &one.store->sweep;
    struct shard *shard = &one.store->shards[0];
    for (int i = 0; i < before; i++)
        store_flush(one.store, NOW_NEVER);
    sweep->flushes = shard->flushes;
    sweep->number = UINT32_MAX; /* at the end of its lap */
    store_flush(one.store, NOW_NEVER);
    kit_set(&one, "k", "v", NULL);
    store_flush(one.store, NOW_NEVER);
    store_sweep(one.store); /* ends that lap */
    struct store_key key = store_key(one.store, kit_span("k"));
    for (int i = 0; i < 600; i++) {
        struct found found = shard_peek(shard, &key);
        if (found.item)
            assert_int_equal(shard_judge(shard, found.item), REMOVED_FLUSHED);
        store_flush(one.store, NOW_NEVER);
    }
    kit_close(&one);
}

static void
test_flushes_within_a_lap(void **state)
{
    (void)state;
    flush_within_a_lap(0);
    flush_within_a_lap(253);
    flush_within_a_lap(254);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_do),
        TEST(test_expired),
        TEST(test_touched_to_expire),
        TEST(test_invalidated),
        TEST(test_flushed),
        TEST(test_packed),
        TEST(test_packed_after_evicting),
        cmocka_unit_test(test_flushes_within_a_lap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
