/* SPDX-License-Identifier: Apache-2.0 */
/* The paths that a policy lists, and those that every sandbox has. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/program.h"
#include "sandbox/mounts/mount_plan_parts.h"

/* What every program needs, added where the host has it. */
static const struct { const char *path; bool writable; } baseline[] = {
    {"/usr", false}, {"/lib", false}, {"/etc", false}, {"/app", false}, {"/var/log", false},
    {"/proc", false}, {"/dev/urandom", false}, {"/tmp", true}, {"/dev/shm", true},
};

/* The nodes of the sandbox's own /dev.  They lead nowhere, so nobody has to list them. */
static const char *const devices[] = {
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/pts",
};

/* Links that are there too, to what is allowed anyway. */
static const char *const device_links[] = {
    "/dev/ptmx", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/core",
};

/* Folders that are the sandbox's own whatever the host has there. */
static const char *const own_folders[] = {"/proc", "/dev", "/tmp", SANDBOX_WORKDIR};

/* Files that init writes (init/own_files.c). */
static const char *const own_files[] = {
    "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
    "/etc/nsswitch.conf",
};

/* Room for one more in an arena array that doubles when n is a power of two. */
static void *grow(struct arena *arena, void *items, size_t n, size_t size)
{
    if (n != 0 && (n & (n - 1)) != 0)
        return items;
    char *bigger = arena_zalloc(arena, (n ? 2 * n : 1) * size);
    if (n)
        memcpy(bigger, items, n * size);
    return bigger;
}

void plan_add_text(struct maker *m, const char ***items, size_t *n, const char *text)
{
    *items = grow(m->arena, *items, *n, sizeof **items);
    (*items)[(*n)++] = text;
}

void plan_add_links(struct maker *m, const struct path_walk *walk)
{
    for (size_t i = 0; i < walk->n_links; i++) {
        m->links.items = grow(m->arena, m->links.items, m->links.n, sizeof *m->links.items);
        m->links.items[m->links.n++] = walk->links[i];
    }
}

void plan_add_mount(struct maker *m, const struct planned_mount *mount)
{
    struct mount_plan *plan = m->plan;
    for (size_t i = 0; i < plan->n_mounts; i++) {
        struct planned_mount *old = &plan->mounts[i];
        if (strcmp(old->target, mount->target) == 0) {
            if (mount->kind > old->kind)            /* writable wins over read only */
                *old = *mount;
            return;
        }
    }
    plan->mounts = grow(m->arena, plan->mounts, plan->n_mounts, sizeof *plan->mounts);
    plan->mounts[plan->n_mounts++] = *mount;
}

void plan_grant(struct maker *m, const char *path, bool writable)
{
    if (writable)
        plan_add_text(m, &m->plan->read_write, &m->plan->n_read_write, path);
    else
        plan_add_text(m, &m->plan->read_only, &m->plan->n_read_only, path);
}

static bool one_of(const char *path, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(path, list[i]) == 0)
            return true;
    return false;
}

#define ONE_OF(path, list) one_of(path, list, sizeof list / sizeof *list)

/* Below /tmp and /dev the host's may be meant. */
bool mount_plan_is_own(const char *path)
{
    if (strncmp(path, "/tmp/", 5) == 0)
        return false;
    if (strncmp(path, "/dev/", 5) == 0)
        return ONE_OF(path, devices) || ONE_OF(path, device_links) || strcmp(path, "/dev/shm") == 0;
    for (size_t i = 0; i < sizeof own_folders / sizeof *own_folders; i++)
        if (sandbox_path_within(path, own_folders[i]))
            return true;
    return ONE_OF(path, own_files);
}

static void list_own(struct maker *m, const struct listed *l)
{
    if (ONE_OF(l->path, device_links))
        return;
    if (strcmp(l->path, "/tmp") == 0)
        plan_add_mount(m, &(struct planned_mount){MOUNT_PRIVATE, "", l->path, 0, 0});
    if (strcmp(l->path, SANDBOX_WORKDIR) == 0 && l->writable)
        m->plan->workdir_writable = true;
    plan_grant(m, l->path, l->writable);
}

void plan_warn(struct maker *m, const char *text)
{
    m->request->warn(m->request->ctx, text);
}

static bool in_baseline(const char *path)
{
    for (size_t i = 0; i < sizeof baseline / sizeof *baseline; i++)
        if (strcmp(path, baseline[i].path) == 0)
            return true;
    return false;
}

/* A path that cannot be shown: an error when the policy insists, else a warning, and none for one
 * of the baseline that this host does not have. */
static int leave_out(struct maker *m, const struct listed *l, int error, const char *why,
                     struct error *err)
{
    if (!l->where)
        return 0;
    if (m->plan->strict)
        return error_set(err, ERROR_UNSUPPORTED,
                         "landlock.compatibility is hard_requirement, but %s, %s, %s", l->where,
                         l->path, why);
    if (error != ENOENT || !in_baseline(l->path))
        plan_warn(m, arena_printf(m->arena, "%s is left out: %s %s", l->where, l->path, why));
    return 0;
}

static bool within_any(const char *path, const char *const *folders, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sandbox_path_within(path, folders[i]))
            return true;
    return false;
}

/* Whether nobody but root can make the link say something else, or lead elsewhere by moving what it
 * is in.  A workload of an ordinary user's gateway has that user's uid on the host. */
