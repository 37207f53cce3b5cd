/* The store through its door: reading, guards, flushing, ends, eviction. */
#include "store_kit.h"

#if defined(__SANITIZE_THREAD__)
enum { FILLS = 2000 };
#else
enum { FILLS = 5000 };
#endif

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

/* ---- reading ---- */

static void
test_view(void **state)
{
    (void)state;
    struct store_write w = kit_write(&kit, STORE_SET, "key");
    w.flags = 9;
    w.expire = now_expire(60);
    kit_run(&kit, &w, kit_span("value"), "a,b");
    const struct kit_entry *e = kit_peek(&kit, "key");
    assert_false(e->view.fetched);
    assert_int_equal(e->view.key.len, 3);
    assert_int_equal(e->view.flags, 9);
    assert_int_equal(e->view.expire, w.expire);
    assert_int_equal(e->view.cas, w.cas_out);
    assert_int_equal(e->view.asof, store_clock(kit.store));
    assert_true(e->view.size >= 3 + 5 + 16);
    assert_null(e->view.blob);
    uint32_t stored_s = e->view.last_access_s;
    assert_int_equal(stored_s, now_s());

    now_advance_ms(5000);
    e = kit_peek(&kit, "key");
    assert_false(e->view.fetched);
    assert_int_equal(e->view.last_access_s, stored_s);
    e = kit_get(&kit, "key");
    assert_false(e->view.fetched);
    assert_int_equal(e->view.last_access_s, stored_s);
    e = kit_peek(&kit, "key");
    assert_true(e->view.fetched);
    assert_true(e->view.last_access_s >= stored_s + 5);
}

static void
test_touch(void **state)
{
    (void)state;
    struct store_write w = kit_write(&kit, STORE_SET, "k");
    w.expire = now_expire(10);
    kit_run(&kit, &w, kit_span("v"), NULL);
    uint32_t end = now_expire(1000);
    struct store_key key = store_key(kit.store, kit_span("k"));
    assert_int_equal(store_get(kit.store, &key,
                               (struct store_read){.touch = true,
                                                   .expire = end},
                               NULL, NULL),
                     STORE_OK);
    now_advance_ms(11000);
    assert_int_equal(kit_get(&kit, "k")->view.expire, end);
    assert_int_equal(kit_touch(&kit, "k", now_expire(-1)), STORE_OK);
    assert_int_equal(kit_get(&kit, "k")->status, STORE_EXPIRED);
    assert_int_equal(kit_touch(&kit, "k", 0), STORE_NOT_FOUND);
    /* Both ends are in the view. */
    kit_run(&kit, &w, kit_span("v"), NULL);
    w = kit_write(&kit, STORE_SET, "k");
    w.expire = now_expire(20);
    kit_run(&kit, &w, kit_span("v"), NULL);
    kit_touch(&kit, "k", NOW_NEVER);
    assert_int_equal(kit_get(&kit, "k")->view.expire, NOW_NEVER);
}

static void
test_miss_says_why(void **state)
{
    (void)state;
    assert_int_equal(kit_get(&kit, "k")->status, STORE_NOT_FOUND);
    struct store_write w = kit_write(&kit, STORE_SET, "k");
    w.expire = now_expire(3);
    kit_run(&kit, &w, kit_span("v"), NULL);
    now_advance_ms(2900);
    kit_expect(&kit, "k", "v");
    now_advance_ms(400);
    assert_int_equal(kit_get(&kit, "k")->status, STORE_EXPIRED);
    assert_int_equal(kit_get(&kit, "k")->status, STORE_NOT_FOUND);
    kit_set(&kit, "k", "v", "t");
    store_flush(kit.store, NOW_NEVER);
    assert_int_equal(kit_get(&kit, "k")->status, STORE_FLUSHED);
    assert_int_equal(kit_get(&kit, "k")->status, STORE_NOT_FOUND);
    kit_set(&kit, "k", "v", "t");
    kit_invalidate(&kit, "t");
    assert_int_equal(kit_get(&kit, "k")->status, STORE_NOT_FOUND);
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.removed_expired, 1);
    assert_int_equal(s.removed_flushed, 1);
    assert_int_equal(s.removed_invalidated, 1);
    assert_int_equal(s.expired_unfetched, 0);
    assert_int_equal(s.curr_items, 0);
    assert_int_equal(s.tag_links, 0);
}

/* ---- tags ---- */

