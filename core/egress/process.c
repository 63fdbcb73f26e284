/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/process.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t egress_proc_read(const char *path, char *out, size_t size)
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

/* Whether a thread has ended, perhaps without having been waited for: then it holds nothing, and
 * its children are somebody else's. */
bool egress_proc_ended(pid_t pid, pid_t tid)
{
    char path[PROC_PATH_SIZE], text[512];
    snprintf(path, sizeof path, "/proc/%d/task/%d/exe", (int)pid, (int)tid);
    if (readlink(path, text, sizeof text) > 0)
        return false;
    if (errno == ENOENT || errno == ESRCH)
        return true;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    if (egress_proc_read(path, text, sizeof text) < 0)
        return true;
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] == ' ' && strchr("ZX", name_end[2]) != NULL;
}

int egress_search_late(const struct search *search, struct error *err)
{
    if (clock_mono_ns() < search->deadline_ns)
        return 0;
    return error_set(err, ERROR_DENIED, "the processes of the sandbox cannot be looked through in "
                     "time: they hold too many descriptors, or come and go too quickly");
}

/* ---- who there is ---- */

static bool is_known(const struct search *search, pid_t pid, ino_t inode)
{
    for (size_t i = 0; i < search->n; i++)
        if (search->items[i].pid == pid && search->items[i].inode == inode)
            return true;
    return false;
}

static int find_inode(pid_t pid, ino_t *out)
{
    struct stat st;
    char path[PROC_PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    int rc = stat(path, &st);
    *out = rc == 0 ? st.st_ino : 0;
    return rc;
}

static int add(struct search *search, pid_t pid, size_t parent, struct error *err)
{
    ino_t inode;
    if (find_inode(pid, &inode) != 0) {
        search->changed = true;                     /* it has ended, and left what to whom? */
        return 0;
    }
    if (is_known(search, pid, inode))
        return 0;
    if (search->n == PROCESS_MAX)
        return error_set(err, ERROR_DENIED, "the sandbox has too many processes to look through "
                         "(the limit is %d)", PROCESS_MAX);
    if (search->n == search->cap) {
        search->cap = search->cap ? search->cap * 2 : 32;
        search->items = alloc_resize(search->items, search->cap, sizeof *search->items);
    }
    search->items[search->n++] = (struct process){.pid = pid, .inode = inode, .parent = parent};
    search->changed = true;
    return 0;
}

/* The children that one thread has made. */
static int add_children(struct search *search, pid_t pid, pid_t tid, size_t parent,
                        struct error *err)
{
    char path[PROC_PATH_SIZE], text[PROCESS_MAX * 8], *at = text, *end;
    int rc = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)tid);
    ssize_t len = egress_proc_read(path, text, sizeof text);
    if (len == sizeof text - 1)
        return error_set(err, ERROR_DENIED, "process %d has too many children to look through",
                         (int)pid);
    for (long child = 0; len > 0 && rc == 0; at = end) {
        child = strtol(at, &end, 10);
        if (end == at)
            break;
        rc = add(search, (pid_t)child, parent, err);
    }
    return rc;
}

static struct task *find_task(const struct process *process, pid_t tid, ino_t inode)
{
    for (size_t i = 0; i < process->n_tasks; i++)
        if (process->tasks[i].tid == tid && process->tasks[i].inode == inode)
            return &process->tasks[i];
    return NULL;
}

static struct task *add_task(struct process *process, pid_t tid, ino_t inode)
{
    process->tasks = alloc_resize(process->tasks, process->n_tasks + 1, sizeof *process->tasks);
    process->tasks[process->n_tasks] = (struct task){.tid = tid, .inode = inode};
    return &process->tasks[process->n_tasks++];
}

/* The table before the children: what it has given away it gave to one of these. */
static int look_at_task(struct search *search, size_t i, pid_t tid, ino_t inode, struct error *err)
{
    struct process *process = &search->items[i];
    pid_t pid = process->pid;
    struct task *task = find_task(process, tid, inode);
    size_t index = task ? (size_t)(task - process->tasks) : process->n_tasks;
    if (!task) {
        add_task(process, tid, inode);
        search->changed = true;
        if ((tid == pid || !egress_table_shared(pid, tid)) &&
            egress_table_look(search, i, tid, err) != 0)
            return -1;
    }
    if (add_children(search, pid, tid, i, err) != 0)
        return -1;
    task = &search->items[i].tasks[index];
    if (!task->ended && egress_proc_ended(pid, tid))
        task->ended = search->changed = true;
    return 0;
}

static int look_at_process(struct search *search, size_t i, struct error *err)
{
    char path[PROC_PATH_SIZE];
    int rc = egress_search_late(search, err);
    snprintf(path, sizeof path, "/proc/%d/task", (int)search->items[i].pid);
    DIR *dir = rc == 0 ? opendir(path) : NULL;
    if (rc == 0 && !dir && !search->items[i].ended)
        search->items[i].ended = search->changed = true;
    for (struct dirent *entry; rc == 0 && dir && (entry = readdir(dir));) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid != 0)
            rc = look_at_task(search, i, tid, entry->d_ino, err);
    }
    if (dir)
        closedir(dir);
    return rc;
}

/* A process whose parent ends gets another parent further up, never further down: so whoever is
 * known is looked at from below, and init last. */
static int look_at_all(struct search *search, struct error *err)
{
    int rc = 0;
    size_t known = search->n;
    for (size_t i = known; rc == 0 && i-- > 0;)
        rc = look_at_process(search, i, err);
    if (rc == 0)
        rc = add_children(search, search->init, search->init, PROCESS_INIT, err);
    for (size_t i = known; rc == 0 && i < search->n; i++)
        rc = look_at_process(search, i, err);
    return rc;
}

void egress_search_begin(struct search *search, pid_t init, const uint32_t *inodes, size_t n,
                         uint64_t deadline_ns)
{
    *search = (struct search){
        .init = init, .inodes = inodes, .n_sockets = n, .deadline_ns = deadline_ns};
}

int egress_search_look(struct search *search, bool *changed, struct error *err)
{
    char path[PROC_PATH_SIZE];
    int rc;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)search->init, (int)search->init);
    if (access(path, R_OK) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot list the processes of the sandbox (%s)",
                           path);
    search->changed = !search->begun;
    search->begun = true;
    rc = egress_search_late(search, err);
    if (rc == 0)
        rc = look_at_all(search, err);
    *changed = search->changed;
    return rc;
}

void egress_search_end(struct search *search)
{
    for (size_t i = 0; i < search->n; i++)
        free(search->items[i].tasks);
    free(search->items);
    free(search->holdings);
    free(search->hidden);
    *search = (struct search){0};
}

/* ---- what program it is ---- */

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

char *egress_process_exe(const struct process *process, struct error *err)
{
    char link[PROC_PATH_SIZE], path[PATH_MAX];
    ino_t inode;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)process->pid);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0 || find_inode(process->pid, &inode) != 0 || inode != process->inode) {
        error_set(err, ERROR_DENIED, "the executable of process %d is unknown", (int)process->pid);
        return NULL;
    }
    path[len] = '\0';
    if (text_utf8_valid(path, (size_t)len) != (size_t)len) {
        error_set(err, ERROR_DENIED, "the path of the executable of process %d is not UTF-8",
                  (int)process->pid);
        return NULL;
    }
    drop_deleted(link, path, (size_t)len);
    return alloc_str(path);
}
