/* SPDX-License-Identifier: Apache-2.0 */
/* Refused connections and requests: each host, port and binary has one chunk, and each method and
 * path of a request besides, which counts how often it was seen. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/glob.h"
#include "base/printable.h"
#include "base/text.h"
#include "doc/writer.h"
#include "drafts/drafts_parts.h"
#include "drafts/mapper.h"
#include "drafts/notes.h"
#include "drafts/requests.h"
#include "drafts/rules.h"
#include "policy/cure/cure.h"
#include "update/askers.h"

struct recording {
    const struct store_sandbox *box;
    const struct drafts_denial *items;
    size_t n;
    struct drafts_recorded *out;                    /* room for n */
    struct policy_refused *refused;                 /* the same; without a host: it has no chunk */
    struct policy *policy;
    struct arena *arena;
    struct store_user *users;                       /* who ran something in the sandbox */
    size_t n_users;
    struct store_draft *made, *again; /* new ones, and some that were pending; room for n */
    size_t n_made, n_again, n_refused, n_unreadable;
    const char *pattern; /* a program's path that a rule would read as one; NULL: none */
    const struct drafts_denial *unnamed; /* a request that no rule can name alone; NULL: none */
    const struct drafts_denial *closed; /* one that no rule can open, and why; NULL: none */
    const char *why_closed;
};

static bool is_ssrf(const struct drafts_denial *denial)
{
    return denial->stage && strcmp(denial->stage, "ssrf") == 0;
}

static uint64_t hits_of(const struct drafts_denial *denial)
{
    return denial->count ? denial->count : 1;
}

static void describe(struct store_draft *draft, bool ssrf, struct arena *arena)
{
    const struct sluice_rule *rule = drafts_rule_decode(draft->rule_json, arena, NULL);
    draft->confidence = drafts_confidence(draft->port, draft->hits, ssrf);
    draft->security_notes = rule ? drafts_notes(rule, ssrf, arena) : "";
}

/* Which process asked may be hidden or arranged by another one, and files outlive commands: whoever
 * ran something in the sandbox so far counts as having asked for what it is refused. */
static const char *add_users(const struct recording *r, const char *asked_by)
{
    for (size_t i = 0; i < r->n_users; i++) {
        struct asker user = asker_of(r->users[i].name, r->users[i].account);
        asked_by = askers_add(asked_by, &user, r->arena);
    }
    return asked_by;
}

static const char *encode_addresses(const struct drafts_denial *denial, struct arena *arena)
{
    struct buf json = {0};
    struct doc_json_writer writer;
    struct doc_writer *w = doc_json_writer(&writer, &json);
    if (!denial->n_addresses)
        return "";
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < denial->n_addresses; i++)
        doc_write_text(w, denial->addresses[i]);
    doc_write_close(w, DOC_LIST);
    const char *text = arena_str(arena, buf_str(&json));
    buf_free(&json);
    return text;
}

/* Seen again, whatever became of it.  What a reviewer has yet to read is kept up to date. */
static int count_again(struct recording *r, struct store_tx *tx, const struct drafts_denial *denial,
                       struct store_draft *draft, struct error *err)
{
    bool ssrf = is_ssrf(denial) || drafts_notes_ssrf(draft->security_notes);
    draft->hits += hits_of(denial);
    if (denial->last_seen_ms > draft->last_seen_ms)
        draft->last_seen_ms = denial->last_seen_ms;
    if (denial->n_addresses)
        draft->addresses_json = encode_addresses(denial, r->arena);
    if (drafts_is(draft->status, STORE_DRAFT_PENDING)) {
        describe(draft, ssrf, r->arena);
        draft->asked_by_json = add_users(r, draft->asked_by_json);
    }
    return store_tx_draft_update(tx, draft, draft->status, err);
}

/* ---- what the policy says ---- */

