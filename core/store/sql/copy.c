/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of whole stores, from one kind of database to another. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/sql/sql_parts.h"
#include "store/url.h"

/* ---- the tables ---- */

#define DRAFTS(X, comma)  X(COUNT, number) comma STORE_DRAFT_FIELDS(X, comma)
#define HISTORY(X, comma) \
    X(COUNT, number) comma X(TEXT, sandbox_id) comma STORE_DRAFT_EVENT_FIELDS(X, comma)
#define USERS(X, comma)                                                                            \
    X(TEXT, sandbox_id) comma STORE_USER_FIELDS(X, comma) comma X(INTEGER, at_ms)
#define SOURCES(X, comma) X(TEXT, sandbox_id) comma X(TEXT, source) comma X(COUNT, number)
#define EVENTS(X, comma)                                                                           \
    X(FLAG, of_workload) comma X(COUNT, id) comma X(TEXT, type) comma X(TEXT, sandbox)             \
    comma X(TEXT, json)
#define TRAFFIC_HEAD(X, comma) X(COUNT, one) comma X(COUNT, changed)
#define HEAD(X, comma) X(COUNT, one) comma X(COUNT, count) comma X(TEXT, hash)

/* X(table, columns, keys, where and in which order): its first columns are its keys, by which its
 * rows are read in portions; without keys all at once, as they are few.  Parents come first. */
#define TABLES(X)                                                                                  \
    X(workspace, STORE_WORKSPACE_FIELDS, 0, "ORDER BY rowid")                                      \
    X(sandbox, STORE_NUMBERED_SANDBOX_FIELDS, 1, "WHERE number>? ORDER BY number LIMIT 256")       \
    X(sandbox_user, USERS, 0, "ORDER BY rowid")                                                    \
    X(revision, STORE_REVISION_FIELDS, 2,                                                          \
      "WHERE (sandbox_id, revision)>(?, ?) ORDER BY sandbox_id, revision LIMIT 256")               \
    X(decision, STORE_DECISION_FIELDS, 1, "WHERE seq>? ORDER BY seq LIMIT 256")                    \
    X(audit_head, HEAD, 1, "WHERE one>? ORDER BY one LIMIT 256")                                   \
    X(draft, DRAFTS, 1, "WHERE number>? ORDER BY number LIMIT 256")                                \
    X(draft_event, HISTORY, 1, "WHERE number>? ORDER BY number LIMIT 256")                         \
    X(traffic, STORE_NUMBERED_TRAFFIC_FIELDS, 1, "WHERE number>? ORDER BY number LIMIT 256")       \
    X(traffic_source, SOURCES, 1, "WHERE sandbox_id>? ORDER BY sandbox_id LIMIT 256")              \
    X(event, EVENTS, 2, "WHERE (of_workload, id)>(?, ?) ORDER BY of_workload, id LIMIT 256")       \
    X(provider, STORE_PROVIDER_FIELDS, 1, "WHERE id>? ORDER BY id LIMIT 256")                      \
    X(credential, STORE_CREDENTIAL_FIELDS, 2,                                                      \
      "WHERE (provider_id, name)>(?, ?) ORDER BY provider_id, name LIMIT 256")                     \
    X(attachment, STORE_ATTACHMENT_KEYS, 0, "ORDER BY rowid")                                      \
    X(token, STORE_TOKEN_FIELDS, 1, "WHERE id>? ORDER BY id LIMIT 256")                            \
    X(ceiling, STORE_CEILING_FIELDS, 1, "WHERE number>? ORDER BY number LIMIT 256")                \
    X(traffic_head, TRAFFIC_HEAD, 1, "WHERE one>? ORDER BY one LIMIT 256")                         \
    X(exporter, STORE_EXPORT_FIELDS, 1, "WHERE name>? ORDER BY name LIMIT 256")

struct table {
    const char *name, *select, *insert;
    const enum store_kind *kinds;
    size_t n_columns, n_keys;
};

#define KIND(kind, field) STORE_##kind,
#define X(name, LIST, n_keys, where) static const enum store_kind name##_kinds[] = {LIST(KIND, )};
TABLES(X)
#undef X

