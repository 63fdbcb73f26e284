/* SPDX-License-Identifier: Apache-2.0 */
/* The ceilings of a sandbox: the voter `ceiling`, and the update that brings a policy within them.
 *
 * They are read with each update, as another gateway may have set one, and the commit expects that
 * none was set since.  No voter is asked about an update that tightens: none can keep open what a
 * ceiling closes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/ceiling/ceiling.h"
#include "update/updates.h"

bool update_ceiling_applies(const char *selector, const char *labels_json)
{
    const char *equals = strchr(selector, '=');
    if (!equals)
        return !*selector;
    json_t *labels = json_loads(labels_json ? labels_json : "{}", 0, NULL);
    const json_t *value = json_object_getn(labels, selector, (size_t)(equals - selector));
    bool applies = value && strcmp(json_string_value(value), equals + 1) == 0;
    json_decref(labels);
    return applies;
}

static const char *name_of(const struct update_ceiling *c, struct arena *arena)
{
    if (!c->selector)
        return "revision 1, the ceiling of a sandbox that is observed,";
    return *c->selector ? arena_printf(arena, "the ceiling for %s", c->selector)
                        : "the ceiling for every sandbox";
}

static void add(struct update *u, const char *selector, const struct sluice_policy *model)
{
    if (update_ceiling_applies(selector, u->sandbox.labels_json))
        u->ceilings[u->n_ceilings++] = (struct update_ceiling){selector, model};
}

static int read_one(struct update *u, const struct store_ceiling *c)
{
    const struct store_revision stored = {.hash = c->hash, .policy_json = c->policy_json};
    struct policy *policy =
        policy_keep(stored_policies_get(u->updates->stored, &stored, u->err), u->arena);
    if (!policy)
        return error_prefix(u->err, "%s",
                            name_of(&(struct update_ceiling){c->selector, NULL}, u->arena));
    add(u, c->selector, policy_model(policy));
    return 0;
}

int update_load_ceilings(struct update *u)
{
    const struct update_ceiling *trial = u->request->trial;
    struct store_ceiling *all;
    size_t n;
    u->n_ceilings = 0;
    u->ceilings_newest = 0;
    if (store_ceiling_list(u->updates->store, u->arena, &all, &n, u->err) != 0)
        return -1;
    u->ceilings = arena_alloc(u->arena, (n + 2) * sizeof *u->ceilings);
    if (u->sandbox.observe && u->baseline && !u->request->tighten)
        u->ceilings[u->n_ceilings++] = (struct update_ceiling){NULL, policy_model(u->baseline)};
    if (trial)
        add(u, trial->selector, trial->policy);
    for (size_t i = 0; i < n; i++) {
        if (all[i].number > u->ceilings_newest)
            u->ceilings_newest = all[i].number;
        if ((!trial || strcmp(trial->selector, all[i].selector) != 0) && read_one(u, &all[i]) != 0)
            return -1;
    }
    return 0;
}

/* ---- the voter ---- */

static struct chain_vote judge(struct update *u)
{
    struct chain_vote vote = {.voter = "ceiling", .version = "1.0.0",
                              .level = chain_level_word(CHAIN_MANDATORY),
                              .verdict = SLUICE_ABSTAIN, .code = "", .message = "", .path = ""};
    uint64_t began = clock_mono_ns();
    for (size_t i = 0; i < u->n_ceilings && vote.verdict == SLUICE_ABSTAIN; i++) {
        const struct update_ceiling *c = &u->ceilings[i];
        struct policy_ceiling_answer answer =
            policy_within(c->policy, policy_model(u->result->candidate), u->arena);
        if (answer.within)
            continue;
        vote.verdict = SLUICE_DENY;
        vote.code = "OUTSIDE_CEILING";
        vote.path = "network_policies";
        vote.message = arena_printf(u->arena, "%s does not allow this: %s", name_of(c, u->arena),
                                    answer.example);
        if (answer.n_outside > 1)
            vote.message =
                arena_printf(u->arena, "%s, and %zu more", vote.message, answer.n_outside - 1);
    }
    vote.duration_ns = clock_mono_ns() - began;
    return vote;
}

void update_add_vote(struct update *u, struct chain_vote vote)
{
    struct chain_votes *votes = &u->result->votes;
    struct chain_vote *items = arena_alloc(u->arena, (votes->n + 1) * sizeof *items);
    if (votes->n)
        memcpy(items, votes->items, votes->n * sizeof *items);
    items[votes->n] = vote;
    *votes = (struct chain_votes){items, votes->n + 1};
}

void update_vote_ceilings(struct update *u)
{
    if (u->n_ceilings)
        update_add_vote(u, judge(u));
}

/* ---- tightening ---- */

struct policy *update_tightened(struct update *u)
{
    const struct sluice_policy **models =
        arena_alloc(u->arena, (u->n_ceilings + 1) * sizeof *models);
    for (size_t i = 0; i < u->n_ceilings; i++)
        models[i] = u->ceilings[i].policy;
    struct policy_tightened t =
        policy_tighten(u->result->current, &u->running, models, u->n_ceilings, u->arena);
    if (!t.policy) {
        error_set(u->err, ERROR_INTERNAL, "the policy cannot be brought within its ceilings");
        return NULL;
    }
    if (!t.exact)
        problems_add(&u->result->warnings, "network_policies", 0, 0,
                     "what the policy and its ceilings both allow cannot be written exactly: this "
                     "is less");
    return policy_ref(t.policy);
}

int updates_tighten_one(struct updates *updates, const char *sandbox,
                        const struct update_tightening *t, struct arena *arena,
                        struct update_result *out, struct error *err)
{
    struct problems problems = {0};
    const struct update_request request = {
        .kind = SLUICE_GLOBAL, .tighten = true, .sandbox = sandbox, .actor = t->actor,
        .account = t->account, .reason = t->reason, .dry_run = t->dry_run, .trial = t->trial,
    };
    int rc = update_run(updates, &request, arena, out, &problems, err);
    if (rc != 0 && problems.n)
        problems_first(&problems, err->kind, err);
    problems_free(&problems);
    return rc;
}

int updates_tighten(struct updates *updates, const struct update_tightening *t, struct error *err)
{
    struct arena *arena = arena_new();
    struct store_sandbox *all;
    size_t n;
    int rc = store_sandbox_list(updates->store, arena, &all, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct arena *scratch = arena_new();
        struct update_result result;
        struct error failure = {0};
        bool applies = !t->selector || update_ceiling_applies(t->selector, all[i].labels_json);
        int one = applies ? updates_tighten_one(updates, all[i].name, t, scratch, &result, &failure)
                          : 0;
        bool gone = one != 0 && failure.kind == ERROR_NOT_FOUND;
        if (applies && !gone && (one != 0 || result.changed))
            t->each(t->ctx, all[i].name, one == 0 ? &result : NULL, &failure);
        arena_free(scratch);
    }
    arena_free(arena);
    return rc;
}
