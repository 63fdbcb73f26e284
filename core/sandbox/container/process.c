/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

/* Ancestors that are followed. */
enum { DEPTH_MAX = 256 };

/* False: there is no such process. */
static bool read_file(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0)
        close(fd);
    out[len > 0 ? len : 0] = '\0';
    return len > 0;
}

int64_t process_started(pid_t pid)
{
    char text[1024];
    if (!read_file(pid, "stat", text, sizeof text))
        return -1;
    /* The program's name, the second field, may have blanks and parentheses. */
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at + 1, NULL, 10) : -1;
}

int64_t process_started_ms(int64_t ticks)
{
    int64_t per_second = sysconf(_SC_CLK_TCK);
    return (ticks + 1) * 1000 / per_second;
}

static bool has_ended(int pidfd)
{
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) != 0;
}

/* As long as the held process runs, what is read by its number is read of it. */
int process_hold(pid_t pid, int64_t started)
{
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd < 0)
        return -1;
    if (process_started(pid) == started && !has_ended(pidfd))
        return pidfd;
    close(pidfd);
    return -1;
}

static pid_t number_after(const char *status, const char *field)
{
    const char *at = strstr(status, field);
    return at ? (pid_t)strtol(at + strlen(field), NULL, 10) : 0;
}

static bool is_below(pid_t pid, pid_t ancestor)
{
    char status[4096];
    for (int i = 0; i < DEPTH_MAX && pid > 1 && pid != ancestor; i++)
        pid = read_file(pid, "status", status, sizeof status) ? number_after(status, "\nPPid:\t")
                                                              : 0;
    return pid == ancestor;
}

/* "NSpid:" lists the numbers of a process from our namespace on inwards: the next one is that of
 * the sandbox. */
static bool has_number(pid_t pid, int64_t inside)
{
    char status[4096];
    if (!read_file(pid, "status", status, sizeof status))
        return false;
    const char *at = strstr(status, "\nNSpid:\t");
    char *end;
    if (!at)
        return false;
    strtoll(at + strlen("\nNSpid:\t"), &end, 10);
    return *end == '\t' && strtoll(end + 1, NULL, 10) == inside;
}

int process_find_inside(pid_t ancestor, int64_t inside, pid_t *pid, int64_t *started,
                        struct error *err)
{
    if (inside == 1)
        return error_set(err, ERROR_INVALID,
                         "every process of the sandbox is below process 1, which ends with it: "
                         "--while-pid takes another one, as 'ps' shows it within the sandbox");
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    *pid = 0;
    while (proc && !*pid && (entry = readdir(proc))) {
        pid_t candidate = (pid_t)strtol(entry->d_name, NULL, 10);
        if (candidate > 0 && has_number(candidate, inside) && is_below(candidate, ancestor))
            *pid = candidate;
    }
    if (proc)
        closedir(proc);
    *started = *pid ? process_started(*pid) : -1;
    if (*started >= 0)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "the sandbox has no process %lld: --while-pid takes a number that 'ps' shows "
                     "within the sandbox",
                     (long long)inside);
}
