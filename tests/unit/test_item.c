/* The layout: every combination of parts is read back as it was laid out. */
#include "store/item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROOM = 2048 };

struct parts {
    bool cas;
    uint32_t flags;
    unsigned ntags, klen, vlen;
};

static char *
put(char *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

/* Lays it out by the picture in item.h. */
static char *
lay_out(struct item *it, const struct parts *p)
{
    uint64_t cas = UINT64_C(0x1122334455667788), asof = 99;
    *it = (struct item){.klen = (uint8_t)p->klen,
                        .vlen = p->vlen,
                        .bits = p->flags ? ITEM_FLAGS : 0,
                        .form = (uint8_t)(p->ntags | (p->cas ? ITEM_CAS : 0))};
    char *at = (char *)(it + 1);
    if (p->cas)
        at = put(at, &cas, 8);
    if (p->flags)
        at = put(at, &p->flags, 4);
    if (p->ntags > 0)
        at = put(at, &asof, 8);
    for (uint32_t i = 0; i < p->ntags; i++) {
        uint32_t slot = 1000 + i;
        at = put(at, &slot, 4);
    }
    memset(at, 'k', p->klen);
    memset(at + p->klen, 'v', p->vlen);
    return at + p->klen + p->vlen;
}

static void
check(const struct parts *p)
{
    static _Alignas(16) char room[ROOM];
    struct item *it = (struct item *)(void *)(room + 4);
    char *end = lay_out(it, p);
    size_t len = (size_t)(end - (char *)it);
    assert_int_equal(item_size(it), (len + 3) / 4 * 4);
    assert_int_equal(item_ntags(it), p->ntags);
    assert_int_equal(item_flags(it), p->flags);
    assert_int_equal(item_asof(it), p->ntags > 0 ? 99 : 0);
    assert_true(item_cas(it) ==
                (p->cas ? UINT64_C(0x1122334455667788) : 0));
    for (unsigned i = 0; i < p->ntags; i++)
        assert_int_equal(item_tags(it)[i], 1000 + i);
    assert_ptr_equal(item_value(it), end - p->vlen);
    assert_ptr_equal(item_key(it), end - p->vlen - p->klen);
    item_set_cas(it, 5);
    assert_int_equal(item_cas(it), p->cas ? 5 : 0);
    assert_int_equal(item_flags(it), p->flags);
}

static void
test_all_forms(void **state)
{
    (void)state;
    const unsigned ntags[] = {0, 1, 2, 64}, klens[] = {1, 2, 3, 4, 250};
    for (int cas = 0; cas < 2; cas++)
        for (uint32_t flags = 0; flags < 2; flags++)
            for (int t = 0; t < 4; t++)
                for (int k = 0; k < 5; k++)
                    for (unsigned vlen = 0; vlen < 9; vlen++)
                        check(&(struct parts){cas, flags * UINT32_MAX,
                                              ntags[t], klens[k], vlen});
}

static void
test_blob_takes_a_pointer(void **state)
{
    (void)state;
    _Alignas(8) char room[64];
    struct item *it = (struct item *)(void *)room;
    *it = (struct item){.klen = 3, .vlen = 5000000, .bits = ITEM_BLOB};
    struct store_blob *blob = (struct store_blob *)(void *)room;
    memcpy(item_value(it), &blob, sizeof(blob));
    assert_int_equal(item_size(it), 16 + 3 + 8 + 1);
    assert_ptr_equal(item_blob(it), blob);
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms),
        cmocka_unit_test(test_blob_takes_a_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
