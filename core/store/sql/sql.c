/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql.h"

#include <string.h>

#include "base/buf.h"

/* ---- statements ---- */

struct values {
    struct sql_value list[SQL_VALUES_MAX];
    size_t n;
};

static void add_text(struct values *values, const char *text)
{
    values->list[values->n++] = (struct sql_value){SQL_TEXT, .text = text ? text : ""};
}

static void add_integer(struct values *values, int64_t number)
{
    values->list[values->n++] = (struct sql_value){SQL_INTEGER, .integer = number};
}

static void add_list(struct values *values, const char *types, va_list args)
{
    for (; *types; types++) {
        if (*types == 't')
            add_text(values, va_arg(args, const char *));
        else
            add_integer(values, va_arg(args, int64_t));
    }
}

/* The parameters of the function that it stands in. */
#define TAKE_VALUES(values, types)       \
    do {                                 \
        va_list args;                    \
        va_start(args, types);           \
        add_list(&(values), types, args); \
        va_end(args);                    \
    } while (0)

struct sql_rows *sql_query(struct sql_db *db, struct error *err, const char *sql,
                           const char *types, ...)
{
    struct values values;
    values.n = 0;
    TAKE_VALUES(values, types);
    return db->driver->query(db, sql, values.list, values.n, err);
}

int sql_next(struct sql_db *db, struct sql_rows *rows, struct error *err)
{
    return db->driver->next(db, rows, err);
}

void sql_end(struct sql_db *db, struct sql_rows *rows)
{
    db->driver->end(db, rows);
}

int sql_run(struct sql_db *db, struct error *err, const char *sql, const char *types, ...)
{
    struct values values;
    values.n = 0;
    TAKE_VALUES(values, types);
    return db->driver->run(db, sql, values.list, values.n, NULL, err);
}

int sql_change(struct sql_db *db, struct error *err, const char *sql, const char *types, ...)
{
    struct values values;
    int64_t changed = 0;
    values.n = 0;
    TAKE_VALUES(values, types);
    int rc = db->driver->run(db, sql, values.list, values.n, &changed, err);
    return rc ? -1 : changed > 0;
}

int sql_change_rows(struct sql_db *db, struct error *err, uint64_t *changed, const char *sql,
                    const char *types, ...)
{
    struct values values;
    int64_t n = 0;
    values.n = 0;
    TAKE_VALUES(values, types);
    int rc = db->driver->run(db, sql, values.list, values.n, &n, err);
    *changed = (uint64_t)n;
    return rc;
}

int sql_count(struct sql_db *db, struct error *err, uint64_t *out, const char *sql,
              const char *types, ...)
{
    struct values values;
    values.n = 0;
    TAKE_VALUES(values, types);
    struct sql_rows *rows = db->driver->query(db, sql, values.list, values.n, err);
    int rc = rows ? sql_next(db, rows, err) : -1;
    if (rc > 0) {
        *out = (uint64_t)db->driver->integer(rows, 0);
        sql_end(db, rows);
    }
    return rc < 0 ? -1 : 0;
}

/* ---- reading structs ---- */

struct store_record sql_record_unnumbered(const struct store_record *record)
{
    return (struct store_record){record->size, record->fields + 1, record->n - 1};
}

static void read_column(const struct sql_driver *driver, struct sql_rows *rows, int i,
                        const struct store_field *column, struct arena *arena, char *out)
{
    void *field = out + column->offset;
    switch (column->kind) {
    case STORE_TEXT:    *(const char **)field = arena_str(arena, driver->text(rows, i)); break;
    case STORE_INTEGER: *(int64_t *)field = driver->integer(rows, i); break;
    case STORE_COUNT:   *(uint64_t *)field = (uint64_t)driver->integer(rows, i); break;
    case STORE_PORT:    *(uint16_t *)field = (uint16_t)driver->integer(rows, i); break;
    case STORE_FLAG:    *(bool *)field = driver->integer(rows, i) != 0; break;
    case STORE_REAL:    *(double *)field = driver->real(rows, i); break;
    }
}

/* The row must have the record's columns, in its order. */
static void read_record(struct sql_db *db, struct sql_rows *rows,
                        const struct store_record *record, struct arena *arena, void *out)
{
    for (size_t i = 0; i < record->n; i++)
        read_column(db->driver, rows, (int)i, &record->fields[i], arena, out);
}

int sql_record_one(struct sql_db *db, struct sql_rows *rows, const struct store_record *record,
                   struct arena *arena, void *out, struct error *err)
{
    int rc = rows ? sql_next(db, rows, err) : -1;
    if (rc > 0) {
        read_record(db, rows, record, arena, out);
        sql_end(db, rows);
    }
    return rc;
}

int sql_record_all(struct sql_db *db, struct sql_rows *rows, const struct store_record *record,
                   struct arena *arena, void *items, size_t *n, struct error *err)
{
    struct buf list = {0};
    int rc = -1;
    *n = 0;
    while (rows && (rc = sql_next(db, rows, err)) > 0) {
        buf_reserve(&list, record->size);
        memset(list.data + list.len, 0, record->size);
        read_record(db, rows, record, arena, list.data + list.len);
        list.len += record->size;
        (*n)++;
    }
    *(void **)items = arena_alloc(arena, list.len + 1);
    if (list.len)
        memcpy(*(void **)items, list.data, list.len);
    buf_free(&list);
    return rc;
}

/* ---- writing structs ---- */

static void add_column(struct values *values, const struct store_field *column, const char *from)
{
    const void *field = from + column->offset;
    switch (column->kind) {
    case STORE_TEXT:    add_text(values, *(const char *const *)field); break;
    case STORE_INTEGER: add_integer(values, *(const int64_t *)field); break;
    case STORE_COUNT:   add_integer(values, (int64_t)*(const uint64_t *)field); break;
    case STORE_PORT:    add_integer(values, *(const uint16_t *)field); break;
    case STORE_FLAG:    add_integer(values, *(const bool *)field); break;
    case STORE_REAL:
        values->list[values->n++] = (struct sql_value){SQL_REAL, .real = *(const double *)field};
        break;
    }
}

static void add_record(struct values *values, const struct store_record *record, const void *from)
{
    for (size_t i = 0; i < record->n; i++)
        add_column(values, &record->fields[i], from);
}

struct sql_rows *sql_record_query(struct sql_db *db, struct error *err, const char *sql,
                                  const struct store_record *record, const void *from)
{
    struct values values;
    values.n = 0;
    add_record(&values, record, from);
    return db->driver->query(db, sql, values.list, values.n, err);
}

int sql_record_run(struct sql_db *db, struct error *err, const char *sql,
                   const struct store_record *record, const void *from, const char *types, ...)
{
    struct values values;
    values.n = 0;
    add_record(&values, record, from);
    TAKE_VALUES(values, types);
    return db->driver->run(db, sql, values.list, values.n, NULL, err);
}

int sql_record_change(struct sql_db *db, struct error *err, const char *sql,
                      const struct store_record *record, const void *from, const char *types, ...)
{
    struct values values;
    int64_t changed = 0;
    values.n = 0;
    add_record(&values, record, from);
    TAKE_VALUES(values, types);
    int rc = db->driver->run(db, sql, values.list, values.n, &changed, err);
    return rc ? -1 : changed > 0;
}

int sql_insert(struct sql_db *db, struct error *err, const char *sql,
               const struct store_record *record, const void *from)
{
    return sql_record_change(db, err, sql, record, from, "");
}
