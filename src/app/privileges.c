#include "privileges.h"

#include "tagcached/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

static bool
is_root(void)
{
    return getuid() == 0 || geteuid() == 0;
}

int
privileges_check(const struct config *config)
{
    if (is_root() && !config->user) {
        fprintf(stderr, "must add '-u root' to start as root\n");
        return EX_USAGE;
    }
    return 0;
}

int
privileges_drop(const struct config *config)
{
    if (!is_root())
        return 0;
    const struct passwd *user = getpwnam(config->user);
    if (!user) {
        fprintf(stderr, "can't find the user %s to switch to\n", config->user);
        return EX_NOUSER;
    }
    /* root stays what it is, also in a container that allows no change. */
    if (user->pw_uid == getuid() && user->pw_uid == geteuid())
        return 0;
    if (initgroups(config->user, user->pw_gid) != 0 ||
        setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
        fprintf(stderr, "failed to assume identity of user %s: %s\n",
                config->user, strerror(errno));
        return EX_OSERR;
    }
    return 0;
}

/* Descriptors that are not a client's: sockets to listen on, four for each
 * worker, and some to spare. */
static rlim_t
own_files(const struct config *config)
{
    return 64 + 2 * (rlim_t)config->nlisten + 4 * (rlim_t)config->threads;
}

int
privileges_raise_files(const struct config *config)
{
    struct rlimit files;
    rlim_t least = config->max_connections;
    rlim_t wanted = least + own_files(config);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        fprintf(stderr, "failed to read rlimit for open files: %s\n",
                strerror(errno));
        return EX_OSERR;
    }
    if (files.rlim_cur >= wanted)
        return 0;

    struct rlimit raised = {wanted, files.rlim_max};
    if (raised.rlim_max < wanted)
        raised.rlim_max = wanted; /* root may */
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return 0;
    if (files.rlim_max < least) {
        fprintf(stderr, "failed to set rlimit for open files. Try starting as "
                        "root or requesting smaller maxconns value.\n");
        return EX_OSERR;
    }
    /* It is enough for memcached. The last few clients may be refused. */
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) == 0)
        log_info("open files are limited to %llu, fewer than -c %u needs",
                 (unsigned long long)files.rlim_max, config->max_connections);
    return 0;
}
