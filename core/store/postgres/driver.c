/* SPDX-License-Identifier: Apache-2.0 */
/* Statements in a pipeline. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/postgres/pg_parts.h"

enum { OID_INT8 = 20, OID_TEXT = 25, OID_FLOAT8 = 701 };

struct sql_rows {
    const struct libpq *pq;
    PGresult *result;
    int at, n;
};

/* ---- results ---- */

static void note_failure(struct pg *pg, const PGresult *result)
{
    if (!pg->failed)
        pg_fail(pg, result, &pg->why);
    pg->failed = true;
}

/* The result of the oldest command that was sent; NULL if it failed. */
static PGresult *read_one(struct pg *pg)
{
    const struct libpq *pq = &pg->place->pq;
    PGresult *result = pq->PQgetResult(pg->conn), *more;
    ExecStatusType status = pq->PQresultStatus(result);
    if (!result || (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)) {
        /* What follows a failure is not even tried, which is no news. */
        if (status != PGRES_PIPELINE_ABORTED)
            note_failure(pg, result);
        pq->PQclear(result);
        result = NULL;
    }
    while (pq->PQstatus(pg->conn) == CONNECTION_OK && (more = pq->PQgetResult(pg->conn)))
        pq->PQclear(more);
    return result;
}

static void read_sync(struct pg *pg)
{
    const struct libpq *pq = &pg->place->pq;
    PGresult *result = pq->PQgetResult(pg->conn);
    if (pq->PQresultStatus(result) != PGRES_PIPELINE_SYNC)
        note_failure(pg, NULL);
    pq->PQclear(result);
}

/* Statements that were sent to be prepared behind one that failed are not. */
static void forget_unprepared(struct pg *pg)
{
    if (pg->failed)
        pg->n_cached = pg->n_prepared;
    else
        pg->n_prepared = pg->n_cached;
}

/* Reads the results of all that was sent and returns the last one. */
static PGresult *read_all(struct pg *pg)
{
    const struct libpq *pq = &pg->place->pq;
    PGresult *last = NULL;
    if (!pq->PQpipelineSync(pg->conn))
        note_failure(pg, NULL);
    for (; pg->n_sent && pq->PQstatus(pg->conn) == CONNECTION_OK; pg->n_sent--) {
        pq->PQclear(last);
        last = read_one(pg);
    }
    if (pq->PQstatus(pg->conn) == CONNECTION_OK)
        read_sync(pg);
    else
        note_failure(pg, NULL);
    pg->n_sent = 0;
    forget_unprepared(pg);
    if (!pg->failed)
        return last;
    pq->PQclear(last);
    return NULL;
}

static int tell_failure(const struct pg *pg, struct error *err)
{
    if (err)
        *err = pg->why;
    return -1;
}

int pg_settle(struct pg *pg, struct error *err)
{
    if (!pg->conn)
        return pg_fail(pg, NULL, err);
    if (pg->n_sent)
        pg->place->pq.PQclear(read_all(pg));
    return pg->failed ? tell_failure(pg, err) : 0;
}

/* ---- sending ---- */

/* "?" becomes $1, $2 and so on. */
static void number_parameters(const char *sql, struct buf *out)
{
    int n = 0;
    for (; *sql; sql++) {
        if (*sql == '?')
            buf_printf(out, "$%d", ++n);
        else
            buf_putc(out, *sql);
    }
}

static bool prepare(struct pg *pg, const char *sql, const char *name,
                    const struct sql_value *values, size_t n)
{
    static const Oid oids[] = {[SQL_TEXT] = OID_TEXT, [SQL_INTEGER] = OID_INT8,
                               [SQL_REAL] = OID_FLOAT8};
    Oid types[SQL_VALUES_MAX];
    struct buf text = {0};
    for (size_t i = 0; i < n; i++)
        types[i] = oids[values[i].kind];
    number_parameters(sql, &text);
    bool sent = pg->place->pq.PQsendPrepare(pg->conn, name, buf_str(&text), (int)n, types);
    buf_free(&text);
    pg->n_sent += sent;
    return sent;
}

static const struct pg_statement *find_statement(const struct pg *pg, const char *sql)
{
    for (size_t i = 0; i < pg->n_cached; i++)
        if (pg->cache[i].sql == sql)
            return &pg->cache[i];
    return NULL;
}

static bool name_statement(struct pg *pg, const char *sql, const struct sql_value *values,
                           size_t n, char name[16])
{
    const struct pg_statement *known = find_statement(pg, sql);
    snprintf(name, 16, "s%u", known ? known->id : pg->next_id);
    if (known)
        return true;
    if (!prepare(pg, sql, name, values, n))
        return false;
    pg->cache = alloc_resize(pg->cache, pg->n_cached + 1, sizeof *pg->cache);
    pg->cache[pg->n_cached++] = (struct pg_statement){sql, pg->next_id++};
    return true;
}

