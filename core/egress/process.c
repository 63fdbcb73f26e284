/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/process.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROC_PATH_SIZE = 64 };

static void add(struct processes *list, pid_t pid, size_t parent)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 32;
        list->items = alloc_resize(list->items, list->cap, sizeof *list->items);
    }
    list->items[list->n++] = (struct process){.pid = pid, .parent = parent};
}

/* The whole of a small file of /proc, or "" when its process is gone. */
static ssize_t read_whole(const char *path, char *out, size_t size)
{
    size_t len = 0;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while (len < size - 1 && (got = read(fd, out + len, size - 1 - len)) > 0)
        len += (size_t)got;
    close(fd);
    out[len] = '\0';
    return got < 0 ? -1 : (ssize_t)len;
}

/* The children that one thread has made. */
static int add_children(struct processes *list, pid_t pid, pid_t tid, size_t parent,
                        struct error *err)
{
    char path[PROC_PATH_SIZE], text[PROCESS_MAX * 8], *at = text, *end;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)tid);
    ssize_t len = read_whole(path, text, sizeof text);
    if (len < 0)
        return 0;                                   /* it has ended: its children are init's now */
    for (long child = strtol(at, &end, 10); end != at; child = strtol(at = end, &end, 10)) {
        if (list->n == PROCESS_MAX || len == sizeof text - 1)
            return error_set(err, ERROR_DENIED, "the sandbox has too many processes to look "
                             "through (the limit is %d)", PROCESS_MAX);
        add(list, (pid_t)child, parent);
    }
    return 0;
}

/* One look through all processes for one socket. */
struct search {
    struct processes *list;
    char socket[32];                                /* what a descriptor of it links to */
    pid_t owner;                                    /* a process that holds it as ... */
    int fd;                                         /* ... this; 0: none is known */
    struct hidden {
        pid_t tid;
        size_t process;
    } *hidden;                                      /* tasks whose descriptors cannot be listed */
    size_t n_hidden;
};

/* A process that has ended but was not waited for holds nothing, and nobody may look into it. */
static bool ended(const char *task)
{
    char path[PROC_PATH_SIZE + 8], text[512];
    snprintf(path, sizeof path, "%s/stat", task);
    if (read_whole(path, text, sizeof text) < 0)
        return true;
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] == ' ' && strchr("ZX", name_end[2]) != NULL;
}

/* A process that has made itself undumpable belongs to root in /proc. */
static void hide(struct search *search, size_t process, pid_t tid)
{
    search->hidden = alloc_resize(search->hidden, search->n_hidden + 1, sizeof *search->hidden);
    search->hidden[search->n_hidden++] = (struct hidden){tid, process};
}

/* Looks at the descriptor table of one thread. */
static void look_into_table(struct search *search, size_t i, pid_t tid)
{
    char task[PROC_PATH_SIZE], path[PROC_PATH_SIZE + 8], link[64];
    struct process *process = &search->list->items[i];
    snprintf(task, sizeof task, "/proc/%d/task/%d", (int)process->pid, (int)tid);
    snprintf(path, sizeof path, "%s/fd", task);
    DIR *dir = opendir(path);
    if (!dir && errno != ENOENT && errno != ESRCH && !ended(task))
        hide(search, i, tid);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);
        link[len > 0 ? len : 0] = '\0';
        if (strcmp(link, search->socket) != 0)
            continue;
        process->owner = true;
        if (tid == process->pid) {
            search->owner = process->pid;
            search->fd = (int)strtol(entry->d_name, NULL, 10);
        }
        break;
    }
    if (dir)
        closedir(dir);
}

/* Threads share one table unless they have asked for one of their own. */
static bool same_table(pid_t pid, pid_t tid)
{
    return syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) == 0;
}

static int look_into(struct search *search, size_t i, struct error *err)
{
    char path[PROC_PATH_SIZE];
    int rc = 0;
    pid_t pid = search->list->items[i].pid;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir));) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid == 0)
            continue;
        rc = add_children(search->list, pid, tid, i, err);
        if (rc == 0 && (tid == pid || !same_table(pid, tid)))
            look_into_table(search, i, tid);
    }
    closedir(dir);
    return rc;
}