static bool is_roots_link(const char *path)
{
    char prefix[PATH_MAX];
    struct stat st;
    for (size_t end = 1; end < sizeof prefix; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        if (lstat(prefix, &st) != 0 || !program_owner_is_root(st.st_uid))
            return false;
        if (S_ISDIR(st.st_mode) && (st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
            return false;
        if (path[end] == '\0')
            return true;
    }
    return false;
}

static const char *refuse_walk(struct maker *m, const struct path_walk *walk)
{
    /* Where the policy lets the workload write, an earlier run may have put a link to something
     * that it wants to be shown on the next start. */
    for (size_t i = 0; i < walk->n_links; i++)
        if (within_any(walk->links[i].path, m->writable, m->n_writable))
            return "is a symbolic link, or leads through one that the sandbox may write: list what "
                   "it points to";
    for (size_t i = 0; i < walk->n_links; i++)
        if (!is_roots_link(walk->links[i].path))
            return "is a symbolic link, or leads through one, that is not root's alone: list what "
                   "it points to";
    if (mount_guards_cover(&m->plan->guards, GUARD_OWN, walk->real))
        return "belongs to the gateway itself";
    if (mount_plan_is_own(walk->real) || plan_own_file(m, walk->real))
        return "leads into a folder that is the sandbox's own";
    return NULL;
}

/* The name the policy lists stays, and leads to what it points to. */
static void tell_of_link(struct maker *m, const struct listed *l, const struct path_walk *walk)
{
    if (l->where && walk->n_links > 0 && !in_baseline(l->path))
        plan_warn(m, arena_printf(m->arena,
                                  "%s: %s is or leads through a symbolic link: what is shown is %s",
                                  l->where, l->path, walk->real));
}

static int list_host(struct maker *m, const struct listed *l, struct error *err)
{
    struct path_walk walk;
    struct planned_mount mount = {0};
    int error = sandbox_path_walk(m->arena, l->path, &walk);
    if (error == 0 && mount_identify(walk.real, &mount.device, &mount.inode) != 0)
        error = errno;
    if (error == ENOENT || error == ENOTDIR)
        return leave_out(m, l, ENOENT, "does not exist", err);
    if (error != 0)
        return leave_out(m, l, error, strerror(error), err);
    const char *refusal = refuse_walk(m, &walk);
    if (refusal)
        return leave_out(m, l, EPERM, refusal, err);
    tell_of_link(m, l, &walk);
    plan_add_links(m, &walk);
    mount.kind = walk.device || sandbox_path_within(walk.real, "/dev") ? MOUNT_DEVICE
                 : l->writable ? MOUNT_READ_WRITE : MOUNT_READ_ONLY;
    mount.source = mount.target = walk.real;
    plan_add_mount(m, &mount);
    plan_grant(m, walk.real, l->writable);
    return 0;
}

static int list_path(struct maker *m, const struct listed *l, struct error *err);

/* What a listed root does not show.  /run is where services of the host listen, for whoever can
 * connect; it is listed by itself, or what is in it. */
static bool root_leaves_out(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "run") == 0;
}

/* The root itself is the sandbox's own, to have places to mount on: what is in it is shown. */
static int list_root(struct maker *m, const struct listed *l, struct error *err)
{
    DIR *root = opendir("/");
    int rc = 0;
    if (!root)
        return leave_out(m, l, errno, strerror(errno), err);
    for (struct dirent *e; rc == 0 && (e = readdir(root));) {
        struct listed child = {arena_printf(m->arena, "/%s", e->d_name), NULL, false};
        if (!root_leaves_out(e->d_name) && !mount_plan_is_own(child.path))
            rc = list_path(m, &child, err);
    }
    closedir(root);
    plan_grant(m, "/", false);
    return rc;
}

static int list_path(struct maker *m, const struct listed *l, struct error *err)
{
    const struct own_file *own = plan_own_file(m, l->path);
    if (own) {
        plan_grant(m, own->link ? own->link : own->path, false);
        return 0;
    }
    if (strcmp(l->path, "/") == 0)
        return list_root(m, l, err);
    if (!mount_plan_is_own(l->path))
        return list_host(m, l, err);
    list_own(m, l);
    return 0;
}

int plan_list(struct maker *m, const char *const *paths, size_t n, bool writable,
                    struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct listed l = {
            .path = sandbox_path_normal(m->arena, paths[i]), .writable = writable,
            .where = arena_printf(m->arena, "filesystem_policy.%s[%zu]",
                                  writable ? "read_write" : "read_only", i)};
        if (list_path(m, &l, err) != 0)
            return -1;
    }
    return 0;
}

static bool in_list(struct maker *m, const char *path, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(path, sandbox_path_normal(m->arena, list[i])) == 0)
            return true;
    return false;
}

static bool is_listed(struct maker *m, const char *path)
{
    const struct sluice_filesystem *fs = m->request->policy->filesystem;
    return fs && (in_list(m, path, fs->read_only, fs->n_read_only) ||
                  in_list(m, path, fs->read_write, fs->n_read_write));
}

void plan_list_baseline(struct maker *m)
{
    for (size_t i = 0; i < sizeof baseline / sizeof *baseline; i++) {
        struct listed l = {baseline[i].path, NULL, baseline[i].writable};
        if (!is_listed(m, l.path) && !mount_plan_shows(m->plan, l.path))
            list_path(m, &l, NULL);
    }
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        plan_grant(m, devices[i], true);
}
