/* SPDX-License-Identifier: Apache-2.0 */
/* The update that approving a chunk is, what it would do now, and the token of having seen that. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "drafts/drafts_parts.h"
#include "drafts/requests.h"
#include "drafts/rules.h"
#include "policy/merge/merge.h"
#include "store/gateways.h"
#include "update/askers.h"

/* ---- approvals: [{actor, role, at_ms, account}], account left out where it is the actor ---- */

struct approvals {
    const struct sluice_approval **items;
    struct asker *people;                           /* who they are of */
    size_t n;
};

static void add_approval(struct approvals *list, struct arena *arena, struct asker person,
                         const char *role, int64_t at_ms)
{
    struct sluice_approval *a = arena_zalloc(arena, sizeof *a);
    *a = (struct sluice_approval){sizeof *a, person.name, role, at_ms};
    list->people[list->n] = person;
    list->items[list->n++] = a;
}

static const char *text_of(struct arena *arena, json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return arena_str(arena, text ? text : "");
}

/* Whether the approver's approval takes this one's place: it is the same name's, or was given from
 * the approver's account without a token. */
static bool is_replaced(const struct asker *old, const struct asker *approver)
{
    return strcmp(old->name, approver->name) == 0 ||
           (asker_is_account(old) && asker_is_same(old, approver));
}

/* Those on record and the approver's.  Nobody counts twice, by whichever of their names they
 * come. */
static struct approvals collect(const char *json, const struct sluice_actor *approver,
                                const char *account, struct arena *arena)
{
    json_t *rows = json_loads(json, 0, NULL), *row;
    size_t room = json_array_size(rows) + 1, i;
    struct approvals list = {arena_alloc(arena, room * sizeof *list.items),
                             arena_alloc(arena, room * sizeof *list.people), 0};
    struct asker now = approver ? asker_of(approver->name, account) : (struct asker){"", ""};
    bool counted = !approver;
    json_array_foreach(rows, i, row) {
        struct asker old = asker_of(text_of(arena, row, "actor"), text_of(arena, row, "account"));
        if (approver && is_replaced(&old, &now))
            continue;
        counted |= asker_is_same(&old, &now);
        add_approval(&list, arena, old, text_of(arena, row, "role"),
                     json_integer_value(json_object_get(row, "at_ms")));
    }
    json_decref(rows);
    if (!counted)
        add_approval(&list, arena, now, approver->role, clock_now_ms());
    return list;
}

static const char *encode(const struct approvals *list, struct arena *arena)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < list->n; i++) {
        json_t *row = json_pack("{s:s, s:s, s:I}", "actor", list->items[i]->actor, "role",
                                list->items[i]->role, "at_ms", (json_int_t)list->items[i]->at_ms);
        if (!asker_is_account(&list->people[i]))
            json_object_set_new(row, "account", json_string(list->people[i].account));
        json_array_append_new(rows, row);
    }
    char *text = json_dumps(rows, JSON_COMPACT);
    const char *kept = arena_str(arena, text);
    json_decref(rows);
    free(text);
    return kept;
}

/* Everybody who asked, and those who approve though they are one of them by another name. */
static void set_asked_by(struct sluice_draft *out, const struct store_draft *draft,
                         const struct approvals *approvals, struct arena *arena)
{
    struct askers askers = askers_decode(draft->asked_by_json, arena);
    struct asker *all = arena_alloc(arena, (askers.n + approvals->n + 1) * sizeof *all);
    size_t n = askers.n;
    if (n)
        memcpy(all, askers.items, n * sizeof *all);
    for (size_t i = 0; i < approvals->n; i++)
        if (askers_have(&askers, &approvals->people[i]))
            all[n++] = asker_of(approvals->people[i].name, NULL);
    out->asked_by = askers_names(&(struct askers){all, n}, arena, &out->n_asked_by);
}

/* ---- the request ---- */

/* What nobody approved opens public addresses alone, also when its host resolves to others
 * later. */
static const struct sluice_rule *public_only(const struct sluice_rule *rule, struct arena *arena)
{
    struct sluice_rule *limited = arena_alloc(arena, sizeof *limited);
    const struct sluice_endpoint **endpoints =
        arena_alloc(arena, (rule->n_endpoints + 1) * sizeof *endpoints);
    for (size_t i = 0; i < rule->n_endpoints; i++) {
        struct sluice_endpoint *e = arena_alloc(arena, sizeof *e);
        *e = *rule->endpoints[i];
        e->public_only = true;
        endpoints[i] = e;
    }
    *limited = *rule;
    limited->endpoints = endpoints;
    return limited;
}

