/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/sqlite/migration.h"
#include "store/sqlite/pool.h"
#include "store/sqlite/writer.h"

struct sqlite_store {
    struct store store;                             /* first: core/store knows only this */
    char *path;
    struct writer *writer;
    struct db_pool *readers;
    int claim;                                      /* descriptor that holds the lock, -1: none */
};

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

static struct sqlite_store *of(struct store *store)
{
    return (struct sqlite_store *)store;
}

static void sqlite_close(struct store *store)
{
    struct sqlite_store *s = of(store);
    writer_free(s->writer);
    db_pool_free(s->readers);
    /* Last: closing any descriptor of the file drops the locks that SQLite holds on it. */
    if (s->claim >= 0)
        close(s->claim);
    free(s->path);
    free(s);
}

static struct store *sqlite_open(const char *path, const struct log *log, struct error *err)
{
    if (make_file(path, log, err) || migrate(path, err))
        return NULL;
    struct sqlite_store *s = alloc_zero(1, sizeof *s);
    *s =
        (struct sqlite_store){.store.backend = &store_sqlite, .path = alloc_str(path), .claim = -1};
    s->readers = db_pool_new(path, err);
    s->writer = s->readers ? writer_new(path, log, err) : NULL;
    if (s->writer)
        return &s->store;
    sqlite_close(&s->store);
    return NULL;
}

static int sqlite_claim(struct store *store, struct error *err)
{
    struct sqlite_store *s = of(store);
    s->claim = open(s->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (s->claim < 0)
        return error_errno(err, ERROR_IO, "cannot open the store %s", s->path);
    if (flock(s->claim, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return error_errno(err, ERROR_IO, "cannot lock the store %s", s->path);
    return error_set(err, ERROR_EXISTS, "another sluiced works in the store %s: stop it, or give "
                     "this one its own with --store", s->path);
}

static int sqlite_write(struct store *store, store_write_fn fn, void *arg, struct error *err)
{
    return committer_write(writer_committer(of(store)->writer), fn, arg, err);
}

static void sqlite_write_later(struct store *store, store_write_fn fn, store_written_fn done,
                               void *arg)
{
    committer_write_later(writer_committer(of(store)->writer), fn, done, arg);
}

static struct store_tx *sqlite_read(struct store *store)
{
    return db_pool_take(of(store)->readers);
}

static void sqlite_end_read(struct store *store, struct store_tx *tx)
{
    db_pool_give(of(store)->readers, tx);
}

static int sqlite_begin_moment(struct store_tx *tx, struct error *err)
{
    return sql_run(&db_of(tx)->sql, err, "BEGIN", "");
}

static void sqlite_end_moment(struct store_tx *tx)
{
    sql_run(&db_of(tx)->sql, NULL, "COMMIT", "");
}

/* ---- snapshots ---- */

/* Takes db, which may be NULL. */
static struct store_tx *begin_snapshot(struct db *db, struct error *err)
{
    if (!db || sql_run(&db->sql, err, "BEGIN", "") != 0) {
        db_close(db);
        return NULL;
    }
    struct sql_tx *tx = alloc_zero(1, sizeof *tx);
    *tx = (struct sql_tx){.tx.backend = &store_sqlite, .db = &db->sql};
    return &tx->tx;
}

static void sqlite_end_snapshot(struct store_tx *tx)
{
    db_close(db_of(tx));
    free(tx);
}

static struct store_tx *sqlite_snapshot(struct store *store, struct error *err)
{
    return begin_snapshot(db_open(of(store)->path, DB_READ, err), err);
}

static struct store_tx *sqlite_inspect(const char *path, struct error *err)
{
    struct db *db = db_open(path, DB_INSPECT, err);
    if (db && migration_check(db, path, err) != 0) {
        db_close(db);
        return NULL;
    }
    return begin_snapshot(db, err);
}

static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", NULL};

const struct store_backend store_sqlite = {
    .scheme = "sqlite",
    .files = suffixes,
    .open = sqlite_open,
    .close = sqlite_close,
    .claim = sqlite_claim,
    .write = sqlite_write,
    .write_later = sqlite_write_later,
    .read = sqlite_read,
    .end_read = sqlite_end_read,
    .begin_moment = sqlite_begin_moment,
    .end_moment = sqlite_end_moment,
    .snapshot = sqlite_snapshot,
    .inspect = sqlite_inspect,
    .end_snapshot = sqlite_end_snapshot,
    SQL_ROWS,
};
