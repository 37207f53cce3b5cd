#include "store/segment.h"

#include "tagcached/check.h"
#include "tagcached/mem.h"

void
segments_init(struct segments *segs, struct mem_budget *budget)
{
    *segs = (struct segments){.numbers = 1, .budget = budget};
    table_init(&segs->by_number, budget);
}

static void
list_remove(struct segments *segs, struct segment *seg)
{
    *(seg->older ? &seg->older->newer : &segs->oldest) = seg->newer;
    *(seg->newer ? &seg->newer->older : &segs->newest) = seg->older;
}

static void
list_insert(struct segments *segs, struct segment *seg, struct segment *newer)
{
    seg->newer = newer;
    seg->older = newer ? newer->older : segs->newest;
    *(seg->older ? &seg->older->newer : &segs->oldest) = seg;
    *(newer ? &newer->older : &segs->newest) = seg;
}

void
segment_rewind(struct segment *seg)
{
    CHECK(seg->live_items == 0 && seg->live_bytes == 0);
    seg->fill = SEGMENT_FIRST;
    seg->scan = SEGMENT_FIRST;
    seg->soonest = UINT32_MAX;
    seg->has_tags = false;
}

/* A number of its own; the numbers of freed segments form a list through
 * next_free[]. 0: out of memory. */
static uint32_t
number_take(struct segments *segs)
{
    if (segs->free_number) {
        uint32_t number = segs->free_number;
        segs->free_number = segs->next_free[number];
        return number;
    }
    if (segs->numbers >= segs->next_free_cap) {
        uint32_t cap = segs->next_free_cap ? segs->next_free_cap * 2 : 16;
        uint32_t *grown = mem_resize(segs->next_free, cap * sizeof(*grown));
        if (!grown)
            return 0;
        mem_budget_force(segs->budget,
                         (cap - segs->next_free_cap) * sizeof(*grown));
        segs->next_free = grown;
        segs->next_free_cap = cap;
    }
    return segs->numbers++;
}

static void
number_give(struct segments *segs, uint32_t number)
{
    segs->next_free[number] = segs->free_number;
    segs->free_number = number;
}

static bool
charge(struct segments *segs, bool force)
{
    if (force)
        mem_budget_force(segs->budget, SEGMENT_BYTES);
    return force || mem_budget_take(segs->budget, SEGMENT_BYTES);
}

static struct segment *
allocate(struct segments *segs, bool force)
{
    if (!charge(segs, force))
        return NULL;
    struct segment *seg = mem_alloc_aligned(SEGMENT_BYTES, SEGMENT_BYTES);
    uint32_t number = seg ? number_take(segs) : 0;
    CHECK(number < UINT32_C(1) << (32 - SEGMENT_OFFSET_BITS));
    if (number == 0 || !table_set(&segs->by_number, number, seg)) {
        if (number)
            number_give(segs, number);
        mem_free(seg);
        mem_budget_give(segs->budget, SEGMENT_BYTES);
        return NULL;
    }
    seg->number = number;
    seg->live_bytes = seg->live_items = 0;
    segs->count++;
    return seg;
}

static void
deallocate(struct segments *segs, struct segment *seg)
{
    CHECK(table_set(&segs->by_number, seg->number, NULL));
    number_give(segs, seg->number);
    mem_free(seg);
    mem_budget_give(segs->budget, SEGMENT_BYTES);
    segs->count--;
}

struct segment *
segment_new(struct segments *segs, struct segment *newer, bool force)
{
    struct segment *seg = segs->spare;
    segs->spare = NULL;
    if (!seg && !(seg = allocate(segs, force)))
        return NULL;
    segment_rewind(seg);
    list_insert(segs, seg, newer);
    return seg;
}

void
segment_free(struct segments *segs, struct segment *seg)
{
    CHECK(seg->live_items == 0 && seg->live_bytes == 0);
    list_remove(segs, seg);
    bool full = mem_budget_excess(segs->budget, SEGMENT_BYTES) > 0;
    if (full && !segs->spare && mem_budget_excess(segs->budget, 0) == 0)
        segs->spare = seg;
    else
        deallocate(segs, seg);
}

bool
segments_give_spare(struct segments *segs)
{
    struct segment *seg = segs->spare;
    segs->spare = NULL;
    if (seg)
        deallocate(segs, seg);
    return seg != NULL;
}

void
segments_fini(struct segments *segs)
{
    while (segs->oldest) {
        struct segment *seg = segs->oldest;
        seg->live_items = seg->live_bytes = 0;
        segment_free(segs, seg);
    }
    segments_give_spare(segs);
    mem_free(segs->next_free);
    mem_budget_give(segs->budget,
                    segs->next_free_cap * sizeof(*segs->next_free));
    table_fini(&segs->by_number);
}

struct item *
segment_append(struct segment *seg, size_t size)
{
    if (seg->fill + size > SEGMENT_BYTES)
        return NULL;
    struct item *it = segment_at(seg, seg->fill);
    seg->fill += (uint32_t)size;
    seg->live_bytes += (uint32_t)size;
    seg->live_items++;
    return it;
}
