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
#include "base/trusted_path.h"

enum { LINKS_MAX = 16 };

static int check_entries(int dir, const struct trusted_folder *folder, const char *const *names,
                         struct error *err)
{
    for (; *names; names++)
        if (trusted_entry_check(dir, folder, *names, err) != 0)
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
    const struct trusted_folder w = {"state", path, 0700, false, 0};
    int dir = trusted_folder_open(&w, err), fd = -1;
    if (dir < 0)
        return -1;
    if (check_entries(dir, &w, names, err) == 0)
        fd = hold(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path, "state folder",
                  "--state-dir", err);
    close(dir);
    return fd;
}

/* A device, such as /dev/null, holds no text of anybody's. */
static int check_text(const struct stat *st, const char *path, struct error *err)
{
    static const struct trusted_folder any;
    return S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode)
               ? trusted_check(st, path, &any, false, err) : 0;
}

/* The folders on the way to a file, those of links included, and the file that is there by name. */
static int check_way(const char *path, unsigned links, struct error *err)
{
    char target[PATH_MAX], *copy = alloc_str(path), *again = alloc_str(path), *next = NULL;
    const char *name = basename(copy), *folder = dirname(again);
    const struct trusted_folder w = {"configuration's", folder, 0, true, 0};
    struct stat st;
    int rc = 0, dir = links > LINKS_MAX
                          ? error_set(err, ERROR_IO, "too many symbolic links lead to %s", path)
                          : trusted_folder_open(&w, err);
    if (dir < 0)
        rc = -1;
    else if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)     /* a pipe that has no name */
        rc = errno == ENOENT ? 0 : error_errno(err, ERROR_IO, "cannot look at %s", path);
    else if (!S_ISLNK(st.st_mode))
        rc = check_text(&st, path, err);
    else if ((rc = trusted_owner_check(st.st_uid, 0, path, err)) == 0) {
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
        const struct trusted_folder w = {"socket", folder, 0755, true, 0};
        int dir = trusted_folder_open(&w, err);
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
