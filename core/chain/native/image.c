/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/native/image.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

enum { FD_PATH_SIZE = 32 };

static void fd_path(int fd, char out[FD_PATH_SIZE])
{
    snprintf(out, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
}

static int make_memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    /* Kernels before 6.3 do not know MFD_EXEC and behave as if it were given. */
    return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

int image_copy(const struct codefile *file, struct image *out, struct error *err)
{
    *out = (struct image){NULL, make_memory_file(strrchr(file->path, '/') + 1)};
    if (out->fd < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make a memory file for %s", file->path);
    if (io_write_all(out->fd, file->bytes, file->size) == 0
        && fcntl(out->fd, F_ADD_SEALS,
                 F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
        return 0;
    error_errno(err, ERROR_INTERNAL, "cannot copy %s into memory", file->path);
    image_close(out);
    return -1;
}

/* The loader's own words, with the file's path for the link that it was given. */
static int refuse(const char *why, const char *link, const char *path, struct error *err)
{
    struct buf text = {0};
    const char *at;
    size_t prefix = strlen(link);
    if (strncmp(why, link, prefix) == 0 && strncmp(why + prefix, ": ", 2) == 0)
        why += prefix + 2;
    for (; (at = strstr(why, link)); why = at + prefix) {
        buf_add(&text, why, (size_t)(at - why));
        buf_puts(&text, path);
    }
    buf_puts(&text, why);
    bool newer = strstr(buf_str(&text), "version `");
    error_set(err, ERROR_MALFORMED, "%s cannot be loaded: %s%s", path, buf_str(&text),
              newer ? ": build it on a system that is no newer than this one" : "");
    buf_free(&text);
    return -1;
}

int image_map(struct image *image, const char *path, struct error *err)
{
    char link[FD_PATH_SIZE];
    fd_path(image->fd, link);
    image->handle = dlopen(link, RTLD_NOW | RTLD_LOCAL);
    return image->handle ? 0 : refuse(dlerror(), link, path, err);
}

static bool is_mapped(const struct image *image)
{
    char link[FD_PATH_SIZE];
    fd_path(image->fd, link);
    void *still = dlopen(link, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (still)
        dlclose(still);
    return still;
}

/* The loader knows an object by the path it was opened with.  Some refuse to go (-z nodelete,
 * unique symbols): then the descriptor stays too, so that its number never names another file. */
void image_close(struct image *image)
{
    if (image->handle)
        dlclose(image->handle);
    if (image->fd >= 0 && !(image->handle && is_mapped(image)))
        close(image->fd);
    *image = (struct image)IMAGE_NONE;
}