static void
test_invalidate(void **state)
{
    (void)state;
    kit_set(&kit, "a", "1", "x");
    kit_set(&kit, "b", "2", "x,y");
    kit_set(&kit, "c", "3", "y,z");
    kit_set(&kit, "d", "4", NULL);
    uint64_t clock = store_clock(kit.store);
    assert_int_equal(kit_invalidate(&kit, "x"), 2);
    assert_int_equal(store_clock(kit.store), clock + 1);
    kit_expect(&kit, "a", NULL);
    kit_expect(&kit, "b", NULL);
    kit_expect(&kit, "c", "3");
    assert_int_equal(kit_invalidate(&kit, "x"), 0);
    /* b is gone, and its link to y with it. */
    assert_int_equal(kit_invalidate(&kit, "y,z,unknown"), 2);
    kit_expect(&kit, "c", NULL);
    kit_expect(&kit, "d", "4");
    assert_int_equal(kit_stats(&kit).invalidated_links, 4);
    kit_set(&kit, "a", "5", "x,y,z");
    kit_expect(&kit, "a", "5");
}

/* Links of a dead entry that nobody met count until they end. */
static void
test_counts_of_the_dead(void **state)
{
    (void)state;
    kit_set(&kit, "a", "1", "x,y");
    assert_int_equal(kit_invalidate(&kit, "x"), 1);
    assert_int_equal(kit_stats(&kit).tag_links, 2);
    assert_int_equal(kit_invalidate(&kit, "y"), 1);
    assert_int_equal(kit_invalidate(&kit, "x,y"), 0);
    assert_int_equal(kit_stats(&kit).curr_items, 1);
    kit_expect(&kit, "a", NULL);
    assert_int_equal(kit_stats(&kit).tag_links, 0);
    assert_int_equal(kit_stats(&kit).curr_items, 0);
}

static void
test_valid_tags(void **state)
{
    (void)state;
    char tag[STORE_TAG_MAX + 1];
    memset(tag, 't', sizeof(tag));
    for (int c = 0; c < 256; c++) {
        tag[3] = (char)c;
        assert_int_equal(store_tag_is_valid((struct span){tag, 5}),
                         c > 0x20 && c != 0x7f && c != ',');
    }
    tag[3] = 't';
    assert_true(store_tag_is_valid((struct span){tag, STORE_TAG_MAX}));
    assert_false(store_tag_is_valid((struct span){tag, STORE_TAG_MAX + 1}));
    assert_false(store_tag_is_valid((struct span){tag, 0}));
    tag[STORE_TAG_MAX] = '\0';
    assert_int_equal(kit_set(&kit, "k", "v", tag), STORE_OK);
    assert_string_equal(kit_get(&kit, "k")->tags, tag);
}

/* ---- guarded stores ---- */

static void
test_fill_by_tag(void **state)
{
    (void)state;
    uint64_t before = store_clock(kit.store);
    assert_int_equal(kit_fill(&kit, "k", "v", "t", before), STORE_OK);
    kit_invalidate(&kit, "t"); /* the tag has an entry */
    kit_invalidate(&kit, "u"); /* this one is unknown until now */
    assert_int_equal(kit_fill(&kit, "k", "w", "t", before), STORE_STALE);
    assert_int_equal(kit_fill(&kit, "k", "w", "u", before), STORE_STALE);
    assert_int_equal(kit_fill(&kit, "k", "w", "a,u,b", before), STORE_STALE);
    assert_int_equal(kit_stats(&kit).tag_links, 0);
    assert_int_equal(kit_fill(&kit, "k", "w", "other", before), STORE_OK);
    assert_int_equal(kit_get(&kit, "k")->view.asof, before);
    uint64_t after = store_clock(kit.store);
    assert_int_equal(kit_fill(&kit, "k", "x", "t,u", after), STORE_OK);
    kit_expect(&kit, "k", "x");
    /* Without the flag the clock of the parsed line counts as well. */
    struct store_write w = kit_write(&kit, STORE_SET, "k");
    kit_invalidate(&kit, "t");
    assert_int_equal(kit_run(&kit, &w, kit_span("y"), "t"), STORE_STALE);
    kit_expect(&kit, "k", NULL);
}

static void
test_fill_after_delete(void **state)
{
    (void)state;
    uint64_t before = store_clock(kit.store);
    assert_int_equal(kit_delete(&kit, "k"), STORE_NOT_FOUND);
    assert_int_equal(kit_fill(&kit, "k", "v", NULL, before), STORE_STALE);
    assert_int_equal(kit_fill(&kit, "k", "v", "t", before), STORE_STALE);
    assert_int_equal(kit_fill(&kit, "k", "v", NULL, store_clock(kit.store)),
                     STORE_OK);
    before = store_clock(kit.store);
    assert_int_equal(kit_delete(&kit, "k"), STORE_OK);
    assert_int_equal(kit_fill(&kit, "k", "v", NULL, before), STORE_STALE);
    /* An ordinary store is stored as memcached does, tags or not. */
    struct store_write w = kit_write(&kit, STORE_SET, "k");
    w.asof = before;
    assert_int_equal(kit_run(&kit, &w, kit_span("w"), "t"), STORE_OK);
    /* EXISTS moves nothing. */
    before = store_clock(kit.store);
    struct store_key key = store_key(kit.store, kit_span("k"));
    assert_int_equal(store_delete(kit.store, &key, true, 1), STORE_EXISTS);
    assert_int_equal(store_clock(kit.store), before);
    assert_int_equal(kit_fill(&kit, "k", "x", NULL, before), STORE_OK);
    /* Other keys are not concerned, but for a collision here and there. */
    kit_delete(&kit, "k");
    unsigned refused = 0;
    for (int i = 0; i < 1000; i++) {
        char name[16];
        sprintf(name, "other%d", i);
        refused += kit_fill(&kit, name, "v", NULL, before) != STORE_OK;
    }
    assert_true(refused < 10);
}

