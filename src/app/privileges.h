/*
 * Who the process is, and how many files it may open. For the start, before
 * there are threads. All return 0 or an exit code, after one line on stderr.
 */
#ifndef APP_PRIVILEGES_H
#define APP_PRIVILEGES_H

#include "tagcached/config.h"

/* Started as root, -u must say that this is meant. */
int privileges_check(const struct config *config);
/* Becomes -u, where root started us; else nothing. */
int privileges_drop(const struct config *config);
/* Makes room for -c connections and our own descriptors. Before the drop. */
int privileges_raise_files(const struct config *config);

#endif
