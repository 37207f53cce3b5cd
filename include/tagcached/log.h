/*
 * One event a line on stderr. A line holds no value of a client's entry.
 * Threads: any. The level is process-wide and may change while running.
 */
#ifndef TAGCACHED_LOG_H
#define TAGCACHED_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Levels above this one are not printed; LOG_WARN at the start. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
