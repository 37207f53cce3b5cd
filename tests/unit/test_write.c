/* Every mode and status of store_write, and arithmetic. */
#include "store_kit.h"

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

/* ---- modes ---- */

static void
test_modes(void **state)
{
    (void)state;
    assert_int_equal(kit_store(&kit, STORE_REPLACE, "k", "r", NULL),
                     STORE_NOT_STORED);
    assert_int_equal(kit_store(&kit, STORE_APPEND, "k", "r", NULL),
                     STORE_NOT_STORED);
    assert_int_equal(kit_store(&kit, STORE_PREPEND, "k", "r", NULL),
                     STORE_NOT_STORED);
    kit_expect(&kit, "k", NULL);
    assert_int_equal(kit_store(&kit, STORE_ADD, "k", "one", NULL), STORE_OK);
    assert_int_equal(kit_store(&kit, STORE_ADD, "k", "two", NULL),
                     STORE_NOT_STORED);
    kit_expect(&kit, "k", "one");
    assert_int_equal(kit_store(&kit, STORE_REPLACE, "k", "three", NULL),
                     STORE_OK);
    kit_expect(&kit, "k", "three");
    assert_int_equal(kit_store(&kit, STORE_APPEND, "k", "-after", NULL),
                     STORE_OK);
    assert_int_equal(kit_store(&kit, STORE_PREPEND, "k", "before-", NULL),
                     STORE_OK);
    kit_expect(&kit, "k", "before-three-after");
    assert_int_equal(kit_set(&kit, "k", "", NULL), STORE_OK);
    kit_expect(&kit, "k", "");
    assert_int_equal(kit_store(&kit, STORE_APPEND, "k", "x", NULL), STORE_OK);
    kit_expect(&kit, "k", "x");
    assert_int_equal(kit_stats(&kit).curr_items, 1);
}

static void
test_flags_and_end(void **state)
{
    (void)state;
    const uint32_t flags[] = {0, 1, 0, UINT32_MAX};
    for (int i = 0; i < 4; i++) {
        struct store_write w = kit_write(&kit, STORE_SET, "k");
        w.flags = flags[i];
        w.expire = now_expire(100 + i);
        assert_int_equal(kit_run(&kit, &w, kit_span("12"), NULL), STORE_OK);
        struct store_write a = kit_write(&kit, STORE_APPEND, "k");
        a.flags = 77; /* kept are the old ones */
        a.expire = NOW_PAST;
        assert_int_equal(kit_run(&kit, &a, kit_span("34"), NULL), STORE_OK);
        const struct kit_entry *e = kit_get(&kit, "k");
        assert_int_equal(e->view.flags, flags[i]);
        assert_int_equal(e->view.expire, w.expire);
        assert_string_equal(e->value, "1234");
    }
}

/* All bytes of keys and values are kept, and all lengths found again. */
static void
test_sizes(void **state)
{
    (void)state;
    char key[STORE_KEY_MAX + 1];
    memset(key, 'k', sizeof(key));
    key[STORE_KEY_MAX] = '\0';
    assert_int_equal(kit_set(&kit, key, "long key", NULL), STORE_OK);
    kit_expect(&kit, key, "long key");
    key[STORE_KEY_MAX - 1] = '\0';
    kit_expect(&kit, key, NULL);
    size_t min = store_blob_min(kit.store);
    for (size_t len = 0; len < 3 * min; len += 1 + len / 50) {
        assert_int_equal(kit_set_sized(&kit, "s", len, 'v', NULL), STORE_OK);
        const struct kit_entry *e = kit_get(&kit, "s");
        assert_int_equal(e->view.value.len, len);
        assert_true(e->uniform);
        assert_true(len == 0 || e->value[0] == 'v');
        assert_int_equal(e->view.blob != NULL, len >= min);
    }
}

/* ---- cas ---- */

