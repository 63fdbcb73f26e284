/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/codefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

/* Whether the user owns the running program or a folder above it: whoever may replace the program
 * itself is trusted with its plugins.  An installed program has no such owner but root. */
static bool owns_program(uid_t uid)
{
    struct stat st;
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    for (path[n > 0 ? n : 0] = '\0'; *path; *strrchr(path, '/') = '\0')
        if (stat(path, &st) == 0 && st.st_uid == uid)
            return true;
    return false;
}

/* Who may change what is at path.  strict: not even in a sticky folder. */
static int check_owner(const struct stat *st, const char *path, bool strict, struct error *err)
{
    if (st->st_uid != 0 && st->st_uid != geteuid() && !owns_program(st->st_uid))
        return error_set(err, ERROR_FORBIDDEN,
                         "%s belongs to uid %u, not to root or the gateway's own uid %u: run chown "
                         "on it", path, st->st_uid, geteuid());
    bool open_to_others = st->st_mode & (S_IWGRP | S_IWOTH);
    if (open_to_others && (strict || !(st->st_mode & S_ISVTX)))
        return error_set(err, ERROR_FORBIDDEN,
                         "others may write %s (mode %04o): run chmod go-w on it", path,
                         st->st_mode & 07777);
    return 0;
}

/* Opens the next folder of a canonical path below *dir and takes its place. */
static int step_into(int *dir, char *path, size_t len, bool last, struct error *err)
{
    char *name = path + len;
    while (name > path && name[-1] != '/')
        name--;
    char saved = path[len];
    path[len] = '\0';
    struct stat st;
    int next = openat(*dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = next < 0 || fstat(next, &st) != 0
           ? error_errno(err, ERROR_IO, "cannot open the folder %s", path)
           : check_owner(&st, path, last, err);
    path[len] = saved;
    close(*dir);
    *dir = next;
    return rc;
}

/* Walks a canonical path from the root, so that no folder on the way can be swapped unseen.
 * Returns the folder of the file, and where the file's name begins. */
static int open_folder(char *path, const char **name, struct error *err)
{
    char *slash = strrchr(path, '/');
    *name = slash + 1;
    struct stat st;
    int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = dir < 0 || fstat(dir, &st) != 0 ? error_errno(err, ERROR_IO, "cannot open /")
                                             : check_owner(&st, "/", slash == path, err);
    for (char *at = path + 1; rc == 0 && at <= slash; at++)
        if (*at == '/')
            rc = step_into(&dir, path, (size_t)(at - path), at == slash, err);
    if (rc != 0 && dir >= 0) {
        close(dir);
        dir = -1;
    }
    return dir;
}

static int read_all(int fd, size_t size, struct codefile *out, struct error *err)
{
    out->bytes = alloc_bytes(size + 1);
    while (out->size < size) {
        ssize_t n = read(fd, out->bytes + out->size, size - out->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, ERROR_IO, "cannot read %s", out->path);
        if (n == 0)
            return error_set(err, ERROR_IO, "%s became shorter while it was read", out->path);
        out->size += (size_t)n;
    }
    out->bytes[out->size] = '\0';
    return 0;
}

static int read_checked(int fd, size_t max_bytes, struct codefile *out, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(err, ERROR_IO, "cannot look at %s", out->path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_FORBIDDEN, "%s is no regular file", out->path);
    if (check_owner(&st, out->path, true, err) != 0)
        return -1;
    if ((uintmax_t)st.st_size > max_bytes)
        return error_set(err, ERROR_TOO_LARGE, "%s has %jd bytes, at most %zu are loaded",
                         out->path, (intmax_t)st.st_size, max_bytes);
    return read_all(fd, (size_t)st.st_size, out, err);
}

static int check_pin(const struct codefile *file, const char *pin, struct error *err)
{
    if (!pin || !*pin || strcasecmp(pin, file->sha256) == 0)
        return 0;
    return error_set(err, ERROR_FORBIDDEN, "%s has the sha256 %s, the configuration pins %s",
                     file->path, file->sha256, pin);
}

/* The canonical path, whose folder must be the one that was asked for. */
static char *resolve(const char *path, struct error *err)
{
    char *file = realpath(path, NULL);
    if (!file) {
        error_errno(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "cannot open %s", path);
        return NULL;
    }
    const char *slash = strrchr(path, '/');
    char *asked = slash ? alloc_strn(path, (size_t)(slash - path) + 1) : alloc_str(".");
    char *folder = realpath(asked, NULL);
    size_t len = folder && strcmp(folder, "/") ? strlen(folder) : 0;
    if (!folder || strncmp(file, folder, len) != 0 || strrchr(file, '/') != file + len) {
        error_set(err, ERROR_FORBIDDEN, "%s is a symbolic link out of its folder, to %s", path,
                  file);
        free(file);
        file = NULL;
    }
    free(folder);
    free(asked);
    return file;
}

int codefile_read(const char *path, const char *pin, size_t max_bytes, struct codefile *out,
                  struct error *err)
{
    *out = (struct codefile){.path = resolve(path, err)};
    if (!out->path)
        return -1;
    const char *name;
    int dir = open_folder(out->path, &name, err);
    /* O_NONBLOCK: a FIFO in the file's place must not hang the gateway. */
    int fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int rc = -1;
    if (dir >= 0 && fd < 0)
        error_errno(err, ERROR_IO, "cannot open %s", out->path);
    else if (fd >= 0)
        rc = read_checked(fd, max_bytes, out, err);
    if (rc == 0) {
        digest_of(out->bytes, out->size, out->sha256);
        rc = check_pin(out, pin, err);
    }
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    if (rc != 0)
        codefile_close(out);
    return rc;
}

void codefile_close(struct codefile *file)
{
    free(file->path);
    free(file->bytes);
    *file = (struct codefile){0};
}
