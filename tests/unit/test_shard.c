/* One shard by itself: its entries, and what it counts. */
#include "store_kit.h"
#include "store/store.h"
#include "tagcached/hash.h"

enum { KEYS = 8000 };

static struct mem_budget budget;
static struct tags tags;
static struct shard_env env;
static struct shard shard;

static int
setup(void **state)
{
    (void)state;
    now_refresh();
    budget = (struct mem_budget){.limit = 8 * KIT_MB};
    assert_true(tags_init(&tags, &budget, 1));
    env = (struct shard_env){.tags = &tags,
                             .budget = &budget,
                             .seed = 5,
                             .evict = true,
                             .cas = true};
    assert_true(shard_init(&shard, &env, 64));
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    shard_fini(&shard);
    tags_fini(&tags);
    assert_int_equal(budget.used, 0);
    return 0;
}

static struct store_key
key_of(unsigned i)
{
    static char name[16];
    size_t len = (size_t)sprintf(name, "k%u", i);
    return (struct store_key){{name, len}, hash_bytes(name, len, env.seed)};
}

static struct item *
put(unsigned i, uint32_t vlen)
{
    struct store_key key = key_of(i);
    struct shape shape = {.key = &key, .vlen = vlen};
    struct item *it = shard_place(&shard, &shape);
    assert_non_null(it);
    assert_true(it->bits & ITEM_DEAD);
    memset(item_value(it), (int)('a' + i % 26), vlen);
    assert_true(shard_link(&shard, it, key.hash, shard_peek(&shard, &key),
                           false));
    return it;
}

/* Live and dead bytes, by walking the segments. */
static void
recount(void)
{
    uint64_t live = 0, dead = 0, items = 0;
    for (struct segment *s = shard.segs.oldest; s; s = s->newer)
        for (uint32_t at = SEGMENT_FIRST; at < s->fill;) {
            struct item *it = segment_at(s, at);
            size_t size = item_size(it);
            at += (uint32_t)size;
            *(it->bits & ITEM_DEAD ? &dead : &live) += size;
            items += !(it->bits & ITEM_DEAD);
        }
    assert_int_equal(live, shard.live_bytes);
    assert_int_equal(dead, shard.dead_bytes);
    assert_int_equal(items, shard.index.items);
}

static void
test_put_find_remove(void **state)
{
    (void)state;
    struct found found;
    struct store_key key = key_of(1);
    assert_int_equal(shard_find(&shard, &key, &found), STORE_NOT_FOUND);
    assert_null(found.item);
    struct item *it = put(1, 10);
    key = key_of(1);
    assert_int_equal(shard_find(&shard, &key, &found), STORE_OK);
    assert_ptr_equal(found.item, it);
    assert_int_equal(item_cas(it), shard.cas);
    recount();
    shard_remove(&shard, found, REMOVED_DELETED);
    assert_null(shard_peek(&shard, &key).item);
    assert_int_equal(shard.figures.removed[REMOVED_DELETED], 1);
    recount();
    /* The last of a segment: the open one starts again. */
    assert_int_equal(shard.dead_bytes, 0);
    assert_ptr_equal(put(2, 10), it);
}

static void
test_drop(void **state)
{
    (void)state;
    put(1, 10);
    struct store_key key = key_of(2);
    struct shape shape = {.key = &key, .vlen = 100};
    struct item *it = shard_place(&shard, &shape);
    uint64_t live = shard.live_bytes;
    shard_drop(&shard, it);
    assert_int_equal(shard.live_bytes, live - item_size(it));
    assert_int_equal(shard.dead_bytes, item_size(it));
    assert_null(shard_peek(&shard, &key).item);
    recount();
}

