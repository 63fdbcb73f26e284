/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/io.h"

/* Takes the descriptor; -1 has errno. */
static int read_whole(int fd, const char *path, size_t max_bytes, struct buf *out,
                      struct error *err)
{
    enum { STEP = 65536 };
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && out->len <= max_bytes) {
        buf_reserve(out, STEP);
        n = read(fd, out->data + out->len, STEP);
        out->len += n > 0 ? (size_t)n : 0;
        out->data[out->len] = '\0';
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    if (n < 0)
        return error_errno(err, ERROR_NOT_FOUND, "cannot read %s", path);
    if (out->len > max_bytes)
        return error_set(err, ERROR_TOO_LARGE, "%s has more than %zu bytes", path, max_bytes);
    return 0;
}

int file_read(const char *path, size_t max_bytes, struct buf *out, struct error *err)
{
    return read_whole(open(path, O_RDONLY | O_CLOEXEC), path, max_bytes, out, err);
}

int file_read_below(const char *folder, const char *path, size_t max_bytes, struct buf *out,
                    struct error *err)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    bool outside = root >= 0 && fd < 0 && errno == EXDEV;
    int saved = errno;
    struct stat st;
    if (root >= 0)
        close(root);
    if (outside)
        return error_set(
            err, ERROR_DENIED,
            "%s leads out of the case file's folder: put the file below %s and name it from there",
            path, folder);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        return error_set(err, ERROR_DENIED, "%s is no regular file", path);
    }
    errno = saved;
    const char *beside = *path == '/' || strcmp(folder, ".") == 0 ? "" : folder;
    char *shown = alloc_printf("%s%s%s", beside, *beside ? "/" : "", path);
    int rc = read_whole(fd, shown, max_bytes, out, err);
    free(shown);
    return rc;
}

bool file_is_below(const char *folder, const char *path)
{
    struct stat st;
    char *top = realpath(folder, NULL), *real = realpath(path, NULL);
    size_t n = top ? strlen(top) : 0;
    bool below = top && real && strncmp(top, real, n) == 0 &&
                 (real[n] == '/' || strcmp(top, "/") == 0) && stat(real, &st) == 0 &&
                 S_ISREG(st.st_mode);
    free(top);
    free(real);
    return below;
}

int file_write(const char *path, const char *text, size_t len, struct error *err)
{
    struct stat old;
    mode_t mode = stat(path, &old) == 0 ? old.st_mode & 0777 : 0644;
    char *temporary = alloc_printf("%s.%ld.tmp", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok = fd >= 0 && io_write_all(fd, text, len) == 0 && fchmod(fd, mode) == 0;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    ok = ok && rename(temporary, path) == 0;
    int rc = ok ? 0 : error_errno(err, ERROR_IO, "cannot write %s", path);
    if (!ok && fd >= 0)
        unlink(temporary);
    free(temporary);
    return rc;
}

const char *file_beside(struct arena *arena, const char *folder, const char *path)
{
    if (*path == '/' || strcmp(folder, ".") == 0)
        return arena_str(arena, path);
    return arena_printf(arena, "%s/%s", folder, path);
}

bool file_ends_with(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcmp(path + n - m, suffix) == 0;
}
