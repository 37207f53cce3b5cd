#include "zipf.h"

#include <math.h>

/* log1p(x) / x, also near 0. */
static double
log1p_ratio(double x)
{
    if (fabs(x) > 1e-8)
        return log1p(x) / x;
    return 1 - x * (0.5 - x * (1.0 / 3 - x * 0.25));
}

/* expm1(x) / x, also near 0. */
static double
expm1_ratio(double x)
{
    if (fabs(x) > 1e-8)
        return expm1(x) / x;
    return 1 + x * 0.5 * (1 + x * (1.0 / 3) * (1 + x * 0.25));
}

static double
density(const struct zipf *zipf, double x)
{
    return exp(-zipf->exponent * log(x));
}

static double
integral(const struct zipf *zipf, double x)
{
    double log_x = log(x);
    return expm1_ratio((1 - zipf->exponent) * log_x) * log_x;
}

static double
integral_inverse(const struct zipf *zipf, double y)
{
    double t = y * (1 - zipf->exponent);
    if (t < -1) /* rounding at the far end */
        t = -1;
    return exp(log1p_ratio(t) * y);
}

void
zipf_init(struct zipf *zipf, uint64_t n, double exponent)
{
    zipf->exponent = exponent;
    zipf->n = (double)n;
    zipf->h_first = integral(zipf, 1.5) - 1;
    zipf->h_last = integral(zipf, zipf->n + 0.5);
    zipf->accept =
        2 - integral_inverse(zipf, integral(zipf, 2.5) - density(zipf, 2));
}

uint64_t
zipf_draw(const struct zipf *zipf, struct rng *rng)
{
    for (;;) {
        double y =
            zipf->h_last + rng_unit(rng) * (zipf->h_first - zipf->h_last);
        double x = integral_inverse(zipf, y);
        double k = floor(x + 0.5);
        if (k < 1)
            k = 1;
        else if (k > zipf->n)
            k = zipf->n;
        if (k - x <= zipf->accept ||
            y >= integral(zipf, k + 0.5) - density(zipf, k))
            return (uint64_t)k - 1;
    }
}
