/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/store.h"

enum { LINKS_MAX = 16 };

/* How a folder is opened. */
struct wanted {
    const char *what, *path;                        /* for messages: "state", and the whole path */
    mode_t mode;                                    /* of folders that are made; 0: none is made */
    bool sticky;                                    /* the last one may be like /tmp */
};

static int check_owner(uid_t uid, const char *path, struct error *err)
{
    struct stat root;
    /* Where root itself is not mapped, as in a user namespace, its folders belong to the owner of
     * "/". */
    if (uid == 0 || uid == geteuid() || (stat("/", &root) == 0 && uid == root.st_uid))
        return 0;
    return error_set(
        err, ERROR_FORBIDDEN,
        "%s belongs to uid %u, not to root or the gateway's own uid %u, and who owns it can "
        "replace what is in it: run chown on it, or choose another place",
        path, (unsigned)uid, (unsigned)geteuid());
}

static int check_folder(const struct stat *st, const char *path, bool sticky, struct error *err)
{
    if (check_owner(st->st_uid, path, err) != 0)
        return -1;
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !(sticky && (st->st_mode & S_ISVTX)))
        return error_set(
            err, ERROR_FORBIDDEN,
            "others may write %s (mode %04o): run chmod go-w on it, or choose another place", path,
            (unsigned)st->st_mode & 07777);
    return 0;
}

static int open_next(int dir, const char *name, const struct wanted *w)
{
    enum { FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
    int fd = openat(dir, name, FLAGS);
    if (fd >= 0 || errno != ENOENT || !w->mode)
        return fd;
    if (mkdirat(dir, name, w->mode) == 0)
        (void)!fchmodat(dir, name, w->mode, 0);     /* whatever the umask is */
    return openat(dir, name, FLAGS);
}

/* Where the path leads when name, in the folder "before", is a symbolic link whose owner is
 * trusted. NULL: it is none, or err is set. */
static char *follow(int dir, const char *before, const char *name, const char *rest,
                    struct error *err)
{
    char target[PATH_MAX];
    struct stat st;
    ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
    int number = errno;
    char *path = alloc_printf("%s/%s", before, name), *result = NULL;
    if (n < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        errno = number == EINVAL ? ENOTDIR : number;
        error_errno(err, ERROR_IO, "cannot open the folder %s", path);
    } else if (check_owner(st.st_uid, path, err) == 0) {
        target[n] = '\0';
        result = *target == '/' ? alloc_printf("%s/%s", target, rest)
                                : alloc_printf("%s/%s/%s", before, target, rest);
    }
    free(path);
    return result;
}

static int open_folder(const char *path, const struct wanted *w, unsigned links, struct error *err);

/* The folder "name" below *dir takes its place.  1: a link was followed, and *dir is the end of it
 * all. */
static int step(int *dir, const char *before, const char *name, const char *rest,
                const struct wanted *w, unsigned links, struct error *err)
{
    struct stat st;
    char *path = alloc_printf("%s/%s", before, name);
    int next = open_next(*dir, name, w), rc = -1;
    if (next >= 0 && fstat(next, &st) == 0) {
        rc = check_folder(&st, path, *rest || w->sticky, err);
    } else if (errno != ENOTDIR && errno != ELOOP) {
        error_errno(err, ERROR_IO, "cannot %s the %s folder %s (at %s)", w->mode ? "make" : "open",
                    w->what, w->path, path);
    } else {
        char *target = follow(*dir, before, name, rest, err);
        next = target ? open_folder(target, w, links + 1, err) : -1;
        rc = next < 0 ? -1 : 1;
        free(target);
    }
    free(path);
    close(*dir);
    *dir = next;
    return rc;
}

/* Walks an absolute path from the root, so that no folder on the way can be swapped unseen, and
 * makes those that are missing. */
static int open_folder(const char *path, const struct wanted *w, unsigned links, struct error *err)
{
    char *copy = alloc_str(path), *before = alloc_str(""), *rest = copy;
    int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), rc = 0;
    if (links > LINKS_MAX)
        rc = error_set(err, ERROR_IO, "too many symbolic links lead to the %s folder %s", w->what,
                       w->path);
    while (rc == 0) {
        rest += strspn(rest, "/");
        size_t len = strcspn(rest, "/");
        if (!len)
            break;
        char *name = alloc_strn(rest, len);
        rest += len + strspn(rest + len, "/");
        if (strcmp(name, ".") != 0)
            rc = step(&dir, before, name, rest, w, links, err);
        char *longer = alloc_printf("%s/%s", before, name);
        free(before);
        before = longer;
        free(name);
    }
    free(before);
    free(copy);
    if (rc < 0 && dir >= 0)
        close(dir);
    return rc < 0 ? -1 : dir;
}

static int open_absolute(const char *path, const struct wanted *w, struct error *err)
{
    char here[PATH_MAX] = "";
    if (*path != '/' && !getcwd(here, sizeof here))
        return error_errno(err, ERROR_IO, "cannot tell the working directory");
    char *whole = *path == '/' ? alloc_str(path) : alloc_printf("%s/%s", here, path);
    int fd = open_folder(whole, w, 0, err);
    free(whole);
    return fd;
}