/* How many descriptors the table of a thread has room for; -1: unknown. */
static long table_size(pid_t tid)
{
    char path[PROC_PATH_SIZE], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
    if (read_whole(path, text, sizeof text) < 0)
        return 0;
    const char *line = strstr(text, "\nFDSize:");
    return line ? strtol(line + strlen("\nFDSize:"), NULL, 10) : -1;
}

/* 1: the thread's table contains the file that is our descriptor; 0: it does not; -1: unknown. */
static int table_contains(pid_t tid, int file)
{
    pid_t self = getpid();
    long size = table_size(tid);
    for (long fd = 0; fd < size; fd++) {
        long order = syscall(SYS_kcmp, self, tid, KCMP_FILE, file, fd);
        if (order == 0 || (order < 0 && errno == ESRCH))
            return order == 0;
        if (order < 0 && errno != EBADF)
            return -1;
    }
    return size < 0 ? -1 : 0;
}

static int borrow(const struct search *search)
{
    int pidfd = search->owner ? (int)syscall(SYS_pidfd_open, search->owner, 0) : -1;
    int file = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, search->fd, 0);
    if (pidfd >= 0)
        close(pidfd);
    return file;
}

/* A table that cannot be listed can still be compared, descriptor by descriptor, with a file that
 * we hold: the one of an owner that is known. */
static int look_into_hidden(struct search *search, struct error *err)
{
    int file = search->n_hidden ? borrow(search) : -1, contains = 0;
    for (size_t i = 0; contains >= 0 && i < search->n_hidden; i++) {
        struct process *process = &search->list->items[search->hidden[i].process];
        contains = file < 0 ? -1 : table_contains(search->hidden[i].tid, file);
        process->owner |= contains == 1;
        if (contains < 0)
            error_set(err, ERROR_DENIED, "process %d may hold the connection, but does not let its "
                      "descriptors be read", (int)process->pid);
    }
    if (file >= 0)
        close(file);
    return contains < 0 ? -1 : 0;
}

static int add_children_of_init(struct processes *list, pid_t init, struct error *err)
{
    char path[PROC_PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)init, (int)init);
    if (access(path, R_OK) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot list the processes of the sandbox (%s)",
                           path);
    return add_children(list, init, init, PROCESS_INIT, err);
}

int egress_find_owners(pid_t init, uint32_t inode, struct processes *out, struct error *err)
{
    struct search search = {.list = out};
    int rc = add_children_of_init(out, init, err);
    snprintf(search.socket, sizeof search.socket, "socket:[%u]", inode);
    for (size_t i = 0; rc == 0 && i < out->n; i++)
        rc = look_into(&search, i, err);
    if (rc == 0)
        rc = look_into_hidden(&search, err);
    free(search.hidden);
    return rc;
}

void egress_processes_free(struct processes *list)
{
    free(list->items);
    *list = (struct processes){0};
}

/* The kernel marks a file that is gone, but a file may also have that name. */
static void drop_deleted(const char *link, char *path, size_t len)
{
    static const char mark[] = " (deleted)";
    size_t mark_len = sizeof mark - 1;
    struct stat st;
    if (len > mark_len && strcmp(path + len - mark_len, mark) == 0 && stat(link, &st) == 0 &&
        st.st_nlink == 0)
        path[len - mark_len] = '\0';
}

char *egress_process_exe(pid_t pid, struct error *err)
{
    char link[PROC_PATH_SIZE], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0) {
        error_set(err, ERROR_DENIED, "the executable of process %d is unknown", (int)pid);
        return NULL;
    }
    path[len] = '\0';
    if (text_utf8_valid(path, (size_t)len) != (size_t)len) {
        error_set(err, ERROR_DENIED, "the path of the executable of process %d is not UTF-8",
                  (int)pid);
        return NULL;
    }
    drop_deleted(link, path, (size_t)len);
    return alloc_str(path);
}
