#include "tagcached/now.h"

#include <stdatomic.h>
#include <time.h>

enum { START_S = 2, MONTH_S = 60 * 60 * 24 * 30 };

/* Milliseconds since the process started, moved ahead by START_S; and the
 * monotonic clock's reading at which that was 0. */
static _Atomic uint64_t current_ms;
static _Atomic uint64_t origin_ms;
static _Atomic int64_t current_unix_s;

static uint64_t
read_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
now_refresh(void)
{
    uint64_t ms = read_ms(CLOCK_MONOTONIC_COARSE);
    uint64_t origin = atomic_load_explicit(&origin_ms, memory_order_relaxed);
    if (origin == 0) {
        /* The first caller sets it, before there are threads. */
        origin = ms - START_S * 1000;
        atomic_store_explicit(&origin_ms, origin, memory_order_relaxed);
    }
    /* A thread that was put aside between reading and storing must not take
     * the clock back. */
    if (ms - origin > atomic_load_explicit(&current_ms, memory_order_relaxed))
        atomic_store_explicit(&current_ms, ms - origin,
                              memory_order_relaxed);
    atomic_store_explicit(&current_unix_s,
                          (int64_t)(read_ms(CLOCK_REALTIME_COARSE) / 1000),
                          memory_order_relaxed);
}

void
now_advance_ms(uint64_t ms)
{
    now_refresh();
    atomic_fetch_sub_explicit(&origin_ms, ms, memory_order_relaxed);
    now_refresh();
}

static uint64_t
now_ms(void)
{
    return atomic_load_explicit(&current_ms, memory_order_relaxed);
}

uint32_t
now_tick(void)
{
    return (uint32_t)(now_ms() * NOW_TICKS_PER_S / 1000);
}

uint32_t
now_s(void)
{
    return (uint32_t)(now_ms() / 1000);
}

int64_t
now_unix_s(void)
{
    return atomic_load_explicit(&current_unix_s, memory_order_relaxed);
}

uint64_t
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint32_t
now_expire(int64_t exptime)
{
    if (exptime == 0)
        return NOW_NEVER;
    if (exptime > MONTH_S)
        exptime -= now_unix_s();
    if (exptime <= 0)
        return NOW_PAST;
    if (exptime > UINT32_MAX / NOW_TICKS_PER_S)
        return UINT32_MAX;
    /* Rounded up: an entry lives its time, and less than a tick more. */
    uint64_t end_ms = now_ms() + (uint64_t)exptime * 1000;
    uint64_t tick = (end_ms * NOW_TICKS_PER_S + 999) / 1000;
    return tick < UINT32_MAX ? (uint32_t)tick : UINT32_MAX;
}

int64_t
now_ttl_s(uint32_t expire)
{
    if (expire == NOW_NEVER)
        return -1;
    uint64_t end_ms = (uint64_t)expire * 1000 / NOW_TICKS_PER_S;
    uint64_t ms = now_ms();
    /* Rounded to the nearest second: right after `T30` it reads 30. */
    return end_ms > ms ? (int64_t)((end_ms - ms + 500) / 1000) : 0;
}