/* What the gateway opens by name in a folder of its own: no link, and nobody else's. */
static int check_entry(int dir, const char *folder, const char *name, struct error *err)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0
                               : error_errno(err, ERROR_IO, "cannot look at %s/%s", folder, name);
    char *path = alloc_printf("%s/%s", folder, name);
    int rc = S_ISLNK(st.st_mode)
                 ? error_set(err, ERROR_FORBIDDEN,
                             "%s is a symbolic link, and none is followed there: remove it", path)
                 : check_owner(st.st_uid, path, err);
    free(path);
    return rc;
}

static int check_entries(int dir, const char *folder, const char *const *names, struct error *err)
{
    for (; *names; names++)
        if (check_entry(dir, folder, *names, err) != 0)
            return -1;
    return 0;
}

static int hold(int fd, const char *path, const char *where, const char *flag, struct error *err)
{
    if (fd < 0)
        return error_errno(err, ERROR_IO, "cannot open the %s %s", where, path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        error_set(err, ERROR_EXISTS,
                  "another sluiced works in the %s %s: stop it, or give this one its own with %s",
                  where, path, flag);
    else
        error_errno(err, ERROR_IO, "cannot lock the %s %s", where, path);
    close(fd);
    return -1;
}

int folder_take(const char *path, struct error *err)
{
    static const char *const names[] = {"admin.token", "sandboxes", "secret.key",
                                        "sluice.sock", NULL};
    const struct wanted w = {"state", path, 0700, false};
    int dir = open_absolute(path, &w, err), fd = -1;
    if (dir < 0)
        return -1;
    if (check_entries(dir, path, names, err) == 0)
        fd = hold(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path, "state folder",
                  "--state-dir", err);
    close(dir);
    return fd;
}

int folder_check_store(const char *url, struct error *err)
{
    struct arena *arena = arena_new();
    const char *const *files = store_url_files(arena, url);
    const char *folder = *files ? dirname(arena_str(arena, *files)) : NULL;
    const struct wanted w = {"store's", folder, 0, false};
    int rc = 0, dir = folder ? open_absolute(folder, &w, err) : -1;
    if (folder && dir < 0)
        rc = -1;
    for (; rc == 0 && *files; files++)
        rc = check_entry(dir, folder, basename(arena_str(arena, *files)), err);
    if (dir >= 0)
        close(dir);
    arena_free(arena);
    return rc;
}

/* A device, such as /dev/null, holds no text of anybody's. */
static int check_text(const struct stat *st, const char *path, struct error *err)
{
    return S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode) ? check_folder(st, path, false, err) : 0;
}

/* The folders on the way to a file, those of links included, and the file that is there by name. */
static int check_way(const char *path, unsigned links, struct error *err)
{
    char target[PATH_MAX], *copy = alloc_str(path), *again = alloc_str(path), *next = NULL;
    const char *name = basename(copy), *folder = dirname(again);
    const struct wanted w = {"configuration's", folder, 0, true};
    struct stat st;
    int rc = 0, dir = links > LINKS_MAX
                          ? error_set(err, ERROR_IO, "too many symbolic links lead to %s", path)
                          : open_absolute(folder, &w, err);
    if (dir < 0)
        rc = -1;
    else if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)     /* a pipe that has no name */
        rc = errno == ENOENT ? 0 : error_errno(err, ERROR_IO, "cannot look at %s", path);
    else if (!S_ISLNK(st.st_mode))
        rc = check_text(&st, path, err);
    else if ((rc = check_owner(st.st_uid, path, err)) == 0) {
        ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = '\0';
        next = *target == '/' ? alloc_str(target) : alloc_printf("%s/%s", folder, target);
        rc = check_way(next, links + 1, err);
    }
    if (dir >= 0)
        close(dir);
    free(next);
    free(copy);
    free(again);
    return rc;
}

int folder_check_file(int fd, const char *path, struct error *err)
{
    struct stat st;
    if (check_way(path, 0, err) != 0)
        return -1;
    return fstat(fd, &st) != 0 ? error_errno(err, ERROR_IO, "cannot look at %s", path)
                               : check_text(&st, path, err);
}

int folder_for_sockets(const struct gateway_listener *const *listen, size_t n, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!listener_is_unix(listen[i]))
            continue;
        char *path = alloc_str(listen[i]->address + strlen("unix:")), *folder = dirname(path);
        const struct wanted w = {"socket", folder, 0755, true};
        int dir = open_absolute(folder, &w, err);
        rc = dir < 0 ? -1 : 0;
        if (dir >= 0)
            close(dir);
        free(path);
    }
    return rc;
}

int folder_open_secret(int folder, const char *path, const char *name, struct error *err)
{
    struct stat st;
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) != 0)
        error_errno(err, ERROR_IO, "cannot open %s/%s", path, name);
    else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 ||
             (st.st_mode & 077))
        error_set(
            err, ERROR_FORBIDDEN,
            "%s/%s is not a file of this gateway's user alone: remove it, and a new one is made",
            path, name);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}
