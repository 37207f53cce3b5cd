/*
 * Going into the background (-d), and the file with the process id (-P).
 */
#ifndef APP_DAEMON_H
#define APP_DAEMON_H

#include <stdbool.h>

/*
 * -d: the process goes on in a child, in a session of its own and in "/". The
 * parent stays until the child says that it serves, and ends with its exit
 * code if it fails, so whoever starts us knows. Returns a descriptor for
 * daemon_ready (in the child), or negative errno. Before there are threads.
 */
int daemon_start(void);
/* The child serves: the parent may end. Standard streams go to /dev/null, but
 * for stderr if `keep_stderr`. */
void daemon_ready(int ready_fd, bool keep_stderr);

/* Written to FILE.tmp first. A failure is logged and changes nothing. */
bool daemon_write_pid(const char *path);
void daemon_remove_pid(const char *path);

#endif
