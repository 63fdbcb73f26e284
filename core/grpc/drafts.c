/* SPDX-License-Identifier: Apache-2.0 */
/* Proposed rules: the methods about drafts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drafts/drafts.h"
#include "grpc/work.h"
#include "policy/policy.h"
#include "store/words.h"

enum { CHUNKS_BYTES = 3 << 20, HISTORY_LISTED = 10000 };

/* ---- a chunk ---- */

static void put_rule(struct doc_writer *w, const struct store_draft *d)
{
    if (!*d->rule_json)
        return;
    doc_write_key(w, "proposed_rule");
    doc_write_json(w, d->rule_json);
}

static void put_times(struct doc_writer *w, const struct store_draft *d)
{
    grpc_put_time(w, "created_at_ms", "created_time", d->created_at_ms);
    grpc_put_time(w, "decided_at_ms", "decided_time", d->decided_at_ms);
    grpc_put_time(w, "first_seen_ms", "first_seen_time", d->first_seen_ms);
    grpc_put_time(w, "last_seen_ms", "last_seen_time", d->last_seen_ms);
}

static void put_chunk(struct doc_writer *w, const struct drafts_view *v, struct arena *arena)
{
    const struct store_draft *d = &v->draft;
    bool rejected = strcmp(d->status, store_draft_status_word(STORE_DRAFT_REJECTED)) == 0;
    char confidence[32];
    doc_write_open(w, DOC_MAP);
    grpc_put_text(w, "id", d->id);
    grpc_put_text(w, "status", d->status);
    grpc_put_text(w, "rule_name", d->rule_name);
    put_rule(w, d);
    grpc_put_text(w, "rationale", d->rationale);
    grpc_put_text(w, "security_notes", d->security_notes);
    snprintf(confidence, sizeof confidence, "%.6g", d->confidence);
    doc_write_key(w, "confidence");
    doc_write_literal(w, confidence);
    put_times(w, d);
    grpc_put_text(w, "stage", "initial");
    grpc_put_number(w, "hit_count", d->hits < INT32_MAX ? d->hits : INT32_MAX);
    grpc_put_text(w, "binary", d->binary);
    grpc_put_text(w, "validation_result",
                  v->previewed ? update_findings_text(&v->preview.findings, arena) : NULL);
    grpc_put_text(w, "rejection_reason", rejected ? d->reason : NULL);
    grpc_put_text(w, "application_error", v->preview_error);
    grpc_put_text(w, "review_token", v->review_token);
    grpc_put_text(w, "current_effective_policy_hash", v->previewed ? v->preview.base_hash : NULL);
    grpc_put_text(w, "candidate_effective_policy_hash", v->previewed ? v->preview.hash : NULL);
    doc_write_close(w, DOC_MAP);
}

/* ---- GetDraftPolicy ---- */

/* The chunks as JSON, one a view: they come oldest first and are shown newest first. */
struct listing {
    struct arena *arena;
    const char **chunks;
    size_t n, room, bytes;
    int64_t newest_ms;
    bool all;
};

static int list_chunk(void *ctx, const struct drafts_view *view, struct arena *arena,
                      struct error *err)
{
    struct listing *l = ctx;
    struct buf text = {0};
    struct doc_json_writer json;
    (void)err;
    const struct store_draft *d = &view->draft;
    if (!l->all && strcmp(d->status, store_draft_status_word(STORE_DRAFT_SUPERSEDED)) == 0)
        return 0;
    put_chunk(doc_json_writer(&json, &text), view, arena);
    l->chunks = arena_grow(l->arena, l->chunks, l->n, &l->room, sizeof *l->chunks);
    l->chunks[l->n++] = arena_str(l->arena, buf_str(&text));
    l->bytes += text.len;
    buf_free(&text);
    int64_t at = d->last_seen_ms > d->decided_at_ms ? d->last_seen_ms : d->decided_at_ms;
    l->newest_ms = at > l->newest_ms ? at : l->newest_ms;
    return l->bytes >= CHUNKS_BYTES;
}

