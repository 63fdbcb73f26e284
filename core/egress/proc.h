/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders of /proc, read with as few system calls as say it all: it is done for each process
 * of a sandbox, at each of its requests.  Plain values; any thread. */
#ifndef EGRESS_PROC_H
#define EGRESS_PROC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct dirent64;

enum { PROC_PATH_SIZE = 64 };

/* Whether errno says that there is no such process any more: another failure is no answer. */
static inline bool egress_proc_gone(void)
{
    return errno == ENOENT || errno == ESRCH;
}

/* What the file has now, as a string; as much as size - 1 may be cut.  -1, and errno. */
ssize_t egress_proc_read(int fd, char *out, size_t size);
ssize_t egress_proc_read_path(const char *path, char *out, size_t size);

/* Whether a thread has ended, perhaps without having been waited for: then it holds nothing, and
 * its children are somebody else's. */
bool egress_proc_ended(pid_t pid, pid_t tid);

struct proc_folder {
    int fd;
    ssize_t len, at;
    _Alignas(8) char entries[2048];
};

int egress_proc_open(struct proc_folder *folder, const char *path);     /* -1, and errno */
/* The next entry, but for "." and ".."; NULL: there is none, or it cannot be read.  Lives until the next call. */
const struct dirent64 *egress_proc_next(struct proc_folder *folder);
int egress_proc_close(struct proc_folder *folder);  /* -1, and errno: not every entry could be read */

#endif
