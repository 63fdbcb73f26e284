/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

/* Longer than any transaction of ours; another program may hold the file for a moment. */
enum { BUSY_TIMEOUT_MS = 10000 };

/* The checkpointer makes all checkpoints, so that no answer waits for one.  The log shrinks to the
 * limit when it restarts.  EXTRA is FULL for a write-ahead log; a database that becomes one also
 * loses its rollback journal durably, which would undo later commits if it came back. */
#define COMMON_PRAGMAS  "PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=0;"
#define WRITE_PRAGMAS   COMMON_PRAGMAS "PRAGMA synchronous=EXTRA; PRAGMA foreign_keys=1; " \
                        "PRAGMA journal_size_limit=67108864"
#define READ_PRAGMAS    COMMON_PRAGMAS "PRAGMA query_only=1"

struct cached {
    const char *sql;
    sqlite3_stmt *stmt;
};

struct db {
    sqlite3 *handle;
    char *path;
    struct cached *cache;
    size_t n_cached;
};

sqlite3 *db_handle(struct db *db)
{
    return db->handle;
}

static const char *remedy(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:     return ": nothing was changed, make room on the disk";
    case SQLITE_READONLY: return ": nothing was changed, the file and its folder must be writable";
    case SQLITE_BUSY:     return ": another program holds the database";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:   return ": restore it from a backup";
    default:              return "";
    }
}

int db_fail(struct db *db, struct error *err)
{
    int code = sqlite3_extended_errcode(db->handle);
    /* A failed COMMIT leaves it in errno only; db_next made sure that nothing older is there. */
    int number = (code & 0xff) != SQLITE_IOERR ? 0 : errno;
    char reason[160] = "", text[128];
    if (number)
        snprintf(reason, sizeof reason, " (%s)", strerror_r(number, text, sizeof text));
    return error_set(err, ERROR_IO, "store %s: %s%s%s", db->path, sqlite3_errmsg(db->handle),
                     reason, remedy(code));
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes64(db->handle);
}

/* ---- opening and closing ---- */

static int pragmas(struct db *db, const char *sql, struct error *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, err);
}

static int enter_wal(struct db *db, struct error *err)
{
    if (pragmas(db, WRITE_PRAGMAS, err) != 0)
        return -1;
    sqlite3_stmt *stmt = db_query(db, err, "PRAGMA journal_mode=WAL", "");
    if (!stmt || db_next(db, stmt, err) < 0)
        return -1;
    const char *mode = (const char *)sqlite3_column_text(stmt, 0);
    bool wal = mode && strcmp(mode, "wal") == 0;
    db_end(stmt);
    if (!wal)
        return error_set(err, ERROR_IO, "store %s: its file system cannot keep a write-ahead log: "
                         "put it on a local disk", db->path);
    return 0;
}

static int open_handle(struct db *db, const char *name, int flags, struct error *err)
{
    int rc = sqlite3_open_v2(name, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             NULL);
    if (!db->handle)
        return error_set(err, ERROR_IO, "store %s: no memory for a connection", db->path);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    return rc == SQLITE_OK ? 0 : db_fail(db, err);
}

/* Where nothing may be created beside it, a write-ahead database can be read only under the promise
 * that nobody writes it, which holds when it has no log. */
