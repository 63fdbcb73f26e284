/* SPDX-License-Identifier: Apache-2.0 */
/* New chunks, and the rules that an agent or an operator proposes. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "drafts/drafts_parts.h"
#include "drafts/notes.h"
#include "drafts/rules.h"
#include "policy/cure/refused.h"
#include "update/askers.h"

/* ---- what all new chunks have in common ---- */

const char *drafts_new_id(struct arena *arena)
{
    char id[UUID_SIZE];
    return arena_str(arena, digest_uuid(id));
}

int drafts_room(struct store_tx *tx, const char *sandbox_id, const char *source, size_t more,
                struct error *err)
{
    uint64_t pending;
    if (store_tx_draft_count(tx, sandbox_id, store_draft_status_word(STORE_DRAFT_PENDING), source,
                             &pending, err))
        return -1;
    return pending + more <= DRAFTS_PENDING_MAX;
}

int drafts_write_proposed(struct store_tx *tx, const struct store_draft *draft,
                          const struct sluice_actor *author, struct arena *arena,
                          struct error *err)
{
    const char *text = arena_printf(arena, "%s proposed (confidence: %.0f%%)",
                                    drafts_label(draft, arena), draft->confidence * 100);
    if (store_tx_draft_insert(tx, draft, err))
        return -1;
    return drafts_event(tx, draft, "proposed", author, text, draft->created_at_ms, err);
}

void drafts_announce(struct drafts *drafts, const struct store_sandbox *box,
                     const struct store_draft *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        drafts_changed(drafts, box->name, items[i].id, items[i].status);
    drafts_try_approve_all(drafts, box, items, n);
}

/* ---- proposals ---- */

struct submission {
    struct store_sandbox box;
    const struct sluice_actor *actor;
    const char *source;
    struct store_draft *made;
    size_t n;
    struct store_draft *pending;                    /* some of which the new ones may replace */
    size_t n_pending;
    const char **replaced;                          /* ids of those that they did */
    size_t n_replaced;
    struct store_user *users;                       /* who ran something in the sandbox */
    size_t n_users;
    struct arena *arena;
};

static const char *name_of(const struct drafts_proposal *item, struct arena *arena)
{
    const struct sluice_endpoint *first = item->rule->n_endpoints ? item->rule->endpoints[0] : NULL;
    if (item->rule_name && *item->rule_name)
        return item->rule_name;
    return first ? policy_rule_name_for(first->host, first->n_ports ? first->ports[0] : 0, arena)
                 : "";
}

static double clamp(double x)
{
    return x > 1 ? 1 : x > 0 ? x : 0;
}

/* The rule, and what is told of it. */
static void set_rule(struct store_draft *draft, const struct sluice_rule *rule, struct arena *arena)
{
    bool ssrf = drafts_notes_ssrf(draft->security_notes);
    draft->rule_json = drafts_rule_encode(rule, arena);
    draft->security_notes = drafts_notes(rule, ssrf, arena);
    /* A mechanistic chunk is found again by what was refused, whatever is proposed instead. */
    if (strcmp(draft->source, store_draft_source_word(STORE_DRAFT_MECHANISTIC)) == 0)
        return;
    const struct sluice_endpoint *first = rule->n_endpoints ? rule->endpoints[0] : NULL;
    draft->host = first ? arena_str(arena, first->host) : "";
    draft->port = first && first->n_ports ? first->ports[0] : 0;
    draft->binary = rule->n_binaries ? arena_str(arena, rule->binaries[0]->path) : "";
}

static const char *askers_for(const struct submission *s, const struct drafts_proposal *item)
{
    const struct asker author = asker_of(s->actor->name, item->account);
    const char *askers = askers_add("", &author, s->arena);
    for (size_t i = 0; item->workload && i < s->n_users; i++) {
        const struct asker user = asker_of(s->users[i].name, s->users[i].account);
        askers = askers_add(askers, &user, s->arena);
    }
    return askers;
}

