/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "egress/caller/caller.h"
#include "egress/caller/processes.h"

enum { PROC_PATH = 48, ATTEMPTS = 3 };

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
    char link[PROC_PATH];
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
    char link[PROC_PATH];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t len = read_link(link, path);
    *gone = false;
    return len > 0 && is_marked(path, (size_t)len) ? read_marked(link, path, gone) : len;
}

/* The path of the executable, as the process's own mounts show it.  NULL with err: unknown, no
 * UTF-8, or a file in memory. */
static char *executable_of(pid_t pid, struct error *err)
{
    char path[PATH_MAX];
    bool gone;
    ssize_t len = read_exe(pid, path, &gone);
    if (len <= 0)
        error_set(err, ERROR_DENIED, "the executable of process %d is unknown", (int)pid);
    else if (text_utf8_valid(path, (size_t)len) != (size_t)len)
        error_set(err, ERROR_DENIED, "the path of the executable of process %d is not UTF-8",
                  (int)pid);
    else if (gone && is_memory(path))
        error_set(err, ERROR_DENIED, "the executable of process %d is a file in memory "
                  "(memfd_create), which no path of a policy can name", (int)pid);
    else
        return alloc_str(path);
    return NULL;
}

enum step { STEP_ON, STEP_CHANGED, STEP_UNKNOWN };

static enum step changed(const struct egress_caller *caller, struct error *err)
{
    error_set(err, ERROR_DENIED, "the parents of process %d end too quickly", (int)caller->pid);
    return STEP_CHANGED;
}

static enum step add_ancestor(char *path, pid_t id, struct egress_caller *out, struct error *err)
{
    if (out->n_ancestors == EGRESS_ANCESTORS_MAX) {
        free(path);
        error_set(err, ERROR_DENIED, "process %d has more than %d ancestors", (int)out->pid,
                  EGRESS_ANCESTORS_MAX);
        return STEP_UNKNOWN;
    }
    out->ancestors = alloc_resize(out->ancestors, out->n_ancestors + 1, sizeof *out->ancestors);
    out->ancestor_ids =
        alloc_resize(out->ancestor_ids, out->n_ancestors + 1, sizeof *out->ancestor_ids);
    out->ancestor_ids[out->n_ancestors] = id;
    out->ancestors[out->n_ancestors++] = path;
    return STEP_ON;
}

/* A process whose parent ends gets another one further up, and never the same again: so one that
 * has the same parent before and after its program was read had it all the time. */
static bool still_has_parent(const struct egress_process *process, pid_t parent)
{
    struct egress_ids ids;
    return egress_process_ids(process, &ids) && ids.parent == parent;
}

struct climb {
    struct egress_processes *processes;
    const struct egress_process *at;
    pid_t parent;                                   /* of at */
};

static enum step cannot_hold(pid_t pid, int rc, const struct egress_caller *caller,
                             struct error *err)
{
    if (rc == -ESRCH)
        return changed(caller, err);
    error_set(err, ERROR_DENIED, "process %d, an ancestor of process %d, cannot be opened: %s",
              (int)pid, (int)caller->pid, strerror(-rc));
    return STEP_UNKNOWN;
}

static enum step add_parent(struct climb *climb, struct egress_caller *out, struct error *err)
{
    const struct egress_process *parent;
    struct egress_ids ids;
    if (climb->parent <= 0)
        return changed(out, err);
    int rc = egress_processes_hold(climb->processes, climb->parent, &parent, &ids);
    if (rc != 0)
        return cannot_hold(climb->parent, rc, out, err);
    char *path = executable_of(climb->parent, err);
    if (!still_has_parent(climb->at, climb->parent)) {
        free(path);
        return changed(out, err);
    }
    pid_t id = climb->parent;
    climb->at = parent;
    climb->parent = ids.parent;
    return path ? add_ancestor(path, id, out, err) : STEP_UNKNOWN;
}

static enum step add_ancestors(struct climb climb, pid_t init, struct egress_caller *out,
                               struct error *err)
{
    enum step step = STEP_ON;
    while (out->n_ancestors > 0)
        free(out->ancestors[--out->n_ancestors]);
    while (step == STEP_ON && climb.parent != init)
        step = add_parent(&climb, out, err);
    return step;
}

int egress_program_identify(struct egress_processes *processes, const struct egress_process *thread,
                            const struct egress_ids *ids, pid_t init, struct egress_caller *out,
                            struct error *err)
{
    struct egress_ids now = *ids;
    *out = (struct egress_caller){.pid = ids->process, .at_ms = clock_boot_ms()};
    out->binary = executable_of(thread->id, err);
    if (!out->binary)
        return -1;
    enum step step = add_ancestors((struct climb){processes, thread, now.parent}, init, out, err);
    for (int i = 1; i < ATTEMPTS && step == STEP_CHANGED; i++)
        if (egress_process_ids(thread, &now))
            step = add_ancestors((struct climb){processes, thread, now.parent}, init, out, err);
    return step == STEP_ON ? 0 : -1;
}
