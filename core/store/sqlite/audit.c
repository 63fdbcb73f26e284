/* SPDX-License-Identifier: Apache-2.0 */
/* The audit chain: each record holds the hash of the one before, and the head says how many there
 * are and what the last one's hash is, so that records missing at the end are missed too. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "store/sqlite/decision.h"
#include "store/sqlite/inner.h"
#include "store/sqlite/migration.h"

struct head {
    uint64_t count;
    char hash[DIGEST_HEX_SIZE];
};

/* 1: there is one, 0: it was removed, -1: err. */
static int read_head(struct db *db, struct head *out, struct error *err)
{
    sqlite3_stmt *stmt = db_query(db, err, "SELECT count, hash FROM audit_head", "");
    int rc = stmt ? db_next(db, stmt, err) : -1;
    if (rc <= 0)
        return rc;
    out->count = (uint64_t)sqlite3_column_int64(stmt, 0);
    snprintf(out->hash, sizeof out->hash, "%s", (const char *)sqlite3_column_text(stmt, 1));
    db_end(stmt);
    return 1;
}

/* ---- appending ---- */

int store_tx_decision_append(struct store_tx *tx, struct store_decision *decision,
                             struct error *err)
{
    struct head head;
    char hash[DIGEST_HEX_SIZE];
    int found = read_head(tx->db, &head, err);
    if (found <= 0)
        return found ? -1
                     : error_set(err, ERROR_IO,
                                 "store: the head of the audit chain is gone: run "
                                 "'sluice audit verify' and restore a backup");
    decision->seq = head.count + 1;
    decision->previous = arena_str(tx->arena, head.hash);
    decision_hash(decision, hash);
    decision->hash = arena_str(tx->arena, hash);
    if (db_record_run(tx->db, err, DB_INSERT("decision", DECISION_COLUMNS), &decision_record,
                      decision, ""))
        return -1;
    return db_run(tx->db, err, "UPDATE audit_head SET count=?, hash=?", "it",
                  (int64_t)decision->seq, hash);
}

/* ---- verifying ---- */

/* Notes the first bad record.  Returns false, so that a check can say "return bad(...)". */
static bool __attribute__((format(printf, 3, 4)))
bad(struct store_audit_report *out, uint64_t seq, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    out->bad_seq = seq;
    vsnprintf(out->why, sizeof out->why, format, args);
    va_end(args);
    return false;
}

static bool check_record(const struct store_decision *d, const char *noted, struct store_audit_report *out)
{
    char hash[DIGEST_HEX_SIZE];
    uint64_t expected = out->records + 1;
    if (d->seq != expected)
        return bad(out, expected, "record %" PRIu64 " is missing: %" PRIu64 " comes next", expected,
                   d->seq);
    decision_hash(d, hash);
    if (strcmp(d->hash, hash) != 0)
        return bad(out, d->seq, "record %" PRIu64 " was altered: its contents do not give its hash",
                   d->seq);
    if (strcmp(d->previous, out->head) != 0)
        return bad(out, d->seq,
                   "record %" PRIu64 " does not follow the one before it: records were "
                   "replaced or reordered",
                   d->seq);
    out->records++;
    out->noted_found |= noted && strcmp(noted, hash) == 0;
    memcpy(out->head, hash, sizeof out->head);
    return true;
}

static bool check_head(const struct head *head, struct store_audit_report *out)
{
    if (head->count > out->records)
        return bad(out, out->records + 1,
                   "records %" PRIu64 " to %" PRIu64 " are missing at the end", out->records + 1,
                   head->count);
    if (head->count < out->records)
        return bad(out, head->count + 1,
                   "record %" PRIu64 " was added behind the head of the chain", head->count + 1);
    if (strcmp(head->hash, out->head) != 0)
        return bad(out, out->records, "the head of the chain does not name record %" PRIu64
                   ": the end was replaced", out->records);
    return true;
}

/* 1: good, and there may be more; 0: the end, or a bad record; -1: err. */
static int check_next(struct db *db, sqlite3_stmt *stmt, const char *noted,
                      struct store_audit_report *out, struct error *err)
{
    struct store_decision decision;
    struct arena *arena = arena_new();
    int rc = db_next(db, stmt, err);
    if (rc > 0) {
        db_record_read(stmt, &decision_record, arena, &decision);
        rc = check_record(&decision, noted, out);
        if (!rc)
            db_end(stmt);
    }
    arena_free(arena);
    return rc;
}

static int check_end(struct db *db, struct store_audit_report *out, struct error *err)
{
    struct head head;
    int found = read_head(db, &head, err);
    if (found < 0)
        return -1;
    if (found)
        check_head(&head, out);
    else
        bad(out, out->records + 1,
            "the head of the chain was removed: records may be missing at the end");
    return 0;
}

static int check_all(struct db *db, const char *noted, struct store_audit_report *out, struct error *err)
{
    sqlite3_stmt *stmt = db_query(db, err, DECISION_SELECT "ORDER BY seq", "");
    int rc = stmt ? 1 : -1;
    while (rc > 0)
        rc = check_next(db, stmt, noted, out, err);
    if (rc < 0 || out->bad_seq || check_end(db, out, err) != 0)
        return rc;
    if (noted && !out->noted_found && !out->bad_seq)
        bad(out, out->records + 1, "the head %.64s, which was noted, is no record of the chain: the store was "
            "rolled back or replaced", noted);
    return 0;
}

/* Records and head are read as they were at one moment. */
static int verify(struct db *db, const char *noted, struct store_audit_report *out, struct error *err)
{
    *out = (struct store_audit_report){0};
    if (db_run(db, err, "BEGIN", ""))
        return -1;
    int rc = check_all(db, noted, out, err);
    db_run(db, NULL, "COMMIT", "");
    return rc;
}

/* Through a connection of its own: a long chain takes its time, which nobody else waits for. */
int store_audit_verify(struct store *s, const char *noted, struct store_audit_report *out, struct error *err)
{
    if (pthread_mutex_trylock(&s->verifying) != 0)
        return error_set(err, ERROR_LIMIT, "the audit chain is being verified already: wait for that, then try again");
    struct db *db = db_open(s->path, DB_READ, err);
    int rc = db ? verify(db, noted, out, err) : -1;
    db_close(db);
    pthread_mutex_unlock(&s->verifying);
    return rc;
}

int store_audit_verify_file(const char *path, const char *noted, struct store_audit_report *out,
                            struct error *err)
{
    struct db *db = db_open(path, DB_INSPECT, err);
    int rc = db && migration_check(db, path, err) == 0 ? verify(db, noted, out, err) : -1;
    db_close(db);
    return rc;
}
