/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/process.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "egress/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int egress_search_late(const struct search *search, struct error *err)
{
    if (clock_mono_ns() < search->deadline_ns)
        return 0;
    return error_set(err, ERROR_DENIED, "the processes of the sandbox cannot be looked through in "
                     "time: they hold too many descriptors, or come and go too quickly");
}

/* ---- who there is ---- */

enum {
    FOLDER_LINKS = 2,                               /* of a folder without subfolders */
    LISTS_OPEN_MAX = 16,
};

static bool is_known(const struct search *search, pid_t pid, ino_t inode)
{
    for (size_t i = 0; i < search->n; i++)
        if (search->items[i].pid == pid && search->items[i].inode == inode)
            return true;
    return false;
}

/* The folder of a process's threads, which has a link for each of them. */
static int find_threads(pid_t pid, ino_t *inode, size_t *n)
{
    struct stat st;
    char path[PROC_PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    if (stat(path, &st) != 0)
        return -1;
    *inode = st.st_ino;
    *n = (size_t)st.st_nlink - FOLDER_LINKS;
    return 0;
}

static int add(struct search *search, pid_t pid, size_t parent, struct error *err)
{
    ino_t inode;
    size_t n;
    if (find_threads(pid, &inode, &n) != 0) {
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
    search->items[search->n++] =
        (struct process){.pid = pid, .inode = inode, .parent = parent, .children = -1, .counted = n};
    search->changed = true;
    return 0;
}

static int add_listed(struct search *search, const char *list, size_t parent, struct error *err)
{
    int rc = 0;
    char *end;
    for (long child = strtol(list, &end, 10); rc == 0 && end != list; child = strtol(list, &end, 10)) {
        rc = add(search, (pid_t)child, parent, err);
        list = end;
    }
    return rc;
}

static int unlisted(const struct process *process, const char *what, struct error *err)
{
    return error_errno(err, ERROR_INTERNAL, "cannot list the %s of process %d", what, (int)process->pid);
}

static int open_children(pid_t pid, pid_t tid)
{
    char path[PROC_PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)tid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int add_children(struct search *search, int fd, size_t parent, struct error *err)
{
    char list[PROCESS_MAX * 8];
    ssize_t len = egress_proc_read(fd, list, sizeof list);
    if (len == sizeof list - 1)
        return error_set(err, ERROR_DENIED, "a process has too many children to look through");
    if (len < 0 && !egress_proc_gone())
        return error_errno(err, ERROR_INTERNAL, "cannot list the children of a process");
    return len > 0 ? add_listed(search, list, parent, err) : 0;
}

/* The children that a thread has made.  The list stays open for the next look where it is one of few. */
static int add_children_of(struct search *search, size_t i, pid_t tid, struct error *err)
{
    struct process *process = &search->items[i];
    pid_t pid = process->pid;
    bool keep = tid == pid && i < LISTS_OPEN_MAX;
    int fd = keep && process->children >= 0 ? process->children : open_children(pid, tid);
    if (fd < 0)
        return egress_proc_gone() ? 0 : unlisted(process, "children", err);
    if (keep)
        process->children = fd;
    int rc = add_children(search, fd, i, err);
    if (!keep)
        close(fd);
    return rc;
}

/* ---- what each has ---- */

static struct task *find_task(const struct process *process, const struct task *task)
{
    for (size_t i = 0; i < process->n_tasks; i++)
        if (process->tasks[i].tid == task->tid && process->tasks[i].inode == task->inode)
            return &process->tasks[i];
    return NULL;
}

static void put_task(struct process *process, pid_t tid, ino_t inode)
{
    process->tasks = alloc_resize(process->tasks, process->n_tasks + 1, sizeof *process->tasks);
    process->tasks[process->n_tasks++] = (struct task){.tid = tid, .inode = inode};
}

static int list_tasks(struct process *process, size_t n, struct error *err)
{
    struct proc_folder folder;
    const struct dirent64 *entry;
    char path[PROC_PATH_SIZE];
    if (n == 1) {
        put_task(process, process->pid, 0);
        return 0;
    }
    snprintf(path, sizeof path, "/proc/%d/task", (int)process->pid);
    if (egress_proc_open(&folder, path) != 0)
        return egress_proc_gone() ? 0 : unlisted(process, "threads", err);
    while ((entry = egress_proc_next(&folder)))
        put_task(process, (pid_t)strtol(entry->d_name, NULL, 10), entry->d_ino);
    return egress_proc_close(&folder) == 0 || egress_proc_gone() ? 0 : unlisted(process, "threads", err);
}

static bool has_left(const struct process *old, const struct process *now)
{
    for (size_t i = 0; i < old->n_tasks; i++)
        if (!find_task(now, &old->tasks[i]))
            return true;
    return false;
}

/* A thread with a table of its own that executes a program takes the place of the first one, and its
 * table with it: so when a thread is gone, the tables of all others are looked at again. */
static int update_tasks(struct process *process, size_t n, struct error *err)
{
    struct process now = {.pid = process->pid};
    if (n == 1 && process->n_tasks == 1 && process->tasks[0].tid == process->pid)
        return 0;
    int rc = list_tasks(&now, n, err);
    bool left = has_left(process, &now);
    for (size_t i = 0; i < now.n_tasks && !left; i++) {
        const struct task *known = find_task(process, &now.tasks[i]);
        if (known)
            now.tasks[i] = *known;
    }
    free(process->tasks);
    process->tasks = now.tasks;
    process->n_tasks = now.n_tasks;
    return rc;
}

/* The table before the children: what it has given away it gave to one of these. */
static int look_at_task(struct search *search, size_t i, size_t nth, struct error *err)
{
    struct task *task = &search->items[i].tasks[nth];
    pid_t pid = search->items[i].pid, tid = task->tid;
    int rc = 0;
    if (!task->seen) {
        task->seen = search->changed = true;
        if (tid == pid || !egress_table_shared(pid, tid))
            rc = egress_table_look(search, i, tid, err);
    }
    if (rc == 0)
        rc = add_children_of(search, i, tid, err);
    task = &search->items[i].tasks[nth];            /* the list may have moved */
    if (rc == 0 && !task->ended && egress_proc_ended(pid, tid))
        task->ended = search->changed = true;
    return rc;
}

/* How many threads the process has; 0: it is no more. */
static size_t count_threads(struct process *process)
{
    ino_t inode;
    size_t n = process->counted;
    process->counted = 0;
    if (n > 0 || (find_threads(process->pid, &inode, &n) == 0 && inode == process->inode))
        return n;
    return 0;
}

static int look_at_process(struct search *search, size_t i, struct error *err)
{
    int rc = egress_search_late(search, err);
    size_t n = rc == 0 ? count_threads(&search->items[i]) : 0;
    if (rc == 0 && n == 0 && !search->items[i].ended)
        search->items[i].ended = search->changed = true;
    if (n > 0)
        rc = update_tasks(&search->items[i], n, err);
    for (size_t nth = 0; rc == 0 && n > 0 && nth < search->items[i].n_tasks; nth++)
        rc = look_at_task(search, i, nth, err);
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
        rc = add_children(search, search->init_children, PROCESS_INIT, err);
    for (size_t i = known; rc == 0 && i < search->n; i++)
        rc = look_at_process(search, i, err);
    return rc;
}

int egress_children_open(pid_t init, struct error *err)
{
    int fd = open_children(init, init);
    if (fd < 0)
        error_errno(err, ERROR_INTERNAL, "cannot list the processes of the sandbox (the children of process %d)",
                    (int)init);
    return fd;
}

void egress_search_begin(struct search *search, int init_children, const uint32_t *inodes, size_t n,
                         uint64_t deadline_ns)
{
    *search = (struct search){
        .init_children = init_children, .inodes = inodes, .n_sockets = n, .deadline_ns = deadline_ns};
}

int egress_search_look(struct search *search, bool *changed, struct error *err)
{
    search->changed = !search->begun;
    search->begun = true;
    int rc = egress_search_late(search, err);
    if (rc == 0)
        rc = look_at_all(search, err);
    *changed = search->changed;
    return rc;
}

void egress_search_end(struct search *search)
{
    for (size_t i = 0; i < search->n; i++) {
        free(search->items[i].tasks);
        if (search->items[i].children >= 0)
            close(search->items[i].children);
    }
    free(search->items);
    free(search->holdings);
    free(search->hidden);
    *search = (struct search){0};
}

/* ---- what program it is ---- */

static const char deleted_mark[] = " (deleted)";

static bool is_marked(const char *path, size_t len)
{
    size_t mark = sizeof deleted_mark - 1;
    return len > mark && strcmp(path + len - mark, deleted_mark) == 0;
}

static ssize_t read_link(const char *link, char path[PATH_MAX])
{
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    path[len > 0 ? len : 0] = '\0';
    return len;
}

/* The kernel marks a file that is gone, but a file may also have that name.  A file that was gone
 * before its path is read has the mark after its name.  So both are asked of one open file, in this
 * order, and a file that is removed in between keeps the mark. */
static ssize_t read_marked(const char *exe, char path[PATH_MAX], bool *gone)
{
    char link[PROC_PATH_SIZE];
    struct stat st;
    int fd = open(exe, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    *gone = fstat(fd, &st) == 0 && st.st_nlink == 0;
    ssize_t len = read_link(link, path);
    close(fd);
    if (!*gone || len <= 0 || !is_marked(path, (size_t)len))
        return len;
    len -= (ssize_t)sizeof deleted_mark - 1;
    path[len] = '\0';
    return len;
}

/* A file of memfd_create: the text behind the colon is whatever its maker wrote. */
static bool is_memory(const char *path)
{
    return strncmp(path, "/memfd:", strlen("/memfd:")) == 0;
}

static ssize_t read_exe(pid_t pid, char path[PATH_MAX], bool *gone)
{
    char link[PROC_PATH_SIZE];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t len = read_link(link, path);
    *gone = false;
    return len > 0 && is_marked(path, (size_t)len) ? read_marked(link, path, gone) : len;
}

char *egress_process_exe(const struct process *process, struct error *err)
{
    char path[PATH_MAX];
    bool gone;
    int pid = (int)process->pid;
    ssize_t len = read_exe(process->pid, path, &gone);
    if (len <= 0 || process->ended)
        error_set(err, ERROR_DENIED, "the executable of process %d is unknown", pid);
    else if (text_utf8_valid(path, (size_t)len) != (size_t)len)
        error_set(err, ERROR_DENIED, "the path of the executable of process %d is not UTF-8", pid);
    else if (gone && is_memory(path))
        error_set(err, ERROR_DENIED, "the executable of process %d is a file in memory "
                  "(memfd_create), which no path of a policy can name", pid);
    else
        return alloc_str(path);
    return NULL;
}