/* Whoever sent it, with the links that led the policy's paths to them then. */
static struct policy_request caller_of(const struct drafts_denial *denial,
                                       const struct policy_refused *refused, struct arena *arena)
{
    struct policy_link *links = arena_alloc(arena, (denial->n_links + 1) * sizeof *links);
    for (size_t i = 0; i < denial->n_links; i++)
        links[i] = (struct policy_link){denial->links[i], refused->binary};
    return (struct policy_request){
        .host = refused->host, .port = refused->port, .binary = refused->binary,
        .ancestors = denial->ancestors, .n_ancestors = denial->n_ancestors,
        .links = links, .n_links = denial->n_links};
}

/* A late report of what the policy allows by now. */
static bool granted(const struct recording *r, const struct drafts_denial *denial,
                    const struct policy_refused *refused)
{
    const struct policy_request caller = caller_of(denial, refused, r->arena);
    return policy_refused_passes(policy_model(r->policy), &caller, refused, NULL);
}

/* NULL: no rule lets it through. */
static const char *propose_rule(struct recording *r, const struct drafts_denial *denial,
                                const struct policy_refused *refused)
{
    const struct policy_request caller = caller_of(denial, refused, r->arena);
    const struct sluice_rule *rule = NULL;
    const char *why = NULL;
    if (*refused->method)
        why = policy_cure_rule(policy_model(r->policy), &caller, refused, NULL, r->arena, &rule);
    else
        rule = policy_cure_connection(refused, r->arena);
    if (!why)
        return drafts_rule_encode(rule, r->arena);
    r->closed = denial;
    r->why_closed = why;
    return NULL;
}

/* ---- chunks ---- */

static struct store_draft new_draft(const struct recording *r, const struct drafts_denial *denial,
                                    const struct policy_refused *refused, const char *rule_json)
{
    struct store_draft draft = {
        .id = drafts_new_id(r->arena),
        .sandbox_id = r->box->id,
        .status = store_draft_status_word(STORE_DRAFT_PENDING),
        .source = store_draft_source_word(STORE_DRAFT_MECHANISTIC),
        .rule_name = policy_refused_rule_name(refused, r->arena),
        .rule_json = rule_json,
        .held_kind = "", .held_json = "",
        .host = refused->host, .port = refused->port, .binary = refused->binary,
        .method = refused->method, .path = refused->path, .operation = refused->operation,
        .field = refused->field, .rpc_method = refused->rpc_method, .tool = refused->tool,
        .hits = hits_of(denial),
        .first_seen_ms = denial->first_seen_ms, .last_seen_ms = denial->last_seen_ms,
        .rationale = drafts_rationale(refused, r->arena),
        .author = arena_printf(r->arena, "sandbox:%s", r->box->name),
        .approvals_json = "[]", .decided_by = "", .reason = "", .undo_json = "",
        .created_at_ms = clock_now_ms(),
        .addresses_json = encode_addresses(denial, r->arena), .asked_by_json = add_users(r, ""),
        .grant_json = "",
    };
    describe(&draft, is_ssrf(denial), r->arena);
    return draft;
}

static int find_room(struct recording *r, struct store_tx *tx, const struct policy_refused *refused,
                     struct error *err)
{
    int room = drafts_make_room(tx, r->box->id, refused, r->arena, err);
    r->n_refused += room <= 0;
    return room;
}

/* The policy that covered it does so no more: it waits for a decision again. */
static int reopen(struct recording *r, struct store_tx *tx, const struct drafts_denial *denial,
                  struct store_draft *draft, const char *rule_json, struct error *err)
{
    const char *superseded = draft->status;
    const char *text = arena_printf(r->arena, "%s proposed again: %s no more",
                                    drafts_label(draft, r->arena), draft->reason);
    draft->status = drafts_next(DRAFTS_REOPEN, superseded, err);
    draft->reason = draft->decided_by = "";
    draft->decided_at_ms = 0;
    draft->rule_json = *draft->method ? rule_json : draft->rule_json;
    if (!draft->status || store_tx_draft_update(tx, draft, superseded, err) ||
        drafts_event(tx, draft, "proposed", DRAFTS_SANDBOX(draft->author), text,
                     clock_now_ms(), err) ||
        count_again(r, tx, denial, draft, err))
        return -1;
    r->made[r->n_made++] = *draft;
    return 0;
}

