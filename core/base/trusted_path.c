/* SPDX-License-Identifier: Apache-2.0 */
#include "base/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

enum { LINKS_MAX = 16 };

int trusted_owner_check(uid_t uid, uid_t also, const char *path, struct error *err)
{
    struct stat root;
    /* Where root itself is not mapped, as in a user namespace, its folders belong to the owner of
     * "/". */
    if (uid == 0 || uid == geteuid() || uid == also ||
        (stat("/", &root) == 0 && uid == root.st_uid))
        return 0;
    return error_set(
        err, ERROR_FORBIDDEN,
        "%s belongs to uid %u, not to root or the gateway's own uid %u, and who owns it can "
        "replace what is in it: run chown on it, or choose another place",
        path, (unsigned)uid, (unsigned)geteuid());
}

int trusted_check(const struct stat *st, const char *path, const struct trusted_folder *w,
                  bool sticky, struct error *err)
{
    if (trusted_owner_check(st->st_uid, w->also, path, err) != 0)
        return -1;
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !(sticky && (st->st_mode & S_ISVTX)))
        return error_set(
            err, ERROR_FORBIDDEN,
            "others may write %s (mode %04o): run chmod go-w on it, or choose another place", path,
            (unsigned)st->st_mode & 07777);
    return 0;
}

static int open_next(int dir, const char *name, const struct trusted_folder *w)
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
                    uid_t also, struct error *err)
{
    char target[PATH_MAX];
    struct stat st;
    ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
    int number = errno;
    char *path = alloc_printf("%s/%s", before, name), *result = NULL;
    if (n < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        errno = number == EINVAL ? ENOTDIR : number;
        error_errno(err, ERROR_IO, "cannot open the folder %s", path);
    } else if (trusted_owner_check(st.st_uid, also, path, err) == 0) {
        target[n] = '\0';
        result = *target == '/' ? alloc_printf("%s/%s", target, rest)
                                : alloc_printf("%s/%s/%s", before, target, rest);
    }
    free(path);
    return result;
}

static int open_folder(const char *path, const struct trusted_folder *w, unsigned links,
                       struct error *err);

/* The folder "name" below *dir takes its place.  1: a link was followed, and *dir is the end of it
 * all. */
static int step(int *dir, const char *before, const char *name, const char *rest,
                const struct trusted_folder *w, unsigned links, struct error *err)
{
    struct stat st;
    char *path = alloc_printf("%s/%s", before, name);
    int next = open_next(*dir, name, w), rc = -1;
    if (next >= 0 && fstat(next, &st) == 0) {
        rc = trusted_check(&st, path, w, *rest || w->sticky, err);
    } else if (errno != ENOTDIR && errno != ELOOP) {
        error_errno(err, ERROR_IO, "cannot %s the %s folder %s (at %s)", w->mode ? "make" : "open",
                    w->what, w->path, path);
    } else {
        char *target = follow(*dir, before, name, rest, w->also, err);
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
static int open_folder(const char *path, const struct trusted_folder *w, unsigned links,
                       struct error *err)
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

int trusted_folder_open(const struct trusted_folder *w, struct error *err)
{
    const char *path = w->path;
    char here[PATH_MAX] = "";
    if (*path != '/' && !getcwd(here, sizeof here))
        return error_errno(err, ERROR_IO, "cannot tell the working directory");
    char *whole = *path == '/' ? alloc_str(path) : alloc_printf("%s/%s", here, path);
    int fd = open_folder(whole, w, 0, err);
    free(whole);
    return fd;
}

int trusted_entry_check(int dir, const struct trusted_folder *w, const char *name,
                        struct error *err)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0
                               : error_errno(err, ERROR_IO, "cannot look at %s/%s", w->path, name);
    char *path = alloc_printf("%s/%s", w->path, name);
    int rc = S_ISLNK(st.st_mode)
                 ? error_set(err, ERROR_FORBIDDEN,
                             "%s is a symbolic link, and none is followed there: remove it", path)
                 : trusted_owner_check(st.st_uid, w->also, path, err);
    free(path);
    return rc;
}