static const struct table tables[] = {
#define X(name, LIST, n_keys, where)                                                               \
    {#name, "SELECT " LIST(SQL_NAME, ",") " FROM " #name " " where, SQL_INSERT(#name, LIST),       \
     name##_kinds, sizeof name##_kinds / sizeof *name##_kinds, n_keys},
    TABLES(X)
#undef X
};

enum { N_TABLES = sizeof tables / sizeof *tables };
_Static_assert((int)N_TABLES <= (int)STORE_COPIED_TABLES, "a report has room for every table");

/* Tables whose rows a sequence numbers. */
static const char *const numbered[][2] = {
    {"sandbox", "SELECT coalesce(max(number), 0) FROM sandbox"},
    {"draft", "SELECT coalesce(max(number), 0) FROM draft"},
    {"draft_event", "SELECT coalesce(max(number), 0) FROM draft_event"},
    {"ceiling", "SELECT coalesce(max(number), 0) FROM ceiling"},
    {"traffic", "SELECT coalesce(max(number), 0) FROM traffic"},
};

/* ---- a table ---- */

struct copy {
    struct sql_db *from;
    struct store_copied *out;
};

static struct sql_value first_key(enum store_kind kind)
{
    return kind == STORE_TEXT ? (struct sql_value){SQL_TEXT, .text = ""}
                              : (struct sql_value){SQL_INTEGER, .integer = INT64_MIN};
}

static struct sql_value read_value(const struct sql_driver *driver, struct sql_rows *rows, int i,
                                   enum store_kind kind, struct arena *arena)
{
    if (kind == STORE_TEXT)
        return (struct sql_value){SQL_TEXT, .text = arena_str(arena, driver->text(rows, i))};
    if (kind == STORE_REAL)
        return (struct sql_value){SQL_REAL, .real = driver->real(rows, i)};
    return (struct sql_value){SQL_INTEGER, .integer = driver->integer(rows, i)};
}

/* Copies the row that rows stand at; key: its keys afterwards. */
static int copy_row(const struct copy *copy, struct sql_db *to, const struct table *table,
                    struct sql_rows *rows, struct arena *arena, struct sql_value *key,
                    struct error *err)
{
    struct sql_value values[SQL_VALUES_MAX];
    for (size_t i = 0; i < table->n_columns; i++)
        values[i] = read_value(copy->from->driver, rows, (int)i, table->kinds[i], arena);
    memcpy(key, values, table->n_keys * sizeof *key);
    return to->driver->run(to, table->insert, values, table->n_columns, NULL, err);
}

/* Rows that were copied, -1: err.  The keys of the last one live in the arena. */
static int64_t copy_portion(const struct copy *copy, struct sql_db *to, const struct table *table,
                            struct arena *arena, struct sql_value *key, struct error *err)
{
    const struct sql_driver *driver = copy->from->driver;
    struct sql_rows *rows = driver->query(copy->from, table->select, key, table->n_keys, err);
    int64_t n = 0;
    int rc = rows ? 0 : -1;
    while (rc == 0 && (rc = driver->next(copy->from, rows, err)) > 0) {
        rc = copy_row(copy, to, table, rows, arena, key, err);
        n++;
        if (rc)
            driver->end(copy->from, rows);
        else
            continue;
        break;
    }
    return rc < 0 ? -1 : n;
}

static int copy_table(const struct copy *copy, struct sql_db *to, const struct table *table,
                      uint64_t *rows, struct error *err)
{
    struct sql_value key[2] = {first_key(table->kinds[0]), first_key(table->kinds[1])};
    struct arena *arena = arena_new();
    int64_t n;
    *rows = 0;
    while ((n = copy_portion(copy, to, table, arena, key, err)) > 0) {
        *rows += (uint64_t)n;
        if (table->n_keys == 0)
            break;
    }
    arena_free(arena);
    return n < 0 ? error_prefix(err, "copying the table %s", table->name) : 0;
}

/* ---- all of them ---- */

static int copy_sequences(const struct copy *copy, struct sql_db *to, struct error *err)
{
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++) {
        uint64_t greatest = 0;
        int64_t ever = 0;
        if (sql_count(copy->from, err, &greatest, numbered[i][1], "") != 0 ||
            copy->from->driver->read_sequence(copy->from, numbered[i][0], &ever, err) != 0)
            return -1;
        ever = (int64_t)greatest > ever ? (int64_t)greatest : ever;
        if (to->driver->set_sequence(to, numbered[i][0], ever, err) != 0)
            return -1;
    }
    return 0;
}

static int check_empty(struct sql_db *to, struct error *err)
{
    static const char *const counts[] = {
        "SELECT count(*) FROM sandbox", "SELECT count(*) FROM decision",
        "SELECT count(*) FROM event", "SELECT count(*) FROM provider",
        "SELECT count(*) FROM token",
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t n = 0;
        if (sql_count(to, err, &n, counts[i], "") != 0)
            return -1;
        if (n)
            return error_set(err, ERROR_EXISTS, "the store that is copied to is not empty: name "
                             "one that is not there yet, or an empty database");
    }
    return 0;
}

