/* SPDX-License-Identifier: Apache-2.0 */
/* The audit chain: each record holds the hash of the one before.  The head says how many records
 * there are and what the last one's hash is, so that records missing at the end are noticed. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "store/backend.h"

/* ---- the hash of a record: over every field but the hash itself ---- */

static void hash_TEXT(struct digest *digest, const char *text)
{
    digest_add_str(digest, text);
}

static void hash_INTEGER(struct digest *digest, int64_t number)
{
    char text[TEXT_NUMBER_SIZE];
    digest_add_str(digest, text_number(text, number));
}

static void hash_COUNT(struct digest *digest, uint64_t number)
{
    hash_INTEGER(digest, (int64_t)number);
}

static void hash_FLAG(struct digest *digest, bool flag)
{
    hash_INTEGER(digest, flag);
}

static void hash_record(const struct store_decision *d, char out[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();
    bool asked = *d->identity || *d->origin;
    digest_add_str(digest, asked ? "sluice audit record 2" : "sluice audit record 1");
#define X(kind, field) hash_##kind(digest, d->field);
    STORE_DECISION_FACTS(X, )
    if (asked) {
        STORE_DECISION_ASKED(X, )
    }
#undef X
    hash_TEXT(digest, d->candidate_json);
    digest_hex(digest, out);
}

/* ---- appending ---- */

int store_tx_decision_append(struct store_tx *tx, struct store_decision *decision,
                             struct error *err)
{
    const struct store_decision_rows *rows = tx->backend->decisions;
    struct store_audit_head head;
    int found = rows->head(tx, &head, err);
    if (found <= 0)
        return found ? -1
                     : error_set(err, ERROR_IO,
                                 "store: the head of the audit chain is gone: run "
                                 "'sluice audit verify' and restore a backup");
    decision->seq = ++head.count;
    decision->previous = arena_str(tx->arena, head.hash);
    hash_record(decision, head.hash);
    decision->hash = arena_str(tx->arena, head.hash);
    return rows->insert(tx, decision, err) < 0 || rows->set_head(tx, &head, err) < 0 ? -1 : 0;
}

/* ---- verifying ---- */

struct verification {
    const char *noted;
    struct store_audit_report *report;
};

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

static bool check_record(void *ctx, const struct store_decision *d)
{
    struct verification *v = ctx;
    struct store_audit_report *out = v->report;
    char hash[DIGEST_HEX_SIZE];
    uint64_t expected = out->records + 1;
    if (d->seq != expected)
        return bad(out, expected, "record %" PRIu64 " is missing: %" PRIu64 " comes next", expected,
                   d->seq);
    hash_record(d, hash);
    if (strcmp(d->hash, hash) != 0)
        return bad(out, d->seq, "record %" PRIu64 " was altered: its contents do not give its hash",
                   d->seq);
    if (strcmp(d->previous, out->head) != 0)
        return bad(out, d->seq,
                   "record %" PRIu64 " does not follow the one before it: records were "
                   "replaced or reordered",
                   d->seq);
    out->records++;
    out->noted_found |= v->noted && strcmp(v->noted, hash) == 0;
    memcpy(out->head, hash, sizeof out->head);
    return true;
}

static bool check_head(const struct store_audit_head *head, struct store_audit_report *out)
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

static int check_end(struct store_tx *tx, const struct verification *v, struct error *err)
{
    struct store_audit_report *out = v->report;
    struct store_audit_head head;
    int found = tx->backend->decisions->head(tx, &head, err);
    if (found < 0)
        return -1;
    if (!found)
        bad(out, out->records + 1,
            "the head of the chain was removed: records may be missing at the end");
    else if (check_head(&head, out) && v->noted && !out->noted_found)
        bad(out, out->records + 1, "the head %.64s, which was noted, is no record of the chain: "
            "the store was rolled back or replaced", v->noted);
    return 0;
}

/* Ends the snapshot tx, which may be NULL. */
static int verify(struct store_tx *tx, const char *noted, struct store_audit_report *out,
                  struct error *err)
{
    struct verification v = {noted, out};
    *out = (struct store_audit_report){0};
    if (!tx)
        return -1;
    int rc = tx->backend->decisions->visit(tx, check_record, &v, err) < 0 ? -1 : 0;
    if (rc == 0 && !out->bad_seq)
        rc = check_end(tx, &v, err);
    tx->backend->end_snapshot(tx);
    return rc;
}

int store_audit_verify(struct store *s, const char *noted, struct store_audit_report *out,
                       struct error *err)
{
    if (pthread_mutex_trylock(&s->verifying) != 0)
        return error_set(err, ERROR_LIMIT, "the audit chain is being verified already: wait for "
                         "that, then try again");
    int rc = verify(s->backend->snapshot(s, err), noted, out, err);
    pthread_mutex_unlock(&s->verifying);
    return rc;
}

int store_audit_verify_at(const char *where, const char *noted, struct store_audit_report *out,
                          struct error *err)
{
    const char *place = where;
    const struct store_backend *backend = store_backend_of(where, &place);
    if (!backend)
        backend = &store_sqlite;
    return verify(backend->inspect(place, err), noted, out, err);
}
