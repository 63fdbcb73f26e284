/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A read brings as many records as fit into a page, and a record that is followed by others is a number: so a
 * read that brings less than half a page brings the last one. */
enum { LAST_READ = 2048 };

ssize_t egress_proc_read(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t got;
    do {
        got = pread(fd, out + len, size - 1 - len, (off_t)len);
        len += got > 0 ? (size_t)got : 0;
    } while (got >= LAST_READ && len < size - 1);
    out[len] = '\0';
    return got < 0 ? -1 : (ssize_t)len;
}

ssize_t egress_proc_read_path(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t len = egress_proc_read(fd, out, size);
    close(fd);
    return len;
}

bool egress_proc_ended(pid_t pid, pid_t tid)
{
    char path[PROC_PATH_SIZE], text[512];
    snprintf(path, sizeof path, "/proc/%d/task/%d/exe", (int)pid, (int)tid);
    if (readlink(path, text, sizeof text) > 0)
        return false;
    if (egress_proc_gone())
        return true;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    if (egress_proc_read_path(path, text, sizeof text) < 0)
        return egress_proc_gone();
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] == ' ' && strchr("ZX", name_end[2]) != NULL;
}

int egress_proc_open(struct proc_folder *folder, const char *path)
{
    folder->len = folder->at = 0;
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->fd < 0 ? -1 : 0;
}

const struct dirent64 *egress_proc_next(struct proc_folder *folder)
{
    for (;;) {
        if (folder->at >= folder->len) {
            folder->at = 0;
            folder->len = getdents64(folder->fd, folder->entries, sizeof folder->entries);
        }
        if (folder->len <= 0)
            return NULL;
        const struct dirent64 *entry = (const void *)(folder->entries + folder->at);
        folder->at += entry->d_reclen;
        if (entry->d_name[0] != '.')
            return entry;
    }
}

int egress_proc_close(struct proc_folder *folder)
{
    int rc = folder->len < 0 ? -1 : 0, why = errno;
    close(folder->fd);
    errno = why;
    return rc;
}