static int list_drafts(struct grpc_work *work, struct doc_writer *w)
{
    const char *status = grpc_text(work, "status_filter");
    struct listing l = {.arena = work->arena, .all = *status};
    struct store_sandbox s;
    uint64_t after = 0;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0 ||
        drafts_each(work->grpc->drafts, s.name, *status ? status : NULL, &after, list_chunk, &l,
                    &work->err) != 0)
        return -1;
    doc_write_key(w, "chunks");
    doc_write_open(w, DOC_LIST);
    for (size_t i = l.n; i > 0; i--)
        doc_write_json(w, l.chunks[i - 1]);
    doc_write_close(w, DOC_LIST);
    if (after)
        grpc_put_text(w, "rolling_summary", "there are more chunks than fit one answer: decide "
                                            "some of these, then ask again");
    grpc_put_number(w, "draft_version", (uint64_t)l.newest_ms);
    grpc_put_time(w, "last_analyzed_at_ms", "last_analyzed_time", l.newest_ms);
    return 0;
}

/* ---- decisions ---- */

static int begin(struct grpc_work *work, struct drafts_call *out)
{
    struct store_sandbox s;
    *out = (struct drafts_call){.actor = auth_actor(&work->who), .account = work->who.account};
    if (grpc_find_sandbox(work, "sandbox", &s) != 0)
        return -1;
    out->sandbox = s.name;
    return 0;
}

/* The same for a method that names a chunk. */
static int begin_chunk(struct grpc_work *work, struct drafts_call *out)
{
    return begin(work, out) || grpc_required(work, "chunk_id", &out->id);
}

static int no_chunk(struct grpc_work *work)
{
    if (work->err.kind == ERROR_NOT_FOUND)
        error_set(&work->err, ERROR_NOT_FOUND, "chunk not found");
    return -1;
}

/* Clients fetch the chunk again after FAILED_PRECONDITION, and then decide anew. */
static int token_refused(struct grpc_work *work)
{
    if (work->err.kind == ERROR_MOVED)
        error_set(&work->err, ERROR_STATE, "review token does not match the fetched proposal; "
                                           "refetch and review again");
    return no_chunk(work);
}

static void put_revision(struct doc_writer *w, const struct update_result *result)
{
    grpc_put_number(w, "policy_version", result->revision);
    grpc_put_text(w, "policy_hash", result->hash);
}

/* The token of a chunk as it stands, for clients that know of none. */
static int current_token(struct grpc_work *work, const struct drafts_call *what, const char **out)
{
    struct drafts_view view;
    if (drafts_get(work->grpc->drafts, what->sandbox, what->id, work->arena, &view, &work->err) !=
        0)
        return no_chunk(work);
    *out = view.review_token;
    return 0;
}

static int approve(struct grpc_work *work, struct doc_writer *w)
{
    const char *token = grpc_text(work, "review_token");
    struct drafts_call what;
    struct update_result result = {0};
    if (begin_chunk(work, &what) != 0 || (!*token && current_token(work, &what, &token) != 0))
        return -1;
    if (drafts_approve(work->grpc->drafts, &what, token, work->arena, &result, &work->problems,
                       &work->err) != 0)
        return token_refused(work);
    if (grpc_check_outcome(work, &result) != 0)
        return -1;
    put_revision(w, &result);
    return 0;
}

static int reject(struct grpc_work *work, struct doc_writer *w)
{
    struct drafts_call what;
    struct update_result result = {0};
    bool changed = false;
    (void)w;
    if (begin_chunk(work, &what) != 0)
        return -1;
    what.reason = grpc_text(work, "reason");
    if (update_check_reason("reason", what.reason, &work->err) != 0)
        return -1;
    if (drafts_reject(work->grpc->drafts, &what, work->arena, &result, &changed, &work->problems,
                      &work->err) != 0)
        return no_chunk(work);
    return changed ? grpc_check_outcome(work, &result) : 0;
}