static int seen_before(struct recording *r, struct store_tx *tx, const struct drafts_denial *denial,
                       const struct policy_refused *refused, struct store_draft *draft,
                       struct error *err)
{
    const char *rule_json = drafts_was_covered(draft) && !granted(r, denial, refused)
                                ? propose_rule(r, denial, refused) : NULL;
    int room = rule_json ? find_room(r, tx, refused, err) : 0;
    if (room < 0)
        return -1;
    if (room)
        return reopen(r, tx, denial, draft, rule_json, err);
    if (count_again(r, tx, denial, draft, err))
        return -1;
    if (drafts_is(draft->status, STORE_DRAFT_PENDING) && r->n_again < DRAFTS_ASKED_AGAIN_MAX)
        r->again[r->n_again++] = *draft;
    return 0;
}

static int make_draft(struct recording *r, struct store_tx *tx, const struct drafts_denial *denial,
                      const struct policy_refused *refused, struct error *err)
{
    const char *rule_json = granted(r, denial, refused) ? NULL : propose_rule(r, denial, refused);
    int room = rule_json ? find_room(r, tx, refused, err) : 0;
    if (room <= 0)
        return room;
    struct store_draft *draft = &r->made[r->n_made++];
    *draft = new_draft(r, denial, refused, rule_json);
    return drafts_write_proposed(tx, draft, DRAFTS_SANDBOX(draft->author), r->arena, err);
}

static bool is_call_readable(const struct drafts_denial *denial)
{
    const char *const texts[] = {denial->operation, denial->field, denial->rpc_method,
                                 denial->tool};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && !printable_text(texts[i]))
            return false;
    return true;
}

/* False: no chunk can name it. */
static bool read_refused(struct recording *r, const struct drafts_denial *denial,
                         struct policy_refused *out)
{
    const char *method = denial->method ? denial->method : "",
               *path = denial->path ? denial->path : "";
    if (!drafts_readable(denial->host, denial->binary) || !drafts_readable(method, path) ||
        !is_call_readable(denial)) {
        r->n_unreadable++;
        return false;
    }
    if (policy_refused_connection(denial->host, denial->port, denial->binary, r->arena, out)) {
        r->pattern =
            denial->binary && glob_has_wildcard(denial->binary) ? denial->binary : r->pattern;
        return false;
    }
    if (*method && (policy_refused_request(out, method, path, r->arena) ||
                    policy_refused_call(out, denial->operation, denial->field,
                                        denial->rpc_method, denial->tool, r->arena))) {
        r->unnamed = denial;
        return false;
    }
    return true;
}

/* draft: its chunk, NULL: it has none. */
static void note(struct recording *r, size_t i, const struct store_draft *draft)
{
    struct drafts_recorded *out = &r->out[i];
    bool pending = draft && drafts_is(draft->status, STORE_DRAFT_PENDING);
    snprintf(out->id, sizeof out->id, "%s", draft ? draft->id : "");
    out->decidable =
        pending || (r->items[i].waiting && granted(r, &r->items[i], &r->refused[i]));
}

static int record_new(struct recording *r, struct store_tx *tx, size_t i, struct error *err)
{
    const struct drafts_denial *denial = &r->items[i];
    size_t before = r->n_made;
    if ((!denial->only_waiting || denial->waiting) &&
        make_draft(r, tx, denial, &r->refused[i], err))
        return -1;
    note(r, i, r->n_made > before ? &r->made[before] : NULL);
    return 0;
}

/* ---- requests that a voter holds ---- */

static void see_request(const struct recording *r, const struct drafts_denial *denial,
                        struct store_draft *draft)
{
    draft->hits += hits_of(denial);
    if (denial->last_seen_ms > draft->last_seen_ms)
        draft->last_seen_ms = denial->last_seen_ms;
    if (!drafts_is(draft->status, STORE_DRAFT_PENDING))
        return;
    draft->rationale = drafts_request_rationale(denial, r->arena);
    draft->asked_by_json = add_users(r, draft->asked_by_json);
}

