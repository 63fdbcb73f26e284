/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/replaced.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/handle.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/mounts/path.h"

struct watched {
    const char *path;
    bool hidden;                                    /* it must not even be seen */
};

struct replaced_watch {
    uv_poll_t poll;
    int notify;                                     /* inotify */
    pid_t init_pid;                                 /* 0: the mounts are not made yet */
    struct watched *watched;
    size_t n_watched;
    replaced_fn *fn;
    void *ctx;
};

static bool is_below(const struct mount_plan *plan, const char *path, bool writable)
{
    for (size_t i = 0; i < plan->n_mounts; i++) {
        const struct planned_mount *m = &plan->mounts[i];
        if ((m->kind == MOUNT_READ_WRITE || (m->kind == MOUNT_READ_ONLY && !writable)) &&
            strcmp(m->target, path) != 0 && sandbox_path_within(path, m->target))
            return true;
    }
    return false;
}

static struct watched *find_watched(const struct mount_plan *plan, size_t *n)
{
    struct watched *watched = alloc_zero(plan->guards.n + 1, sizeof *watched);
    for (size_t i = 0; i < plan->guards.n; i++) {
        const struct mount_guard *guard = &plan->guards.items[i];
        bool hidden = guard->kind == GUARD_OWN;
        if (!guard->pattern && guard->kind != GUARD_HIDDEN &&
            is_below(plan, guard->path, !hidden))
            watched[(*n)++] = (struct watched){guard->path, hidden};
    }
    return watched;
}

static void folder_of(const char *path, char *folder, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

/* A folder that is not there has nothing that could be moved. */
static void watch_folders(struct replaced_watch *watch)
{
    char folder[PATH_MAX];
    for (size_t i = 0; i < watch->n_watched; i++) {
        folder_of(watch->watched[i].path, folder, sizeof folder);
        inotify_add_watch(watch->notify, folder, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
    }
}

static bool is_writable(int fd)
{
    struct statvfs fs;
    return fstatvfs(fd, &fs) == 0 && !(fs.f_flag & ST_RDONLY);
}

static bool is_entry(const struct watched *w, int folder, const char *name, const struct stat *now)
{
    struct stat st;
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool yes = fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == now->st_dev &&
               st.st_ino == now->st_ino && (w->hidden || is_writable(fd));
    if (fd >= 0)
        close(fd);
    return yes;
}

/* The folder as the sandbox sees it; an entry of the path's own name is read-only, or not there. */
static void check(const struct replaced_watch *watch, const struct watched *w)
{
    char folder[PATH_MAX], seen[PATH_MAX + 32];
    struct stat now;
    if (lstat(w->path, &now) != 0)
        return;
    folder_of(w->path, folder, sizeof folder);
    snprintf(seen, sizeof seen, "/proc/%d/root%s", (int)watch->init_pid, folder);
    DIR *dir = opendir(seen);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (is_entry(w, dirfd(dir), e->d_name, &now)) {
            watch->fn(watch->ctx, w->path, e->d_name);
            break;
        }
    if (dir)
        closedir(dir);
}

static void check_all(struct replaced_watch *watch)
{
    for (size_t i = 0; i < watch->n_watched; i++)
        check(watch, &watch->watched[i]);
}

/* Which name it was does not matter: these folders have few changes, all of them by the host. */
static void on_notify(uv_poll_t *poll, int status, int events)
{
    struct replaced_watch *watch = poll->data;
    char bytes[4096];
    (void)status;
    (void)events;
    while (read(watch->notify, bytes, sizeof bytes) > 0)
        ;
    if (watch->init_pid > 0)
        check_all(watch);
}

struct replaced_watch *replaced_watch_new(uv_loop_t *loop, const struct mount_plan *plan,
                                          replaced_fn *fn, void *ctx)
{
    size_t n = 0;
    struct watched *watched = find_watched(plan, &n);
    int notify = n > 0 ? inotify_init1(IN_NONBLOCK | IN_CLOEXEC) : -1;
    int error = n > 0 ? errno : 0;
    if (notify < 0) {
        free(watched);
        errno = error;
        return NULL;
    }
    struct replaced_watch *watch = alloc_zero(1, sizeof *watch);
    *watch = (struct replaced_watch){
        .notify = notify, .watched = watched, .n_watched = n, .fn = fn, .ctx = ctx};
    net_make_poll(loop, &watch->poll, notify);
    watch->poll.data = watch;
    uv_poll_start(&watch->poll, UV_READABLE, on_notify);
    watch_folders(watch);
    return watch;
}

/* Folders that were elsewhere for a moment are watched now. */
void replaced_watch_begin(struct replaced_watch *watch, pid_t init_pid)
{
    watch->init_pid = init_pid;
    watch_folders(watch);
    check_all(watch);
}

static void on_closed(uv_handle_t *handle)
{
    struct replaced_watch *watch = handle->data;
    close(watch->notify);
    free(watch->watched);
    free(watch);
}

void replaced_watch_free(struct replaced_watch *watch)
{
    if (watch)
        uv_close((uv_handle_t *)&watch->poll, on_closed);
}