static int undo(struct grpc_work *work, struct doc_writer *w)
{
    struct drafts_call what;
    struct update_result result = {0};
    if (begin_chunk(work, &what) != 0)
        return -1;
    if (drafts_undo(work->grpc->drafts, &what, work->arena, &result, &work->problems,
                    &work->err) != 0)
        return no_chunk(work);
    if (grpc_check_outcome(work, &result) != 0)
        return -1;
    put_revision(w, &result);
    return 0;
}

static int edit(struct grpc_work *work, struct doc_writer *w)
{
    const struct doc_node *rule = doc_get(work->request, "proposed_rule");
    struct drafts_call what;
    struct drafts_view view;
    void *decoded;
    (void)w;
    if (begin_chunk(work, &what) != 0)
        return -1;
    if (!rule)
        return error_set(&work->err, ERROR_MALFORMED, "proposed_rule is required");
    if (schema_decode(&policy_rule_schema, rule, "proposed_rule", work->arena, &decoded,
                      &work->problems) != 0)
        return error_set(&work->err, ERROR_INVALID, "the rule cannot be read");
    if (drafts_edit(work->grpc->drafts, &what, decoded, work->arena, &view, &work->problems,
                    &work->err) != 0)
        return no_chunk(work);
    return 0;
}

static int clear(struct grpc_work *work, struct doc_writer *w)
{
    struct drafts_call what;
    uint64_t cleared;
    if (begin(work, &what) != 0 ||
        drafts_clear(work->grpc->drafts, &what, &cleared, &work->err) != 0)
        return -1;
    grpc_put_number(w, "chunks_cleared", cleared);
    return 0;
}

static int history(struct grpc_work *work, struct doc_writer *w)
{
    struct store_draft_event *items;
    struct store_sandbox s;
    size_t n;
    if (grpc_find_sandbox(work, "sandbox", &s) != 0 ||
        drafts_history(work->grpc->drafts, s.name, HISTORY_LISTED, work->arena, &items, &n,
                       &work->err) != 0)
        return -1;
    doc_write_key(w, "entries");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n; i++) {
        doc_write_open(w, DOC_MAP);
        grpc_put_time(w, "timestamp_ms", "event_time", items[i].at_ms);
        grpc_put_text(w, "event_type", items[i].event);
        grpc_put_text(w, "description", items[i].text);
        grpc_put_text(w, "chunk_id", items[i].draft_id);
        doc_write_close(w, DOC_MAP);
    }
    doc_write_close(w, DOC_LIST);
    return 0;
}

/* ---- ApproveAllDraftChunks ---- */

/* A chunk that the caller names, with the token that it reviewed. */
struct reviewed {
    const char *id, *token;
    struct store_draft draft;                       /* as the token stands for it */
};

/* Number 4 holds the approvals of the older wire, or the scope of the newer one. */
static const struct doc_node *named_approvals(const struct grpc_work *work)
{
    const struct doc_node *newer = doc_get(work->request, "approvals");
    const struct doc_node *either = doc_get(work->request, "approvals_or_scope");
    if (newer || !either || doc_get(work->request, "request_id"))
        return newer;
    bool older = doc_get(work->request, "workspace") || either->n > 1 ||
                 doc_get(either->items[0], "review_token");
    return older ? either : NULL;
}

static size_t read_approvals(struct grpc_work *work, struct reviewed **out)
{
    const struct doc_node *list = named_approvals(work);
    size_t n = list ? list->n : 0;
    *out = arena_alloc(work->arena, n * sizeof **out + 1);
    for (size_t i = 0; i < n; i++) {
        const struct doc_node *id = doc_get(list->items[i], "chunk_id");
        const struct doc_node *token = doc_get(list->items[i], "review_token");
        (*out)[i] = (struct reviewed){.id = id ? id->text : "",
                                       .token = token ? token->text : ""};
    }
    return n;
}