static struct store_draft new_draft(const struct submission *s, const struct drafts_proposal *item)
{
    int64_t now = clock_now_ms();
    struct store_draft draft = {
        .id = drafts_new_id(s->arena),
        .sandbox_id = s->box.id,
        .status = store_draft_status_word(STORE_DRAFT_PENDING),
        .source = s->source,
        .rule_name = name_of(item, s->arena),
        .held_kind = "", .held_json = "", .method = "", .path = "",
        .operation = "", .field = "", .rpc_method = "", .tool = "",
        .hits = 1,
        .first_seen_ms = now, .last_seen_ms = now,
        .rationale = item->rationale ? item->rationale : "",
        .security_notes = "",
        .author = s->actor->name,
        .confidence = clamp(item->confidence),
        .approvals_json = "[]", .decided_by = "", .reason = "", .undo_json = "",
        .created_at_ms = now,
        .asked_by_json = askers_for(s, item),
        .grant_json = policy_grant_text(item->grant, s->arena),
    };
    set_rule(&draft, item->rule, s->arena);
    return draft;
}

/* ---- checking ---- */

/* What stands behind front in a path, NULL: it does not begin with it. */
static const char *behind(const char *path, const char *front)
{
    size_t len = strlen(front);
    return strncmp(path, front, len) == 0 && strchr(".[", path[len]) ? path + len : NULL;
}

/* The caller's problems, at the places that the caller knows: the rule stands in the operation that
 * adds it and, where it is a new one, by its name in the policy that this makes. */
static void pass_on(const struct problems *found, const struct store_draft *draft,
                    const struct policy *current, const char *place, struct arena *arena,
                    struct problems *out)
{
    const char *in_policy = doc_path_key(arena, "network_policies", draft->rule_name);
    bool widens = current && policy_find_rule(policy_model(current), draft->rule_name);
    for (size_t i = 0; i < found->n; i++) {
        const struct problem *p = &found->items[i];
        const char *rest = behind(p->path, "operations[0].add_rule.rule");
        if (!rest && !widens)
            rest = behind(p->path, in_policy);
        if (rest)
            problems_add(out, arena_printf(arena, "%s%s", place, rest), 0, 0, "%s", p->message);
        else
            problems_add(out, place, 0, 0, "in the policy with it, %s: %s", p->path, p->message);
    }
}

static int check_length(const struct store_draft *draft, const char *place,
                        struct problems *problems, struct error *err)
{
    size_t len = strlen(draft->rule_json);
    if (len <= DRAFTS_RULE_BYTES_MAX)
        return 0;
    problems_add(problems, place, 0, 0,
                 "has %zu bytes as JSON, a proposed rule has at most %d: propose it in parts", len,
                 DRAFTS_RULE_BYTES_MAX);
    return error_set(err, ERROR_INVALID, "the rule is too long");
}

/* Whether its rule could be added at all.  Problems stand at place. */
static int check_rule(struct drafts *drafts, const struct drafts_call *call,
                      const struct store_draft *draft, const char *place, struct arena *arena,
                      struct problems *problems, struct error *err)
{
    struct drafts_ask *ask = arena_alloc(arena, sizeof *ask);
    struct update_result *result = arena_zalloc(arena, sizeof *result);
    struct problems found = {0};
    if (check_length(draft, place, problems, err) ||
        drafts_ask(drafts, call, draft, NULL, arena, ask, err))
        return -1;
    ask->request.dry_run = true;
    int rc = update_run(drafts->updates, &ask->request, arena, result, &found, err);
    pass_on(&found, draft, result->current, place, arena, problems);
    problems_free(&found);
    return rc;
}

