/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "drafts/drafts_parts.h"
#include "drafts/rules.h"

static struct policy *asked_for(const struct store_draft *draft, struct arena *arena,
                                struct error *err)
{
    struct problems problems = {0};
    struct policy *policy =
        policy_parse(draft->held_json, strlen(draft->held_json), DOC_JSON, &problems);
    if (!policy)
        error_set(err, ERROR_INTERNAL, "the policy of held chunk '%s' cannot be read: %s",
                  draft->id, problems.n ? problems.items[0].message : "unknown reason");
    problems_free(&problems);
    return policy_keep(policy, arena);
}

/* The revision that the update was made from stands in the decision that held it. */
static struct policy *on_top(struct drafts *drafts, const struct store_draft *draft,
                             struct policy *asked, struct arena *arena, uint64_t *newest,
                             struct error *err)
{
    struct store_decision decision;
    struct store_revision now, then;
    struct policy *base,
        *current = updates_policy_at(drafts->updates, draft->sandbox_id, 0, arena, &now, err);
    if (!current || store_decision_of_draft(drafts->store, draft->id, arena, &decision, err))
        return NULL;
    *newest = now.revision;
    if (now.revision == decision.base_revision)
        return asked;
    base = updates_policy_at(drafts->updates, draft->sandbox_id, decision.base_revision, arena,
                             &then, err);
    return base ? policy_keep(drafts_rebase(base, asked, current, err), arena) : NULL;
}

int drafts_ask_held(struct drafts *drafts, const struct store_draft *draft, struct arena *arena,
                    struct drafts_ask *out, struct error *err)
{
    struct policy *asked = asked_for(draft, arena, err);
    if (!asked)
        return -1;
    out->request.policy = on_top(drafts, draft, asked, arena, &out->request.if_revision, err);
    return out->request.policy ? 0 : -1;
}