static enum store_status
run_cas(enum store_mode mode, const char *key, uint64_t cas, const char *value)
{
    struct store_write w = kit_write(&kit, mode, key);
    w.match_cas = true;
    w.cas = cas;
    enum store_status status = kit_run(&kit, &w, kit_span(value), NULL);
    if (status == STORE_OK)
        assert_int_equal(w.cas_out, kit_get(&kit, key)->view.cas);
    return status;
}

static void
test_cas(void **state)
{
    (void)state;
    const enum store_mode modes[] = {STORE_SET, STORE_REPLACE, STORE_APPEND};
    assert_int_equal(run_cas(STORE_SET, "k", 1, "x"), STORE_NOT_FOUND);
    assert_int_equal(run_cas(STORE_REPLACE, "k", 1, "x"), STORE_NOT_FOUND);
    kit_expect(&kit, "k", NULL);
    kit_set(&kit, "k", "v", NULL);
    for (int i = 0; i < 3; i++) {
        uint64_t cas = kit_get(&kit, "k")->view.cas;
        assert_true(cas > 0);
        assert_int_equal(run_cas(modes[i], "k", cas + 1, "x"), STORE_EXISTS);
        assert_int_equal(run_cas(modes[i], "k", 0, "x"), STORE_EXISTS);
        assert_int_equal(kit_get(&kit, "k")->view.cas, cas);
        assert_int_equal(run_cas(modes[i], "k", cas, "w"), STORE_OK);
        assert_int_equal(run_cas(modes[i], "k", cas, "x"), STORE_EXISTS);
    }
    kit_expect(&kit, "k", "ww");
    /* Every change gives another one; reading and touching none. */
    uint64_t cas = kit_get(&kit, "k")->view.cas;
    kit_touch(&kit, "k", now_expire(10));
    assert_int_equal(kit_get(&kit, "k")->view.cas, cas);
    kit_set(&kit, "k", "ww", NULL);
    assert_true(kit_get(&kit, "k")->view.cas > cas);
}

static void
test_delete_cas(void **state)
{
    (void)state;
    struct store_key key = store_key(kit.store, kit_span("k"));
    kit_set(&kit, "k", "v", NULL);
    uint64_t cas = kit_get(&kit, "k")->view.cas;
    assert_int_equal(store_delete(kit.store, &key, true, cas + 1),
                     STORE_EXISTS);
    kit_expect(&kit, "k", "v");
    assert_int_equal(store_delete(kit.store, &key, true, cas), STORE_OK);
    kit_expect(&kit, "k", NULL);
    assert_int_equal(store_delete(kit.store, &key, true, cas),
                     STORE_NOT_FOUND);
}

static void
test_without_cas(void **state)
{
    (void)state;
    struct kit none;
    kit_open_with(&none, 16 * KIT_MB,
                  (struct store_config){.item_size_max = KIT_MB,
                                        .evict = true});
    kit_set(&none, "k", "1", "t");
    assert_int_equal(kit_get(&none, "k")->view.cas, 0);
    assert_string_equal(kit_get(&none, "k")->tags, "t");
    struct store_write w = kit_write(&none, STORE_SET, "k");
    w.match_cas = true;
    assert_int_equal(kit_run(&none, &w, kit_span("x"), NULL), STORE_EXISTS);
    struct store_key key = store_key(none.store, kit_span("k"));
    assert_int_equal(store_delete(none.store, &key, true, 0), STORE_EXISTS);
    uint64_t result, cas;
    assert_int_equal(
        store_arith(none.store, &key, false, 1, &result, &cas), STORE_OK);
    assert_int_equal(cas, 0);
    kit_expect(&none, "k", "2");
    kit_close(&none);
}

/* ---- append and tags ---- */

