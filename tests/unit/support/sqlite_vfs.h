/* SPDX-License-Identifier: Apache-2.0 */
/* A layer over SQLite's file access that knows what has been synced: each sync of a file in a
 * folder copies it to <folder>/synced/, which so holds what a power cut would leave in the worst
 * case. It counts writes and syncs, and lets one of them fail or end the process.
 *
 * It is the default of this process until shim_remove.  Methods are patched in place: each file
 * that is opened keeps SQLite's own object and gets a copy of its method table. */
#ifndef TESTS_SUPPORT_SQLITE_VFS_H
#define TESTS_SUPPORT_SQLITE_VFS_H

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/store_factory.h"

struct shim {
    sqlite3_vfs vfs;                                /* first: SQLite hands it back to us */
    sqlite3_vfs *real;
    char folder[128], synced[128];
    pthread_mutex_t lock;
    enum store_break how;
    unsigned at, n; /* the one that breaks, 0: none; those made so far */
};

struct shim_file {
    sqlite3_io_methods methods;
    const sqlite3_io_methods *real;
    struct shim *shim;
    char path[512];
};

static inline struct shim_file *shim_of(sqlite3_file *file)
{
    return (struct shim_file *)((char *)file->pMethods - offsetof(struct shim_file, methods));
}

/* Counts one operation.  Returns whether it breaks.  Between two syncs the power may go at any
 * write: it comes to the same. */
static inline bool shim_breaks(struct shim *shim, bool is_sync)
{
    pthread_mutex_lock(&shim->lock);
    bool counts = is_sync || shim->how != BREAK_POWER;
    bool breaks = counts && ++shim->n == shim->at;
    pthread_mutex_unlock(&shim->lock);
    return breaks;
}

static inline int shim_break(struct shim *shim, int code)
{
    if (shim->how != BREAK_FAIL)
        kill(getpid(), SIGKILL);
    return code;
}

/* Where the synced copy of a file is; false: the file is not in our folder. */
static inline bool shim_place(const struct shim *shim, const char *path, char out[768])
{
    size_t len = strlen(shim->folder);
    const char *name = strrchr(path, '/');
    if (strncmp(path, shim->folder, len) != 0 || name != path + len)
        return false;
    snprintf(out, 768, "%s%s", shim->synced, name);
    return true;
}

static inline void copy_file(const char *from, const char *to)
{
    char block[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t n; (n = read(in, block, sizeof block)) > 0;)
        assert_int_equal(write(out, block, (size_t)n), n);
    close(in);
    close(out);
}

/* In one step: another thread may end the process meanwhile. */
static inline void copy_synced(const char *from, const char *to)
{
    char part[800];
    snprintf(part, sizeof part, "%s.part", to);
    copy_file(from, part);
    assert_int_equal(rename(part, to), 0);
}

static inline int shim_sync(sqlite3_file *file, int flags)
{
    struct shim_file *s = shim_of(file);
    char to[768];
    if (shim_breaks(s->shim, true))
        return shim_break(s->shim, SQLITE_IOERR_FSYNC);
    int rc = s->real->xSync(file, flags);
    pthread_mutex_lock(&s->shim->lock);
    if (shim_place(s->shim, s->path, to))
        copy_synced(s->path, to);
    pthread_mutex_unlock(&s->shim->lock);
    return rc;
}

static inline int shim_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    struct shim_file *s = shim_of(file);
    if (!shim_breaks(s->shim, false))
        return s->real->xWrite(file, bytes, n, at);
    s->real->xWrite(file, bytes, n / 2, at);        /* torn */
    return shim_break(s->shim, SQLITE_IOERR_WRITE);
}

static inline int shim_close(sqlite3_file *file)
{
    struct shim_file *s = shim_of(file);
    int rc = s->real->xClose(file);
    free(s);
    return rc;
}

static inline int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                            int *out)
{
    struct shim *shim = (struct shim *)vfs;
    int rc = shim->real->xOpen(shim->real, name, file, flags, out);
    if (rc != SQLITE_OK || !name || !file->pMethods)
        return rc;
    struct shim_file *s = alloc_zero(1, sizeof *s);
    s->methods = *file->pMethods;
    s->methods.xSync = shim_sync;
    s->methods.xWrite = shim_write;
    s->methods.xClose = shim_close;
    s->real = file->pMethods;
    s->shim = shim;
    snprintf(s->path, sizeof s->path, "%s", name);
    file->pMethods = &s->methods;
    return rc;
}

static inline int shim_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    struct shim *shim = (struct shim *)vfs;
    char copy[768];
    if (sync_folder && shim_place(shim, name, copy))
        unlink(copy);
    return shim->real->xDelete(shim->real, name, sync_folder);
}

static inline void shim_install(struct shim *shim, const char *folder)
{
    shim->real = sqlite3_vfs_find(NULL);
    shim->vfs = *shim->real;
    shim->vfs.zName = "shim";
    shim->vfs.xOpen = shim_open;
    shim->vfs.xDelete = shim_delete;
    snprintf(shim->folder, sizeof shim->folder, "%s", folder);
    snprintf(shim->synced, sizeof shim->synced, "%s/synced", folder);
    assert_int_equal(mkdir(shim->synced, 0700), 0);
    pthread_mutex_init(&shim->lock, NULL);
    assert_int_equal(sqlite3_vfs_register(&shim->vfs, 1), SQLITE_OK);
}

static inline void shim_remove(struct shim *shim)
{
    sqlite3_vfs_unregister(&shim->vfs);
    sqlite3_vfs_register(shim->real, 1);
    pthread_mutex_destroy(&shim->lock);
}

#endif
