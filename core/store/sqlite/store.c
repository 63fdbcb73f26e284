/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/sqlite/committer.h"
#include "store/sqlite/inner.h"
#include "store/sqlite/migration.h"

static const char scheme[] = "sqlite:";

static const char *path_of(const char *url, struct error *err)
{
    if (strncmp(url, scheme, strlen(scheme)) == 0 && url[strlen(scheme)])
        return url + strlen(scheme);
    error_set(err, ERROR_INVALID, "store '%s': expected sqlite:PATH", url);
    return NULL;
}

/* ---- the file ---- */

/* A new file's name must survive a crash as well as what is in it. */
static int sync_folder(const char *path, struct error *err)
{
    char *copy = alloc_str(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc =
        fd >= 0 && fsync(fd) == 0
            ? 0
            : error_errno(err, ERROR_IO, "store %s: its folder cannot be written to disk", path);
    if (fd >= 0)
        close(fd);
    free(copy);
    return rc;
}

static int make_private(const char *path, const struct log *log, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return error_errno(err, ERROR_IO, "store %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_IO, "store %s: is not a regular file", path);
    if (!(st.st_mode & 077))
        return 0;
    if (chmod(path, 0600) != 0)
        return error_errno(err, ERROR_IO,
                           "store %s: others may read it and its mode cannot be made 0600", path);
    log_warn(log, "store %s: others could read it (mode %04o), now its mode is 0600", path,
             st.st_mode & 07777);
    return 0;
}

/* SQLite would create the file with the mode that the umask leaves.  An existing one is not opened
 * here: closing it would drop the locks that another store of this process holds on it. */
static int make_file(const char *path, const struct log *log, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return sync_folder(path, err);
    }
    if (errno == ENOENT)
        return error_set(err, ERROR_IO, "store %s: its folder does not exist: make it first", path);
    if (errno != EEXIST)
        return error_errno(err, ERROR_IO, "store %s: cannot be made", path);
    return make_private(path, log, err);
}

static int migrate(const char *path, struct error *err)
{
    struct db *db = db_open(path, DB_WRITE, err);
    int rc = db ? migration_run(db, path, err) : -1;
    db_close(db);
    return rc;
}

/* ---- the store ---- */

struct store *store_open(const char *url, const struct log *log, struct error *err)
{
    const char *path = path_of(url, err);
    if (!path || make_file(path, log, err) || migrate(path, err))
        return NULL;
    struct store *store = alloc_zero(1, sizeof *store);
    store->path = alloc_str(path);
    pthread_mutex_init(&store->verifying, NULL);
    store->readers = db_pool_new(path, err);
    store->committer = store->readers ? committer_new(path, log, err) : NULL;
    if (store->committer)
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    committer_free(store->committer);
    db_pool_free(store->readers);
    pthread_mutex_destroy(&store->verifying);
    free(store->path);
    free(store);
}

int store_write(struct store *store, store_write_fn fn, void *arg, struct error *err)
{
    return committer_write(store->committer, fn, arg, err);
}
