/* SPDX-License-Identifier: Apache-2.0 */
/* A short history of one sandbox, step by step, and what a store says of it after any of them.
 *
 * Step 0 creates the sandbox, step 2k-1 commits revision k as an update does, step 2k loads it. */
#ifndef TESTS_SUPPORT_STORE_SCRIPT_H
#define TESTS_SUPPORT_STORE_SCRIPT_H

#include "support/store.h"

static inline struct store_draft an_approved_draft(const char *id, uint64_t revision)
{
    return (struct store_draft){
        .id = id, .sandbox_id = "s1", .status = "approved", .source = "agent", .rule_name = "r",
        .rule_json = "{}", .held_kind = "", .held_json = "", .host = "a.test", .binary = "/bin/x",
        .port = 443, .hits = 1, .rationale = "r", .security_notes = "n", .author = "a",
        .confidence = 0.5, .approvals_json = "[{\"actor\":\"alice\"}]", .decided_by = "alice",
        .reason = "", .revision = revision, .undo_json = "{}", .takes_back = "", .back_to = "",
        .addresses_json = "", .asked_by_json = "",
    };
}

struct scripted_update {
    uint64_t revision;
    int parts; /* fails behind so many of its parts; 0: never */
};

enum { SCRIPT_PARTS = 6 };

static inline int enough(const struct scripted_update *u, int part, struct error *err)
{
    return u->parts == part ? error_set(err, ERROR_DENIED, "behind part %d", part) : 0;
}

/* Revision, ballots and audit record, draft, its history, event and traffic in one transaction. */
static inline int scripted_update(struct store_tx *tx, void *arg, struct error *err)
{
    const struct scripted_update *u = arg;
    struct store_revision revision = a_revision("s1", u->revision);
    char id[24];
    snprintf(id, sizeof id, "u%d", (int)u->revision);
    struct store_decision decision = a_decision(id, "r");
    struct store_draft draft = an_approved_draft(id, u->revision);
    struct store_draft_event history = {id, "approved", "alice", "text", 5, "uid", "unix"};
    struct store_event event = {u->revision, false, "policy", "demo", "{}"};
    struct store_traffic item = {.verdict = "allowed", .host = "a.test", .port = 443, .binary = "b",
                                 .rule = "r", .reason = "", .count = 1};
    struct store_traffic_batch batch = {"s1", "source", u->revision, &item, 1, false};
    revision.decision_id = id;
    decision.base_revision = u->revision - 1;
    decision.revision = u->revision;
    decision.draft_id = id;
    decision.votes_json = "[{\"voter\":\"v\",\"vote\":\"allow\"}]";
    return store_tx_revision_commit(tx, &revision, u->revision - 1, NULL, err) ||
                   enough(u, 1, err) || store_tx_decision_append(tx, &decision, err) ||
                   enough(u, 2, err) ||
                   store_tx_draft_insert(tx, &draft, err) || enough(u, 3, err) ||
                   store_tx_draft_event(tx, "s1", &history, err) || enough(u, 4, err) ||
                   store_tx_event_insert(tx, &event, err) || enough(u, 5, err) ||
                   store_tx_traffic_add(tx, &batch, err) || enough(u, 6, err) ? -1 : 0;
}

static inline int scripted_load(struct store_tx *tx, void *revision, struct error *err)
{
    return store_tx_revision_loaded(tx, "s1", *(uint64_t *)revision, 9, err);
}

static inline int run_step(struct store *store, int step, struct error *err)
{
    struct store_sandbox sandbox = a_sandbox("s1", "demo");
    uint64_t revision = (uint64_t)(step + 1) / 2;
    struct scripted_update update = {revision, 0};
    if (step == 0)
        return store_write(store, insert_sandbox, &sandbox, err);
    return step % 2 ? store_write(store, scripted_update, &update, err)
                    : store_write(store, scripted_load, &revision, err);
}

static inline void check_update(struct fixture *f, uint64_t k, const struct store_decision *d,
                                const struct store_draft *draft, const struct store_event *event)
{
    struct store_revision revision;
    assert_int_equal(store_revision_get(f->store, "s1", k, f->arena, &revision, &f->err), 0);
    assert_string_equal(revision.decision_id, d->id);
    assert_int_equal(d->revision, k);
    assert_int_equal(d->seq, k);
    assert_int_equal(draft->revision, k);
    assert_string_equal(draft->id, d->id);
    assert_int_equal(event->id, k);
}

/* Returns the last step that is there, -1: none.  Fails unless each is there in whole or not at
 * all. */
static inline int check_steps(struct fixture *f)
{
    struct store_audit_report report;
    struct store_sandbox sandbox;
    struct store_decision *decisions;
    struct store_draft *drafts;
    struct store_draft_event *history;
    struct store_event *events;
    struct store_traffic *traffic;
    uint64_t last_id;
    size_t n;
    if (store_audit_verify(f->store, NULL, &report, &f->err) != 0 || report.bad_seq)
        fail_msg("%s", report.bad_seq ? report.why : f->err.text);
    if (store_sandbox_get(f->store, "demo", f->arena, &sandbox, &f->err) != 0) {
        assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
        assert_int_equal(report.records, 0);
        return -1;
    }
    uint64_t newest = sandbox.revision;
    assert_int_equal(report.records, newest);
    const struct store_decision_query query = {.sandbox_id = "s1", .candidates = true};
    assert_int_equal(store_decision_list(f->store, &query, f->arena, &decisions, &n, &f->err), 0);
    assert_int_equal(n, newest);
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &drafts, &n, &f->err), 0);
    assert_int_equal(n, newest);
    assert_int_equal(store_draft_history(f->store, "s1", 99, f->arena, &history, &n, &f->err), 0);
    assert_int_equal(n, newest);
    assert_int_equal(store_event_list(f->store, f->arena, &events, &n, &last_id, &f->err), 0);
    assert_int_equal(n, newest);
    assert_int_equal(last_id, newest);
    assert_int_equal(store_traffic_list(f->store, &(struct store_traffic_query){.sandbox_id = "s1"},
                                        f->arena, &traffic, &n, &f->err), 0);
    assert_int_equal(n ? traffic[0].count : 0, newest);
    for (uint64_t k = 1; k <= newest; k++)
        check_update(f, k, &decisions[newest - k], &drafts[k - 1], &events[k - 1]);
    assert_true(sandbox.loaded_revision == newest || sandbox.loaded_revision + 1 == newest);
    return (int)(sandbox.loaded_revision + newest);
}

/* Steps of the script.  Every write of the long form is tried in a minute or two. */
static inline int script_steps(void)
{
    return getenv("SLUICE_TEST_LONG") ? 9 : 3;
}

/* The store that is found afterwards has the steps up to last or last + 1, and takes the others. */
static inline void check_afterwards(struct fixture *f, int last)
{
    open_store(f);
    int step = check_steps(f);
    if (step < last || step > last + 1)
        fail_msg("acknowledged up to step %d, found up to step %d", last, step);
    while (++step < script_steps())
        assert_int_equal(run_step(f->store, step, &f->err), 0);
    assert_int_equal(check_steps(f), script_steps() - 1);
    close_store(f);
}

#endif