static void
test_fill_after_flush(void **state)
{
    (void)state;
    uint64_t before = store_clock(kit.store);
    struct store_write parsed = kit_write(&kit, STORE_SET, "k");
    struct store_write plain = kit_write(&kit, STORE_SET, "p");
    store_flush(kit.store, NOW_NEVER);
    assert_true(store_clock(kit.store) > before);
    assert_int_equal(kit_fill(&kit, "k", "v", NULL, before), STORE_STALE);
    assert_int_equal(kit_fill(&kit, "k", "v", "t", before), STORE_STALE);
    assert_int_equal(kit_run(&kit, &parsed, kit_span("v"), "t"), STORE_STALE);
    assert_int_equal(kit_run(&kit, &plain, kit_span("v"), NULL), STORE_OK);
    assert_int_equal(kit_fill(&kit, "k", "v", "t", store_clock(kit.store)),
                     STORE_OK);
}

static void
test_foreign_clocks(void **state)
{
    (void)state;
    uint64_t now = store_clock(kit.store);
    assert_true(now > UINT64_C(1) << 48);
    const uint64_t foreign[] = {
        0, 1, now + 1, now + (UINT64_C(1) << 20), now + (UINT64_C(1) << 48),
        now - (UINT64_C(1) << 48), now ^ (UINT64_C(1) << 63), UINT64_MAX,
    };
    for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
        assert_int_equal(kit_fill(&kit, "k", "v", NULL, foreign[i]),
                         STORE_STALE);
        assert_int_equal(kit_fill(&kit, "k", "v", "t", foreign[i]),
                         STORE_STALE);
    }
    kit_expect(&kit, "k", NULL);
    assert_int_equal(kit_fill(&kit, "k", "v", NULL, now), STORE_OK);
    kit_set(&kit, "k", "old", NULL);
    assert_int_equal(kit_fill(&kit, "k", "v", NULL, 0), STORE_STALE);
    kit_expect(&kit, "k", "old"); /* left as it is */
}

/* ---- flush ---- */

static void
test_flush_appointment(void **state)
{
    (void)state;
    kit_set(&kit, "a", "1", NULL);
    uint64_t before = store_clock(kit.store);
    store_flush(kit.store, now_expire(10));
    store_sweep(kit.store);
    kit_expect(&kit, "a", "1");
    kit_set(&kit, "b", "2", NULL);
    now_advance_ms(9000);
    store_sweep(kit.store);
    kit_expect(&kit, "b", "2");
    now_advance_ms(1500);
    store_sweep(kit.store);
    kit_expect(&kit, "a", NULL);
    kit_expect(&kit, "b", NULL);
    assert_int_equal(kit_fill(&kit, "a", "v", NULL, before), STORE_STALE);
    kit_set(&kit, "c", "3", NULL);
    now_advance_ms(20000);
    store_sweep(kit.store);
    kit_expect(&kit, "c", "3"); /* once only */

    /* A new appointment replaces the old one; flushing now cancels it. */
    store_flush(kit.store, now_expire(5));
    store_flush(kit.store, now_expire(50));
    now_advance_ms(10000);
    store_sweep(kit.store);
    kit_expect(&kit, "c", "3");
    store_flush(kit.store, NOW_NEVER);
    kit_expect(&kit, "c", NULL);
    kit_set(&kit, "c", "3", NULL);
    now_advance_ms(60000);
    store_sweep(kit.store);
    kit_expect(&kit, "c", "3");
    store_flush(kit.store, NOW_PAST); /* now */
    kit_expect(&kit, "c", NULL);
}

/* Generations come round: nothing rises again, with a sweep or without, also
 * where flushes fall between its slices. */
