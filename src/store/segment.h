/*
 * Segments: where entries lie. A segment is SEGMENT_BYTES of memory, aligned
 * to its size; entries are appended to it and stay until they die. Its live
 * entries are counted, its dead ones only leave when it is reclaimed whole.
 *
 * Life:   new ── appended to ──▶ full ── entries die, or are moved ──▶ freed
 *
 * The segments of a shard stand in a list from oldest to newest: the LRU order
 * (see reclaim.h). The shard's lock is held by all callers.
 */
#ifndef TAGCACHED_STORE_SEGMENT_H
#define TAGCACHED_STORE_SEGMENT_H

#include "store/item.h"
#include "store/table.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SEGMENT_SHIFT = 16,
    SEGMENT_BYTES = 1 << SEGMENT_SHIFT,
    /* A location is a segment's number and an offset in units of ITEM_ALIGN. */
    SEGMENT_OFFSET_BITS = SEGMENT_SHIFT - 2,
    /* What an entry may take: what is left at a segment's end when the next
     * entry does not fit stays below an eighth. */
    SEGMENT_ITEM_MAX = SEGMENT_BYTES / 8,
};

struct segment {
    struct segment *newer, *older;
    uint32_t number;     /* from 1 */
    uint32_t fill;       /* bytes appended, this header included */
    uint32_t live_bytes; /* of entries not dead */
    uint32_t live_items;
    uint32_t scan;         /* where the reclaiming hand goes on */
    uint32_t soonest;      /* no entry expires before this tick */
    bool has_tags;         /* some entry was tagged */
};

struct segments {
    struct table by_number;
    uint32_t numbers;     /* used so far, and 1 */
    uint32_t free_number; /* numbers free again: a list, see segment.c */
    uint32_t *next_free;
    uint32_t next_free_cap;
    uint32_t count; /* held, the spare one included */
    struct segment *oldest, *newest;
    /* A freed one, kept while the budget is full: it is taken again at once,
     * and going through the allocator its pages would be resident twice. */
    struct segment *spare;
    struct mem_budget *budget;
};

void segments_init(struct segments *segs, struct mem_budget *budget);
void segments_fini(struct segments *segs); /* frees those in the list */

/* A new segment, charged, at the newest end or right before `newer`. NULL: the
 * budget is used up (not with `force`), or memory is out. */
struct segment *segment_new(struct segments *segs, struct segment *newer,
                            bool force);
/* Gives the spare one back, for others to use; false: there is none. */
bool segments_give_spare(struct segments *segs);
/* All its entries are dead. */
void segment_free(struct segments *segs, struct segment *seg);
/* The same, but it is used again from its start. */
void segment_rewind(struct segment *seg);

/* Room for an entry of `size` bytes, counted as live; NULL: does not fit. */
struct item *segment_append(struct segment *seg, size_t size);

static inline struct segment *
segment_of(const struct item *it)
{
    return (struct segment *)((uintptr_t)it & ~(uintptr_t)(SEGMENT_BYTES - 1));
}

static inline uint32_t
segment_location(const struct item *it)
{
    const struct segment *seg = segment_of(it);
    uint32_t offset = (uint32_t)((const char *)it - (const char *)seg);
    return seg->number << SEGMENT_OFFSET_BITS | offset / ITEM_ALIGN;
}

/* The segment of a number below by_number.cap, or NULL. Lock-free. */
static inline struct segment *
segment_by_number(const struct segments *segs, uint32_t number)
{
    return table_get(&segs->by_number, number);
}

/* Lock-free, as an address; what stands there is the lock's. */
static inline struct item *
segment_item(const struct segments *segs, uint32_t location)
{
    uint32_t number = location >> SEGMENT_OFFSET_BITS;
    uintptr_t seg = (uintptr_t)segment_by_number(segs, number);
    uint32_t offset = location & ((UINT32_C(1) << SEGMENT_OFFSET_BITS) - 1);
    return (struct item *)(seg + (size_t)offset * ITEM_ALIGN);
}

static inline struct item *
segment_at(struct segment *seg, uint32_t offset)
{
    return (struct item *)(void *)((char *)seg + offset);
}
enum { SEGMENT_FIRST = (sizeof(struct segment) + 3) & ~3 };

/* An entry of `size` bytes, at this place, is dead now. */
static inline void
segment_bury(struct item *it)
{
    struct segment *seg = segment_of(it);
    it->bits |= ITEM_DEAD;
    seg->live_bytes -= (uint32_t)item_size(it);
    seg->live_items--;
}

static inline uint32_t
segment_dead_bytes(const struct segment *seg)
{
    return seg->fill - SEGMENT_FIRST - seg->live_bytes;
}

#endif
