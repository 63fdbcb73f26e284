/* SPDX-License-Identifier: Apache-2.0 */
/* The update that approving a chunk is, what it would do now, and the token of having seen that. */
#include <jansson.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "drafts/inner.h"
#include "drafts/rules.h"

/* ---- approvals: [{actor, role, at_ms}] ---- */

struct approvals {
    const struct sluice_approval **items;
    size_t n;
};

static void add_approval(struct approvals *list, struct arena *arena, const char *actor,
                         const char *role, int64_t at_ms)
{
    struct sluice_approval *a = arena_zalloc(arena, sizeof *a);
    *a = (struct sluice_approval){sizeof *a, actor, role, at_ms};
    list->items[list->n++] = a;
}

static const char *text_of(struct arena *arena, json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return arena_str(arena, text ? text : "");
}

/* Those on record and the approver's; whoever approves again counts once. */
static struct approvals collect(const char *json, const struct sluice_actor *approver,
                                struct arena *arena)
{
    json_t *rows = json_loads(json, 0, NULL), *row;
    struct approvals list = {arena_alloc(arena, (json_array_size(rows) + 1) * sizeof *list.items),
                             0};
    size_t i;
    json_array_foreach(rows, i, row) {
        const char *actor = text_of(arena, row, "actor");
        if (!approver || strcmp(actor, approver->name) != 0)
            add_approval(&list, arena, actor, text_of(arena, row, "role"),
                         json_integer_value(json_object_get(row, "at_ms")));
    }
    json_decref(rows);
    if (approver)
        add_approval(&list, arena, approver->name, approver->role, clock_now_ms());
    return list;
}

static const char *encode(const struct approvals *list, struct arena *arena)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:I}", "actor", list->items[i]->actor,
                                              "role", list->items[i]->role, "at_ms",
                                              (json_int_t)list->items[i]->at_ms));
    char *text = json_dumps(rows, JSON_COMPACT);
    const char *kept = arena_str(arena, text);
    json_decref(rows);
    free(text);
    return kept;
}

/* ---- the request ---- */

static int ask_rule(const struct store_draft *draft, struct arena *arena, struct drafts_ask *out,
                    struct error *err)
{
    const struct sluice_rule *rule = drafts_rule_decode(draft->rule_json, arena, err);
    if (!rule)
        return -1;
    out->operation = (struct policy_operation){
        .kind = POLICY_ADD_RULE, .rule_name = draft->rule_name, .rule = rule,
        .host = "", .binary_path = "",
    };
    out->operations = (struct policy_operations){&out->operation, 1};
    out->request.operations = &out->operations;
    return 0;
}

int drafts_ask(struct drafts *drafts, const struct drafts_call *call,
               const struct store_draft *draft, const struct sluice_actor *approver,
               struct arena *arena, struct drafts_ask *out, struct error *err)
{
    struct approvals approvals = collect(draft->approvals_json, approver, arena);
    *out = (struct drafts_ask){
        .request = {
            .kind = SLUICE_APPROVE, .sandbox = call->sandbox, .actor = call->actor,
            .reason = call->reason, .override = call->override, .draft = &out->draft,
            .draft_id = draft->id,
        },
        .draft = {
            sizeof out->draft, draft->id, draft->source, draft->author, draft->hits,
            draft->confidence, approvals.items, approvals.n,
        },
        .approvals_json = encode(&approvals, arena),
    };
    return *draft->held_kind ? drafts_ask_held(drafts, draft, arena, out, err)
                             : ask_rule(draft, arena, out, err);
}

/* ---- seeing ---- */

/* With the revision and the status: a policy that is again what it was, or a chunk that was rejected
 * meanwhile, is not what was reviewed, and an approval that is sent again does not approve again. */
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
    digest_add_str(digest, seen->base_hash);
    digest_add_str(digest, seen->hash);
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
    *out = (struct drafts_view){.draft = *draft, .sandbox = call->sandbox, .review_token = ""};
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
        .sandbox = sandbox, .actor = {sizeof call.actor, "reviewer", "admin", "gateway"},
    };
    drafts_preview(drafts, &call, draft, &call.actor, arena, out);
}
