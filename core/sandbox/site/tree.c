/* SPDX-License-Identifier: Apache-2.0 */
/* Each nested folder is moved up to the top folder before it is emptied.  So a path is never longer
 * than one name, and no more than two folders are open, however deep the tree is. */
#include "sandbox/site/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

struct deletion {
    int top;
    dev_t device;
    unsigned long moved, gone, failed;
    int first_error;
    char first[NAME_MAX + 1];
};

static void failed(struct deletion *d, const char *name)
{
    if (d->failed++ > 0)
        return;
    d->first_error = errno;
    snprintf(d->first, sizeof d->first, "%s", name);
}

static void count(struct deletion *d, const char *name, int rc)
{
    if (rc == 0)
        d->gone++;
    else if (errno != ENOENT)
        failed(d, name);
}

/* Errors are ignored: if it fails, the next operation on the folder fails too and is reported. Uses
 * a descriptor, as the name may be replaced by a link meanwhile. */
static void make_writable(int folder, const char *name)
{
    char path[64];
    int fd = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int ignored = fd < 0 ? 0 : chmod(path, 0700);
    (void)ignored;
    if (fd >= 0)
        close(fd);
}

static void move_up(struct deletion *d, int folder, const char *name)
{
    char free_name[32];
    int rc;
    make_writable(folder, name);                    /* moving it changes its ".." entry */
    do {
        snprintf(free_name, sizeof free_name, "deleted-%lu", d->moved++);
        rc = renameat(folder, name, d->top, free_name);
    } while (rc != 0 && (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR));
    count(d, name, rc);
}

static void empty(struct deletion *d, int folder);

static void delete_folder(struct deletion *d, const char *name)
{
    struct stat st;
    make_writable(d->top, name);
    int folder = openat(d->top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 || fstat(folder, &st) != 0) {
        failed(d, name);
    } else if (st.st_dev != d->device) {
        errno = EXDEV;
        failed(d, name);
    } else {
        empty(d, folder);
        count(d, name, unlinkat(d->top, name, AT_REMOVEDIR));
    }
    if (folder >= 0)
        close(folder);
}

static void delete_entry(struct deletion *d, int folder, const char *name)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        count(d, name, -1);
    else if (!S_ISDIR(st.st_mode))
        count(d, name, unlinkat(folder, name, 0));
    else if (folder == d->top)
        delete_folder(d, name);
    else
        move_up(d, folder, name);
}

static void empty(struct deletion *d, int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        failed(d, ".");
        if (copy >= 0)
            close(copy);
        return;
    }
    for (struct dirent *e; (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            delete_entry(d, folder, e->d_name);
    closedir(dir);
}

int tree_delete(const char *path, struct error *err)
{
    struct stat st;
    struct deletion d = {.gone = 1};
    make_writable(AT_FDCWD, path);
    d.top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (d.top < 0)
        return errno == ENOENT ? 0 : error_errno(err, ERROR_IO, "cannot delete %s", path);
    if (fstat(d.top, &st) == 0)
        d.device = st.st_dev;
    while (d.gone > 0) { /* folders that were moved up are deleted in the next round */
        d.gone = d.failed = 0;
        empty(&d, d.top);
    }
    close(d.top);
    if (d.failed > 0)
        return error_set(err, ERROR_IO,
                         "cannot delete all below %s: %lu stay there, the first is '%s': %s", path,
                         d.failed, d.first, strerror(d.first_error));
    return rmdir(path) == 0 || errno == ENOENT
               ? 0
               : error_errno(err, ERROR_IO, "cannot delete %s", path);
}
