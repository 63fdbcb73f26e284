/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a voter holds.  A chunk stands for all requests of one program, host, port, method,
 * path and call that the same voter holds with the same code.  Approving it changes no policy: the
 * approval is sent to the supervisor, which lets such requests pass. */
#include "drafts/requests.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "drafts/drafts_parts.h"

static const char held_request[] = "request";

const char *drafts_vote_of(const struct store_draft *draft)
{
    bool request = draft->held_kind && strcmp(draft->held_kind, held_request) == 0;
    return request ? draft->held_json : "";
}

bool drafts_is_request(const struct store_draft *draft)
{
    return *drafts_vote_of(draft) != '\0';
}

bool drafts_is_held_update(const struct store_draft *draft)
{
    return *draft->held_kind && !drafts_is_request(draft);
}

/* ---- the chunk ---- */

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

struct policy_refused drafts_refused_of_request(const struct drafts_denial *denial)
{
    return (struct policy_refused){
        .host = denial->host, .port = denial->port, .binary = or_empty(denial->binary),
        .method = or_empty(denial->method), .path = or_empty(denial->path),
        .operation = or_empty(denial->operation), .field = or_empty(denial->field),
        .rpc_method = or_empty(denial->rpc_method), .tool = or_empty(denial->tool),
        .vote = denial->vote};
}

/* The same requests always have the same one, so that a sandbox has one chunk for them. */
const char *drafts_request_id(const char *sandbox_id, const struct policy_refused *refused,
                              struct arena *arena)
{
    const char *const texts[] = {sandbox_id, refused->host, refused->binary, refused->method,
                                 refused->path, refused->operation, refused->field,
                                 refused->rpc_method, refused->tool, refused->vote};
    char hex[DIGEST_HEX_SIZE], port[8];
    struct digest *digest = digest_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        digest_add_str(digest, texts[i]);
    snprintf(port, sizeof port, "%u", refused->port);
    digest_add_str(digest, port);
    digest_hex(digest, hex);
    return arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                        hex + 20);
}

const char *drafts_request_rationale(const struct drafts_denial *denial, struct arena *arena)
{
    return arena_printf(arena, "The policy allows this request, and a voter asks for a decision: "
                        "%s.", denial->reason);
}

struct store_draft drafts_request_new(const struct store_sandbox *box,
                                      const struct drafts_denial *denial,
                                      const struct policy_refused *refused, const char *asked_by,
                                      struct arena *arena)
{
    return (struct store_draft){
        .id = drafts_request_id(box->id, refused, arena),
        .sandbox_id = box->id,
        .status = store_draft_status_word(STORE_DRAFT_PENDING),
        .source = store_draft_source_word(STORE_DRAFT_HELD),
        .rule_name = "", .rule_json = "",
        .held_kind = held_request, .held_json = refused->vote,
        .host = refused->host, .port = refused->port, .binary = refused->binary,
        .method = refused->method, .path = refused->path, .operation = refused->operation,
        .field = refused->field, .rpc_method = refused->rpc_method, .tool = refused->tool,
        .hits = denial->count ? denial->count : 1,
        .first_seen_ms = denial->first_seen_ms, .last_seen_ms = denial->last_seen_ms,
        .rationale = drafts_request_rationale(denial, arena), .security_notes = "",
        .author = arena_printf(arena, "sandbox:%s", box->name),
        .confidence = 1,
        .approvals_json = "[]", .decided_by = "", .reason = "", .undo_json = "",
        .created_at_ms = clock_now_ms(), .addresses_json = "", .asked_by_json = asked_by,
        .grant_json = "",
    };
}

/* ---- approving ---- */

int drafts_ask_request(const struct store_draft *draft, struct arena *arena,
                       struct drafts_ask *ask, struct error *err)
{
    char boot[CLOCK_BOOT_SIZE];
    int64_t now = clock_now_ms();
    ask->request.of_request = true;
    if (!ask->wish)
        return 0;
    if (ask->wish->pid)
        return error_set(err, ERROR_STATE,
                         "chunk '%s' is a held request, whose approval cannot end with a process: "
                         "approve it for a number of uses or for a time", draft->id);
    ask->grant = policy_grant_begin(ask->wish, arena_str(arena, clock_boot_id(boot)), now,
                                    clock_boot_ms());
    ask->grant.chunk = draft->id;
    ask->grant.rule = "";
    if (!ask->grant.expires_at_ms || ask->grant.expires_at_ms > now)
        return 0;
    return error_set(err, ERROR_STATE, "the approval would have ended already: approve chunk '%s' "
                     "with a time to come", draft->id);
}

/* ---- what supervisors are told ---- */

int drafts_approved_requests(struct drafts *drafts, const char *sandbox_id, struct arena *arena,
                             struct store_draft **out, size_t *n, struct error *err)
{
    struct store_draft *all;
    size_t n_all, first;
    const char *approved = store_draft_status_word(STORE_DRAFT_APPROVED);
    *n = 0;
    if (store_draft_list(drafts->store, sandbox_id, approved, arena, &all, &n_all, err) != 0)
        return -1;
    *out = all;
    for (size_t i = 0; i < n_all; i++)
        if (drafts_is_request(&all[i]))
            all[(*n)++] = all[i];
    first = *n > DRAFTS_REQUESTS_MAX ? *n - DRAFTS_REQUESTS_MAX : 0;
    *out += first;
    *n -= first;
    return 0;
}

void drafts_requests_changed(struct drafts *drafts, const char *sandbox,
                             const struct store_draft *draft)
{
    if (drafts_is_request(draft) && drafts->hooks.requests)
        drafts->hooks.requests(drafts->hooks.ctx, sandbox, draft->sandbox_id);
}

/* ---- the end of an approval ---- */

struct ending {
    const struct store_draft *draft;
    const char *why;
    struct arena *arena;
};

static int write_ended(struct store_tx *tx, void *arg, struct error *err)
{
    const struct ending *e = arg;
    const char *approved = store_draft_status_word(STORE_DRAFT_APPROVED);
    struct store_draft now = *e->draft;
    uint64_t forgotten;
    now.status = store_draft_status_word(STORE_DRAFT_SUPERSEDED);
    now.reason = arena_printf(e->arena, "its approval has ended: %s", e->why);
    now.grant_ended = true;
    now.decided_by = "gateway";
    now.decided_at_ms = clock_now_ms();
    const char *text = arena_printf(e->arena, "%s superseded: %s", drafts_label(&now, e->arena),
                                    now.reason);
    return store_tx_draft_update(tx, &now, approved, err) ||
                   drafts_event(tx, &now, "superseded", DRAFTS_GATEWAY, text, now.decided_at_ms,
                                err) ||
                   store_tx_draft_trim(tx, now.sandbox_id, now.status, DRAFTS_SUPERSEDED_MAX,
                                       &forgotten, err)
               ? -1
               : 0;
}

int drafts_expire_request(struct drafts *drafts, const char *sandbox,
                          const struct store_draft *draft, const char *why, struct error *err)
{
    struct arena *arena = arena_new();
    struct ending ending = {draft, why, arena};
    int rc = 0;
    if (drafts_is(draft->status, STORE_DRAFT_APPROVED))
        rc = store_write(drafts->store, write_ended, &ending, err);
    if (rc == 0) {
        drafts_changed(drafts, sandbox, draft->id, store_draft_status_word(STORE_DRAFT_SUPERSEDED));
        drafts_requests_changed(drafts, sandbox, draft);
    }
    arena_free(arena);
    return rc;
}