static int check_all(struct drafts *drafts, const struct submission *s, struct problems *problems,
                     struct error *err)
{
    struct drafts_call call = {.sandbox = s->box.name, .actor = *s->actor};
    int rc = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct arena *scratch = arena_new();
        const char *place = arena_printf(scratch, "proposals[%zu].rule", i);
        int one = check_rule(drafts, &call, &s->made[i], place, scratch, problems, err);
        arena_free(scratch);
        if (one == 0)
            continue;
        if (err->kind != ERROR_INVALID)
            return -1;
        rc = -1;
    }
    return rc == 0 ? 0
                   : error_set(err, ERROR_INVALID, "the proposals have %zu problem%s", problems->n,
                               problems->n == 1 ? "" : "s");
}

/* ---- storing ---- */

static bool same_target(const struct store_draft *a, const struct store_draft *b)
{
    return *a->host && *a->binary && a->port == b->port && strcmp(a->host, b->host) == 0 &&
           strcmp(a->binary, b->binary) == 0 && strcmp(a->method, b->method) == 0 &&
           strcmp(a->path, b->path) == 0 && strcmp(a->operation, b->operation) == 0 &&
           strcmp(a->field, b->field) == 0 && strcmp(a->rpc_method, b->rpc_method) == 0 &&
           strcmp(a->tool, b->tool) == 0;
}

/* An agent's proposal takes no person's place. */
static bool may_replace(const struct submission *s, const struct store_draft *pending)
{
    const char *operator = store_draft_source_word(STORE_DRAFT_OPERATOR);
    return strcmp(s->source, operator) == 0 || strcmp(pending->source, operator) != 0;
}

static int replace_pending(struct submission *s, struct store_tx *tx,
                           const struct store_draft *made, struct error *err)
{
    const char *reason = arena_printf(s->arena, "superseded by chunk %s", made->id);
    for (size_t i = 0; i < s->n_pending; i++) {
        if (!same_target(&s->pending[i], made) || !may_replace(s, &s->pending[i]))
            continue;
        if (drafts_supersede(tx, &s->pending[i], reason, s->arena, err) == 0)
            s->replaced[s->n_replaced++] = s->pending[i].id;
        else if (err->kind != ERROR_STATE && err->kind != ERROR_NOT_FOUND)
            return -1;
    }
    return 0;
}

static void tell_replaced(struct drafts *drafts, const struct submission *s)
{
    const char *superseded = store_draft_status_word(STORE_DRAFT_SUPERSEDED);
    for (size_t i = 0; i < s->n_replaced; i++)
        drafts_changed(drafts, s->box.name, s->replaced[i], superseded);
}

static size_t pending_of(const struct submission *s, const char *source)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_pending; i++)
        n += strcmp(s->pending[i].source, source) == 0;
    return n;
}

static int no_room(const struct submission *s, struct error *err)
{
    return error_set(
        err, ERROR_LIMIT,
        "sandbox '%s' has %zu pending chunks of source %s and may have %d: decide or clear some",
        s->box.name, pending_of(s, s->source), s->source, DRAFTS_PENDING_MAX);
}

static int write_submission(struct store_tx *tx, void *arg, struct error *err)
{
    struct submission *s = arg;
    int room = drafts_room(tx, s->box.id, s->source, s->n, err);
    s->n_replaced = 0;
    if (room <= 0)
        return room ? -1 : no_room(s, err);
    for (size_t i = 0; i < s->n; i++)
        if (drafts_write_proposed(tx, &s->made[i], s->actor, s->arena, err) ||
            replace_pending(s, tx, &s->made[i], err))
            return -1;
    return 0;
}

static int check_workloads(const struct submission *s, const struct drafts_proposal *items,
                           struct error *err)
{
    for (size_t i = 0; i < s->n; i++)
        if (items[i].workload && drafts_check_workload(&s->box, items[i].workload, err) != 0)
            return -1;
    return 0;
}

