/* SPDX-License-Identifier: Apache-2.0 */
/* What a workload may take of the accounts that the kernel keeps for a user or for the whole
 * host. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "init.h"

enum {
    TASKS_MAX = 2048,
    FILES_MAX = 4096, FILES_MIN = 256, FILES_SOFT = 1024,
    TERMINALS_MAX = 64,
    SIGNALS_MAX = 1024,                             /* queued */
    LOCKED_MAX = 1024 * 1024, QUEUES_MAX = 128 * 1024,
    OOM_SCORE_MORE = 500, OOM_SCORE_MAX = 1000,     /* than init's own */
};

static long long read_number(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    return got > 0 ? strtoll(text, NULL, 10) : -1;
}

/* All tasks together stay below three quarters of what the host can have open. */
uint32_t init_files_max(void)
{
    long long host = read_number("/proc/sys/fs/file-max");
    long long each = host < 0 ? FILES_MIN : host / 4 * 3 / TASKS_MAX;
    return each < FILES_MIN ? FILES_MIN : each > FILES_MAX ? FILES_MAX : (uint32_t)each;
}

/* Terminals are counted for the whole host, not for the sandbox's /dev/pts. */
int init_limit_terminals(char *reason)
{
    char options[80];
    snprintf(options, sizeof options, "newinstance,ptmxmode=0666,mode=620,max=%d", TERMINALS_MAX);
    if (mount("devpts", "/dev/pts", NULL, MS_REMOUNT | MS_NOSUID | MS_NOEXEC, options) != 0)
        return init_reason(reason, "cannot limit the sandbox's terminals: %m");
    return 0;
}

/* The kernel ends a workload before init, and init before whoever supervises it. */
static int prefer_for_oom(void)
{
    char text[16];
    long long own = read_number("/proc/self/oom_score_adj");
    int wanted = own + OOM_SCORE_MORE < OOM_SCORE_MAX ? (int)own + OOM_SCORE_MORE : OOM_SCORE_MAX;
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    int n = snprintf(text, sizeof text, "%d", wanted);
    int rc = fd < 0 || write(fd, text, (size_t)n) != n ? -1 : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

static int lower(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return -1;
    limit.rlim_max = limit.rlim_max < hard ? limit.rlim_max : hard;
    limit.rlim_cur = limit.rlim_max < soft ? limit.rlim_max : soft;
    return setrlimit((__rlimit_resource_t)resource, &limit);
}

/* Tasks, queued signals, message queues and locked memory are counted in the workload's own user
 * namespace and in those above, so that one sandbox cannot take them all from its host uid. */
int init_limit_self(const struct init *init, char *reason)
{
    const struct { int resource; rlim_t soft, hard; } limits[] = {
        {RLIMIT_CORE, 0, 0},
        {RLIMIT_NPROC, TASKS_MAX, TASKS_MAX},
        {RLIMIT_NOFILE, FILES_SOFT, init->files_max},
        {RLIMIT_SIGPENDING, SIGNALS_MAX, SIGNALS_MAX},
        {RLIMIT_MSGQUEUE, QUEUES_MAX, QUEUES_MAX},
        {RLIMIT_MEMLOCK, LOCKED_MAX, LOCKED_MAX},
    };
    if (prefer_for_oom() != 0)
        return init_reason(reason, "cannot raise the workload's OOM score: %m");
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (lower(limits[i].resource, limits[i].soft, limits[i].hard) != 0)
            return init_reason(reason, "cannot set the workload's limits: %m");
    return 0;
}
