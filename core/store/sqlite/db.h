/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to an SQLite database, and its driver for core/store/sql. */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "store/sql/sql.h"

enum db_mode {
    DB_WRITE,   /* makes it a write-ahead database if it is none */
    DB_READ,    /* refuses writes */
    DB_INSPECT, /* opens a file of which nobody else need know; changes nothing */
};

struct db_statement {
    const char *sql;
    sqlite3_stmt *stmt;
};

struct db {
    struct sql_db sql;                              /* first */
    sqlite3 *handle;
    char *path;
    struct db_statement *cache;
    size_t n_cached;
};

struct db *db_open(const char *path, enum db_mode mode, struct error *err);
void db_close(struct db *db);                       /* NULL is fine */
/* What went wrong last on this connection, with what is to be done.  Returns -1. */
int db_fail(struct db *db, struct error *err);

#endif