static bool send_values(struct pg *pg, const char *name, const struct sql_value *values, size_t n)
{
    char numbers[SQL_VALUES_MAX][32];
    const char *texts[SQL_VALUES_MAX];
    for (size_t i = 0; i < n; i++) {
        texts[i] = values[i].kind == SQL_TEXT ? values[i].text : numbers[i];
        if (values[i].kind == SQL_INTEGER)
            snprintf(numbers[i], sizeof numbers[i], "%" PRId64, values[i].integer);
        else if (values[i].kind == SQL_REAL)
            snprintf(numbers[i], sizeof numbers[i], "%.17g", values[i].real);
    }
    return pg->place->pq.PQsendQueryPrepared(pg->conn, name, (int)n, texts, NULL, NULL, 0);
}

static int send_statement(struct pg *pg, const char *sql, const struct sql_value *values, size_t n,
                          struct error *err)
{
    char name[16];
    if (pg->failed)
        return tell_failure(pg, err);
    if (!pg->conn)
        return pg_fail(pg, NULL, err);
    if (!name_statement(pg, sql, values, n, name) || !send_values(pg, name, values, n)) {
        note_failure(pg, NULL);
        return tell_failure(pg, err);
    }
    pg->n_sent++;
    return 0;
}

static PGresult *ask(struct pg *pg, const char *sql, const struct sql_value *values, size_t n,
                     struct error *err)
{
    if (send_statement(pg, sql, values, n, err) != 0)
        return NULL;
    PGresult *result = read_all(pg);
    if (!result)
        tell_failure(pg, err);
    return result;
}

/* ---- the driver ---- */

static struct pg *pg_of(struct sql_db *db)
{
    return (struct pg *)db;
}

static struct sql_rows *query(struct sql_db *db, const char *sql, const struct sql_value *values,
                              size_t n, struct error *err)
{
    const struct libpq *pq = &pg_of(db)->place->pq;
    /* Some queries change rows and return them. */
    pg_of(db)->n_runs += strncmp(sql, "SELECT", 6) != 0;
    PGresult *result = ask(pg_of(db), sql, values, n, err);
    if (!result)
        return NULL;
    struct sql_rows *rows = alloc_zero(1, sizeof *rows);
    *rows = (struct sql_rows){pq, result, -1, pq->PQntuples(result)};
    return rows;
}

static void end(struct sql_db *db, struct sql_rows *rows)
{
    (void)db;
    rows->pq->PQclear(rows->result);
    free(rows);
}

static int next(struct sql_db *db, struct sql_rows *rows, struct error *err)
{
    (void)err;
    if (++rows->at < rows->n)
        return 1;
    end(db, rows);
    return 0;
}

static const char *column_text(struct sql_rows *rows, int column)
{
    return rows->pq->PQgetvalue(rows->result, rows->at, column);
}

static int64_t column_integer(struct sql_rows *rows, int column)
{
    return strtoll(column_text(rows, column), NULL, 10);
}

static double column_real(struct sql_rows *rows, int column)
{
    return strtod(column_text(rows, column), NULL);
}

static int run(struct sql_db *db, const char *sql, const struct sql_value *values, size_t n,
               int64_t *changed, struct error *err)
{
    struct pg *pg = pg_of(db);
    pg->n_runs++;
    if (!changed)
        return send_statement(pg, sql, values, n, err);
    PGresult *result = ask(pg, sql, values, n, err);
    *changed = result ? strtoll(pg->place->pq.PQcmdTuples(result), NULL, 10) : 0;
    pg->place->pq.PQclear(result);
    return result ? 0 : -1;
}

static int read_sequence(struct sql_db *db, const char *table, int64_t *out, struct error *err)
{
    uint64_t number = 0;
    int rc = sql_count(db, err, &number, "SELECT coalesce(pg_sequence_last_value("
                       "pg_get_serial_sequence(?, 'number')::regclass), 0)", "t", table);
    *out = (int64_t)number;
    return rc;
}

static int set_sequence(struct sql_db *db, const char *table, int64_t number, struct error *err)
{
    uint64_t ignored;
    return number <= 0 ? 0
         : sql_count(db, err, &ignored, "SELECT setval(pg_get_serial_sequence(?, 'number'), ?)",
                     "ti", table, number);
}

const struct sql_driver pg_driver = {
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

/* ---- beside the pipeline ---- */

int pg_script(struct pg *pg, const char *sql, struct error *err)
{
    const struct libpq *pq = &pg->place->pq;
    int rc = 0;
    pq->PQexitPipelineMode(pg->conn);
    PGresult *result = pq->PQexec(pg->conn, sql);
    ExecStatusType status = pq->PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        rc = pg_fail(pg, result, err);
    pq->PQclear(result);
    if (!pq->PQenterPipelineMode(pg->conn) && rc == 0)
        rc = pg_fail(pg, NULL, err);
    return rc;
}

void pg_roll_back(struct pg *pg)
{
    if (!pg->conn)
        return;
    pg_settle(pg, NULL);
    pg->failed = false;
    if (sql_run(&pg->sql, NULL, "ROLLBACK", "") != 0 || pg_settle(pg, NULL) != 0)
        pg_drop(pg);
}
