/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/container/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum { CPU_PERIOD_US = 100000, SOCKETS_SHARE = 4 };

#define LEAF "sluiced"

static const char *const controllers[] = {"memory", "cpu", "pids"};

const char *cgroup_kind_word(enum cgroup_kind kind)
{
    static const char *const words[] = {"none", "v1", "v2"};
    return words[kind];
}

/* ---- where ---- */

static bool has_word(const char *list, const char *word, const char *separators)
{
    size_t len = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += len)
        if ((at == list || strchr(separators, at[-1])) && strchr(separators, at[len]))
            return true;
    return false;
}

/* The path of this process in the hierarchy of a controller; "" names that of v2. */
static bool own_path(const char *controller, char out[PATH_MAX])
{
    char line[PATH_MAX + 256], *names, *path;
    bool found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (!(names = strchr(line, ':')) || !(path = strchr(++names, ':')))
            continue;
        *path++ = '\0';
        found = *controller ? has_word(names, controller, ",") : *names == '\0';
        if (found)
            snprintf(out, PATH_MAX, "%s", path);
    }
    if (file)
        fclose(file);
    return found;
}

/* mountinfo: ID PARENT DEV ROOT TARGET OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS */
static bool find_mount(const char *type, const char *controller, char root[PATH_MAX],
                       char target[PATH_MAX])
{
    char line[2 * PATH_MAX + 512], kind[64], options[512];
    bool found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *rest = strstr(line, " - ");
        if (rest && sscanf(rest, " - %63s %*s %511s", kind, options) == 2 &&
            strcmp(kind, type) == 0 && (!*controller || has_word(options, controller, ",")))
            found = sscanf(line, "%*s %*s %*s %4095s %4095s", root, target) == 2;
    }
    if (file)
        fclose(file);
    return found;
}

/* The folder of this process in a hierarchy, as far as the mount shows it. */
static bool own_folder(const char *type, const char *controller, char out[PATH_MAX])
{
    char root[PATH_MAX], target[PATH_MAX], path[PATH_MAX];
    if (!find_mount(type, controller, root, target) || !own_path(controller, path))
        return false;
    size_t shown = strcmp(root, "/") == 0 ? 0 : strlen(root);
    const char *below = strncmp(path, root, shown) == 0 ? path + shown : "";
    return snprintf(out, PATH_MAX, "%s%s", target, strcmp(below, "/") == 0 ? "" : below) < PATH_MAX;
}

static bool write_text(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_MAX)
        return false;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int number = errno;
    if (fd >= 0)
        close(fd);
    errno = number;
    return done;
}

static bool read_text(const char *folder, const char *name, char *out, size_t size)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_MAX)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0)
        close(fd);
    out[got < 0 ? 0 : got] = '\0';
    return got >= 0;
}

/* Makes a group and removes it: rights alone do not tell. */
static bool can_make(const char *parent)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/sluice-try-%d", parent, (int)getpid()) >= PATH_MAX)
        return false;
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return false;
    rmdir(path);
    return true;
}

static bool find_v1(struct cgroup_home *out)
{
    bool any = false;
    for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
        char *parent = out->parent[i];
        bool there = own_folder("cgroup", controllers[i], parent);
        if (there && can_make(parent)) {
            any = true;
            continue;
        }
        if (!*out->why)
            snprintf(out->why, sizeof out->why,
                     there ? "this user cannot make a group for %s in %.150s (%s)"
                           : "the controller %s of cgroup v1 is not mounted here",
                     controllers[i], parent, strerror(errno));
        *parent = '\0';
    }
    out->kind = any ? CGROUP_V1 : CGROUP_NONE;
    return any;
}

static void explain_v2(struct cgroup_home *out, const char *folder)
{
    snprintf(out->why, sizeof out->why,
             "cgroup %.120s is not delegated to this user with memory, cpu and pids (%s); a "
             "systemd service gets it by Delegate=yes",
             folder, strerror(errno));
}

static void find_v2(struct cgroup_home *out)
{
    char folder[PATH_MAX], leaf[PATH_MAX], there[512], pid[16];
    if (!own_folder("cgroup2", "", folder) ||
        !read_text(folder, "cgroup.controllers", there, sizeof there) ||
        !has_word(there, "memory", " \n")) {
        if (!*out->why)
            snprintf(out->why, sizeof out->why,
                     "this host has no memory controller of cgroup v1 or v2");
        return;
    }
    char *last = strrchr(folder, '/');
    if (last && strcmp(last + 1, LEAF) == 0)        /* of an earlier start in this service */
        *last = '\0';
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (snprintf(leaf, sizeof leaf, "%s/" LEAF, folder) >= PATH_MAX ||
        (mkdir(leaf, 0755) != 0 && errno != EEXIST) || !write_text(leaf, "cgroup.procs", pid) ||
        !write_text(folder, "cgroup.subtree_control", "+memory +cpu +pids")) {
        explain_v2(out, folder);
        return;
    }
    out->kind = CGROUP_V2;
    for (int i = 0; i < CGROUP_CONTROLLERS; i++)
        snprintf(out->parent[i], PATH_MAX, "%s", folder);
}

