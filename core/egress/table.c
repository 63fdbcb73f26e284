/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor tables of the processes of a sandbox. */
#include "egress/process.h"

#include "base/alloc.h"
#include "base/error.h"
#include "egress/proc.h"

#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool egress_search_holds(const struct search *search, size_t process, size_t socket)
{
    for (size_t i = 0; i < search->n_holdings; i++)
        if (search->holdings[i].process == process && search->holdings[i].socket == socket)
            return true;
    return false;
}

static void add_holding(struct search *search, size_t process, size_t socket, int fd)
{
    if (egress_search_holds(search, process, socket))
        return;
    search->holdings =
        alloc_resize(search->holdings, search->n_holdings + 1, sizeof *search->holdings);
    search->holdings[search->n_holdings++] = (struct holding){process, socket, fd};
}

/* A process that has made itself undumpable, perhaps while it was looked at, belongs to root in /proc. */
static void hide(struct search *search, size_t process, pid_t tid)
{
    for (size_t i = 0; i < search->n_hidden; i++)
        if (search->hidden[i].process == process && search->hidden[i].tid == tid)
            return;
    search->hidden = alloc_resize(search->hidden, search->n_hidden + 1, sizeof *search->hidden);
    search->hidden[search->n_hidden++] = (struct hidden){process, tid};
}

static void compare(struct search *search, size_t process, bool leader, const char *link,
                    const char *name)
{
    static const char kind[] = "socket:[";
    if (strncmp(link, kind, sizeof kind - 1) != 0)
        return;
    unsigned long inode = strtoul(link + sizeof kind - 1, NULL, 10);
    for (size_t i = 0; i < search->n_sockets; i++)
        if (search->inodes[i] == inode && inode != 0)
            add_holding(search, process, i, leader ? (int)strtol(name, NULL, 10) : -1);
}

int egress_table_look(struct search *search, size_t process, pid_t tid, struct error *err)
{
    char path[PROC_PATH_SIZE], link[64];
    struct proc_folder folder;
    const struct dirent64 *entry;
    pid_t pid = search->items[process].pid;
    int rc = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/fd", (int)pid, (int)tid);
    if (egress_proc_open(&folder, path) != 0) {
        if (!egress_proc_gone() && !egress_proc_ended(pid, tid))
            hide(search, process, tid);
        return 0;
    }
    while (rc == 0 && (entry = egress_proc_next(&folder))) {
        ssize_t len = readlinkat(folder.fd, entry->d_name, link, sizeof link - 1);
        if (len < 0 && !egress_proc_gone())
            hide(search, process, tid);
        link[len > 0 ? len : 0] = '\0';
        compare(search, process, tid == pid, link, entry->d_name);
        rc = egress_search_late(search, err);
    }
    if (egress_proc_close(&folder) != 0 && !egress_proc_gone())
        hide(search, process, tid);
    return rc;
}

/* Threads share one table unless they have asked for one of their own. */
bool egress_table_shared(pid_t pid, pid_t tid)
{
    return syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) == 0;
}

/* How many descriptors the table of a thread has room for; -1: unknown. */
static long table_size(pid_t tid)
{
    char path[PROC_PATH_SIZE], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
    if (egress_proc_read_path(path, text, sizeof text) < 0)
        return egress_proc_gone() ? 0 : -1;
    const char *line = strstr(text, "\nFDSize:");
    return line ? strtol(line + strlen("\nFDSize:"), NULL, 10) : -1;
}

static int unreadable(const struct search *search, const struct hidden *hidden, struct error *err)
{
    return error_set(err, ERROR_DENIED, "process %d may hold the connection, but does not let its "
                     "descriptors be read", (int)search->items[hidden->process].pid);
}

/* 1: the thread's table contains the file that is our descriptor; 0: it does not; -1 with err: unknown. */
static int table_contains(const struct search *search, const struct hidden *hidden, int file, struct error *err)
{
    pid_t self = getpid();
    long size = file < 0 ? -1 : table_size(hidden->tid);
    for (long fd = 0; fd < size; fd++) {
        if (egress_search_late(search, err) != 0)
            return -1;
        long order = syscall(SYS_kcmp, self, hidden->tid, KCMP_FILE, file, fd);
        if (order == 0 || (order < 0 && errno == ESRCH))
            return order == 0;
        if (order < 0 && errno != EBADF)
            return unreadable(search, hidden, err);
    }
    return size < 0 ? unreadable(search, hidden, err) : 0;
}

/* The file of a holder's descriptor; -1: there is none, or it is another one by now. */
static int borrow_of(const struct search *search, const struct holding *h)
{
    struct stat st;
    int pidfd = (int)syscall(SYS_pidfd_open, search->items[h->process].pid, 0);
    int file = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, h->fd, 0);
    if (pidfd >= 0)
        close(pidfd);
    if (file < 0 || (fstat(file, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == search->inodes[h->socket]))
        return file;
    close(file);
    return -1;
}

static int borrow(const struct search *search, size_t socket)
{
    int file = -1;
    for (size_t i = 0; file < 0 && i < search->n_holdings; i++)
        if (search->holdings[i].socket == socket && search->holdings[i].fd >= 0)
            file = borrow_of(search, &search->holdings[i]);
    return file;
}

int egress_table_look_hidden(struct search *search, size_t socket, struct error *err)
{
    int file = search->n_hidden ? borrow(search, socket) : -1, contains = 0;
    for (size_t i = 0; contains >= 0 && i < search->n_hidden; i++) {
        const struct hidden *hidden = &search->hidden[i];
        contains = table_contains(search, hidden, file, err);
        if (contains == 1)
            add_holding(search, hidden->process, socket, -1);
    }
    if (file >= 0)
        close(file);
    return contains < 0 ? -1 : 0;
}
