/* SPDX-License-Identifier: Apache-2.0 */
/* Statements with their parameters, and records as rows, for every database that speaks SQL.
 *
 * A driver runs the statements on one connection.  The SQL of this folder is what every database of
 * store.c's list takes: "?" stands for a parameter, texts are compared byte by byte, and the flags
 * are integers.
 *
 * Ownership: sql texts must be string literals, for a driver knows its prepared statements by their
 * address.  Texts read from a row are copied to the arena.  A connection is used by one thread at a
 * time, and has one set of rows for each statement. */
#ifndef STORE_SQL_SQL_H
#define STORE_SQL_SQL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/record.h"

enum { SQL_VALUES_MAX = 64 };                       /* parameters of one statement */

enum sql_kind { SQL_TEXT, SQL_INTEGER, SQL_REAL };

struct sql_value {
    enum sql_kind kind;
    union {
        const char *text;                           /* never NULL */
        int64_t integer;
        double real;
    };
};

struct sql_rows;                                    /* what a query found; a driver's own */
struct sql_driver;

/* A connection.  A driver puts this first in its own struct. */
struct sql_db {
    const struct sql_driver *driver;
};

struct sql_driver {
    /* The values are copied.  NULL: err says why. */
    struct sql_rows *(*query)(struct sql_db *db, const char *sql, const struct sql_value *values,
                              size_t n, struct error *err);
    /* 1: a row, 0: the end, -1: err.  After 0 and -1 the rows are gone. */
    int (*next)(struct sql_db *db, struct sql_rows *rows, struct error *err);
    void (*end)(struct sql_db *db, struct sql_rows *rows);
    const char *(*text)(struct sql_rows *rows, int column);     /* never NULL, until next */
    int64_t (*integer)(struct sql_rows *rows, int column);
    double (*real)(struct sql_rows *rows, int column);
    /* Runs a statement whose rows nobody wants.  changed: how many rows it changed; where that is
     * NULL, a failure may be reported by a later call of the same transaction. */
    int (*run)(struct sql_db *db, const char *sql, const struct sql_value *values, size_t n,
               int64_t *changed, struct error *err);
    /* The greatest number that a table ever gave, which a copy of the table goes on from. */
    int (*read_sequence)(struct sql_db *db, const char *table, int64_t *out, struct error *err);
    int (*set_sequence)(struct sql_db *db, const char *table, int64_t number, struct error *err);
};

/* types has one letter for each parameter, in order: t text (NULL counts as ""), i int64_t. */
struct sql_rows *sql_query(struct sql_db *db, struct error *err, const char *sql,
                           const char *types, ...);
int sql_next(struct sql_db *db, struct sql_rows *rows, struct error *err);
void sql_end(struct sql_db *db, struct sql_rows *rows); /* for whoever stops before the end */
/* Runs a statement that has no rows to give.  A failure may be reported later (struct
 * sql_driver). */
int sql_run(struct sql_db *db, struct error *err, const char *sql, const char *types, ...);
/* The same at once; 1: it changed a row, 0: it did not, -1: err. */
int sql_change(struct sql_db *db, struct error *err, const char *sql, const char *types, ...);
/* The same; *changed: how many rows. */
int sql_change_rows(struct sql_db *db, struct error *err, uint64_t *changed, const char *sql,
                    const char *types, ...);
/* The number in the first row, if there is one. */
int sql_count(struct sql_db *db, struct error *err, uint64_t *out, const char *sql,
              const char *types, ...);

/* ---- structs as rows ---- */
/* A table's columns are one list of store/record.h.  "binary" may be a keyword. */
#define SQL_NAME(kind, field)  "\"" #field "\""
#define SQL_PARAM(kind, field) "?"
#define SQL_SET(kind, field)   "\"" #field "\"=?"
#define SQL_INSERT(table, LIST) \
    "INSERT INTO " table "(" LIST(SQL_NAME, ",") ") VALUES(" LIST(SQL_PARAM, ",") ")"
#define SQL_INSERT_NEW(table, LIST) SQL_INSERT(table, LIST) " ON CONFLICT DO NOTHING"

/* A record without its first field, a number that the database gives. */
struct store_record sql_record_unnumbered(const struct store_record *record);

/* One row: 1, none: 0, -1: err.  rows NULL: -1. */
int sql_record_one(struct sql_db *db, struct sql_rows *rows, const struct store_record *record,
                   struct arena *arena, void *out, struct error *err);
/* All rows as an array in the arena. */
int sql_record_all(struct sql_db *db, struct sql_rows *rows, const struct store_record *record,
                   struct arena *arena, void *items, size_t *n, struct error *err);
/* Statements whose first parameters are the record's columns; the others as in sql_run. */
struct sql_rows *sql_record_query(struct sql_db *db, struct error *err, const char *sql,
                                  const struct store_record *record, const void *from);
int sql_record_run(struct sql_db *db, struct error *err, const char *sql,
                   const struct store_record *record, const void *from, const char *types, ...);
int sql_record_change(struct sql_db *db, struct error *err, const char *sql,
                      const struct store_record *record, const void *from, const char *types, ...);
/* Runs SQL_INSERT_NEW.  1: inserted, 0: a key is taken, -1: err. */
int sql_insert(struct sql_db *db, struct error *err, const char *sql,
               const struct store_record *record, const void *from);

#endif