static bool can_be_added(const struct policy *policy, const struct policy_operations *operations)
{
    struct problems problems = {0}, warnings = {0};
    struct policy *with = policy_merge(policy, operations, &problems, &warnings);
    policy_unref(with);
    problems_free(&problems);
    problems_free(&warnings);
    return with != NULL;
}

void drafts_avoid_name(const struct policy *policy, const struct store_draft *draft,
                       struct arena *arena, struct drafts_ask *ask)
{
    enum { NAMES_MAX = 100 };
    for (int i = 2;
         i < NAMES_MAX && policy_find_rule(policy_model(policy), ask->operation.rule_name) &&
         !can_be_added(policy, &ask->operations);
         i++)
        ask->operation.rule_name = arena_printf(arena, "%s_%d", draft->rule_name, i);
}

static int ask_rule(struct drafts *drafts, const struct drafts_call *call,
                    const struct store_draft *draft, struct arena *arena, struct drafts_ask *out,
                    struct error *err)
{
    struct store_revision newest;
    const struct sluice_rule *rule = drafts_rule_decode(draft->rule_json, arena, err);
    struct policy *now =
        updates_policy_at(drafts->updates, draft->sandbox_id, 0, arena, &newest, err);
    if (!rule || !now)
        return -1;
    out->operation = (struct policy_operation){
        .kind = POLICY_ADD_RULE, .rule_name = draft->rule_name,
        .rule = call->by_itself ? public_only(rule, arena) : rule, .host = "", .binary_path = "",
        .own_rule = *draft->method != '\0',
    };
    out->operations = (struct policy_operations){&out->operation, 1, NULL};
    out->request.operations = &out->operations;
    if (out->wish)
        return drafts_ask_grant(now, draft, arena, out, err);
    if (call->by_itself ||
        strcmp(draft->source, store_draft_source_word(STORE_DRAFT_MECHANISTIC)) == 0)
        drafts_avoid_name(now, draft, arena, out);
    return 0;
}

static int ask(struct drafts *drafts, const struct drafts_call *call,
               const struct store_draft *draft, const struct sluice_actor *approver,
               struct arena *arena, struct drafts_ask *out, struct error *err)
{
    const struct policy_grant *wish = drafts_wish(call, draft, arena);
    /* Those on record are of what was asked for then: of another end they say nothing. */
    bool same = policy_grant_same(wish, policy_grant_parse(draft->grant_json, arena));
    struct approvals approvals =
        collect(same ? draft->approvals_json : "[]", approver, call->account, arena);
    *out = (struct drafts_ask){
        .wish = wish,
        .request =
            {
                .kind = SLUICE_APPROVE,
                .sandbox = call->sandbox,
                .actor = call->actor,
                .account = call->account,
                .reason = call->reason,
                .override = call->override,
                .draft = &out->draft,
                .draft_id = draft->id,
            },
        .draft =
            {
                .size = sizeof out->draft,
                .id = draft->id,
                .source = draft->source,
                .author = draft->author,
                .hits = draft->hits,
                .confidence = draft->confidence,
                .approvals = approvals.items,
                .n_approvals = approvals.n,
            },
        .approvals_json = encode(&approvals, arena),
    };
    set_asked_by(&out->draft, draft, &approvals, arena);
    if (drafts_is_request(draft)) {
        if (drafts_ask_request(draft, arena, out, err) != 0)
            return -1;
        if (wish)
            out->draft.grant = drafts_show_grant(out);
        return 0;
    }
    if (wish && *draft->held_kind)
        return error_set(err, ERROR_STATE,
                         "chunk '%s' is a held update, which may change more than a rule: it "
                         "cannot be approved with an end",
                         draft->id);
    return *draft->held_kind ? drafts_ask_held(drafts, draft, arena, out, err)
                             : ask_rule(drafts, call, draft, arena, out, err);
}

