/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions: how they are numbered, and what one may become. */
#include <inttypes.h>
#include <string.h>

#include "store/backend.h"

#define BIT(status) STORE_REVISION_BIT(STORE_REVISION_##status)

/* The statuses from which a revision gets this one.  A repeated report of a failure tells the newer
 * reason; a repeated report of a load keeps the time of the first. */
static const unsigned comes_from[STORE_REVISION_STATUS_COUNT] = {
    [STORE_REVISION_LOADED] = BIT(PENDING) | BIT(FAILED) | BIT(SUPERSEDED),
    [STORE_REVISION_FAILED] = BIT(PENDING) | BIT(LOADED) | BIT(SUPERSEDED) | BIT(FAILED),
    [STORE_REVISION_SUPERSEDED] = BIT(PENDING) | BIT(LOADED),
};

/* ---- reading ---- */

static int find_sandbox(struct store_tx *tx, const char *id, struct arena *arena,
                        struct store_sandbox *out, struct error *err)
{
    int found = tx->backend->sandboxes->find(tx, STORE_BY_ID, id, arena, out, err);
    if (found == 0)
        return error_set(err, ERROR_NOT_FOUND, "sandbox with id '%s' not found", id);
    return found > 0 ? 0 : -1;
}

static int missing(uint64_t revision, const struct store_sandbox *sandbox, struct error *err)
{
    if (sandbox->revision == 0)
        return error_set(err, ERROR_NOT_FOUND, "no policy revision found for this sandbox");
    return error_set(err, ERROR_NOT_FOUND,
                     "policy revision %" PRIu64 " not found: there are 1 to %" PRIu64, revision,
                     sandbox->revision);
}

int store_revision_signed(struct store *s, const char *sandbox, int64_t *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    int rc = tx->backend->revisions->last_signed(tx, sandbox, out, err);
    return store_done(s, tx, rc) < 0 ? -1 : 0;
}

static int get(struct store_tx *tx, const char *sandbox_id, uint64_t revision, struct arena *arena,
               struct store_revision *out, struct error *err)
{
    struct store_sandbox sandbox;
    int found = tx->backend->revisions->find(tx, sandbox_id, revision, arena, out, err);
    if (found != 0)
        return found > 0 ? 0 : -1;
    if (find_sandbox(tx, sandbox_id, arena, &sandbox, err) != 0)
        return -1;
    return missing(revision, &sandbox, err);
}

int store_revision_get(struct store *s, const char *sandbox_id, uint64_t revision,
                       struct arena *arena, struct store_revision *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, get(tx, sandbox_id, revision, arena, out, err));
}

int store_revision_list(struct store *s, const char *sandbox_id, uint64_t before, size_t limit,
                        struct arena *arena, struct store_revision **out, size_t *n,
                        struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->revisions->list(tx, sandbox_id, before ? before : INT64_MAX,
                                                   limit ? limit : INT64_MAX, arena, out, n, err));
}

/* ---- what an update starts from ---- */

static int read_base(struct store_tx *tx, const char *name, struct arena *arena,
                     struct store_base *out, struct error *err)
{
    if (store_tx_sandbox_get(tx, name, arena, &out->sandbox, err) != 0)
        return -1;
    const char *id = out->sandbox.id;
    if (get(tx, id, 0, arena, &out->newest, err) != 0)
        return -1;
    out->first = out->newest;
    if (out->newest.revision > 1 && get(tx, id, 1, arena, &out->first, err) != 0)
        return -1;
    return store_tx_attachment_list(tx, NULL, id, arena, &out->attachments, &out->n_attachments,
                                    err);
}

int store_base_get(struct store *s, const char *sandbox, struct arena *arena,
                   struct store_base *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    int rc = tx->backend->begin_moment(tx, err);
    if (rc == 0) {
        rc = read_base(tx, sandbox, arena, out, err);
        tx->backend->end_moment(tx);
    }
    return store_done(s, tx, rc);
}

/* ---- the next revision ---- */

static int expect(struct store_tx *tx, const char *sandbox_id, uint64_t expected,
                  struct store_sandbox *out, struct error *err)
{
    if (find_sandbox(tx, sandbox_id, tx->arena, out, err) != 0)
        return -1;
    if (out->deleted_at_ms)
        return error_set(err, ERROR_NOT_FOUND, "the sandbox was deleted");
    if (out->revision != expected)
        return error_set(err, ERROR_MOVED, "the policy is at revision %" PRIu64 ", not at %" PRIu64
                         ": fetch it and try again", out->revision, expected);
    return 0;
}

