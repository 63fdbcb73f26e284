/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "drafts/drafts_parts.h"
#include "drafts/rules.h"
#include "policy/merge/merge.h"

/* NULL: err. */
static const struct policy_operation *read_rule(const char *operations, struct arena *arena,
                                                struct error *err)
{
    struct problems problems = {0};
    struct policy_operations list = {0};
    struct doc_node *tree;
    if (doc_parse(operations, strlen(operations), DOC_JSON, POLICY_BYTES_MAX, arena, &tree,
                  &problems) == 0)
        policy_operations_decode(tree, arena, &list, &problems);
    if (problems.n)
        problems_first(&problems, ERROR_INVALID, err);
    else if (list.n != 1 || list.items[0].kind != POLICY_ADD_RULE)
        error_set(err, ERROR_INVALID, "a forecast is about one rule that is added");
    else
        return &list.items[0];
    problems_free(&problems);
    return NULL;
}

/* A chunk as a refused request makes it. */
static struct store_draft chunk_of(const struct store_sandbox *box,
                                   const struct policy_operation *operation, struct arena *arena)
{
    const struct sluice_rule *rule = operation->rule;
    int64_t now = clock_now_ms();
    return (struct store_draft){
        .id = "", .sandbox_id = box->id,
        .status = store_draft_status_word(STORE_DRAFT_PENDING),
        .source = store_draft_source_word(STORE_DRAFT_MECHANISTIC),
        .rule_name = operation->rule_name, .rule_json = drafts_rule_encode(rule, arena),
        .held_kind = "", .held_json = "", .host = "", .binary = "",
        .method = rule->n_endpoints && *rule->endpoints[0]->protocol ? "*" : "", .path = "",
        .operation = "", .field = "", .rpc_method = "", .tool = "",
        .hits = 1, .first_seen_ms = now, .last_seen_ms = now, .rationale = "",
        .security_notes = "", .author = arena_printf(arena, "sandbox:%s", box->name),
        .approvals_json = "[]", .decided_by = "", .reason = "", .undo_json = "",
        .addresses_json = "", .asked_by_json = "", .takes_back = "", .back_to = "",
        .grant_json = "",
    };
}

const char *drafts_forecast(struct drafts *drafts, const char *sandbox, const char *operations,
                            struct arena *arena, struct error *err)
{
    struct store_sandbox box;
    struct drafts_view view;
    const struct policy_operation *operation = read_rule(operations, arena, err);
    if (!operation || store_sandbox_get(drafts->store, sandbox, arena, &box, err) != 0)
        return NULL;
    const struct store_draft chunk = chunk_of(&box, operation, arena);
    drafts_look(drafts, sandbox, &chunk, arena, &view);
    if (view.previewed)
        return chain_outcome_word(view.preview.outcome);
    error_set(err, ERROR_INVALID, "%s", view.preview_error);
    return NULL;
}