/* The approval has ended: it waits for a decision again. */
static void reopen_request(struct store_draft *draft)
{
    draft->status = store_draft_status_word(STORE_DRAFT_PENDING);
    draft->reason = draft->decided_by = draft->grant_json = "";
    draft->approvals_json = "[]";
    draft->decided_at_ms = 0;
    draft->grant_ended = false;
}

static int request_again(struct recording *r, struct store_tx *tx,
                         const struct drafts_denial *denial, struct store_draft *draft,
                         struct error *err)
{
    const char *before = draft->status;
    bool reopened = drafts_is(before, STORE_DRAFT_SUPERSEDED);
    if (denial->only_waiting)
        return 0;
    if (reopened)
        reopen_request(draft);
    see_request(r, denial, draft);
    if (store_tx_draft_update(tx, draft, before, err))
        return -1;
    if (!reopened)
        return 0;
    r->made[r->n_made++] = *draft;
    return drafts_event(tx, draft, "proposed", DRAFTS_SANDBOX(draft->author),
                        arena_printf(r->arena, "%s proposed again", drafts_label(draft, r->arena)),
                        clock_now_ms(), err);
}

static int request_new(struct recording *r, struct store_tx *tx, size_t i, struct error *err)
{
    const struct drafts_denial *denial = &r->items[i];
    int room = drafts_room(tx, r->box->id, store_draft_source_word(STORE_DRAFT_HELD), 1, err);
    if (room <= 0 || (denial->only_waiting && !denial->waiting)) {
        r->n_refused += room == 0;
        return room < 0 ? -1 : 0;
    }
    struct store_draft *draft = &r->made[r->n_made++];
    *draft = drafts_request_new(r->box, denial, &r->refused[i], add_users(r, ""), r->arena);
    r->out[i].decidable = true;
    snprintf(r->out[i].id, sizeof r->out[i].id, "%s", draft->id);
    return drafts_write_proposed(tx, draft, DRAFTS_SANDBOX(draft->author), r->arena, err);
}

static int record_request(struct recording *r, struct store_tx *tx, size_t i, struct error *err)
{
    const struct drafts_denial *denial = &r->items[i];
    struct policy_refused *refused = &r->refused[i];
    struct drafts_recorded *out = &r->out[i];
    struct store_draft draft;
    *refused = drafts_refused_of_request(denial);
    if (!*refused->binary || !drafts_readable(denial->host, denial->binary) ||
        !drafts_readable(refused->method, refused->path) || !is_call_readable(denial)) {
        r->n_unreadable++;
        refused->host = NULL;
        return 0;
    }
    const char *id = drafts_request_id(r->box->id, refused, r->arena);
    if (store_tx_draft_get(tx, r->box->id, id, r->arena, &draft, err))
        return err->kind == ERROR_NOT_FOUND ? request_new(r, tx, i, err) : -1;
    if (request_again(r, tx, denial, &draft, err))
        return -1;
    snprintf(out->id, sizeof out->id, "%s", draft.id);
    out->decidable = !drafts_is(draft.status, STORE_DRAFT_REJECTED);
    return 0;
}

static int record_one(struct recording *r, struct store_tx *tx, size_t i, struct error *err)
{
    const struct drafts_denial *denial = &r->items[i];
    struct policy_refused *refused = &r->refused[i];
    struct store_draft draft;
    r->out[i] = (struct drafts_recorded){0};
    *refused = (struct policy_refused){.vote = ""};
    if (denial->vote)
        return record_request(r, tx, i, err);
    if (!read_refused(r, denial, refused)) {
        refused->host = NULL;
        return 0;
    }
    const struct store_denied denied = {
        .sandbox_id = r->box->id, .host = refused->host, .port = refused->port,
        .binary = refused->binary, .method = refused->method, .path = refused->path,
        .operation = refused->operation, .field = refused->field,
        .rpc_method = refused->rpc_method, .tool = refused->tool};
    if (store_tx_draft_find(tx, &denied, r->arena, &draft, err))
        return err->kind == ERROR_NOT_FOUND ? record_new(r, tx, i, err) : -1;
    if (!denial->only_waiting && seen_before(r, tx, denial, refused, &draft, err))
        return -1;
    note(r, i, &draft);
    return 0;
}