static int open_immutable(struct db *db, struct error *err)
{
    struct buf uri = {0};
    buf_puts(&uri, "file:");
    for (const char *p = db->path; *p; p++)
        buf_printf(&uri, strchr("%?#", *p) ? "%%%02X" : "%c", (unsigned char)*p);
    buf_puts(&uri, "?immutable=1");
    sqlite3_close(db->handle);
    int rc = open_handle(db, buf_str(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    buf_free(&uri);
    return rc;
}

static bool has_log(const char *path)
{
    char *log = alloc_printf("%s-wal", path);
    bool there = access(log, F_OK) == 0;
    free(log);
    return there;
}

static int open_inspect(struct db *db, struct error *err)
{
    if (access(db->path, R_OK) != 0)
        return error_errno(err, ERROR_IO, "store %s: cannot be read", db->path);
    if (open_handle(db, db->path, SQLITE_OPEN_READONLY, err))
        return -1;
    if (pragmas(db, "SELECT 1 FROM sqlite_schema", NULL) == 0)
        return 0;
    int code = sqlite3_errcode(db->handle) & 0xff;
    if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !has_log(db->path))
        return open_immutable(db, err);
    return db_fail(db, err);
}

static int open_mode(struct db *db, enum db_mode mode, struct error *err)
{
    if (mode == DB_INSPECT)
        return open_inspect(db, err) || pragmas(db, READ_PRAGMAS, err) ? -1 : 0;
    if (open_handle(db, db->path, SQLITE_OPEN_READWRITE, err))
        return -1;
    if (sqlite3_db_readonly(db->handle, "main") == 1)
        return error_set(err, ERROR_IO, "store %s: is read-only: the file and its folder must be "
                         "writable", db->path);
    return mode == DB_READ ? pragmas(db, READ_PRAGMAS, err) : enter_wal(db, err);
}

struct db *db_open(const char *path, enum db_mode mode, struct error *err)
{
    struct db *db = alloc_zero(1, sizeof *db);
    /* A leading slash or "./" keeps SQLite from reading a name such as ":memory:" its own way. */
    db->path = *path == '/' ? alloc_str(path) : alloc_printf("./%s", path);
    if (open_mode(db, mode, err) == 0)
        return db;
    db_close(db);
    return NULL;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < db->n_cached; i++)
        sqlite3_finalize(db->cache[i].stmt);
    sqlite3_close(db->handle);
    free(db->cache);
    free(db->path);
    free(db);
}

/* ---- statements ---- */

static sqlite3_stmt *cached(struct db *db, const char *sql)
{
    for (size_t i = 0; i < db->n_cached; i++)
        if (db->cache[i].sql == sql)
            return db->cache[i].stmt;
    return NULL;
}

static sqlite3_stmt *prepare(struct db *db, const char *sql, struct error *err)
{
    sqlite3_stmt *stmt = cached(db, sql);
    if (stmt)
        return stmt;
    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
        SQLITE_OK) {
        db_fail(db, err);
        return NULL;
    }
    db->cache = alloc_resize(db->cache, db->n_cached + 1, sizeof *db->cache);
    db->cache[db->n_cached++] = (struct cached){sql, stmt};
    return stmt;
}

/* A text that the statement may outlive is copied. */
static void bind_text(sqlite3_stmt *stmt, int at, const char *text, bool copied)
{
    sqlite3_bind_text(stmt, at, text ? text : "", -1, copied ? SQLITE_TRANSIENT : SQLITE_STATIC);
}

static void bind_list(sqlite3_stmt *stmt, int at, bool copied, const char *types, va_list args)
{
    for (; *types; types++, at++) {
        if (*types == 't')
            bind_text(stmt, at, va_arg(args, const char *), copied);
        else
            sqlite3_bind_int64(stmt, at, va_arg(args, int64_t));
    }
}

static sqlite3_stmt *query(struct db *db, struct error *err, const char *sql, bool copied,
                           const char *types, va_list args)
{
    sqlite3_stmt *stmt = prepare(db, sql, err);
    if (stmt)
        bind_list(stmt, 1, copied, types, args);
    return stmt;
}

sqlite3_stmt *db_query(struct db *db, struct error *err, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *stmt = query(db, err, sql, true, types, args);
    va_end(args);
    return stmt;
}