static void
test_replace(void **state)
{
    (void)state;
    struct item *it = put(1, 100);
    struct store_key key = key_of(1);
    struct shape shape = {.key = &key, .vlen = 120, .flags = 3};
    assert_null(shard_replace(&shard, shard_peek(&shard, &key), &shape));
    shape.vlen = 96; /* and four bytes of flags */
    assert_ptr_equal(shard_replace(&shard, shard_peek(&shard, &key), &shape),
                     it);
    assert_true(shard_link(&shard, it, key.hash, shard_peek(&shard, &key),
                           false));
    assert_int_equal(item_flags(it), 3);
    assert_int_equal(it->vlen, 96);
    assert_true(it->bits & ITEM_TOUCHED);
    assert_int_equal(shard.dead_bytes, 0);
    assert_int_equal(shard.figures.inserted, 1);
    assert_int_equal(shard.figures.total_items, 2);
    recount();
    struct item *longer = put(1, 200);
    assert_ptr_not_equal(longer, it);
    assert_true(it->bits & ITEM_DEAD);
    recount();
}

static void
test_move(void **state)
{
    (void)state;
    struct item *it = put(1, 100);
    struct store_key key = key_of(1);
    struct segment *to = segment_new(&shard.segs, NULL, false);
    assert_true(shard_move(&shard, it, to));
    struct found found = shard_peek(&shard, &key);
    assert_ptr_equal(segment_of(found.item), to);
    assert_int_equal(item_value(found.item)[99], 'b');
    assert_true(it->bits & ITEM_DEAD);
    recount();
    to->fill = SEGMENT_BYTES - 50; /* as if full */
    assert_false(shard_move(&shard, found.item, to));
    assert_ptr_equal(shard_peek(&shard, &key).item, found.item);
    to->fill = SEGMENT_FIRST + (uint32_t)item_size(found.item);
}

/* The accounts stay exact through whatever happens, evictions included. */
static void
test_accounts(void **state)
{
    (void)state;
    struct kit_random random = {3};
    bool there[KEYS] = {false};
    for (int step = 0; step < 60000; step++) {
        unsigned i = kit_below(&random, KEYS);
        uint32_t dice = kit_below(&random, 100);
        struct store_key key = key_of(i);
        struct found found;
        if (dice < 55) {
            put(i, kit_below(&random, 4000));
            there[i] = true;
        } else if (shard_find(&shard, &key, &found) != STORE_OK) {
            assert_true(!there[i] || shard.figures.removed[REMOVED_EVICTED]);
        } else if (dice < 85) {
            assert_true(there[i]);
            for (uint32_t b = 0; b < found.item->vlen; b += 97)
                assert_int_equal(item_value(found.item)[b], 'a' + i % 26);
            found.item->bits |= ITEM_TOUCHED;
        } else {
            shard_remove(&shard, found, REMOVED_DELETED);
            there[i] = false;
        }
        if (step % 100 == 0)
            reclaim_pack(&shard);
        if (step % 500 == 0)
            recount();
    }
    recount();
    const struct shard_figures *f = &shard.figures;
    assert_true(f->removed[REMOVED_EVICTED] > 0);
    assert_int_equal(shard.index.items,
                     f->inserted - f->removed[REMOVED_DELETED] -
                         f->removed[REMOVED_EVICTED]);
    assert_true(budget.used <= budget.limit + 2 * SEGMENT_BYTES);
}

/* A flush kills all of now, in no time, and nothing rises when the generations
 * come round. */
static void
test_flush(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        put(i, 50);
    for (int n = 0; n < 600; n++) {
        shard_flush(&shard);
        for (unsigned i = 0; i < 100; i += 9) {
            struct store_key key = key_of(i);
            struct found found = shard_peek(&shard, &key);
            if (found.item)
                assert_int_equal(shard_judge(&shard, found.item),
                                 REMOVED_FLUSHED);
        }
    }
    put(7, 10);
    struct store_key key = key_of(7);
    struct found found;
    assert_int_equal(shard_find(&shard, &key, &found), STORE_OK);
    assert_int_equal(shard.figures.removed[REMOVED_FLUSHED] +
                         shard.index.items,
                     101);
    recount();
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_put_find_remove), TEST(test_drop),     TEST(test_replace),
        TEST(test_move),            TEST(test_accounts), TEST(test_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
