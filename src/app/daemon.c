#include "daemon.h"

#include "tagcached/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the parent: what becomes of the child? */
static _Noreturn void
wait_for(pid_t child, int ready_fd)
{
    char ready;
    ssize_t n;
    do {
        n = read(ready_fd, &ready, 1);
    } while (n < 0 && errno == EINTR);
    int status;
    if (n == 1)
        _exit(EXIT_SUCCESS);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

int
daemon_start(void)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return -errno;
    pid_t child = fork();
    if (child < 0) {
        int err = -errno;
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        return err;
    }
    if (child > 0) {
        close(pipe_fds[1]);
        wait_for(child, pipe_fds[0]);
    }
    close(pipe_fds[0]);
    if (setsid() < 0 || chdir("/") != 0) {
        int err = -errno;
        close(pipe_fds[1]);
        return err;
    }
    return pipe_fds[1];
}

void
daemon_ready(int ready_fd, bool keep_stderr)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        if (!keep_stderr)
            dup2(null, STDERR_FILENO);
        close(null);
    }
    if (write(ready_fd, "", 1) != 1)
        log_warn("whoever started this daemon has gone");
    close(ready_fd);
}

bool
daemon_write_pid(const char *path)
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        log_error("the name of the pid file is too long");
        return false;
    }
    FILE *file = fopen(temporary, "we");
    if (!file) {
        log_error("could not open the pid file %s for writing: %s", temporary,
                  strerror(errno));
        return false;
    }
    fprintf(file, "%ld\n", (long)getpid());
    if (fclose(file) != 0 || rename(temporary, path) != 0) {
        log_error("could not write the pid file %s: %s", path, strerror(errno));
        unlink(temporary);
        return false;
    }
    return true;
}

void
daemon_remove_pid(const char *path)
{
    if (unlink(path) != 0)
        log_warn("could not remove the pid file %s: %s", path, strerror(errno));
}