static void
test_append_tags(void **state)
{
    (void)state;
    kit_set(&kit, "k", "a", "one,two");
    uint64_t asof = kit_get(&kit, "k")->view.asof;
    kit_invalidate(&kit, "other"); /* the clock moves on */
    assert_int_equal(kit_store(&kit, STORE_APPEND, "k", "b", "two,three"),
                     STORE_OK);
    const struct kit_entry *e = kit_get(&kit, "k");
    assert_string_equal(e->tags, "one,two,three");
    assert_int_equal(e->view.asof, asof); /* the older of the two */
    assert_int_equal(kit_stats(&kit).tag_links, 3);

    /* Of an untagged entry: the append's own. */
    kit_set(&kit, "u", "a", NULL);
    uint64_t now = store_clock(kit.store);
    assert_int_equal(kit_store(&kit, STORE_PREPEND, "u", "b", "one"),
                     STORE_OK);
    assert_int_equal(kit_get(&kit, "u")->view.asof, now);
    assert_int_equal(kit_invalidate(&kit, "one"), 2);
    kit_expect(&kit, "k", NULL);
    kit_expect(&kit, "u", NULL);
    assert_int_equal(kit_stats(&kit).tag_links, 0);
}

/* Where the joined entry would be dead at once. */
static void
test_append_stale(void **state)
{
    (void)state;
    uint64_t before = store_clock(kit.store);
    kit_invalidate(&kit, "t");
    kit_set(&kit, "k", "a", "t");
    /* The append's data is older than the entry's tag. */
    struct store_write w = kit_write(&kit, STORE_APPEND, "k");
    w.guarded = true;
    w.asof = before;
    assert_int_equal(kit_run(&kit, &w, kit_span("b"), NULL), STORE_STALE);
    kit_expect(&kit, "k", "a");
    /* The entry is older than the tag that the append brings. */
    kit_invalidate(&kit, "new");
    assert_int_equal(kit_store(&kit, STORE_APPEND, "k", "b", "new"),
                     STORE_STALE);
    kit_expect(&kit, "k", "a");
    assert_string_equal(kit_get(&kit, "k")->tags, "t");
    assert_int_equal(kit_invalidate(&kit, "t"), 1);
    /* The append's data is from before a flush, the entry from after it. */
    struct store_write late = kit_write(&kit, STORE_APPEND, "f");
    store_flush(kit.store, NOW_NEVER);
    kit_set(&kit, "f", "a", "t");
    assert_int_equal(kit_run(&kit, &late, kit_span("b"), NULL), STORE_STALE);
    kit_expect(&kit, "f", "a");
    kit_delete(&kit, "f");
    kit_set(&kit, "k", "a", "t");
    kit_invalidate(&kit, "t");
    /* Over a dead entry there is nothing to append to. */
    assert_int_equal(kit_store(&kit, STORE_APPEND, "k", "b", "t"),
                     STORE_NOT_STORED);
    assert_int_equal(kit_store(&kit, STORE_ADD, "k", "c", "t"), STORE_OK);
    kit_expect(&kit, "k", "c");
}

static void
many_tags(char *text, int from, int n)
{
    for (int i = 0; i < n; i++)
        text += sprintf(text, "%stag%d", i ? "," : "", from + i);
}

static void
test_too_many_tags(void **state)
{
    (void)state;
    char first[1024], more[1024];
    many_tags(first, 0, 60);
    many_tags(more, 58, 7); /* two of them known: 65 together */
    kit_set(&kit, "k", "a", first);
    assert_int_equal(kit_store(&kit, STORE_APPEND, "k", "b", more),
                     STORE_BAD_TAGS);
    kit_expect(&kit, "k", "a");
    assert_int_equal(kit_stats(&kit).tag_links, 60);
    many_tags(more, 58, 6);
    assert_int_equal(kit_store(&kit, STORE_APPEND, "k", "b", more), STORE_OK);
    assert_int_equal(kit_get(&kit, "k")->view.ntags, STORE_TAGS_MAX);
    assert_int_equal(kit_stats(&kit).tag_links, STORE_TAGS_MAX);
    kit_expect(&kit, "k", "ab");
}

