/* The index against a plain array: location -> hash. */
#include "store/index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tagcached/hash.h"
#include "tagcached/mem.h"

#include <string.h>

#include <cmocka.h>

enum { LOCATIONS = 100001 }; /* from 1 */

struct rig {
    struct mem_budget budget;
    struct index index;
    uint64_t hash[LOCATIONS];
    bool there[LOCATIONS];
    uint32_t count;
    uint64_t random;
};

static struct rig rig;

static uint64_t
next(void)
{
    rig.random++;
    return hash_bytes(&rig.random, sizeof(rig.random), 7);
}

static int
setup(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    rig.budget.limit = 1 << 30;
    assert_true(index_init(&rig.index, &rig.budget));
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    assert_true(rig.budget.used >= rig.index.bytes);
    index_fini(&rig.index);
    assert_int_equal(rig.budget.used, 0);
    return 0;
}

static uint64_t
hash_of(const void *owner, uint32_t location)
{
    const struct rig *r = owner;
    assert_true(r->there[location]);
    return r->hash[location];
}

static void
insert(uint32_t location, uint64_t hash)
{
    rig.hash[location] = hash;
    rig.there[location] = true;
    rig.count++;
    assert_true(index_insert(&rig.index, hash, location));
    index_grow(&rig.index, hash_of, &rig);
}

static void
take_out(uint32_t location)
{
    struct index_place place =
        index_find(&rig.index, rig.hash[location], location);
    assert_non_null(place.bucket);
    index_remove(&rig.index, rig.hash[location], place);
    rig.there[location] = false;
    rig.count--;
}

/* Searching by hash meets the location, each once. */
static void
assert_found(uint32_t location)
{
    unsigned times = 0, looked = 0;
    struct index_place place = {0};
    for (;;) {
        place = index_search(&rig.index, rig.hash[location], place);
        if (!place.bucket)
            break;
        times += index_location(place) == location;
        place.slot++;
        assert_true(++looked <= rig.count);
    }
    assert_int_equal(times, 1);
}

static void
assert_all_found(void)
{
    assert_int_equal(rig.index.items, rig.count);
    for (uint32_t l = 1; l < LOCATIONS; l++)
        if (rig.there[l])
            assert_found(l);
        else
            assert_null(
                index_find(&rig.index, rig.hash[l], l).bucket);
}

static void
test_every_growth_step(void **state)
{
    (void)state;
    uint32_t buckets = rig.index.buckets;
    for (uint32_t l = 1; l <= 6000; l++) {
        insert(l, next());
        if (rig.index.buckets == buckets)
            continue;
        buckets = rig.index.buckets;
        for (uint32_t k = 1; k <= l; k++)
            assert_found(k);
    }
    assert_true(buckets > 512 + 256);
    assert_all_found();
}

static void
test_churn(void **state)
{
    (void)state;
    for (int i = 0; i < 300000; i++) {
        uint32_t l = 1 + (uint32_t)(next() % 5000);
        if (rig.there[l])
            take_out(l);
        else
            insert(l, next());
        if (i % 30000 == 0)
            assert_all_found();
    }
    assert_all_found();
    for (uint32_t l = 1; l < LOCATIONS; l++)
        if (rig.there[l])
            take_out(l);
    assert_all_found();
}

/* Memory per entry after heavy churn. */
static void
test_memory(void **state)
{
    (void)state;
    for (uint32_t l = 1; l < LOCATIONS; l++)
        insert(l, next());
    for (int i = 0; i < 1000000; i++) {
        uint32_t l = 1 + (uint32_t)(next() % (LOCATIONS - 1));
        take_out(l);
        insert(l, next());
    }
    assert_int_equal(rig.count, LOCATIONS - 1);
    double bytes = (double)rig.budget.used / rig.count;
    if (bytes >= 14)
        print_error("%.2f bytes an entry\n", bytes);
    assert_true(bytes < 14);
    assert_all_found();
}

/* Very many in one bucket: chains of overflow buckets grow and shrink, and
 * growth leaves them alone where they are too long. */
static void
test_one_bucket(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    for (uint32_t l = 1; l <= MANY; l++)
        insert(l, next() << 20 | 5);
    assert_all_found();
    uint64_t bytes = rig.index.bytes;
    for (int i = 0; i < 20000; i++) {
        uint32_t l = 1 + (uint32_t)(next() % MANY);
        if (rig.there[l])
            take_out(l);
        else
            insert(l, next() << 20 | 5);
    }
    assert_all_found();
    /* Overflow buckets given back are used again. */
    assert_true(rig.index.bytes <= bytes);
    for (uint32_t l = 1; l <= MANY; l++)
        if (rig.there[l])
            take_out(l);
    assert_all_found();
    for (uint32_t l = 1; l <= MANY; l++)
        insert(l, next());
    assert_true(rig.index.bytes <= bytes);
    assert_all_found();
}

/* Entries of one and the same hash are all kept. */
static void
test_same_hash(void **state)
{
    (void)state;
    for (uint32_t l = 1; l <= 100; l++)
        insert(l, UINT64_C(0x123456789abcdef0));
    assert_all_found();
    for (uint32_t l = 1; l <= 100; l += 2)
        take_out(l);
    assert_all_found();
}

static void
test_relocate(void **state)
{
    (void)state;
    insert(7, next());
    struct index_place place = index_find(&rig.index, rig.hash[7], 7);
    index_relocate(place, 8);
    rig.hash[8] = rig.hash[7];
    rig.there[8] = true;
    rig.there[7] = false;
    assert_found(8);
    assert_null(index_find(&rig.index, rig.hash[7], 7).bucket);
    assert_int_equal(index_guess(&rig.index, rig.hash[8]), 8);
    assert_int_equal(index_guess(&rig.index, ~rig.hash[8]), 0);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_growth_step), TEST(test_churn),
        TEST(test_memory),            TEST(test_one_bucket),
        TEST(test_same_hash),         TEST(test_relocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
