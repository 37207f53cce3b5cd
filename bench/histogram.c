#include "histogram.h"

#include <math.h>

static uint64_t
cell_end(unsigned cell)
{
    if (cell < (2u << HISTOGRAM_BITS))
        return cell;
    unsigned shift = (cell >> HISTOGRAM_BITS) - 1;
    uint64_t start = (uint64_t)(cell - (shift << HISTOGRAM_BITS)) << shift;
    return start + ((uint64_t)1 << shift) - 1;
}

uint64_t
histogram_at(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)ceil(share * (double)histogram->count);
    uint64_t seen = 0;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i < HISTOGRAM_CELLS; i++) {
        seen += histogram->cell[i];
        if (seen >= wanted) {
            uint64_t end = cell_end(i);
            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max;
}