static int write_denials(struct store_tx *tx, void *arg, struct error *err)
{
    struct recording *r = arg;
    r->n_made = r->n_again = r->n_refused = r->n_unreadable = 0;
    r->pattern = NULL;
    r->unnamed = r->closed = NULL;
    for (size_t i = 0; i < r->n; i++)
        if (record_one(r, tx, i, err))
            return -1;
    return 0;
}

static int record_all(struct drafts *drafts, struct recording *r, struct error *err)
{
    struct store_revision newest;
    r->policy = updates_policy_at(drafts->updates, r->box->id, 0, r->arena, &newest, err);
    if (!r->policy ||
        store_user_list(drafts->store, r->box->id, r->arena, &r->users, &r->n_users, err))
        return -1;
    return store_write(drafts->store, write_denials, r, err);
}

static void count_waiting(struct drafts *drafts, const struct recording *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->refused[i].host)
            drafts_set_waiting(drafts, r->box->id, &r->refused[i], r->items[i].waiting);
}

/* Denials that made no chunk, and why. */
static void log_left_out(const struct drafts *drafts, const struct recording *r)
{
    const char *name = r->box->name;
    if (r->n_refused)
        log_warn(
            drafts->log,
            "sandbox %s: %zu denials made no chunk: %d of refused requests are pending already, "
            "most of them of the same program: decide or clear some",
            name, r->n_refused, DRAFTS_PENDING_MAX);
    if (r->n_unreadable)
        log_warn(drafts->log,
                 "sandbox %s: %zu denials made no chunk: their host or program path has characters "
                 "that a terminal does not show, its log has them escaped",
                 name, r->n_unreadable);
    if (r->pattern)
        log_warn(drafts->log,
                 "sandbox %s: a denial of '%s' made no chunk: a rule would read this path as a "
                 "pattern and allow other programs too; rename the program",
                 name, r->pattern);
    if (r->unnamed)
        log_warn(drafts->log,
                 "sandbox %s: a denial of '%s %s' to %s:%u made no chunk: a rule would read it as "
                 "a pattern and allow other requests too",
                 name, r->unnamed->method, r->unnamed->path, r->unnamed->host, r->unnamed->port);
    if (r->closed)
        log_info(drafts->log, "sandbox %s: a denial of '%s %s' to %s:%u made no chunk: %s", name,
                 r->closed->method, r->closed->path, r->closed->host, r->closed->port,
                 r->why_closed);
}

int drafts_record_denials(struct drafts *drafts, const char *sandbox, const char *id,
                          const struct drafts_denial *items, size_t n, struct drafts_recorded *out,
                          struct error *err)
{
    struct store_sandbox box = {.name = sandbox};
    struct recording r = {.box = &box, .items = items, .n = n, .arena = arena_new()};
    r.made = arena_zalloc(r.arena, (n + 1) * sizeof *r.made);
    r.again = arena_zalloc(r.arena, (n + 1) * sizeof *r.again);
    r.out = out ? out : arena_zalloc(r.arena, (n + 1) * sizeof *r.out);
    r.refused = arena_zalloc(r.arena, (n + 1) * sizeof *r.refused);
    int rc = store_sandbox_get(drafts->store, sandbox, r.arena, &box, err) ||
                     drafts_check_workload(&box, id, err) || record_all(drafts, &r, err)
                 ? -1
                 : 0;
    if (rc == 0) {
        log_left_out(drafts, &r);
        count_waiting(drafts, &r);
        drafts_announce(drafts, &box, r.made, r.n_made);
        drafts_try_approve_all(drafts, &box, r.again, r.n_again);
    }
    arena_free(r.arena);
    return rc;
}
