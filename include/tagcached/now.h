/*
 * The process clock. Reading it costs a load; each worker refreshes it once a
 * turn. Times that an entry keeps are ticks of 250 ms since the process
 * started (moved ahead by two seconds, so that no moment is 0), from the
 * monotonic clock: a change of the wall clock moves no entry's end.
 * Threads: any.
 */
#ifndef TAGCACHED_NOW_H
#define TAGCACHED_NOW_H

#include <stdint.h>

enum { NOW_TICKS_PER_S = 4 };

/* Ends that are not moments. */
enum {
    NOW_NEVER = 0, /* an entry that does not expire */
    NOW_PAST = 1,  /* an end that lies before any moment */
};

/* Reads the machine's clocks. Called before any other function here. */
void now_refresh(void);

/* For tests: moves the process clock ahead (not the wall clock). */
void now_advance_ms(uint64_t ms);

uint32_t now_tick(void);
/* Seconds since start + 2, memcached's `uptime`-like base of `la`. */
uint32_t now_s(void);
/* Wall clock, seconds since 1970 (memcached's `time`). */
int64_t now_unix_s(void);
/* Monotonic microseconds, read fresh: for intervals, not for every request. */
uint64_t now_us(void);

/*
 * memcached's exptime rule: 0 never; negative: past; up to 30 days: seconds
 * from now; above: absolute Unix time (past if not after now). An end beyond
 * what ticks can hold (34 years) is held as the last tick.
 */
uint32_t now_expire(int64_t exptime);
/* Whole seconds left until `expire`, at least 0; -1 for NOW_NEVER. */
int64_t now_ttl_s(uint32_t expire);

static inline int
now_is_past(uint32_t expire, uint32_t tick)
{
    return expire != NOW_NEVER && expire <= tick;
}

#endif
