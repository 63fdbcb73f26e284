/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/migration.h"

#include <stdio.h>

/* "slce": how we know the file for ours. */
enum { APPLICATION_ID = 0x736c6365 };

/* Schema n is what the first n steps make.  A step that was ever released is never edited. */
static const char *const steps[] = {
    "CREATE TABLE sandbox ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL,"
    " network TEXT NOT NULL,"
    " labels_json TEXT NOT NULL,"
    " env_json TEXT NOT NULL,"
    " approval_mode TEXT NOT NULL,"
    " token_hash TEXT NOT NULL,"
    " phase TEXT NOT NULL,"
    " error TEXT NOT NULL,"
    " revision INTEGER NOT NULL,"
    " loaded_revision INTEGER NOT NULL,"
    " created_at_ms INTEGER NOT NULL,"
    " deleted_at_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX sandbox_name ON sandbox(name) WHERE deleted_at_ms = 0;"

    "CREATE TABLE revision ("
    " sandbox_id TEXT NOT NULL REFERENCES sandbox(id),"
    " revision INTEGER NOT NULL CHECK (revision > 0),"
    " hash TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " actor TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " status TEXT NOT NULL CHECK (status IN ('pending', 'loaded', 'failed', 'superseded')),"
    " error TEXT NOT NULL,"
    " decision_id TEXT NOT NULL,"
    " created_at_ms INTEGER NOT NULL,"
    " loaded_at_ms INTEGER NOT NULL,"
    " policy_json TEXT NOT NULL,"
    " PRIMARY KEY (sandbox_id, revision)"
    ") STRICT;"

    "CREATE TABLE decision ("
    " seq INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " sandbox_id TEXT NOT NULL,"
    " sandbox TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " outcome TEXT NOT NULL,"
    " actor TEXT NOT NULL,"
    " role TEXT NOT NULL,"
    " via TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " base_revision INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " base_hash TEXT NOT NULL,"
    " candidate_hash TEXT NOT NULL,"
    " votes_json TEXT NOT NULL,"
    " diff_json TEXT NOT NULL,"
    " warnings_json TEXT NOT NULL,"
    " draft_id TEXT NOT NULL,"
    " chain_digest TEXT NOT NULL,"
    " overridden INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " previous TEXT NOT NULL,"
    " hash TEXT NOT NULL,"
    " candidate_json TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX decision_sandbox ON decision(sandbox_id, seq);"
    "CREATE INDEX decision_draft ON decision(draft_id, seq) WHERE draft_id <> '';"
    "CREATE TABLE audit_head ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " count INTEGER NOT NULL,"
    " hash TEXT NOT NULL"
    ") STRICT;"
    "INSERT INTO audit_head VALUES (1, 0, '');"
    /* These stop slips of ours; whoever writes the file itself is found by the chain. */
    "CREATE TRIGGER decision_update BEFORE UPDATE ON decision"
    " BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END;"
    "CREATE TRIGGER decision_delete BEFORE DELETE ON decision"
    " BEGIN SELECT RAISE(ABORT, 'audit records are never removed'); END;"
    "CREATE TRIGGER audit_head_delete BEFORE DELETE ON audit_head"
    " BEGIN SELECT RAISE(ABORT, 'the head of the audit chain is never removed'); END;"

    "CREATE TABLE draft ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " sandbox_id TEXT NOT NULL REFERENCES sandbox(id),"
    " status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'superseded')),"
    " source TEXT NOT NULL,"
    " rule_name TEXT NOT NULL,"
    " rule_json TEXT NOT NULL,"
    " held_kind TEXT NOT NULL,"
    " held_json TEXT NOT NULL,"
    " host TEXT NOT NULL,"
    " port INTEGER NOT NULL,"
    " binary TEXT NOT NULL,"
    " hits INTEGER NOT NULL,"
    " first_seen_ms INTEGER NOT NULL,"
    " last_seen_ms INTEGER NOT NULL,"
    " rationale TEXT NOT NULL,"
    " security_notes TEXT NOT NULL,"
    " author TEXT NOT NULL,"
    " confidence REAL NOT NULL,"
    " approvals_json TEXT NOT NULL,"
    " decided_by TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " created_at_ms INTEGER NOT NULL,"
    " decided_at_ms INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " undo_json TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX draft_sandbox ON draft(sandbox_id, number);"
    "CREATE INDEX draft_status ON draft(status, number);"
    "CREATE UNIQUE INDEX draft_denied ON draft(sandbox_id, host, port, binary)"
    " WHERE source = 'mechanistic';"
    "CREATE TABLE draft_event ("
    " number INTEGER PRIMARY KEY,"
    " sandbox_id TEXT NOT NULL REFERENCES sandbox(id),"
    " draft_id TEXT NOT NULL,"
    " event TEXT NOT NULL,"
    " actor TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX draft_event_sandbox ON draft_event(sandbox_id, number);",

    "ALTER TABLE draft ADD COLUMN takes_back TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft ADD COLUMN back_to TEXT NOT NULL DEFAULT '';",

    "CREATE TABLE traffic ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " sandbox_id TEXT NOT NULL REFERENCES sandbox(id),"
    " verdict TEXT NOT NULL,"
    " host TEXT NOT NULL,"
    " port INTEGER NOT NULL,"
    " binary TEXT NOT NULL,"
    " rule TEXT NOT NULL,"
    " reason TEXT NOT NULL,"
    " count INTEGER NOT NULL,"
    " first_seen_ms INTEGER NOT NULL,"
    " last_seen_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX traffic_key ON traffic(sandbox_id, verdict, host, port, binary, rule);"
    "CREATE INDEX traffic_sandbox ON traffic(sandbox_id, number);"
    "CREATE TABLE traffic_source ("
    " sandbox_id TEXT PRIMARY KEY REFERENCES sandbox(id),"
    " source TEXT NOT NULL,"
    " number INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE event ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " of_workload INTEGER NOT NULL,"
    " type TEXT NOT NULL,"
    " sandbox TEXT NOT NULL,"
    " json TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX event_class ON event(of_workload, id);",

    "ALTER TABLE sandbox ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sandbox ADD COLUMN cpu_millis INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sandbox ADD COLUMN pids INTEGER NOT NULL DEFAULT 0;",

    "ALTER TABLE draft ADD COLUMN addresses_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft ADD COLUMN asked_by_json TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX draft_event_draft ON draft_event(draft_id);"
    "CREATE TABLE sandbox_user ("
    " sandbox_id TEXT NOT NULL REFERENCES sandbox(id),"
    " name TEXT NOT NULL,"
    " account TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " UNIQUE (sandbox_id, name, account)"
    ") STRICT;",

    "ALTER TABLE draft ADD COLUMN method TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft ADD COLUMN path TEXT NOT NULL DEFAULT '';"
    "DROP INDEX draft_denied;"
    "CREATE UNIQUE INDEX draft_denied ON draft(sandbox_id, host, port, binary, method, path)"
    " WHERE source = 'mechanistic';",

    "ALTER TABLE draft ADD COLUMN operation TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft ADD COLUMN field TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft ADD COLUMN rpc_method TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft ADD COLUMN tool TEXT NOT NULL DEFAULT '';"
    "DROP INDEX draft_denied;"
    "CREATE UNIQUE INDEX draft_denied ON draft(sandbox_id, host, port, binary, method, path,"
    " operation, field, rpc_method, tool) WHERE source = 'mechanistic';",

    "ALTER TABLE traffic ADD COLUMN method TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE traffic ADD COLUMN path TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE traffic ADD COLUMN operation TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE traffic ADD COLUMN field TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE traffic ADD COLUMN rpc_method TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE traffic ADD COLUMN tool TEXT NOT NULL DEFAULT '';"
    "DROP INDEX traffic_key;"
    "CREATE UNIQUE INDEX traffic_key ON traffic(sandbox_id, verdict, host, port, binary, rule,"
    " method, path, operation, field, rpc_method, tool);",

    "ALTER TABLE sandbox ADD COLUMN hold_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sandbox ADD COLUMN agent_proposals INTEGER NOT NULL DEFAULT 0;",

    "ALTER TABLE sandbox ADD COLUMN observe INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sandbox ADD COLUMN passed_since_ms INTEGER NOT NULL DEFAULT 0;"
    "UPDATE sandbox SET passed_since_ms = 1000 * CAST(strftime('%s', 'now') AS INTEGER);",

    "CREATE TABLE provider ("
    " id TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL UNIQUE,"
    " profile TEXT NOT NULL,"
    " rotations INTEGER NOT NULL,"
    " created_at_ms INTEGER NOT NULL,"
    " rotated_at_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE credential ("
    " provider_id TEXT NOT NULL REFERENCES provider(id),"
    " name TEXT NOT NULL,"
    " sealed TEXT NOT NULL,"
    " UNIQUE (provider_id, name)"
    ") STRICT;"
    "CREATE TABLE attachment ("
    " provider_id TEXT NOT NULL REFERENCES provider(id),"
    " sandbox_id TEXT NOT NULL REFERENCES sandbox(id),"
    " handle TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " UNIQUE (provider_id, sandbox_id)"
    ") STRICT;"
    "CREATE INDEX attachment_sandbox ON attachment(sandbox_id);",

    "ALTER TABLE revision ADD COLUMN grants_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft ADD COLUMN grant_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft ADD COLUMN grant_ended INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX draft_denied;"
    "CREATE UNIQUE INDEX draft_denied ON draft(sandbox_id, host, port, binary, method, path,"
    " operation, field, rpc_method, tool) WHERE source = 'mechanistic' AND grant_ended = 0;"
    "CREATE INDEX draft_granted ON draft(status, number) WHERE grant_json <> '';",

    "ALTER TABLE sandbox ADD COLUMN main_json TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE sandbox ADD COLUMN main_started_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sandbox ADD COLUMN main_ended_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sandbox ADD COLUMN main_code INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE sandbox ADD COLUMN main_error TEXT NOT NULL DEFAULT '';",

    /* One tree that is both the rows and their order, for one page of the log per event. */
    "CREATE TABLE kept_event ("
    " of_workload INTEGER NOT NULL,"
    " id INTEGER NOT NULL,"
    " type TEXT NOT NULL,"
    " sandbox TEXT NOT NULL,"
    " json TEXT NOT NULL,"
    " PRIMARY KEY (of_workload, id)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO kept_event SELECT of_workload, id, type, sandbox, json FROM event;"
    "DROP TABLE event;"
    "ALTER TABLE kept_event RENAME TO event;",

    "CREATE TABLE workspace ("
    " id TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL UNIQUE,"
    " labels_json TEXT NOT NULL,"
    " created_at_ms INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO workspace VALUES('default', 'default', '{}',"
    " 1000 * CAST(strftime('%s', 'now') AS INTEGER));"
    "ALTER TABLE sandbox ADD COLUMN workspace TEXT NOT NULL DEFAULT 'default';"
    "ALTER TABLE provider ADD COLUMN labels_json TEXT NOT NULL DEFAULT '{}';"
    "ALTER TABLE provider ADD COLUMN config_json TEXT NOT NULL DEFAULT '{}';",

    "CREATE TABLE token ("
    " id TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL UNIQUE,"
    " sha256 TEXT NOT NULL UNIQUE,"
    " role TEXT NOT NULL,"
    " sandbox TEXT NOT NULL,"
    " sandbox_id TEXT NOT NULL,"
    " created_by TEXT NOT NULL,"
    " created_at_ms INTEGER NOT NULL,"
    " expires_at_ms INTEGER NOT NULL"
    ") STRICT;",
    "ALTER TABLE sandbox ADD COLUMN holders_json TEXT NOT NULL DEFAULT '{}';",

    "ALTER TABLE decision ADD COLUMN identity TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE decision ADD COLUMN origin TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE revision ADD COLUMN identity TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE revision ADD COLUMN origin TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE revision ADD COLUMN signed_at_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE draft_event ADD COLUMN identity TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE draft_event ADD COLUMN origin TEXT NOT NULL DEFAULT '';",

    "CREATE TABLE ceiling ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " selector TEXT NOT NULL UNIQUE,"
    " policy_json TEXT NOT NULL,"
    " hash TEXT NOT NULL,"
    " actor TEXT NOT NULL,"
    " identity TEXT NOT NULL,"
    " origin TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL"
    ") STRICT;",

    "ALTER TABLE sandbox ADD COLUMN home TEXT NOT NULL DEFAULT '';",

    "ALTER TABLE traffic ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;"
    "UPDATE traffic SET changed = number;"
    "CREATE INDEX traffic_changed ON traffic(changed);"
    "CREATE TABLE traffic_head ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " changed INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO traffic_head SELECT 1, COALESCE(max(number), 0) FROM traffic;"
    "CREATE TABLE exporter ("
    " name TEXT NOT NULL UNIQUE,"
    " audit INTEGER NOT NULL,"
    " traffic INTEGER NOT NULL,"
    " traffic_missed INTEGER NOT NULL,"
    /* The gateway that sends now, and until when unless it says more. */
    " holder TEXT NOT NULL DEFAULT '',"
    " until_ms INTEGER NOT NULL DEFAULT 0"
    ") STRICT;",

    "ALTER TABLE sandbox ADD COLUMN host TEXT NOT NULL DEFAULT '';",

    "ALTER TABLE sandbox ADD COLUMN image TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE sandbox ADD COLUMN services_json TEXT NOT NULL DEFAULT '[]';",
};

