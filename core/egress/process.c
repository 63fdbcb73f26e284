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

/* 1: the descriptor table of a task (such as /proc/5/task/6) contains the socket; 0: it does not. */
static int holds(const char *task, const char *socket, struct error *err)
{
    char path[PROC_PATH_SIZE + 8], link[64];
    int found = 0;
    snprintf(path, sizeof path, "%s/fd", task);
    DIR *dir = opendir(path);
    if (!dir && (errno == ENOENT || errno == ESRCH || ended(task)))
        return 0;
    if (!dir)
        return error_set(err, ERROR_DENIED, "%s may hold the connection, but its descriptors "
                         "cannot be read", task);
    for (struct dirent *entry; !found && (entry = readdir(dir));) {
        ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);
        link[len > 0 ? len : 0] = '\0';
        found = strcmp(link, socket) == 0;
    }
    closedir(dir);
    return found;
}

/* Threads share one table unless they have asked for one of their own. */
static bool same_table(pid_t pid, pid_t tid)
{
    return syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) == 0;
}

static int look_into_thread(struct processes *list, size_t i, pid_t tid, const char *socket,
                            struct error *err)
{
    char task[PROC_PATH_SIZE];
    pid_t pid = list->items[i].pid;
    if (add_children(list, pid, tid, i, err) != 0)
        return -1;
    if (tid != pid && same_table(pid, tid))
        return 0;
    snprintf(task, sizeof task, "/proc/%d/task/%d", (int)pid, (int)tid);
    int held = holds(task, socket, err);
    list->items[i].owner |= held == 1;
    return held < 0 ? -1 : 0;
}

static int look_into(struct processes *list, size_t i, const char *socket, struct error *err)
{
    char path[PROC_PATH_SIZE];
    int rc = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)list->items[i].pid);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir));) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0)
            rc = look_into_thread(list, i, tid, socket, err);
    }
    closedir(dir);
    return rc;
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
    char socket[64];
    snprintf(socket, sizeof socket, "socket:[%u]", inode);
    if (add_children_of_init(out, init, err) != 0)
        return -1;
    for (size_t i = 0; i < out->n; i++)
        if (look_into(out, i, socket, err) != 0)
            return -1;
    return 0;
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