static void
test_set_replaces_tags(void **state)
{
    (void)state;
    kit_set(&kit, "k", "a", "one,two");
    kit_set(&kit, "k", "b", "two,three");
    assert_string_equal(kit_get(&kit, "k")->tags, "two,three");
    assert_int_equal(kit_invalidate(&kit, "one"), 0);
    kit_expect(&kit, "k", "b");
    kit_set(&kit, "k", "c", NULL);
    assert_int_equal(kit_invalidate(&kit, "two,three"), 0);
    kit_expect(&kit, "k", "c");
    assert_int_equal(kit_get(&kit, "k")->view.asof, 0);
    assert_int_equal(kit_stats(&kit).tag_links, 0);
}

/* Values that become blobs by appending, and append to blobs. */
static void
test_append_blobs(void **state)
{
    (void)state;
    size_t min = store_blob_min(kit.store);
    kit_set_sized(&kit, "k", min - 10, 'x', "t");
    for (int i = 0; i < 30; i++)
        assert_int_equal(kit_store(&kit, i % 2 ? STORE_APPEND : STORE_PREPEND,
                                   "k", "x", i == 20 ? "u" : NULL),
                         STORE_OK);
    const struct kit_entry *e = kit_get(&kit, "k");
    assert_int_equal(e->view.value.len, min + 20);
    assert_true(e->uniform);
    assert_string_equal(e->tags, "t,u");

    struct store_write w = kit_write(&kit, STORE_APPEND, "k");
    char *large = malloc(3 * min);
    memset(large, 'x', 3 * min);
    assert_int_equal(kit_run(&kit, &w, (struct span){large, 3 * min}, NULL),
                     STORE_OK);
    free(large);
    e = kit_get(&kit, "k");
    assert_int_equal(e->view.value.len, 4 * min + 20);
    assert_true(e->uniform);
    kit_delete(&kit, "k");
    assert_int_equal(kit_stats(&kit).blob_bytes, 0);
}

/* A refused write gives its blob back. */
static void
test_blob_consumed(void **state)
{
    (void)state;
    kit_set_sized(&kit, "k", 100000, 'a', NULL);
    uint64_t blobs = kit_stats(&kit).blob_bytes;
    struct store_write w = kit_write(&kit, STORE_ADD, "k");
    w.blob = store_blob_new(kit.store, 50000);
    assert_int_equal(store_write(kit.store, &w), STORE_NOT_STORED);
    assert_null(w.blob);
    assert_int_equal(kit_stats(&kit).blob_bytes, blobs);
}

static void
test_too_large(void **state)
{
    (void)state;
    struct kit small;
    kit_open_with(&small, 16 * KIT_MB,
                  (struct store_config){.item_size_max = 2000,
                                        .evict = true,
                                        .cas = true});
    size_t len = 2000 - 48 - 8 - 2 - 1 - 2;
    assert_false(store_is_too_large(small.store, 1, 0, len - 2));
    assert_int_equal(kit_set_sized(&small, "k", len - 2, 'x', NULL), STORE_OK);
    while (!store_is_too_large(small.store, 1, 0, len))
        len++;
    assert_in_range(len, 1900, 2000);
    assert_int_equal(kit_set_sized(&small, "k", len, 'x', NULL),
                     STORE_TOO_LARGE);
    kit_set_sized(&small, "k", len - 1, 'x', NULL);
    assert_int_equal(kit_store(&small, STORE_APPEND, "k", "x", NULL),
                     STORE_NOT_STORED);
    assert_true(store_is_too_large(small.store, 1, 0, SIZE_MAX));
    assert_true(store_is_too_large(small.store, 1, 0, SIZE_MAX - 10));
    kit_close(&small);
}

/* ---- arithmetic ---- */

