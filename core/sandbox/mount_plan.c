/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/mount_plan.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/program.h"
#include "sandbox/mount_guard.h"
#include "sandbox/path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

struct listed {
    const char *path;                               /* normal form, as written */
    const char *where;                              /* document path; NULL: baseline */
    bool writable;
};

struct links {
    struct path_link *items;
    size_t n;
};

struct maker {
    const struct mount_plan_request *request;
    struct arena *arena;
    struct mount_plan *plan;
    struct links links;                             /* all that were met on the way */
    const char **writable;                          /* as written and resolved */
    size_t n_writable;
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

static void add_text(struct maker *m, const char ***items, size_t *n, const char *text)
{
    *items = grow(m->arena, *items, *n, sizeof **items);
    (*items)[(*n)++] = text;
}

static void add_links(struct maker *m, const struct path_walk *walk)
{
    for (size_t i = 0; i < walk->n_links; i++) {
        m->links.items = grow(m->arena, m->links.items, m->links.n, sizeof *m->links.items);
        m->links.items[m->links.n++] = walk->links[i];
    }
}

static void add_mount(struct maker *m, const struct planned_mount *mount)
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

static void grant(struct maker *m, const char *path, bool writable)
{
    if (writable)
        add_text(m, &m->plan->read_write, &m->plan->n_read_write, path);
    else
        add_text(m, &m->plan->read_only, &m->plan->n_read_only, path);
}

static bool one_of(const char *path, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(path, list[i]) == 0)
            return true;
    return false;
}

#define ONE_OF(path, list) one_of(path, list, sizeof list / sizeof *list)

/* Whether a path means something of the sandbox's own, not a file of the host.  Below /tmp and /dev
 * the host's may be meant. */
static bool is_own(const char *path)
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
        add_mount(m, &(struct planned_mount){MOUNT_PRIVATE, "", l->path, 0, 0});
    if (strcmp(l->path, SANDBOX_WORKDIR) == 0 && l->writable)
        m->plan->workdir_writable = true;
    grant(m, l->path, l->writable);
}

static void warn(struct maker *m, const char *text)
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

/* A path that cannot be shown: an error when the policy insists, else a warning, and none for one of
 * the baseline that this host does not have. */
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
        warn(m, arena_printf(m->arena, "%s is left out: %s %s", l->where, l->path, why));
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
            return "is a symbolic link, or leads through one, that is not root's alone: list what it "
                   "points to";
    if (mount_guards_cover(&m->plan->guards, GUARD_OWN, walk->real))
        return "belongs to the gateway itself";
    if (is_own(walk->real))
        return "leads into a folder that is the sandbox's own";
    return NULL;
}