void cgroup_find(struct cgroup_home *out)
{
    memset(out, 0, sizeof *out);
    if (!find_v1(out))
        find_v2(out);
    if (out->kind == CGROUP_V2)
        *out->why = '\0';
}

/* ---- make ---- */

static bool set_v1(const char *folder, int controller, const struct cgroup_limits *limits)
{
    char text[32];
    if (controller == CGROUP_MEMORY && limits->memory) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)limits->memory);
        /* Swap is counted with memory, where the kernel counts it. */
        if (!write_text(folder, "memory.limit_in_bytes", text) ||
            (!write_text(folder, "memory.memsw.limit_in_bytes", text) && errno != ENOENT))
            return false;
        /* Buffers of TCP and UDP sockets have an account of their own, which v1 keeps only for a
         * group that limits it. */
        snprintf(text, sizeof text, "%llu", (unsigned long long)limits->memory / SOCKETS_SHARE);
        return write_text(folder, "memory.kmem.tcp.limit_in_bytes", text) || errno == ENOENT;
    }
    if (controller == CGROUP_CPU && limits->cpu_millis) {
        snprintf(text, sizeof text, "%llu",
                 (unsigned long long)limits->cpu_millis * CPU_PERIOD_US / 1000);
        return write_text(folder, "cpu.cfs_quota_us", text);
    }
    snprintf(text, sizeof text, "%llu", (unsigned long long)limits->pids);
    return controller != CGROUP_PIDS || !limits->pids || write_text(folder, "pids.max", text);
}

static bool set_v2(const char *folder, const struct cgroup_limits *limits)
{
    char text[64];
    snprintf(text, sizeof text, "%llu", (unsigned long long)limits->memory);
    if (limits->memory && (!write_text(folder, "memory.max", text) ||
                           (!write_text(folder, "memory.swap.max", "0") && errno != ENOENT)))
        return false;
    snprintf(text, sizeof text, "%llu %d",
             (unsigned long long)limits->cpu_millis * CPU_PERIOD_US / 1000, CPU_PERIOD_US);
    if (limits->cpu_millis && !write_text(folder, "cpu.max", text))
        return false;
    snprintf(text, sizeof text, "%llu", (unsigned long long)limits->pids);
    return !limits->pids || write_text(folder, "pids.max", text);
}

static bool make_folder(const struct cgroup_home *home, int controller, const char *name,
                        const struct cgroup_limits *limits)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", home->parent[controller], name) >= PATH_MAX ||
        (mkdir(path, 0755) != 0 && errno != EEXIST))
        return false;
    return home->kind == CGROUP_V1 ? set_v1(path, controller, limits) : set_v2(path, limits);
}

static int write_list(const struct cgroup_home *home, const char *name, const char *path)
{
    FILE *file = fopen(path, "we");
    int n = home->kind == CGROUP_V1 ? CGROUP_CONTROLLERS : 1;
    if (!file)
        return -1;
    for (int i = 0; i < n; i++)
        if (*home->parent[i])
            fprintf(file, "%s/%s\n", home->parent[i], name);
    return fclose(file);
}

int cgroup_make(const struct cgroup_home *home, const char *name,
                const struct cgroup_limits *limits, const char *list_path, struct error *err)
{
    int n = home->kind == CGROUP_V1 ? CGROUP_CONTROLLERS : home->kind == CGROUP_V2 ? 1 : 0;
    if (n > 0 && write_list(home, name, list_path) != 0)
        return error_errno(err, ERROR_IO, "cannot write %s", list_path);
    for (int i = 0; i < n; i++)
        if (*home->parent[i] && !make_folder(home, i, name, limits)) {
            error_errno(err, ERROR_INTERNAL, "cannot set the limits of cgroup %s/%s",
                        home->parent[i], name);
            cgroup_remove(list_path);
            return -1;
        }
    return 0;
}

/* ---- enter, remove ---- */

/* Calls fn with each folder of the list; false: fn has failed for one. */
static bool each(const char *list_path, bool (*fn)(const char *folder, pid_t pid), pid_t pid)
{
    char line[PATH_MAX + 1];
    bool all = true;
    FILE *file = fopen(list_path, "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        all = (*line == '\0' || fn(line, pid)) && all;
    }
    if (file)
        fclose(file);
    return all;
}

static bool enter_one(const char *folder, pid_t pid)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    return write_text(folder, "cgroup.procs", text);
}

int cgroup_enter(const char *list_path, pid_t pid, struct error *err)
{
    errno = ESRCH;
    if (pid > 0 && each(list_path, enter_one, pid))
        return 0;
    return error_errno(err, ERROR_INTERNAL, "cannot enter the sandbox's cgroups of %s", list_path);
}

static bool remove_one(const char *folder, pid_t pid)
{
    (void)pid;
    return rmdir(folder) == 0 || errno == ENOENT;
}

bool cgroup_remove(const char *list_path)
{
    if (!each(list_path, remove_one, 0))
        return false;
    unlink(list_path);
    return true;
}
