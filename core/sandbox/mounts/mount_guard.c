/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/mounts/mount_guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "sandbox/mounts/mount_table.h"
#include "sandbox/mounts/path.h"
#include "sandbox/wire/spec.h"

/* Of folders that policies list as a whole.  Those that lock or rewrite the account files leave
 * copies of them under similar names. */
static const char *const secrets[] = {
    "/etc/passwd*",
    "/etc/group*",
    "/etc/shadow*",
    "/etc/gshadow*",
    "/etc/nshadow",
    "/etc/npasswd",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/security/opasswd",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssl/private",
    "/etc/ssh/ssh_host_*_key",
    "/etc/krb5.keytab",
    "/etc/NetworkManager/system-connections",
    "/etc/wireguard",
    /* Sockets of services that run programs outside for whoever can connect, and for that a socket
     * need not be writable. */
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

int mount_identify(const char *path, uint64_t *device, uint64_t *inode)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    struct stat st;
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    int rc = fd < 0 ? -1 : fstat(fd, &st);
    if (fd >= 0)
        close(fd);
    if (rc != 0)
        return -1;
    *device = st.st_dev;
    *inode = st.st_ino;
    return 0;
}

struct mount_guard *mount_guards_append(struct mount_guards *guards, struct arena *arena)
{
    if (guards->n == 0 || (guards->n & (guards->n - 1)) == 0) {
        size_t room = guards->n ? 2 * guards->n : 1;
        struct mount_guard *bigger = arena_zalloc(arena, room * sizeof *bigger);
        if (guards->n)
            memcpy(bigger, guards->items, guards->n * sizeof *bigger);
        guards->items = bigger;
    }
    return &guards->items[guards->n++];
}

struct making {
    struct mount_guards *guards;
    struct arena *arena;
    const struct mount_table *mounts;
    enum guard_kind kind;
};

static void add_one(struct making *making, const char *path)
{
    struct mount_guards *guards = making->guards;
    for (size_t i = 0; i < guards->n; i++)
        if (guards->items[i].kind == making->kind && strcmp(guards->items[i].path, path) == 0)
            return;
    struct mount_guard *guard = mount_guards_append(guards, making->arena);
    *guard = (struct mount_guard){.kind = making->kind, .path = path};
    if (mount_identify(path, &guard->device, &guard->inode) != 0)
        guard->device = guard->inode = 0;
}

static void add_spelling(void *ctx, const char *path)
{
    struct making *making = ctx;
    add_one(making, arena_str(making->arena, path));
}

static bool is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* The path as it is written, as it is resolved, and under the names other mounts give it.  What
 * does not exist yet is resolved as far as it does.  A link that must not be written is guarded
 * itself: what it leads to is listed too where that must not be written. */
static void add(struct making *making, const char *path)
{
    struct arena *arena = making->arena;
    struct path_walk walk;
    path = sandbox_path_normal(arena, path);
    add_one(making, path);
    bool itself = making->kind == GUARD_READ_ONLY && is_link(path);
    const char *real = !itself && sandbox_path_walk(arena, path, &walk) == 0 ? walk.real : NULL;
    const char *name = strrchr(path, '/');
    if (!real && name != path &&
        sandbox_path_walk(arena, arena_strn(arena, path, (size_t)(name - path)), &walk) == 0)
        real = arena_printf(arena, "%s%s", strcmp(walk.real, "/") == 0 ? "" : walk.real, name);
    if (!real)
        return;
    add_one(making, real);
    mount_table_spellings(making->mounts, real, add_spelling, making);
}

static void add_all(struct making *making, enum guard_kind kind, const char *const *paths, size_t n)
{
    making->kind = kind;
    for (size_t i = 0; i < n; i++)
        add(making, paths[i]);
}