int drafts_submit(struct drafts *drafts, const char *sandbox, const struct sluice_actor *actor,
                  const char *source, const struct drafts_proposal *items, size_t n,
                  struct arena *arena, const char **ids, struct problems *problems,
                  struct error *err)
{
    struct submission s = {.actor = actor, .source = source, .n = n, .arena = arena};
    const char *pending = store_draft_status_word(STORE_DRAFT_PENDING);
    if (n > DRAFTS_SUBMIT_MAX)
        return error_set(err, ERROR_LIMIT,
                         "%zu proposals at once: at most %d are taken, send the others after them",
                         n, DRAFTS_SUBMIT_MAX);
    if (store_sandbox_get(drafts->store, sandbox, arena, &s.box, err) ||
        store_draft_list(drafts->store, s.box.id, pending, arena, &s.pending, &s.n_pending, err) ||
        store_user_list(drafts->store, s.box.id, arena, &s.users, &s.n_users, err) ||
        check_workloads(&s, items, err))
        return -1;
    if (pending_of(&s, source) + n > DRAFTS_PENDING_MAX)
        return no_room(&s, err);
    s.made = arena_zalloc(arena, (n + 1) * sizeof *s.made);
    s.replaced = arena_zalloc(arena, (s.n_pending + 1) * sizeof *s.replaced);
    for (size_t i = 0; i < n; i++)
        s.made[i] = new_draft(&s, &items[i]);
    if (check_all(drafts, &s, problems, err) ||
        store_write(drafts->store, write_submission, &s, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        ids[i] = s.made[i].id;
    tell_replaced(drafts, &s);
    drafts_announce(drafts, &s.box, s.made, n);
    drafts_settle_new(drafts, &s.box, s.made, n, arena);
    return 0;
}

/* ---- editing ---- */

struct edit {
    const struct drafts_call *call;
    struct store_draft draft;
    const struct sluice_rule *rule;
    struct arena *arena;
};

static int write_edit(struct store_tx *tx, void *arg, struct error *err)
{
    struct edit *e = arg;
    struct store_draft now;
    if (store_tx_draft_get(tx, e->draft.sandbox_id, e->draft.id, e->arena, &now, err) ||
        !drafts_next(DRAFTS_EDIT, now.status, err))
        return -1;
    set_rule(&now, e->rule, e->arena);
    const struct asker editor = asker_of(e->call->actor.name, e->call->account);
    now.approvals_json = "[]";                      /* they were of another rule */
    now.asked_by_json = askers_add(now.asked_by_json, &editor, e->arena);
    if (store_tx_draft_update(tx, &now, now.status, err))
        return -1;
    const char *what = arena_printf(e->arena, "%s edited", drafts_label(&now, e->arena));
    return drafts_event(tx, &now, "edited", &e->call->actor,
                        drafts_because(what, e->call->reason, e->arena), clock_now_ms(), err);
}

int drafts_edit(struct drafts *drafts, const struct drafts_call *call,
                const struct sluice_rule *rule, struct arena *arena, struct drafts_view *out,
                struct problems *problems, struct error *err)
{
    struct edit e = {.call = call, .rule = rule, .arena = arena};
    struct store_sandbox box;
    if (store_sandbox_get(drafts->store, call->sandbox, arena, &box, err) ||
        store_draft_get(drafts->store, box.id, call->id, arena, &e.draft, err) ||
        !drafts_next(DRAFTS_EDIT, e.draft.status, err))
        return -1;
    if (drafts_is_request(&e.draft))
        return error_set(err, ERROR_STATE, "chunk '%s' is a held request, which cannot be edited: "
                         "approve or reject it", e.draft.id);
    if (*e.draft.held_kind)
        return error_set(err, ERROR_STATE,
                         "chunk '%s' is a held update, which cannot be edited: reject it "
                         "and ask for another update",
                         e.draft.id);
    set_rule(&e.draft, rule, arena);
    if (check_rule(drafts, call, &e.draft, "rule", arena, problems, err) ||
        store_write(drafts->store, write_edit, &e, err))
        return -1;
    drafts_changed(drafts, call->sandbox, e.draft.id, e.draft.status);
    return drafts_get(drafts, call->sandbox, e.draft.id, arena, out, err);
}
