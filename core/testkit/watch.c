/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/watch.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "testkit/file.h"

enum { QUIET_MS = 50, DEPTH_MAX = 16 };

struct watch {
    int events, signals;
    sigset_t old;
    char changed[NAME_MAX + 1];
    struct buf names; /* of files that tests use, each between slashes */
};

struct watch *watch_new(struct error *err)
{
    struct watch *watch = alloc_zero(1, sizeof *watch);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, &watch->old);
    watch->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    watch->signals = signalfd(-1, &ends, SFD_CLOEXEC);
    if (watch->events >= 0 && watch->signals >= 0)
        return watch;
    error_errno(err, ERROR_INTERNAL, "cannot watch files");
    watch_free(watch);
    return NULL;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    if (watch->events >= 0)
        close(watch->events);
    if (watch->signals >= 0)
        close(watch->signals);
    sigprocmask(SIG_SETMASK, &watch->old, NULL);
    buf_free(&watch->names);
    free(watch);
}

/* Watching a folder twice is once. */
static void add_folder(struct watch *watch, const char *folder)
{
    inotify_add_watch(watch->events, folder,
                      IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                          IN_ONLYDIR);
}

static void add_tree(struct watch *watch, const char *folder, int depth)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    add_folder(watch, folder);
    while (dir && depth < DEPTH_MAX && (entry = readdir(dir))) {
        struct stat st;
        if (entry->d_name[0] == '.')
            continue;
        char *path = alloc_printf("%s/%s", folder, entry->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            add_tree(watch, path, depth + 1);
        free(path);
    }
    if (dir)
        closedir(dir);
}

/* Editors replace files, so it is the folder that is watched. */
static void add_folder_of(struct watch *watch, const char *path)
{
    char *copy = alloc_str(path);
    add_folder(watch, dirname(copy));
    free(copy);
}

void watch_path(struct watch *watch, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        add_tree(watch, path, 0);
    else
        add_folder_of(watch, path);
}

static void add_used(struct watch *watch, const char *path)
{
    const char *slash = strrchr(path, '/');
    buf_printf(&watch->names, "/%s/", slash ? slash + 1 : path);
    add_folder_of(watch, path);
}

static void add_file(struct watch *watch, const struct suite *suite, const struct case_file *file)
{
    bool by_path = file_ends_with(file->plugin, ".lua") || file_ends_with(file->plugin, ".so");
    add_folder(watch, file->folder);
    if (by_path)
        add_folder_of(watch, file_beside(suite->arena, file->folder, file->plugin));
    for (size_t i = 0; i < file->n_command; i++)
        if (strchr(file->command[i], '/'))
            add_used(watch, file_beside(suite->arena, file->folder, file->command[i]));
    if (*file->chain)
        add_used(watch, file_beside(suite->arena, file->folder, file->chain));
    for (size_t i = 0; i < file->n_uses; i++)
        add_used(watch, file->uses[i]);
}

void watch_suite(struct watch *watch, const struct suite *suite,
                 const struct stage_settings *settings)
{
    watch->names.len = 0;
    for (size_t i = 0; i < suite->n_files; i++)
        add_file(watch, suite, suite->files[i]);
    for (size_t i = 0; i < settings->n_plugin_dirs; i++)
        add_folder(watch, settings->plugin_dirs[i]);
}

static bool is_used(const struct watch *watch, const char *name)
{
    char *between = alloc_printf("/%s/", name);
    bool used = watch->names.len && strstr(watch->names.data, between);
    free(between);
    return used;
}

/* Only what a test may depend on: editors write files of their own, and reports may go beside the
 * cases. */
static bool matters(const struct watch *watch, const struct inotify_event *event)
{
    static const char *const endings[] = {".yaml", ".yml", ".lua", ".so", ".py", ".sh"};
    const char *name = event->len ? event->name : "";
    if (*name == '.' || !*name)
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (file_ends_with(name, endings[i]))
            return true;
    return event->mask & IN_ISDIR || is_used(watch, name);
}

static bool take_events(struct watch *watch)
{
    char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool any = false;
    ssize_t n;
    while ((n = read(watch->events, bytes, sizeof bytes)) > 0) {
        for (char *at = bytes; at < bytes + n;) {
            const struct inotify_event *event = (const void *)at;
            if (matters(watch, event)) {
                snprintf(watch->changed, sizeof watch->changed, "%s", event->name);
                any = true;
            }
            at += sizeof *event + event->len;
        }
    }
    return any;
}

const char *watch_wait(struct watch *watch)
{
    bool changed = false;
    for (;;) {
        struct pollfd fds[] = {{watch->signals, POLLIN, 0}, {watch->events, POLLIN, 0}};
        int n = poll(fds, 2, changed ? QUIET_MS : -1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || fds[0].revents)
            return NULL;
        if (n == 0)
            return watch->changed;
        if (take_events(watch))
            changed = true;
    }
}
