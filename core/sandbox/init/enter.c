/* SPDX-License-Identifier: Apache-2.0 */
/* How a command becomes the workload: a user namespace of its own, then no privilege at all. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t done = write(fd, text, strlen(text));
    close(fd);
    return done == (ssize_t)strlen(text) ? 0 : -1;
}

/* One id is mapped, our own under the workload's name, so that nobody else exists in there. */
static int map_id(const char *path, uint32_t inside, uint32_t outside)
{
    char line[64];
    snprintf(line, sizeof line, "%u %u 1", inside, outside);
    return write_file(path, line);
}

static int helper_make(uint32_t uid, uint32_t gid, int report)
{
    uid_t own_uid = geteuid();
    gid_t own_gid = getegid();
    int error = 0;
    if (unshare(CLONE_NEWUSER) != 0 || write_file("/proc/self/setgroups", "deny") != 0 ||
        map_id("/proc/self/uid_map", uid, own_uid) != 0 ||
        map_id("/proc/self/gid_map", gid, own_gid) != 0)
        error = errno;
    if (write(report, &error, sizeof error) != (ssize_t)sizeof error)
        return 1;
    pause();
    return 0;
}

/* A namespace needs a process to be born in; the helper lives until its namespace is held. */
int init_make_userns(uint32_t uid, uint32_t gid, int *out, char *reason)
{
    int report[2], error = EIO;
    char path[64];
    if (pipe2(report, O_CLOEXEC) != 0)
        return init_reason(reason, "cannot make a pipe: %m");
    pid_t pid = fork();
    if (pid == 0)
        _exit(helper_make(uid, gid, report[1]));
    close(report[1]);
    *out = -1;
    if (pid > 0 && read(report[0], &error, sizeof error) == (ssize_t)sizeof error && error == 0) {
        snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
        *out = open(path, O_RDONLY | O_CLOEXEC);
        error = errno;
    }
    close(report[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    errno = error;
    if (*out < 0)
        return init_reason(reason, "cannot make the workload's user namespace: %m");
    return 0;
}

int init_drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    return (int)syscall(SYS_capset, &header, none);
}

/* Empty bounding and ambient sets: nothing executed later can get a capability back. */
static int drop_all_capabilities(void)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
            return -1;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return -1;
    return init_drop_capabilities();
}

static int become(const struct init *init, char *reason)
{
    /* Until execve this is still init's memory, other commands' environments included. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setns(init->userns, CLONE_NEWUSER) != 0)
        return init_reason(reason, "cannot enter the workload's user namespace: %m");
    if (geteuid() != init->uid || getegid() != init->gid)
        return init_reason(reason, "the workload's user namespace maps to %u:%u, not %u:%u",
                           geteuid(), getegid(), init->uid, init->gid);
    if (drop_all_capabilities() != 0)
        return init_reason(reason, "cannot drop capabilities: %m");
    return 0;
}

static int restrict_self(const struct init *init, char *reason)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return init_reason(reason, "cannot give up new privileges: %m");
    if (init->ruleset >= 0 && syscall(SYS_landlock_restrict_self, init->ruleset, 0) != 0)
        return init_reason(reason, "cannot apply Landlock: %m");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &init->filter, 0, 0) != 0)
        return init_reason(reason, "cannot apply the seccomp filter: %m");
    return 0;
}

int init_enter(const struct init *init, const char *folder, char *reason)
{
    umask(022);
    if (init_limit_self(init, reason) != 0 || become(init, reason) != 0)
        return -1;
    if (chdir(folder) != 0)
        return init_reason(reason, "cannot enter the folder %s: %m", folder);
    return restrict_self(init, reason);
}
