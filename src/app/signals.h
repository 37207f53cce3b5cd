/*
 * Signals as a descriptor: no handler runs, and every thread started later
 * leaves them alone.
 */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

/* SIGPIPE and SIGHUP do nothing from here on. */
void signals_ignore(void);

/* A descriptor that is readable when SIGTERM, SIGINT or SIGUSR1 came, or
 * negative errno. Before threads are started. */
int signals_open_stop(void);

#endif
