#include "store/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tagcached/mem.h"
#include "tagcached/store.h"

#include <cmocka.h>

static void
test_charged_from_birth_to_last_release(void **state)
{
    (void)state;
    struct mem_budget budget = {.limit = 10 << 20};
    _Atomic uint64_t total = 0;
    for (size_t len = 1; len < 4 << 20; len = len * 3 + 1) {
        size_t charge = blob_charge(len);
        assert_true(charge > len && charge < len + len / 4 + 128);
        assert_true(mem_budget_take(&budget, charge));
        struct store_blob *blob = blob_new(&budget, &total, len);
        assert_non_null(blob);
        assert_int_equal(blob->len, len);
        assert_int_equal(total, charge);
        memset(store_blob_data(blob), 'x', len);
        store_blob_ref(blob);
        store_blob_ref(blob);
        store_blob_release(blob);
        store_blob_release(blob);
        assert_int_equal(budget.used, charge);
        assert_int_equal(store_blob_data(blob)[len - 1], 'x');
        store_blob_release(blob);
        assert_int_equal(budget.used, 0);
        assert_int_equal(total, 0);
    }
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_charged_from_birth_to_last_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