static enum store_status
arith(const char *key, bool decrement, uint64_t delta, uint64_t *result)
{
    struct store_key k = store_key(kit.store, kit_span(key));
    uint64_t cas = 0, seen;
    enum store_status status =
        store_arith(kit.store, &k, decrement, delta, result, &cas);
    if (status == STORE_OK) {
        seen = kit_get(&kit, key)->view.cas;
        assert_int_equal(cas, seen);
    }
    return status;
}

struct sum {
    const char *value;
    bool decrement;
    uint64_t delta;
    const char *expected; /* NULL: not a number */
};

static void
test_sums(void **state)
{
    (void)state;
    static const struct sum sums[] = {
        {"0", false, 1, "1"},
        {"9", false, 1, "10"},
        {"99", false, 1, "100"},
        {"10", true, 1, "9"},
        {"5", true, 5, "0"},
        {"5", true, 6, "0"},
        {"5", true, UINT64_MAX, "0"},
        {"5", true, 0, "5"},
        {"007", false, 1, "8"},
        {" 7 ", false, 1, "8"},
        {"+7", false, 1, "8"},
        {"18446744073709551615", false, 1, "0"},
        {"18446744073709551615", false, 3, "2"},
        {"1", false, UINT64_MAX, "0"},
        {"9223372036854775807", false, 1, "9223372036854775808"},
        {"18446744073709551616", false, 1, NULL},
        {"", false, 1, NULL},
        {" ", false, 1, NULL},
        {"+", false, 1, NULL},
        {"-1", false, 1, NULL},
        {"12a", false, 1, NULL},
        {"1 2", false, 1, NULL},
        {"1.5", true, 1, NULL},
    };
    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++) {
        uint64_t result;
        struct store_write w = kit_write(&kit, STORE_SET, "n");
        w.flags = 5;
        w.expire = now_expire(1000);
        kit_run(&kit, &w, kit_span(sums[i].value), "t,u");
        enum store_status status =
            arith("n", sums[i].decrement, sums[i].delta, &result);
        const struct kit_entry *e = kit_get(&kit, "n");
        assert_int_equal(status,
                         sums[i].expected ? STORE_OK : STORE_NON_NUMERIC);
        assert_string_equal(e->value, sums[i].expected ? sums[i].expected
                                                       : sums[i].value);
        if (sums[i].expected)
            assert_int_equal(result, strtoull(sums[i].expected, NULL, 10));
        assert_int_equal(e->view.flags, 5);
        assert_int_equal(e->view.expire, w.expire);
        assert_string_equal(e->tags, "t,u");
        assert_int_equal(kit_stats(&kit).tag_links, 2);
        assert_int_equal(e->view.cas > w.cas_out, sums[i].expected != NULL);
    }
}

static void
test_arith_misses(void **state)
{
    (void)state;
    uint64_t result;
    assert_int_equal(arith("n", false, 1, &result), STORE_NOT_FOUND);
    kit_set(&kit, "n", "5", "t");
    assert_int_equal(arith("n", false, 1, &result), STORE_OK);
    kit_invalidate(&kit, "t");
    assert_int_equal(arith("n", false, 1, &result), STORE_NOT_FOUND);
    struct store_write w = kit_write(&kit, STORE_SET, "n");
    w.expire = NOW_PAST;
    kit_run(&kit, &w, kit_span("5"), NULL);
    assert_int_equal(arith("n", false, 1, &result), STORE_EXPIRED);
    kit_set_sized(&kit, "n", 20000, '1', NULL);
    assert_int_equal(arith("n", false, 1, &result), STORE_NON_NUMERIC);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_modes),           TEST(test_flags_and_end),
        TEST(test_sizes),           TEST(test_cas),
        TEST(test_delete_cas),      TEST(test_without_cas),
        TEST(test_append_tags),     TEST(test_append_stale),
        TEST(test_too_many_tags),   TEST(test_set_replaces_tags),
        TEST(test_append_blobs),    TEST(test_blob_consumed),
        TEST(test_too_large),       TEST(test_sums),
        TEST(test_arith_misses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