/* The host that enforces the deadline may be another one, whose boots are others. */
static int settle_clock(struct drafts *drafts, const char *sandbox, struct arena *arena,
                        struct policy_grant *grant, struct error *err)
{
    struct store_sandbox box;
    if (!grant->expires_at_ms)
        return 0;
    if (store_sandbox_get(drafts->store, sandbox, arena, &box, err) != 0)
        return -1;
    if (*box.host || !store_at_home(drafts->store, &box)) {
        grant->boot = "";
        grant->boot_ms = 0;
    }
    return 0;
}

int drafts_ask(struct drafts *drafts, const struct drafts_call *call,
               const struct store_draft *draft, const struct sluice_actor *approver,
               struct arena *arena, struct drafts_ask *out, struct error *err)
{
    int rc = ask(drafts, call, draft, approver, arena, out, err);
    return rc == 0 ? settle_clock(drafts, call->sandbox, arena, &out->grant, err) : rc;
}

bool drafts_asks_the_same(const struct store_draft *one, const struct store_draft *other)
{
    return strcmp(one->rule_json, other->rule_json) == 0 &&
           strcmp(one->held_json, other->held_json) == 0 &&
           strcmp(one->grant_json, other->grant_json) == 0;
}

/* ---- seeing ---- */

/* With the revision and the status: a policy that is again what it was, or a chunk that was
 * rejected meanwhile, is not what was reviewed, and an approval that is sent again does not approve
 * again. */
void drafts_token(const struct store_draft *draft, const struct update_result *seen,
                  char out[DIGEST_HEX_SIZE])
{
    struct digest *digest = digest_new();
    char revision[24];
    snprintf(revision, sizeof revision, "%lu", (unsigned long)seen->base_revision);
    digest_add_str(digest, "sluice review 2");
    digest_add_str(digest, draft->id);
    digest_add_str(digest, draft->status);
    digest_add_str(digest, revision);
    digest_add_str(digest, draft->rule_name);
    digest_add_str(digest, draft->rule_json);
    digest_add_str(digest, draft->held_json);
    if (*draft->grant_json)
        digest_add_str(digest, draft->grant_json);
    digest_add_str(digest, seen->base_hash);
    digest_add_str(digest, seen->hash);
    for (size_t i = 0; i < seen->findings.n; i++)
        digest_add_str(digest, seen->findings.items[i]->text);
    digest_add_str(digest, seen->chain_digest);
    digest_hex(digest, out);
}

static const char *why_not(const struct problems *problems, const struct error *err,
                           struct arena *arena)
{
    if (!problems->n)
        return arena_str(arena, err->text);
    return arena_printf(arena, "%s: %s: %s", err->text, problems->items[0].path,
                        problems->items[0].message);
}

static void dry_run(struct drafts *drafts, struct drafts_ask *ask, struct arena *arena,
                    struct drafts_view *out)
{
    struct problems problems = {0};
    struct error err = {0};
    char token[DIGEST_HEX_SIZE];
    ask->request.dry_run = true;
    out->previewed =
        update_run(drafts->updates, &ask->request, arena, &out->preview, &problems, &err) == 0;
    if (out->previewed) {
        drafts_token(&out->draft, &out->preview, token);
        out->review_token = arena_str(arena, token);
    } else {
        out->preview_error = why_not(&problems, &err, arena);
    }
    problems_free(&problems);
}

void drafts_preview(struct drafts *drafts, const struct drafts_call *call,
                    const struct store_draft *draft, const struct sluice_actor *approver,
                    struct arena *arena, struct drafts_view *out)
{
    struct drafts_ask *ask = arena_alloc(arena, sizeof *ask);
    struct error err = {0};
    *out = (struct drafts_view){.draft = *draft, .sandbox = call->sandbox, .review_token = "",
                                .waiting = drafts_waiting(drafts, draft)};
    if (!drafts_next(DRAFTS_APPROVE, draft->status, NULL))
        return;
    if (drafts_ask(drafts, call, draft, approver, arena, ask, &err))
        out->preview_error = arena_str(arena, err.text);
    else
        dry_run(drafts, ask, arena, out);
}

void drafts_look(struct drafts *drafts, const char *sandbox, const struct store_draft *draft,
                 struct arena *arena, struct drafts_view *out)
{
    struct drafts_call call = {
        .sandbox = sandbox, .actor = {sizeof call.actor, "reviewer", "admin", "gateway", "gateway",
                                       "gateway"},
    };
    drafts_preview(drafts, &call, draft, &call.actor, arena, out);
}
