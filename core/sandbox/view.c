/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/view.h"

#include "base/arena.h"
#include "base/error.h"
#include "sandbox/path.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

/* What every program needs, added where the host has it. */
static const struct { const char *path; bool writable; } baseline[] = {
    {"/usr", false}, {"/lib", false}, {"/etc", false}, {"/app", false}, {"/var/log", false},
    {"/proc", false}, {"/dev/urandom", false}, {"/tmp", true},
};

/* The nodes of the sandbox's own /dev.  They lead nowhere, so nobody has to list them. */
static const char *const devices[] = {
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/pts",
};

/* Links that are there too, to what is allowed anyway. */
static const char *const device_links[] = {
    "/dev/ptmx", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/core",
};

/* Secrets that live in folders everybody lists.  They are covered unless listed by themselves. */
static const char *const secrets[] = {
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/security/opasswd",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssl/private",
    "/etc/ssh/ssh_host_*_key",
    "/etc/krb5.keytab",
    "/etc/NetworkManager/system-connections",
    "/etc/wireguard",
    /* Not to be read but to be asked: they run programs outside for whoever can connect, and for
     * that a socket need not be writable. */
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/snapd.socket",
    "/run/dbus/system_bus_socket",
    "/run/systemd/private",
    "/run/user/*/bus",
    "/run/user/*/systemd/private",
    "/run/user/*/docker.sock",
    "/run/user/*/podman/podman.sock",
};

/* Folders that are the sandbox's own whatever the host has there. */
static const char *const own_folders[] = {"/proc", "/dev", "/tmp", SANDBOX_WORKDIR};

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
    const struct view_request *request;
    struct arena *arena;
    struct view *view;
    struct links links;                             /* all that were met on the way */
    const char **writable, **hidden;                /* as written and resolved */
    size_t n_writable, n_hidden;
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

static void add_entry(struct maker *m, enum view_kind kind, const char *source, const char *target)
{
    struct view *view = m->view;
    for (size_t i = 0; i < view->n_entries; i++) {
        struct view_entry *old = &view->entries[i];
        if (strcmp(old->target, target) == 0) {
            if (kind > old->kind)                  /* writable over read only, covered over shown */
                *old = (struct view_entry){kind, source, target};
            return;
        }
    }
    view->entries = grow(m->arena, view->entries, view->n_entries, sizeof *view->entries);
    view->entries[view->n_entries++] = (struct view_entry){kind, source, target};
}

static void grant(struct maker *m, const char *path, bool writable)
{
    if (writable)
        add_text(m, &m->view->read_write, &m->view->n_read_write, path);
    else
        add_text(m, &m->view->read_only, &m->view->n_read_only, path);
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
    return false;
}

static void list_own(struct maker *m, const struct listed *l)
{
    if (ONE_OF(l->path, device_links))
        return;
    if (strcmp(l->path, "/tmp") == 0 || strcmp(l->path, "/dev/shm") == 0)
        add_entry(m, VIEW_PRIVATE, NULL, l->path);
    if (strcmp(l->path, SANDBOX_WORKDIR) == 0 && l->writable)
        m->view->workdir_writable = true;
    grant(m, l->path, l->writable);
}

/* A path that cannot be shown: an error when the policy insists, else a warning, and none for one
 * that is simply not there. */
static int leave_out(struct maker *m, const struct listed *l, int error, const char *why,
                     struct error *err)
{
    if (!l->where)
        return 0;
    if (m->view->strict)
        return error_set(err, ERROR_UNSUPPORTED,
                         "landlock.compatibility is hard_requirement, but %s, %s, %s", l->where,
                         l->path, why);
    if (error != ENOENT)
        m->request->warn(m->request->ctx,
                         arena_printf(m->arena, "%s is left out: %s %s", l->where, l->path, why));
    return 0;
}

static bool within_any(const char *path, const char *const *folders, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sandbox_path_within(path, folders[i]))
            return true;
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
    if (within_any(walk->real, m->hidden, m->n_hidden))
        return "belongs to the gateway itself";
    if (is_own(walk->real))
        return "leads into a folder that is the sandbox's own";
    return NULL;
}

static int list_host(struct maker *m, const struct listed *l, struct error *err)
{
    struct path_walk walk;
    int error = sandbox_path_walk(m->arena, l->path, &walk);
    if (error == ENOENT || error == ENOTDIR)
        return leave_out(m, l, ENOENT, "does not exist", err);
    if (error != 0)
        return leave_out(m, l, error, strerror(error), err);
    const char *refusal = refuse_walk(m, &walk);
    if (refusal)
        return leave_out(m, l, EPERM, refusal, err);
    add_links(m, &walk);
    enum view_kind kind = walk.device || sandbox_path_within(walk.real, "/dev") ? VIEW_DEVICE
                          : l->writable ? VIEW_READ_WRITE : VIEW_READ_ONLY;
    add_entry(m, kind, walk.real, walk.real);
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
        if (!is_listed(m, l.path) && !sandbox_view_shows(m->view, l.path))
            list_path(m, &l, NULL);
    }
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        grant(m, devices[i], true);
}

