#include "store/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tagcached/mem.h"

#include <cmocka.h>

struct rig {
    struct mem_budget budget;
    struct segments segs;
};

static struct rig rig;

static int
setup(void **state)
{
    (void)state;
    rig = (struct rig){.budget = {.limit = 8 * SEGMENT_BYTES + 4096}};
    segments_init(&rig.segs, &rig.budget);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    segments_fini(&rig.segs);
    assert_int_equal(rig.budget.used, 0);
    return 0;
}

static struct item *
append(struct segment *seg, uint32_t vlen)
{
    struct item form = {.klen = 1, .vlen = vlen};
    struct item *it = segment_append(seg, item_size(&form));
    if (it)
        *it = form;
    return it;
}

static void
test_list_order(void **state)
{
    (void)state;
    struct segment *a = segment_new(&rig.segs, NULL, false);
    struct segment *c = segment_new(&rig.segs, NULL, false);
    struct segment *b = segment_new(&rig.segs, c, false);
    struct segment *first = segment_new(&rig.segs, a, false);
    struct segment *const order[] = {first, a, b, c};
    struct segment *s = rig.segs.oldest;
    for (int i = 0; i < 4; i++, s = s->newer) {
        assert_ptr_equal(s, order[i]);
        assert_ptr_equal(s->older, i ? order[i - 1] : NULL);
    }
    assert_null(s);
    assert_ptr_equal(rig.segs.newest, c);
    segment_free(&rig.segs, first);
    segment_free(&rig.segs, c);
    segment_free(&rig.segs, a);
    assert_ptr_equal(rig.segs.oldest, b);
    assert_ptr_equal(rig.segs.newest, b);
    assert_null(b->older);
    assert_null(b->newer);
    assert_int_equal(rig.segs.count, 1);
}

static void
test_budget(void **state)
{
    (void)state;
    struct segment *segs[8];
    for (int i = 0; i < 8; i++) {
        segs[i] = segment_new(&rig.segs, NULL, false);
        assert_non_null(segs[i]);
    }
    assert_null(segment_new(&rig.segs, NULL, false));
    struct segment *more = segment_new(&rig.segs, NULL, true);
    assert_non_null(more);
    assert_true(rig.budget.used >= 9 * SEGMENT_BYTES);
    segment_free(&rig.segs, more);
    segment_free(&rig.segs, segs[3]);
    assert_non_null(segment_new(&rig.segs, NULL, false));
}

/* Numbers are used again, so that locations stay small. */
static void
test_numbers(void **state)
{
    (void)state;
    struct segment *kept = segment_new(&rig.segs, NULL, false);
    for (int i = 0; i < 1000; i++) {
        struct segment *a = segment_new(&rig.segs, NULL, false);
        struct segment *b = segment_new(&rig.segs, NULL, false);
        assert_int_not_equal(a->number, b->number);
        assert_ptr_equal(segment_by_number(&rig.segs, a->number), a);
        assert_ptr_equal(segment_by_number(&rig.segs, b->number), b);
        segment_free(&rig.segs, i % 2 ? a : b);
        segment_free(&rig.segs, i % 2 ? b : a);
    }
    assert_true(rig.segs.numbers <= 4);
    assert_ptr_equal(segment_by_number(&rig.segs, kept->number), kept);
}

static void
test_append_and_locate(void **state)
{
    (void)state;
    struct segment *seg = segment_new(&rig.segs, NULL, false);
    assert_int_equal((uintptr_t)seg % SEGMENT_BYTES, 0);
    uint32_t items = 0, bytes = 0;
    struct item *it;
    while ((it = append(seg, 100 + items % 5))) {
        assert_ptr_equal(segment_of(it), seg);
        assert_ptr_equal(segment_item(&rig.segs, segment_location(it)), it);
        assert_int_not_equal(segment_location(it), 0);
        items++;
        bytes += (uint32_t)item_size(it);
    }
    assert_int_equal(seg->live_items, items);
    assert_int_equal(seg->live_bytes, bytes);
    assert_int_equal(seg->fill, SEGMENT_FIRST + bytes);
    assert_true(SEGMENT_BYTES - seg->fill < 16 + 1 + 104 + 3);
    assert_int_equal(segment_dead_bytes(seg), 0);
    uint32_t dead = 0;
    for (uint32_t at = SEGMENT_FIRST; at < seg->fill;) {
        it = segment_at(seg, at);
        at += (uint32_t)item_size(it);
        segment_bury(it);
        dead += (uint32_t)item_size(it);
        assert_int_equal(segment_dead_bytes(seg), dead);
    }
    assert_int_equal(seg->live_items, 0);
    segment_rewind(seg);
    assert_int_equal(segment_dead_bytes(seg), 0);
    assert_ptr_equal(append(seg, 5), segment_at(seg, SEGMENT_FIRST));
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_list_order),
        TEST(test_budget),
        TEST(test_numbers),
        TEST(test_append_and_locate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