void db_end(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

int db_next(struct db *db, sqlite3_stmt *stmt, struct error *err)
{
    errno = 0;
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        db_fail(db, err);
    db_end(stmt);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int finish(struct db *db, sqlite3_stmt *stmt, struct error *err)
{
    int rc = db_next(db, stmt, err);
    if (rc > 0)
        db_end(stmt);
    return rc < 0 ? -1 : 0;
}

int db_run(struct db *db, struct error *err, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *stmt = query(db, err, sql, false, types, args);
    va_end(args);
    return stmt ? finish(db, stmt, err) : -1;
}

int db_change(struct db *db, struct error *err, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *stmt = query(db, err, sql, false, types, args);
    va_end(args);
    return !stmt || finish(db, stmt, err) != 0 ? -1 : db_changes(db) > 0;
}

int db_count(struct db *db, struct error *err, uint64_t *out, const char *sql, const char *types,
             ...)
{
    va_list args;
    va_start(args, types);
    sqlite3_stmt *stmt = query(db, err, sql, false, types, args);
    va_end(args);
    int rc = stmt ? db_next(db, stmt, err) : -1;
    if (rc > 0) {
        *out = (uint64_t)sqlite3_column_int64(stmt, 0);
        db_end(stmt);
    }
    return rc < 0 ? -1 : 0;
}

/* ---- structs as rows ---- */

struct store_record db_record_unnumbered(const struct store_record *record)
{
    return (struct store_record){record->size, record->fields + 1, record->n - 1};
}

static void read_column(sqlite3_stmt *stmt, int i, const struct store_field *column,
                        struct arena *arena, char *out)
{
    void *field = out + column->offset;
    int64_t number = column->kind == STORE_TEXT ? 0 : sqlite3_column_int64(stmt, i);
    const char *text;
    switch (column->kind) {
    case STORE_TEXT:
        text = (const char *)sqlite3_column_text(stmt, i);
        *(const char **)field = arena_str(arena, text ? text : "");
        break;
    case STORE_INTEGER: *(int64_t *)field = number; break;
    case STORE_COUNT:   *(uint64_t *)field = (uint64_t)number; break;
    case STORE_PORT:    *(uint16_t *)field = (uint16_t)number; break;
    case STORE_FLAG:    *(bool *)field = number != 0; break;
    case STORE_REAL:    *(double *)field = sqlite3_column_double(stmt, i); break;
    }
}

void db_record_read(sqlite3_stmt *stmt, const struct store_record *record, struct arena *arena,
                    void *out)
{
    for (size_t i = 0; i < record->n; i++)
        read_column(stmt, (int)i, &record->fields[i], arena, out);
}

int db_record_one(struct db *db, sqlite3_stmt *stmt, const struct store_record *record,
                  struct arena *arena, void *out, struct error *err)
{
    int rc = stmt ? db_next(db, stmt, err) : -1;
    if (rc > 0) {
        db_record_read(stmt, record, arena, out);
        db_end(stmt);
    }
    return rc;
}

int db_record_all(struct db *db, sqlite3_stmt *stmt, const struct store_record *record,
                  struct arena *arena, void *items, size_t *n, struct error *err)
{
    struct buf rows = {0};
    int rc = -1;
    *n = 0;
    while (stmt && (rc = db_next(db, stmt, err)) > 0) {
        buf_reserve(&rows, record->size);
        memset(rows.data + rows.len, 0, record->size);
        db_record_read(stmt, record, arena, rows.data + rows.len);
        rows.len += record->size;
        (*n)++;
    }
    *(void **)items = arena_alloc(arena, rows.len + 1);
    if (rows.len)
        memcpy(*(void **)items, rows.data, rows.len);
    buf_free(&rows);
    return rc;
}

static void bind_column(sqlite3_stmt *stmt, int at, const struct store_field *column,
                        const char *from)
{
    const void *field = from + column->offset;
    switch (column->kind) {
    case STORE_TEXT:    bind_text(stmt, at, *(const char *const *)field, false); break;
    case STORE_INTEGER: sqlite3_bind_int64(stmt, at, *(const int64_t *)field); break;
    case STORE_COUNT:   sqlite3_bind_int64(stmt, at, (int64_t)*(const uint64_t *)field); break;
    case STORE_PORT:    sqlite3_bind_int64(stmt, at, *(const uint16_t *)field); break;
    case STORE_FLAG:    sqlite3_bind_int64(stmt, at, *(const bool *)field); break;
    case STORE_REAL:    sqlite3_bind_double(stmt, at, *(const double *)field); break;
    }
}

int db_record_run(struct db *db, struct error *err, const char *sql,
                  const struct store_record *record, const void *from, const char *types, ...)
{
    sqlite3_stmt *stmt = prepare(db, sql, err);
    va_list args;
    if (!stmt)
        return -1;
    for (size_t i = 0; i < record->n; i++)
        bind_column(stmt, (int)i + 1, &record->fields[i], from);
    va_start(args, types);
    bind_list(stmt, (int)record->n + 1, false, types, args);
    va_end(args);
    return finish(db, stmt, err);
}

int db_insert(struct db *db, struct error *err, const char *sql, const struct store_record *record,
              const void *from)
{
    if (db_record_run(db, err, sql, record, from, "") == 0)
        return 1;
    int code = sqlite3_extended_errcode(db->handle);
    return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ? 0 : -1;
}