static void
test_many_flushes(void **state)
{
    (void)state;
    char key[16];
    for (int i = 0; i < 1200; i++) {
        sprintf(key, "k%d", i);
        kit_set(&kit, key, "v", i % 2 ? "t" : NULL);
        store_flush(kit.store, NOW_NEVER);
        if (i > 600)
            store_sweep(kit.store);
        for (int k = i > 300 ? i - 300 : 0; k <= i; k += 7) {
            sprintf(key, "k%d", k);
            kit_expect(&kit, key, NULL);
        }
    }
}

/* ---- figures ---- */

static void
test_stats_reset(void **state)
{
    (void)state;
    kit_set(&kit, "a", "1", "t");
    kit_set(&kit, "b", "1", "t");
    kit_delete(&kit, "b");
    kit_invalidate(&kit, "t");
    store_stats_reset(kit.store);
    struct store_stats s = kit_stats(&kit);
    assert_int_equal(s.total_items, 0);
    assert_int_equal(s.removed_deleted, 0);
    assert_int_equal(s.invalidated_links, 0);
    assert_int_equal(s.curr_items, 1);
    assert_int_equal(s.tag_links, 1);
    kit_audit(&kit);
    kit_set(&kit, "b", "1", "t");
    assert_int_equal(kit_invalidate(&kit, "t"), 1);
    s = kit_stats(&kit);
    assert_int_equal(s.total_items, 1);
    assert_int_equal(s.invalidated_links, 1);
}

/* A blob that a reply holds is intact after its entry is gone. */
static void
hold_blob(void *arg, const struct store_view *view)
{
    store_blob_ref(view->blob);
    *(struct store_blob **)arg = view->blob;
}

static void
test_blob_outlives_entry(void **state)
{
    (void)state;
    struct store_blob *held = NULL;
    struct store_key key = store_key(kit.store, kit_span("k"));
    kit_set_sized(&kit, "k", 100000, 'a', NULL);
    store_get(kit.store, &key, (struct store_read){0}, hold_blob, &held);
    kit_set_sized(&kit, "k", 100000, 'b', NULL);
    kit_delete(&kit, "k");
    char *data = store_blob_data(held);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(data[i], 'a');
    assert_true(kit_stats(&kit).blob_bytes > 100000);
    store_blob_release(held);
    assert_int_equal(kit_stats(&kit).blob_bytes, 0);
}

/* ---- memory ---- */

/* Never NO_MEMORY while something can go: sizes up to half of the budget. */
static void
fill_up(uint64_t limit, bool tags)
{
    struct kit full;
    struct kit_random random = {limit};
    kit_open(&full, limit);
    /* While it makes room, each shard may need a segment for what it keeps and
     * one for what it packs; and the index grows when it must. */
    uint64_t overdraft = (2 * kit_stats(&full).shards + 2) * 65536;
    for (int i = 0; i < FILLS; i++) {
        char key[32], tag[32];
        sprintf(key, "key%u", kit_below(&random, 100000));
        sprintf(tag, "tag%u", kit_below(&random, 1000));
        uint32_t most = 2;
        while (most < limit / 2 && kit_below(&random, 4) != 0)
            most *= 2;
        size_t len = kit_below(&random, most);
        if (i % 500 == 499)
            len = limit / 2 - 200;
        enum store_status status =
            kit_set_sized(&full, key, len, 'x', tags ? tag : NULL);
        if (status != STORE_OK)
            print_error("limit %llu, step %d, %zu bytes: %d\n",
                        (unsigned long long)limit, i, len, (int)status);
        assert_int_equal(status, STORE_OK);
        assert_int_equal(kit_get(&full, key)->view.value.len, len);
        assert_true(full.budget.used <= limit + overdraft);
        if (i % 1000 == 0)
            kit_audit(&full);
    }
    assert_true(kit_stats(&full).removed_evicted > 0);
    assert_true(full.budget.used > limit / 4);
    kit_close(&full);
}

static void
test_full_1mb(void **state)
{
    (void)state;
    fill_up(KIT_MB, false);
    fill_up(KIT_MB, true);
}

static void
test_full_4mb(void **state)
{
    (void)state;
    fill_up(4 * KIT_MB, false);
    fill_up(4 * KIT_MB, true);
}

static void
test_full_64mb(void **state)
{
    (void)state;
    fill_up(64 * KIT_MB, true);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_view),
        TEST(test_touch),
        TEST(test_miss_says_why),
        TEST(test_invalidate),
        TEST(test_counts_of_the_dead),
        TEST(test_valid_tags),
        TEST(test_fill_by_tag),
        TEST(test_fill_after_delete),
        TEST(test_fill_after_flush),
        TEST(test_foreign_clocks),
        TEST(test_flush_appointment),
        TEST(test_many_flushes),
        TEST(test_stats_reset),
        TEST(test_blob_outlives_entry),
        cmocka_unit_test(test_full_1mb),
        cmocka_unit_test(test_full_4mb),
        cmocka_unit_test(test_full_64mb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
