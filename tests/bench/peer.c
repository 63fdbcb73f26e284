/* SPDX-License-Identifier: Apache-2.0 */
/* What one sqlite3 connection commits one by one, with the pragmas of the store.
 *
 * peer row FILE SECONDS           one row of two policies each time
 * peer update STORE FILE SECONDS  the rows that an update writes, on a copy of STORE: the revision,
 * the decision and the head of the audit chain, then what its load changes
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define PRAGMAS "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=1;"

static const char *const row[] = {
    "INSERT INTO row(a, b) VALUES(hex(zeroblob(180)), hex(zeroblob(180)))",
};

/* The newest revision and decision are written once more, under the next numbers. */
static const char *const update[] = {
    "BEGIN IMMEDIATE",
    "INSERT INTO revision SELECT sandbox_id, revision + 1, hash, kind, actor, reason, 'pending', "
    "error, decision_id, created_at_ms, 0, policy_json, grants_json, identity, origin, "
    "signed_at_ms "
    " FROM revision WHERE sandbox_id=(SELECT id FROM sandbox LIMIT 1) ORDER BY revision DESC LIMIT "
    "1",
    "UPDATE sandbox SET revision=revision + 1 WHERE id=(SELECT id FROM sandbox LIMIT 1)",
    "INSERT INTO decision SELECT seq + 1, hex(randomblob(16)), sandbox_id, sandbox, kind, outcome, "
    "actor, role, via, reason, base_revision, revision, base_hash, "
    " candidate_hash, votes_json, diff_json, warnings_json, draft_id, chain_digest, overridden, "
    "at_ms, previous, hash, candidate_json, identity, origin "
    " FROM decision ORDER BY seq DESC LIMIT 1",
    "UPDATE audit_head SET count=count + 1",
    "COMMIT",
    "BEGIN IMMEDIATE",
    "UPDATE revision SET status='loaded', loaded_at_ms=1 WHERE sandbox_id=(SELECT id FROM sandbox "
    "LIMIT 1)"
    " AND revision=(SELECT revision FROM sandbox LIMIT 1)",
    "UPDATE revision SET status='superseded' WHERE sandbox_id=(SELECT id FROM sandbox LIMIT 1)"
    " AND revision=(SELECT revision - 1 FROM sandbox LIMIT 1)",
    "UPDATE sandbox SET loaded_revision=revision WHERE id=(SELECT id FROM sandbox LIMIT 1)",
    "COMMIT",
};

static void die(sqlite3 *db, const char *what)
{
    fprintf(stderr, "peer: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(db, sql);
}

static sqlite3 *open_file(const char *file)
{
    sqlite3 *db;
    if (sqlite3_open(file, &db) != SQLITE_OK)
        die(db, file);
    sqlite3_busy_timeout(db, 10000);
    return db;
}

static void copy(const char *store, const char *file)
{
    sqlite3 *db = open_file(store);
    char *sql = sqlite3_mprintf("VACUUM INTO %Q", file);
    run(db, sql);
    sqlite3_free(sql);
    sqlite3_close(db);
}

static double rate(sqlite3 *db, const char *const *sql, size_t n, int seconds)
{
    sqlite3_stmt *stmts[16];
    unsigned long done = 0;
    for (size_t i = 0; i < n; i++)
        if (sqlite3_prepare_v2(db, sql[i], -1, &stmts[i], NULL) != SQLITE_OK)
            die(db, sql[i]);
    uint64_t start = now_ns(), until = start + (uint64_t)seconds * 1000000000u;
    for (; now_ns() < until; done++)
        for (size_t i = 0; i < n; i++) {
            if (sqlite3_step(stmts[i]) != SQLITE_DONE)
                die(db, sql[i]);
            sqlite3_reset(stmts[i]);
        }
    double took = (double)(now_ns() - start) / 1e9;
    for (size_t i = 0; i < n; i++)
        sqlite3_finalize(stmts[i]);
    return (double)done / took;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    sqlite3 *db;
    if (strcmp(mode, "row") == 0 && argc == 4) {
        db = open_file(argv[2]);
        run(db, PRAGMAS "CREATE TABLE row(id INTEGER PRIMARY KEY, a TEXT, b TEXT)");
        printf("%.0f\n", rate(db, row, sizeof row / sizeof *row, atoi(argv[3])));
    } else if (strcmp(mode, "update") == 0 && argc == 5) {
        copy(argv[2], argv[3]);
        db = open_file(argv[3]);
        run(db, PRAGMAS);
        printf("%.0f\n", rate(db, update, sizeof update / sizeof *update, atoi(argv[4])));
    } else {
        fprintf(stderr, "usage: peer row FILE SECONDS | peer update STORE FILE SECONDS\n");
        return 2;
    }
    sqlite3_close(db);
    return 0;
}