/* A hidden file with a second name could be seen under that one, wherever it is. */
static int check_name(const char *path, struct error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink <= 1)
        return 0;
    return error_set(
        err, ERROR_STATE,
        "no sandbox can be made: %s, which belongs to the gateway, has %lu names (hard links), and "
        "a sandbox could see it under another one: leave it one name",
        path, (unsigned long)st.st_nlink);
}

/* The specs of all sandboxes, which have their environments and tokens, where the folder is the
 * state. */
static int check_specs(const char *state, struct arena *arena, struct error *err)
{
    const char *folder = arena_printf(arena, "%s/sandboxes", state);
    DIR *dir = opendir(folder);
    int rc = 0;
    for (struct dirent *e; dir && rc == 0 && (e = readdir(dir));)
        if (*e->d_name != '.')
            rc = check_name(arena_printf(arena, "%s/%s/spec.json", folder, e->d_name), err);
    if (dir)
        closedir(dir);
    return rc;
}

static int check_names(const struct mount_guards *guards, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < guards->n; i++) {
        const char *path = guards->items[i].path;
        if (guards->items[i].kind == GUARD_OWN &&
            (check_name(path, err) != 0 || check_specs(path, arena, err) != 0))
            return -1;
    }
    return 0;
}

int mount_guards_make(const struct sandbox_spec *spec, struct arena *arena,
                      struct mount_guards *out, struct error *err)
{
    struct making making = {.guards = out, .arena = arena, .mounts = mount_table_read(arena)};
    *out = (struct mount_guards){0};
    add_all(&making, GUARD_OWN, spec->hidden, spec->n_hidden);
    add_all(&making, GUARD_READ_ONLY, spec->read_only, spec->n_read_only);
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        *mount_guards_append(out, arena) =
            (struct mount_guard){GUARD_HIDDEN, true, secrets[i], 0, 0};
    return check_names(out, arena, err);
}

/* Component by component: a star does not cross a slash. */
static bool pattern_covers(const char *pattern, const char *path)
{
    char prefix[PATH_MAX];
    size_t end = 0, slashes = 0;
    for (const char *c = pattern; *c; c++)
        slashes += *c == '/';
    for (; path[end] && (path[end] != '/' || slashes > 0); end++)
        slashes -= path[end] == '/';
    if (slashes > 0 || end >= sizeof prefix)
        return false;
    memcpy(prefix, path, end);
    prefix[end] = '\0';
    return fnmatch(pattern, prefix, FNM_PATHNAME) == 0;
}

bool mount_guards_cover(const struct mount_guards *guards, enum guard_kind kind, const char *path)
{
    for (size_t i = 0; i < guards->n; i++)
        if (guards->items[i].kind == kind &&
            (guards->items[i].pattern ? pattern_covers(guards->items[i].path, path)
                                      : sandbox_path_within(path, guards->items[i].path)))
            return true;
    return false;
}

const struct mount_guard *mount_guards_below(const struct mount_guards *guards,
                                             enum guard_kind kind, const char *path)
{
    for (size_t i = 0; i < guards->n; i++) {
        const struct mount_guard *guard = &guards->items[i];
        if (guard->kind == kind && !guard->pattern && strcmp(guard->path, path) != 0 &&
            sandbox_path_within(guard->path, path))
            return guard;
    }
    return NULL;
}

int mount_guards_unmoved(const struct mount_guards *guards, struct error *err)
{
    for (size_t i = 0; i < guards->n; i++) {
        const struct mount_guard *guard = &guards->items[i];
        uint64_t device, inode;
        if (guard->kind != GUARD_OWN || guard->inode == 0)
            continue;
        int rc = mount_identify(guard->path, &device, &inode);
        if (rc != 0 && errno == EACCES)
            continue;
        if (rc != 0 || device != guard->device || inode != guard->inode)
            return error_set(
                err, ERROR_STATE,
                "no sandbox can be made: %s, which belongs to the gateway, was moved or "
                "replaced while the sandbox was started: start it again",
                guard->path);
    }
    return 0;
}