enum { SCHEMA = sizeof steps / sizeof *steps };

static int number_of(struct db *db, const char *sql, int64_t *out, struct error *err)
{
    uint64_t number = 0;
    int rc = sql_count(&db->sql, err, &number, sql, "");
    *out = (int64_t)number;
    return rc;
}

/* 0 in *version: an empty database, which may become ours. */
static int recognise(struct db *db, const char *path, int64_t *version, struct error *err)
{
    int64_t application = 0, tables = 0;
    if (number_of(db, "PRAGMA application_id", &application, err) ||
        number_of(db, "PRAGMA user_version", version, err) ||
        number_of(db, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return -1;
    bool empty = tables == 0 && *version == 0 && application == 0;
    if (!empty && application != APPLICATION_ID)
        return error_set(err, ERROR_IO, "store %s: is the database of another program", path);
    if (*version > SCHEMA)
        return error_set(err, ERROR_IO,
                         "store %s: has schema %lld, this sluice knows schemas up to "
                         "%d: use the newer sluice that wrote it, or restore the backup of before",
                         path, (long long)*version, SCHEMA);
    return 0;
}

static int run_step(struct db *db, int64_t step, struct error *err)
{
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%lld",
             APPLICATION_ID, (long long)step + 1);
    if (sqlite3_exec(db->handle, steps[step], NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db->handle, mark, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(db, err);
    return 0;
}

static int run_steps(struct db *db, const char *path, struct error *err)
{
    int64_t version = 0;
    if (recognise(db, path, &version, err))
        return -1;
    for (; version < SCHEMA; version++)
        if (run_step(db, version, err))
            return error_prefix(err, "migration to schema %lld", (long long)version + 1);
    return sql_run(&db->sql, err, "COMMIT", "");
}

int migration_run(struct db *db, const char *path, struct error *err)
{
    if (sql_run(&db->sql, err, "BEGIN IMMEDIATE", ""))
        return -1;
    int rc = run_steps(db, path, err);
    if (rc)
        sql_run(&db->sql, NULL, "ROLLBACK", "");
    return rc;
}

int migration_check(struct db *db, const char *path, struct error *err)
{
    int64_t version = 0;
    if (recognise(db, path, &version, err))
        return -1;
    return version > 0 ? 0 : error_set(err, ERROR_IO, "store %s: is empty", path);
}
