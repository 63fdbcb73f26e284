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

static const struct sql_driver driver;

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

/* ---- opening and closing ---- */

static int pragmas(struct db *db, const char *sql, struct error *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, err);
}

static int enter_wal(struct db *db, struct error *err)
{
    if (pragmas(db, WRITE_PRAGMAS, err) != 0)
        return -1;
    struct sql_rows *rows = sql_query(&db->sql, err, "PRAGMA journal_mode=WAL", "");
    if (!rows || sql_next(&db->sql, rows, err) < 0)
        return -1;
    bool wal = strcmp(driver.text(rows, 0), "wal") == 0;
    sql_end(&db->sql, rows);
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
    db->sql.driver = &driver;
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
    db->cache[db->n_cached++] = (struct db_statement){sql, stmt};
    return stmt;
}

/* keeps: what takes a text, SQLITE_STATIC where it outlives the statement. */
static void bind(sqlite3_stmt *stmt, int at, const struct sql_value *value,
                 sqlite3_destructor_type keeps)
{
    switch (value->kind) {
    case SQL_TEXT:    sqlite3_bind_text(stmt, at, value->text, -1, keeps); break;
    case SQL_INTEGER: sqlite3_bind_int64(stmt, at, value->integer); break;
    case SQL_REAL:    sqlite3_bind_double(stmt, at, value->real); break;
    }
}

static sqlite3_stmt *start(struct sql_db *sql_db, const char *sql, const struct sql_value *values,
                           size_t n, sqlite3_destructor_type keeps, struct error *err)
{
    sqlite3_stmt *stmt = prepare((struct db *)sql_db, sql, err);
    for (size_t i = 0; stmt && i < n; i++)
        bind(stmt, (int)i + 1, &values[i], keeps);
    return stmt;
}

static sqlite3_stmt *statement_of(struct sql_rows *rows)
{
    return (sqlite3_stmt *)rows;
}

static struct sql_rows *query(struct sql_db *db, const char *sql, const struct sql_value *values,
                              size_t n, struct error *err)
{
    return (struct sql_rows *)start(db, sql, values, n, SQLITE_TRANSIENT, err);
}

static void end(struct sql_db *db, struct sql_rows *rows)
{
    (void)db;
    sqlite3_reset(statement_of(rows));
    sqlite3_clear_bindings(statement_of(rows));
}

static int next(struct sql_db *db, struct sql_rows *rows, struct error *err)
{
    errno = 0;
    int rc = sqlite3_step(statement_of(rows));
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        db_fail((struct db *)db, err);
    end(db, rows);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int run(struct sql_db *db, const char *sql, const struct sql_value *values, size_t n,
               int64_t *changed, struct error *err)
{
    sqlite3_stmt *stmt = start(db, sql, values, n, SQLITE_STATIC, err);
    int rc = stmt ? next(db, (struct sql_rows *)stmt, err) : -1;
    if (rc > 0)
        end(db, (struct sql_rows *)stmt);
    if (changed)
        *changed = sqlite3_changes64(((struct db *)db)->handle);
    return rc < 0 ? -1 : 0;
}

/* ---- rows ---- */

static const char *column_text(struct sql_rows *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement_of(rows), column);
    return text ? text : "";
}

static int64_t column_integer(struct sql_rows *rows, int column)
{
    return sqlite3_column_int64(statement_of(rows), column);
}

static double column_real(struct sql_rows *rows, int column)
{
    return sqlite3_column_double(statement_of(rows), column);
}

/* ---- numbers that AUTOINCREMENT gives ---- */

static int read_sequence(struct sql_db *db, const char *table, int64_t *out, struct error *err)
{
    uint64_t number = 0;
    int rc =
        sql_count(db, err, &number, "SELECT seq FROM sqlite_sequence WHERE name=?", "t", table);
    *out = (int64_t)number;
    return rc;
}

static int set_sequence(struct sql_db *db, const char *table, int64_t number, struct error *err)
{
    if (sql_run(db, err, "DELETE FROM sqlite_sequence WHERE name=?", "t", table) != 0)
        return -1;
    return sql_run(db, err, "INSERT INTO sqlite_sequence(name, seq) VALUES(?,?)", "ti", table,
                   number);
}

static const struct sql_driver driver = {
    .query = query,
    .next = next,
    .end = end,
    .text = column_text,
    .integer = column_integer,
    .real = column_real,
    .run = run,
    .read_sequence = read_sequence,
    .set_sequence = set_sequence,
};
