#include "tagcached/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
test_same_bytes_same_hash(void **state)
{
    (void)state;
    char a[] = "key", b[] = "key";
    assert_int_equal(hash_bytes(a, 3, 1), hash_bytes(b, 3, 1));
    assert_int_not_equal(hash_bytes(a, 3, 1), hash_bytes(a, 3, 2));
    assert_int_not_equal(hash_bytes(a, 3, 1), hash_bytes(a, 2, 1));
}

static void
test_seeds_differ(void **state)
{
    (void)state;
    assert_int_not_equal(hash_random_seed(), hash_random_seed());
}

/* Keys that differ in one digit spread over every part of the hash that the
 * index uses: bucket, fingerprint, shard. */
static void
test_spread(void **state)
{
    (void)state;
    enum { KEYS = 64000, CELLS = 64 };
    const unsigned shifts[] = {0, 20, 32, 42, 58};
    for (size_t s = 0; s < sizeof(shifts) / sizeof(*shifts); s++) {
        unsigned cells[CELLS] = {0};
        for (int i = 0; i < KEYS; i++) {
            char key[32];
            int len = snprintf(key, sizeof(key), "doctor_stats:%d", i);
            uint64_t hash = hash_bytes(key, (size_t)len, 42);
            cells[hash >> shifts[s] & (CELLS - 1)]++;
        }
        /* 1000 each; the standard deviation is 31. */
        for (int c = 0; c < CELLS; c++)
            assert_in_range(cells[c], 800, 1200);
    }
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes_same_hash),
        cmocka_unit_test(test_seeds_differ),
        cmocka_unit_test(test_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
