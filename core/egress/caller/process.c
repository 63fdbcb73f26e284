/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12 has older headers. */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

/* PIDFD_GET_INFO of Linux 6.13, as of its first version. */
struct pidfd_ids {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid;
    uint32_t uids_and_gids[8];
    uint32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_ids) == 64, "the kernel tells the versions by their size");
#define PIDFD_GET_IDS _IOWR(0xFF, 11, struct pidfd_ids)

static int ask_pidfd(int pidfd, struct egress_ids *out)
{
    struct pidfd_ids info = {.mask = 1};            /* PIDFD_INFO_PID */
    if (ioctl(pidfd, PIDFD_GET_IDS, &info) != 0)
        return -errno;
    *out = (struct egress_ids){(pid_t)info.tgid, (pid_t)info.ppid};
    return 0;
}

static bool read_number(const char *text, const char *field, pid_t *out)
{
    const char *line = strstr(text, field);
    if (line)
        *out = (pid_t)strtol(line + strlen(field), NULL, 10);
    return line != NULL;
}

/* The file escapes line ends in the program's name. */
static bool read_status(int status, struct egress_ids *out)
{
    char text[1024];
    ssize_t len = pread(status, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return read_number(text, "\nTgid:\t", &out->process) &&
           read_number(text, "\nPPid:\t", &out->parent);
}

bool egress_process_ids(const struct egress_process *process, struct egress_ids *out)
{
    return process->status >= 0 ? read_status(process->status, out)
                                : ask_pidfd(process->pidfd, out) == 0;
}

static int open_status(pid_t id)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/status", (int)id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

int egress_process_open(pid_t id, struct egress_process *out, struct egress_ids *ids)
{
    *out = (struct egress_process){id, (int)syscall(SYS_pidfd_open, id, PIDFD_THREAD), -1};
    int rc = out->pidfd < 0 ? -errno : ask_pidfd(out->pidfd, ids);
    if (rc == 0)
        return 0;
    if (rc == -EINVAL || rc == -ENOTTY) {           /* older kernels */
        out->status = open_status(id);
        rc = out->status < 0 ? out->status : read_status(out->status, ids) ? 0 : -ESRCH;
    }
    if (rc != 0)
        egress_process_close(out);
    return rc;
}

void egress_process_close(struct egress_process *process)
{
    if (process->pidfd >= 0)
        close(process->pidfd);
    if (process->status >= 0)
        close(process->status);
    *process = (struct egress_process){.pidfd = -1, .status = -1};
}