/* The name the policy lists stays, and leads to what it points to. */
static void tell_of_link(struct maker *m, const struct listed *l, const struct path_walk *walk)
{
    if (l->where && walk->n_links > 0 && !in_baseline(l->path))
        warn(m, arena_printf(m->arena, "%s: %s is or leads through a symbolic link: what is shown is %s",
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
    add_links(m, &walk);
    mount.kind = walk.device || sandbox_path_within(walk.real, "/dev") ? MOUNT_DEVICE
                 : l->writable ? MOUNT_READ_WRITE : MOUNT_READ_ONLY;
    mount.source = mount.target = walk.real;
    add_mount(m, &mount);
    grant(m, walk.real, l->writable);
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
        if (!root_leaves_out(e->d_name) && !is_own(child.path))
            rc = list_path(m, &child, err);
    }
    closedir(root);
    grant(m, "/", false);
    return rc;
}

static int list_path(struct maker *m, const struct listed *l, struct error *err)
{
    if (strcmp(l->path, "/") == 0)
        return list_root(m, l, err);
    if (!is_own(l->path))
        return list_host(m, l, err);
    list_own(m, l);
    return 0;
}

static int list_all(struct maker *m, const char *const *paths, size_t n, bool writable,
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

static void list_baseline(struct maker *m)
{
    for (size_t i = 0; i < sizeof baseline / sizeof *baseline; i++) {
        struct listed l = {baseline[i].path, NULL, baseline[i].writable};
        if (!is_listed(m, l.path) && !mount_plan_shows(m->plan, l.path))
            list_path(m, &l, NULL);
    }
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        grant(m, devices[i], true);
}

bool mount_plan_shows(const struct mount_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->n_mounts; i++) {
        const struct planned_mount *e = &plan->mounts[i];
        bool of_host =
            e->kind == MOUNT_READ_ONLY || e->kind == MOUNT_READ_WRITE || e->kind == MOUNT_DEVICE;
        if (of_host && sandbox_path_within(path, e->target))
            return true;
    }
    return false;
}

/* /bin -> usr/bin and its like, whenever what they lead to is shown. */
static void list_root_links(struct maker *m)
{
    DIR *root = opendir("/");
    for (struct dirent *e; root && (e = readdir(root));) {
        struct path_walk walk;
        const char *path = arena_printf(m->arena, "/%s", e->d_name);
        if (sandbox_path_walk(m->arena, path, &walk) == 0 && walk.n_links > 0 &&
            mount_plan_shows(m->plan, walk.real))
            add_links(m, &walk);
    }
    if (root)
        closedir(root);
}

static void place_links(struct maker *m)
{
    for (size_t i = 0; i < m->links.n; i++)
        if (!mount_plan_shows(m->plan, m->links.items[i].path))
            add_mount(m, &(struct planned_mount){MOUNT_LINK, m->links.items[i].text,
                                                 m->links.items[i].path, 0, 0});
}

/* Both as written and as it is on this host. */
static void add_both(struct maker *m, const char ***items, size_t *n, const char *path)
{
    struct path_walk walk;
    add_text(m, items, n, sandbox_path_normal(m->arena, path));
    if (sandbox_path_walk(m->arena, path, &walk) == 0)
        add_text(m, items, n, walk.real);
}

static void prepare(struct maker *m)
{
    const struct mount_plan_request *request = m->request;
    const struct sluice_filesystem *fs = request->policy->filesystem;
    for (size_t i = 0; fs && i < fs->n_read_write; i++)
        add_both(m, &m->writable, &m->n_writable, fs->read_write[i]);
    for (size_t i = 0; i < request->guards->n; i++)
        *mount_guards_append(&m->plan->guards, m->arena) = request->guards->items[i];
}

/* Component by component, so that a folder comes before everything in it. */
static int by_target(const void *a, const void *b)
{
    const char *x = ((const struct planned_mount *)a)->target,
               *y = ((const struct planned_mount *)b)->target;
    while (*x && *x == *y)
        x++, y++;
    int cx = *x == '/' ? 1 : (unsigned char)*x + (*x != '\0');
    int cy = *y == '/' ? 1 : (unsigned char)*y + (*y != '\0');
    return cx - cy;
}

static bool host_kind(enum mount_kind kind)
{
    return kind == MOUNT_READ_ONLY || kind == MOUNT_READ_WRITE;
}

/* Whether e shows nothing that the nearest mount above it does not show just the same. */
static bool covered(const struct mount_plan *plan, const struct planned_mount *e,
                    const struct planned_mount *above)
{
    return above && above->kind == e->kind && host_kind(e->kind) &&
           !mount_guards_cover(&plan->guards, GUARD_HIDDEN, e->target);
}

/* Drops those mounts. */
static void drop_covered(struct mount_plan *plan)
{
    size_t kept = 0;
    for (size_t i = 0; i < plan->n_mounts; i++) {
        const struct planned_mount *e = &plan->mounts[i], *above = NULL;
        for (size_t k = 0; k < kept; k++)
            if (sandbox_path_within(e->target, plan->mounts[k].target))
                above = &plan->mounts[k];
        if (!covered(plan, e, above))
            plan->mounts[kept++] = *e;
    }
    plan->n_mounts = kept;
}

static void guard_below_writable(struct maker *m, const char *path)
{
    const struct mount_plan *plan = m->plan;
    const struct planned_mount *above = NULL;
    for (size_t i = 0; i < plan->n_mounts; i++)
        if (host_kind(plan->mounts[i].kind) && strcmp(plan->mounts[i].target, path) != 0 &&
            sandbox_path_within(path, plan->mounts[i].target))
            above = &plan->mounts[i];
    if (above && above->kind == MOUNT_READ_WRITE)
        *mount_guards_append(&m->plan->guards, m->arena) =
            (struct mount_guard){GUARD_LISTED, false, path, 0, 0};
}

/* What is listed read-only in a folder that is listed read-write stays so: init rebuilds the folder
 * around it, because a mount in the folder would fall off when the host replaces what is below it.
 * Also where there is nothing to show now, or a link: it may become a file. */
static void guard_read_only(struct maker *m)
{
    const struct sluice_filesystem *fs = m->request->policy->filesystem;
    struct path_walk walk;
    for (size_t i = 0; fs && i < fs->n_read_only; i++) {
        const char *path = sandbox_path_normal(m->arena, fs->read_only[i]);
        guard_below_writable(m, path);
        if (sandbox_path_walk(m->arena, path, &walk) == 0 && strcmp(walk.real, path) != 0)
            guard_below_writable(m, walk.real);
    }
}

static const struct mount_guard *rebuilt_for(const struct mount_plan *plan, const char *path)
{
    const struct mount_guard *guard = mount_guards_below(&plan->guards, GUARD_OWN, path);
    if (!guard)
        guard = mount_guards_below(&plan->guards, GUARD_READ_ONLY, path);
    return guard ? guard : mount_guards_below(&plan->guards, GUARD_LISTED, path);
}

/* A folder that is rebuilt has the entries it had, and takes no new ones. */
static void tell_of_rebuilt(struct maker *m, const struct listed *l)
{
    struct path_walk walk;
    if (sandbox_path_walk(m->arena, l->path, &walk) != 0 || !mount_plan_shows(m->plan, walk.real))
        return;
    const struct mount_guard *guard = rebuilt_for(m->plan, walk.real);
    if (guard)
        warn(m, arena_printf(m->arena,
                             "%s: %s holds %s, which %s: nothing can be added, renamed or deleted in "
                             "the folders that lead to it; folders beside it are not affected",
                             l->where, l->path, guard->path,
                             guard->kind == GUARD_LISTED ? "is listed read-only"
                                                         : "belongs to the gateway"));
}

static void tell_of_all_rebuilt(struct maker *m)
{
    const struct sluice_filesystem *fs = m->request->policy->filesystem;
    for (size_t i = 0; fs && i < fs->n_read_write; i++) {
        struct listed l = {.path = sandbox_path_normal(m->arena, fs->read_write[i]), .writable = true,
                           .where = arena_printf(m->arena, "filesystem_policy.read_write[%zu]", i)};
        if (!is_own(l.path))
            tell_of_rebuilt(m, &l);
    }
}

static void plan_workdir(struct maker *m)
{
    struct planned_mount mount = m->request->workdir;
    mount.kind = m->plan->workdir_writable ? MOUNT_WORKDIR : MOUNT_WORKDIR_READ_ONLY;
    mount.target = SANDBOX_WORKDIR;
    add_mount(m, &mount);
}

static bool is_strict(const struct sluice_policy *policy)
{
    return policy->landlock && strcmp(policy->landlock->compatibility, "hard_requirement") == 0;
}

static int list_policy(struct maker *m, struct error *err)
{
    const struct sluice_filesystem *fs = m->request->policy->filesystem;
    m->plan->workdir_writable = !fs || fs->include_workdir;
    if (fs && (list_all(m, fs->read_write, fs->n_read_write, true, err) != 0 ||
               list_all(m, fs->read_only, fs->n_read_only, false, err) != 0))
        return -1;
    grant(m, SANDBOX_WORKDIR, m->plan->workdir_writable);
    return 0;
}

int mount_plan_make(const struct mount_plan_request *request, struct arena *arena, struct mount_plan *out,
                      struct error *err)
{
    struct maker m = {.request = request, .arena = arena, .plan = out};
    *out = (struct mount_plan){.strict = is_strict(request->policy)};
    prepare(&m);
    if (list_policy(&m, err) != 0)
        return -1;
    list_baseline(&m);
    list_root_links(&m);
    place_links(&m);
    plan_workdir(&m);
    qsort(out->mounts, out->n_mounts, sizeof *out->mounts, by_target);
    drop_covered(out);
    guard_read_only(&m);
    tell_of_all_rebuilt(&m);
    return 0;
}