/* Each approval changes what the others were reviewed against, so all are compared first. */
static int check_reviewed(struct grpc_work *work, struct drafts_call *what, struct reviewed *items,
                          size_t n)
{
    struct drafts_view view;
    for (size_t i = 0; i < n; i++) {
        what->id = items[i].id;
        if (drafts_get(work->grpc->drafts, what->sandbox, what->id, work->arena, &view,
                       &work->err) != 0)
            return no_chunk(work);
        if (strcmp(view.draft.status, store_draft_status_word(STORE_DRAFT_PENDING)) != 0)
            return error_set(&work->err, ERROR_STATE,
                             "chunk '%.100s' is not pending; refetch before bulk approval",
                             items[i].id);
        if (strcmp(view.review_token, items[i].token) != 0)
            return error_set(&work->err, ERROR_STATE,
                             "proposal inputs changed during bulk review; refetch and review "
                             "again");
        items[i].draft = view.draft;
    }
    return 0;
}

/* The token of a chunk that asks for the same as when it was reviewed. */
static int token_of_reviewed(struct grpc_work *work, const struct drafts_call *what,
                             const struct reviewed *item, const char **out)
{
    struct drafts_view view;
    if (drafts_get(work->grpc->drafts, what->sandbox, what->id, work->arena, &view, &work->err) !=
        0)
        return -1;
    *out = view.review_token;
    return drafts_asks_the_same(&view.draft, &item->draft) ? 0 : -1;
}

static int approve_reviewed(struct grpc_work *work, struct drafts_call *what,
                            struct reviewed *items, size_t n, struct update_result *last,
                            size_t *approved)
{
    if (check_reviewed(work, what, items, n) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct update_result result = {0};
        const char *token;
        what->id = items[i].id;
        if (token_of_reviewed(work, what, &items[i], &token) != 0)
            continue;
        if (drafts_approve(work->grpc->drafts, what, token, work->arena, &result,
                           &work->problems, &work->err) != 0 ||
            result.outcome != CHAIN_ALLOWED) {
            problems_free(&work->problems);
            continue;
        }
        *last = result;
        ++*approved;
    }
    return 0;
}

static int approve_all(struct grpc_work *work, struct doc_writer *w)
{
    struct drafts_call what;
    struct update_result result = {0};
    struct drafts_skip *skipped;
    struct reviewed *items;
    size_t approved = 0, n_skipped = 0, n = read_approvals(work, &items);
    if (begin(work, &what) != 0)
        return -1;
    int rc = n ? approve_reviewed(work, &what, items, n, &result, &approved)
               : drafts_approve_all(work->grpc->drafts, &what,
                                    grpc_flag(work, "include_security_flagged"), work->arena,
                                    &result, &approved, &skipped, &n_skipped, &work->problems,
                                    &work->err);
    if (rc != 0 || (!n && grpc_check_outcome(work, &result) != 0))
        return -1;
    if (approved)
        put_revision(w, &result);
    grpc_put_number(w, "chunks_approved", approved);
    grpc_put_number(w, "chunks_skipped", n ? n - approved : n_skipped);
    return 0;
}

/* ---- the methods ---- */

static const struct grpc_method methods[] = {
    READ_ONE("GetDraftPolicy", AUTH_DRAFT_READ, list_drafts),
    READ_ONE("GetDraftHistory", AUTH_DRAFT_READ, history),
    CHANGE_ONE("ApproveDraftChunk", AUTH_DRAFT_DECIDE, approve),
    CHANGE_ONE("ApproveAllDraftChunks", AUTH_DRAFT_DECIDE, approve_all),
    CHANGE_ONE("RejectDraftChunk", AUTH_DRAFT_DECIDE, reject),
    CHANGE_ONE("EditDraftChunk", AUTH_DRAFT_DECIDE, edit),
    CHANGE_ONE("UndoDraftChunk", AUTH_DRAFT_DECIDE, undo),
    CHANGE_ONE("ClearDraftChunks", AUTH_DRAFT_DECIDE, clear),
};

const struct grpc_methods grpc_drafts_methods = {OPENSHELL_SERVICE, methods,
                                                 sizeof methods / sizeof *methods};