bool sandbox_view_shows(const struct view *view, const char *path)
{
    for (size_t i = 0; i < view->n_entries; i++) {
        const struct view_entry *e = &view->entries[i];
        bool of_host =
            e->kind == VIEW_READ_ONLY || e->kind == VIEW_READ_WRITE || e->kind == VIEW_DEVICE;
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
            sandbox_view_shows(m->view, walk.real))
            add_links(m, &walk);
    }
    if (root)
        closedir(root);
}

static void place_links(struct maker *m)
{
    for (size_t i = 0; i < m->links.n; i++)
        if (!sandbox_view_shows(m->view, m->links.items[i].path))
            add_entry(m, VIEW_LINK, m->links.items[i].text, m->links.items[i].path);
}

static void mask(struct maker *m, const char *path)
{
    struct path_walk walk;
    if (sandbox_path_walk(m->arena, path, &walk) == 0 && sandbox_view_shows(m->view, walk.real))
        add_entry(m, walk.directory ? VIEW_MASK_FOLDER : VIEW_MASK_FILE, NULL, walk.real);
}

static void mask_secrets(struct maker *m)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        glob_t found = {0};
        if (glob(secrets[i], GLOB_NOSORT, NULL, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++)
                if (!is_listed(m, found.gl_pathv[k]))
                    mask(m, found.gl_pathv[k]);
        globfree(&found);
    }
    for (size_t i = 0; i < m->n_hidden; i++)
        mask(m, m->hidden[i]);
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
    const struct view_request *request = m->request;
    const struct sluice_filesystem *fs = request->policy->filesystem;
    for (size_t i = 0; fs && i < fs->n_read_write; i++)
        add_both(m, &m->writable, &m->n_writable, fs->read_write[i]);
    for (size_t i = 0; i < request->n_hidden; i++)
        add_both(m, &m->hidden, &m->n_hidden, request->hidden[i]);
}

/* Component by component, so that a folder comes before everything in it. */
static int by_target(const void *a, const void *b)
{
    const char *x = ((const struct view_entry *)a)->target,
               *y = ((const struct view_entry *)b)->target;
    while (*x && *x == *y)
        x++, y++;
    int cx = *x == '/' ? 1 : (unsigned char)*x + (*x != '\0');
    int cy = *y == '/' ? 1 : (unsigned char)*y + (*y != '\0');
    return cx - cy;
}

static bool host_kind(enum view_kind kind)
{
    return kind == VIEW_READ_ONLY || kind == VIEW_READ_WRITE;
}

static bool mask_kind(enum view_kind kind)
{
    return kind == VIEW_MASK_FOLDER || kind == VIEW_MASK_FILE;
}

/* Whether e shows nothing that the nearest entry above it does not show just the same. */
static bool covered(const struct view_entry *e, const struct view_entry *above)
{
    if (!above)
        return false;
    return mask_kind(e->kind) ? above->kind == VIEW_MASK_FOLDER
                              : above->kind == e->kind && host_kind(e->kind);
}

/* Drops those entries. */
static void drop_covered(struct view *view)
{
    size_t kept = 0;
    for (size_t i = 0; i < view->n_entries; i++) {
        const struct view_entry *e = &view->entries[i], *above = NULL;
        for (size_t k = 0; k < kept; k++)
            if (sandbox_path_within(e->target, view->entries[k].target))
                above = &view->entries[k];
        if (!covered(e, above))
            view->entries[kept++] = *e;
    }
    view->n_entries = kept;
}

static bool is_strict(const struct sluice_policy *policy)
{
    return policy->landlock && strcmp(policy->landlock->compatibility, "hard_requirement") == 0;
}

static int list_policy(struct maker *m, struct error *err)
{
    const struct sluice_filesystem *fs = m->request->policy->filesystem;
    m->view->workdir_writable = !fs || fs->include_workdir;
    if (fs && (list_all(m, fs->read_write, fs->n_read_write, true, err) != 0 ||
               list_all(m, fs->read_only, fs->n_read_only, false, err) != 0))
        return -1;
    grant(m, SANDBOX_WORKDIR, m->view->workdir_writable);
    return 0;
}

int sandbox_view_make(const struct view_request *request, struct arena *arena, struct view *out,
                      struct error *err)
{
    struct maker m = {.request = request, .arena = arena, .view = out};
    *out = (struct view){.strict = is_strict(request->policy)};
    prepare(&m);
    if (list_policy(&m, err) != 0)
        return -1;
    list_baseline(&m);
    list_root_links(&m);
    place_links(&m);
    mask_secrets(&m);
    qsort(out->entries, out->n_entries, sizeof *out->entries, by_target);
    drop_covered(out);
    return 0;
}