int store_tx_revision_expect(struct store_tx *tx, const char *sandbox_id, uint64_t expected,
                             struct error *err)
{
    struct store_sandbox sandbox;
    return expect(tx, sandbox_id, expected, &sandbox, err);
}

static int set_revisions(struct store_tx *tx, const struct store_sandbox *sandbox, uint64_t newest,
                         uint64_t loaded, struct error *err)
{
    return tx->backend->sandboxes->set_revisions(tx, sandbox->id, newest, loaded, err) < 0 ? -1 : 0;
}

int store_tx_revision_commit(struct store_tx *tx, const struct store_revision *revision,
                             uint64_t expected, const char *labels_json, struct error *err)
{
    struct store_sandbox sandbox;
    if (expect(tx, revision->sandbox_id, expected, &sandbox, err) != 0)
        return -1;
    if (labels_json && strcmp(labels_json, sandbox.labels_json) != 0)
        return error_set(err, ERROR_MOVED, "the labels of the sandbox were changed meanwhile: "
                         "try again");
    if (revision->revision != expected + 1)
        return error_set(err, ERROR_INTERNAL, "revision %" PRIu64 " cannot follow %" PRIu64,
                         revision->revision, expected);
    if (tx->backend->revisions->insert(tx, revision, err) < 0)
        return -1;
    const struct store_change change = {.topic = STORE_TOPIC_POLICY, .subject = sandbox.id,
                                        .number = revision->revision};
    if (set_revisions(tx, &sandbox, revision->revision, sandbox.loaded_revision, err) != 0)
        return -1;
    return store_tx_tell(tx, &change, err);
}

/* ---- what became of it ---- */

static int move(struct store_tx *tx, struct store_revision_move m, struct error *err)
{
    m.from = m.from ? m.from & comes_from[m.to] : comes_from[m.to];
    return tx->backend->revisions->move(tx, &m, err) < 0 ? -1 : 0;
}

/* The sandbox that a supervisor reports about.  1: the report still matters, 0: something newer is
 * loaded, -1: err. */
static int begin_report(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                        struct store_sandbox *out, struct error *err)
{
    if (find_sandbox(tx, sandbox_id, tx->arena, out, err) != 0)
        return -1;
    if (revision == 0 || revision > out->revision)
        return missing(revision, out, err);
    return revision >= out->loaded_revision;
}

int store_tx_revision_loaded(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                             int64_t at_ms, struct error *err)
{
    struct store_sandbox sandbox;
    int matters = begin_report(tx, sandbox_id, revision, &sandbox, err);
    if (matters <= 0)
        return matters;
    struct store_revision_move loaded = {
        .sandbox_id = sandbox_id, .first = revision, .last = revision,
        .to = STORE_REVISION_LOADED, .error = "", .loaded_at_ms = at_ms,
    };
    /* What is older than the loaded one was superseded when that was loaded. */
    struct store_revision_move replaced = {
        .sandbox_id = sandbox_id, .first = sandbox.loaded_revision, .last = revision - 1,
        .to = STORE_REVISION_SUPERSEDED,
    };
    if (move(tx, loaded, err) != 0 || move(tx, replaced, err) != 0)
        return -1;
    return set_revisions(tx, &sandbox, sandbox.revision, revision, err);
}

int store_tx_revision_failed(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                             const char *why, struct error *err)
{
    struct store_sandbox sandbox;
    int matters = begin_report(tx, sandbox_id, revision, &sandbox, err);
    if (matters <= 0)
        return matters;
    struct store_revision_move failed = {
        .sandbox_id = sandbox_id, .first = revision, .last = revision,
        .to = STORE_REVISION_FAILED, .error = why,
    };
    if (move(tx, failed, err) != 0)
        return -1;
    /* A supervisor that restarted could not load again what was loaded before. */
    return revision == sandbox.loaded_revision
               ? set_revisions(tx, &sandbox, sandbox.revision, 0, err) : 0;
}

int store_tx_revisions_abandon(struct store_tx *tx, const char *sandbox_id, const char *why,
                               struct error *err)
{
    struct store_revision_move abandoned = {
        .sandbox_id = sandbox_id, .first = 1, .last = INT64_MAX, .from = BIT(PENDING),
        .to = STORE_REVISION_FAILED, .error = why,
    };
    return move(tx, abandoned, err);
}
