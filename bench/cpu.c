#include "cpu.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* The first number of schedstat is the time spent on a CPU. It is brought up
 * to date when a thread leaves the CPU, so it is exact for a server that
 * waits, which it does before the first request and after the last reply. */
static int64_t
thread_ns(const char *directory, const char *thread)
{
    char path[64 + 256 + 16];
    int64_t ns = -1;
    snprintf(path, sizeof(path), "%s/%s/schedstat", directory, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0; /* a thread that ended between the two calls */
    if (fscanf(file, "%" SCNd64, &ns) != 1)
        ns = -1;
    fclose(file);
    return ns;
}

int64_t
cpu_of_process_ns(pid_t pid)
{
    char path[64];
    int64_t sum = 0;
    snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        int64_t ns = thread_ns(path, entry->d_name);
        if (ns < 0) {
            sum = -1;
            break;
        }
        sum += ns;
    }
    closedir(tasks);
    return sum;
}

int64_t
cpu_of_self_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
