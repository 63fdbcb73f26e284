/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the database, its prepared statements, and rows read into structs.
 *
 * Ownership: a statement belongs to its connection and is prepared once; sql texts must be string
 * literals, for the cache knows them by address.  Texts read from a row are copied to the arena.
 * A connection is used by one thread at a time. */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/record.h"

enum db_mode {
    DB_WRITE,   /* makes it a write-ahead database if it is none */
    DB_READ,    /* refuses writes */
    DB_INSPECT, /* opens a file of which nobody else need know; changes nothing */
};

struct db;

struct db *db_open(const char *path, enum db_mode mode, struct error *err);
void db_close(struct db *db);                       /* NULL is fine */
sqlite3 *db_handle(struct db *db);

/* A statement with its parameters bound, in order; types has one letter for each: t text (NULL
 * counts as ""), i int64_t.  NULL: err says why. */
sqlite3_stmt *db_query(struct db *db, struct error *err, const char *sql, const char *types, ...);
/* 1: a row, 0: the end, -1: err. */
int db_next(struct db *db, sqlite3_stmt *stmt, struct error *err);
void db_end(sqlite3_stmt *stmt);                    /* for whoever stops before the end */
/* Runs a statement that has no rows to give. */
int db_run(struct db *db, struct error *err, const char *sql, const char *types, ...);
int64_t db_changes(struct db *db);                  /* rows the last statement changed */
/* The same; 1: it changed a row, 0: it did not, -1: err. */
int db_change(struct db *db, struct error *err, const char *sql, const char *types, ...);
/* The number in the first row, if there is one. */
int db_count(struct db *db, struct error *err, uint64_t *out, const char *sql, const char *types,
             ...);

/* What went wrong last on this connection, with what is to be done.  Returns -1. */
int db_fail(struct db *db, struct error *err);

/* ---- structs as rows ---- */
/* A table's columns are one list of store/record.h. */
#define DB_NAME(kind, field)  #field
#define DB_PARAM(kind, field) "?"
#define DB_SET(kind, field)   #field "=?"
#define DB_INSERT(table, LIST) \
    "INSERT INTO " table "(" LIST(DB_NAME, ",") ") VALUES(" LIST(DB_PARAM, ",") ")"

/* A record without its first field, a number that the database gives. */
struct store_record db_record_unnumbered(const struct store_record *record);

/* The row must have the record's columns, in its order. */
void db_record_read(sqlite3_stmt *stmt, const struct store_record *record, struct arena *arena,
                    void *out);
/* One row: 1, none: 0, -1: err. */
int db_record_one(struct db *db, sqlite3_stmt *stmt, const struct store_record *record,
                  struct arena *arena, void *out, struct error *err);
/* All rows as an array in the arena. */
int db_record_all(struct db *db, sqlite3_stmt *stmt, const struct store_record *record,
                  struct arena *arena, void *items, size_t *n, struct error *err);
/* Runs a statement whose first parameters are the record's columns; the others as in db_run. */
int db_record_run(struct db *db, struct error *err, const char *sql,
                  const struct store_record *record, const void *from, const char *types, ...);
/* Runs DB_INSERT.  1: inserted, 0: a key is taken, -1: err. */
int db_insert(struct db *db, struct error *err, const char *sql, const struct store_record *record,
              const void *from);

#endif
