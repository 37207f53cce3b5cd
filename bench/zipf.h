/*
 * Zipf-distributed ranks by rejection-inversion (Hoermann and Derflinger,
 * 1996): exact for any exponent above 0, no table, so drawing touches no
 * memory that the server's cache could miss.
 */
#ifndef BENCH_ZIPF_H
#define BENCH_ZIPF_H

#include "rng.h"

#include <stdint.h>

struct zipf {
    double exponent;
    double n;
    double h_first, h_last; /* the integral at both ends */
    double accept;          /* below this distance no test is needed */
};

/* Ranks 1 .. n; exponent > 0. */
void zipf_init(struct zipf *zipf, uint64_t n, double exponent);
/* 0 for the most popular rank, then 1, ... n - 1. */
uint64_t zipf_draw(const struct zipf *zipf, struct rng *rng);

#endif
