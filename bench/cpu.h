/* CPU time, to the nanosecond, as the scheduler counted it. */
#ifndef BENCH_CPU_H
#define BENCH_CPU_H

#include <stdint.h>
#include <sys/types.h>

/* Of all threads of a process; -1 where it cannot be read. */
int64_t cpu_of_process_ns(pid_t pid);
/* Of this process. */
int64_t cpu_of_self_ns(void);

#endif
