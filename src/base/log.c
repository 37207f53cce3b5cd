#include "tagcached/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic int current_level = LOG_WARN;

void
log_set_level(enum log_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level
log_level(void)
{
    return (enum log_level)atomic_load_explicit(&current_level,
                                                memory_order_relaxed);
}

void
log_write(enum log_level level, const char *format, ...)
{
    if (level > log_level())
        return;
    /* One write a line, so that lines of several threads do not mix. */
    char line[1024];
    int head = snprintf(line, sizeof(line), "tagcached: ");
    va_list args;
    va_start(args, format);
    vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
    va_end(args);
    fprintf(stderr, "%s\n", line);
}