/* A new store has its default workspace and the heads of empty records, which give way. */
static int empty(struct sql_db *to, struct error *err)
{
    return check_empty(to, err) || sql_run(to, err, "DELETE FROM workspace", "") ||
           sql_run(to, err, "DELETE FROM traffic_head", "") ? -1 : 0;
}

static int copy_head(const struct copy *copy, struct store_tx *tx, uint64_t *rows,
                     struct error *err)
{
    struct store_audit_head head;
    struct sql_tx from = {.db = copy->from};
    int found = sql_decisions.head(&from.tx, &head, err);
    *rows = found > 0;
    return found < 0 || (found > 0 && sql_decisions.set_head(tx, &head, err) < 0) ? -1 : 0;
}

static int copy_all(struct store_tx *tx, void *arg, struct error *err)
{
    const struct copy *copy = arg;
    struct store_copied *out = copy->out;
    struct sql_db *to = sql_of(tx);
    out->n = 0;
    if (empty(to, err) != 0)
        return -1;
    for (size_t i = 0; i < N_TABLES; i++) {
        uint64_t *rows = &out->tables[out->n].rows;
        out->tables[out->n++].table = tables[i].name;
        int rc = strcmp(tables[i].name, "audit_head") == 0
                     ? copy_head(copy, tx, rows, err)
                     : copy_table(copy, to, &tables[i], rows, err);
        if (rc != 0)
            return -1;
    }
    return copy_sequences(copy, to, err);
}

/* ---- checking ---- */

static int check_rows(struct sql_db *to, const struct store_copied *out, struct error *err)
{
#define X(name, LIST, n_keys, where) "SELECT count(*) FROM " #name,
    static const char *const counts[] = {TABLES(X)};
#undef X
    for (size_t i = 0; i < out->n; i++) {
        uint64_t n = 0;
        if (sql_count(to, err, &n, counts[i], "") != 0)
            return -1;
        if (n != out->tables[i].rows)
            return error_set(err, ERROR_INTERNAL, "the table %s of the copy has %" PRIu64
                             " rows, not %" PRIu64, out->tables[i].table, n, out->tables[i].rows);
    }
    return 0;
}

static int check_chain(struct store *to, struct store_copied *out, struct error *err)
{
    struct store_audit_report report;
    if (store_audit_verify(to, NULL, &report, err) != 0)
        return -1;
    if (report.bad_seq)
        return error_set(err, ERROR_INVALID, "the audit chain of the copy is broken: %s",
                         report.why);
    out->records = report.records;
    snprintf(out->head, sizeof out->head, "%s", report.head);
    return 0;
}

static int check(struct store *to, struct store_copied *out, struct error *err)
{
    struct store_tx *tx = to->backend->snapshot(to, err);
    int rc = tx ? check_rows(sql_of(tx), out, err) : -1;
    if (tx)
        to->backend->end_snapshot(tx);
    return rc ? -1 : check_chain(to, out, err);
}

static int copy_into(struct store_tx *from, struct store *to, struct store_copied *out,
                     struct error *err)
{
    struct copy copy = {sql_of(from), out};
    return store_claim(to, err) || store_write(to, copy_all, &copy, err) || check(to, out, err)
               ? -1 : 0;
}

static int check_original(const char *url, struct error *err)
{
    struct store_audit_report report;
    if (store_audit_verify_at(url, NULL, &report, err) != 0)
        return -1;
    return !report.bad_seq ? 0 : error_set(err, ERROR_INVALID, "its audit chain is broken, so "
                                           "nothing was copied: %s", report.why);
}

int store_copy(const char *from, const char *to, const struct log *log, struct store_copied *out,
               struct error *err)
{
    const char *place;
    const struct store_backend *backend = store_backend_of(from, &place);
    if (!backend)
        return error_set(err, ERROR_INVALID, "this is no store: use " STORE_URL_FORMS);
    if (check_original(from, err) != 0)
        return -1;
    struct store_tx *tx = backend->inspect(place, err);
    struct store *store = tx ? store_open(to, log, err) : NULL;
    int rc = store ? copy_into(tx, store, out, err) : -1;
    store_close(store);
    if (tx)
        backend->end_snapshot(tx);
    return rc;
}
