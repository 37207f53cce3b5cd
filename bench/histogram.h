/*
 * A log-linear recorder in the manner of HdrHistogram: every power of two is
 * cut into 128 equal cells, so that a recorded time is off by less than 1 %,
 * from a nanosecond to centuries, in a fixed 58 KB.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_BITS = 7,
    HISTOGRAM_CELLS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS,
};

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t cell[HISTOGRAM_CELLS];
};

static inline unsigned
histogram_cell(uint64_t value)
{
    if (value < (1u << HISTOGRAM_BITS))
        return (unsigned)value;
    unsigned shift = 63 - HISTOGRAM_BITS - (unsigned)__builtin_clzll(value);
    return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static inline void
histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    if (value > histogram->max)
        histogram->max = value;
    histogram->cell[histogram_cell(value)]++;
}

/* The largest value of the cell that holds this share (0..1) of all records,
 * never above the largest one recorded; 0 where nothing was. */
uint64_t histogram_at(const struct histogram *histogram, double share);

#endif
