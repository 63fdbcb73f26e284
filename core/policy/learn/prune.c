/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/learn/prune.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "policy/effect/effect.h"
#include "policy/learn/learn_parts.h"
#include "policy/rule.h"

struct names {
    const char **items;
    size_t n, room;
};

struct run {
    const struct policy_pruning *pruning;
    struct arena *arena;
    struct learn_places places;
    struct names unused, young;
};

/* ---- what is used ---- */

static bool names_program(const struct sluice_binary *binary, const struct learn_place *place)
{
    const char *program = place->connection.binary;
    return policy_binary_match(binary->path, program) || strcmp(binary->path, program) == 0;
}

static bool takes_place(const struct sluice_rule *rule, const struct learn_place *place)
{
    return policy_rule_takes_caller(rule, &place->connection);
}

/* The record has no queries: an entry that limits them may have taken any. */
static const struct sluice_l7_rule *without_query(const struct sluice_l7_rule *rule,
                                                  struct arena *arena)
{
    struct sluice_l7_rule *any = arena_alloc(arena, sizeof *any);
    *any = *rule;
    any->query = NULL;
    any->n_query = 0;
    return any;
}

/* The endpoint with some of its entries alone. */
static struct sluice_endpoint with_entries(const struct sluice_endpoint *e, size_t from, size_t n,
                                           struct arena *arena)
{
    const struct sluice_l7_rule **rules = arena_alloc(arena, (n + 1) * sizeof *rules);
    struct sluice_endpoint some = *e;
    for (size_t i = 0; i < n; i++)
        rules[i] = without_query(e->rules[from + i], arena);
    some.rules = rules;
    some.n_rules = n;
    some.deny_rules = NULL;
    some.n_deny_rules = 0;
    return some;
}

static bool is_inspected(const struct sluice_endpoint *e)
{
    return *e->protocol && strcmp(e->protocol, "tcp") != 0;
}

/* Whether it lets the request pass by itself. */
static bool lets_pass(const struct sluice_endpoint *e, const struct learn_item *item)
{
    static const struct sluice_rule some = {.size = sizeof some, .key = "", .name = ""};
    struct policy_candidate one = {&some, e};
    return learn_decide(&(struct policy_candidates){&one, 1}, item).allowed;
}

/* A request of a place, by an endpoint with these entries.  One that is not on record as it was
 * sent may have been for each of them. */
static bool takes_request(const struct sluice_endpoint *some, const struct learn_place *place,
                          bool by_entry)
{
    for (size_t i = 0; i < place->n; i++) {
        const struct learn_item *item = &place->items[i];
        bool about = item->kind == LEARN_REQUEST &&
                     (!by_entry || item->has_call || !policy_always_has_calls(some));
        if (about && (*item->seen->problem || lets_pass(some, item)))
            return true;
    }
    return false;
}

static bool has_requests(const struct learn_place *place)
{
    for (size_t i = 0; i < place->n; i++)
        if (place->items[i].kind == LEARN_REQUEST)
            return true;
    return false;
}

static bool is_entry_used(const struct run *run, const struct sluice_rule *rule,
                          const struct sluice_endpoint *e, size_t entry)
{
    struct sluice_endpoint one = with_entries(e, entry, 1, run->arena);
    one.enforcement = "enforce";
    one.access = "";
    for (size_t i = 0; i < run->places.n; i++) {
        const struct learn_place *place = &run->places.items[i];
        if (takes_place(rule, place) && policy_endpoint_takes_host(e, &place->connection) &&
            takes_request(&one, place, true))
            return true;
    }
    return false;
}

static bool is_endpoint_used(const struct run *run, const struct sluice_rule *rule,
                             const struct sluice_endpoint *e)
{
    struct sluice_endpoint all = with_entries(e, 0, e->n_rules, run->arena);
    for (size_t i = 0; i < run->places.n; i++) {
        const struct learn_place *place = &run->places.items[i];
        if (!takes_place(rule, place) || !policy_endpoint_takes_host(e, &place->connection))
            continue;
        if (!is_inspected(e) || !has_requests(place) || takes_request(&all, place, false))
            return true;
    }
    return false;
}

static bool is_binary_used(const struct run *run, const struct sluice_rule *rule,
                           const struct sluice_binary *binary)
{
    for (size_t i = 0; i < run->places.n; i++)
        if (names_program(binary, &run->places.items[i]) &&
            policy_rule_opens(rule, &run->places.items[i].connection))
            return true;
    return false;
}

/* ---- what was there all the time ---- */

static char *text_of(const struct schema *schema, const void *record, struct arena *arena)
{
    struct buf text = {0};
    schema_encode_json(schema, record, &text);
    char *copy = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return copy;
}

/* Without its entries, which are parts of their own. */
static char *text_of_endpoint(const struct sluice_endpoint *e, struct arena *arena)
{
    struct sluice_endpoint bare = *e;
    bare.rules = NULL;
    bare.n_rules = 0;
    return text_of(&policy_endpoint_schema, &bare, arena);
}

struct part {
    const struct sluice_rule *rule;
    const struct sluice_binary *binary;             /* NULL: it is none */
    const struct sluice_endpoint *endpoint;
    const struct sluice_l7_rule *entry;             /* NULL: the whole endpoint */
};

static bool has_entry(const struct sluice_endpoint *e, const char *text, struct arena *arena)
{
    for (size_t i = 0; i < e->n_rules; i++)
        if (strcmp(text_of(&policy_l7_rule_schema, e->rules[i], arena), text) == 0)
            return true;
    return false;
}

static bool has_endpoint(const struct sluice_rule *rule, const struct part *part,
                         struct arena *arena)
{
    const char *text = text_of_endpoint(part->endpoint, arena);
    const char *entry =
        part->entry ? text_of(&policy_l7_rule_schema, part->entry, arena) : NULL;
    for (size_t i = 0; i < rule->n_endpoints; i++)
        if (strcmp(text_of_endpoint(rule->endpoints[i], arena), text) == 0 &&
            (!entry || has_entry(rule->endpoints[i], entry, arena)))
            return true;
    return false;
}

static bool has_binary(const struct sluice_rule *rule, const char *path)
{
    for (size_t i = 0; i < rule->n_binaries; i++)
        if (strcmp(rule->binaries[i]->path, path) == 0)
            return true;
    return false;
}

static bool was_in(const struct sluice_policy *policy, const struct part *part,
                   struct arena *arena)
{
    const struct sluice_rule *rule = policy_find_rule(policy, part->rule->key);
    if (!rule)
        return false;
    return part->binary ? has_binary(rule, part->binary->path) : has_endpoint(rule, part, arena);
}

static bool is_old(const struct run *run, const struct part *part)
{
    const struct policy_pruning *p = run->pruning;
    for (size_t i = 0; i < p->n_before; i++)
        if (!was_in(p->before[i], part, run->arena))
            return false;
    return p->n_before > 0;
}

/* ---- words ---- */

static void add_name(struct run *run, struct names *names, const char *name)
{
    names->items = arena_grow(run->arena, names->items, names->n, &names->room,
                              sizeof *names->items);
    names->items[names->n++] = name;
}

static const char *name_of(const struct run *run, const struct part *part)
{
    struct arena *arena = run->arena;
    const struct sluice_endpoint *e = part->endpoint;
    if (part->binary)
        return arena_printf(arena, "%s: %s", part->binary->doc_path, part->binary->path);
    if (part->entry)
        return arena_printf(arena, "%s: %s", part->entry->doc_path,
                            text_of(&policy_l7_rule_schema, part->entry, arena));
    return arena_printf(arena, "%s: %s:%u%s", e->doc_path, e->host, e->n_ports ? e->ports[0] : 0,
                        e->path);
}

/* Whether an unused part goes.  It is named either way. */
static bool drop(struct run *run, const struct part *part)
{
    bool old = is_old(run, part);
    add_name(run, old ? &run->unused : &run->young, name_of(run, part));
    return old;
}

/* ---- the policy ---- */

static const struct sluice_endpoint *prune_entries(struct run *run, const struct sluice_rule *rule,
                                                   const struct sluice_endpoint *e)
{
    const struct sluice_l7_rule **kept = arena_alloc(run->arena, (e->n_rules + 1) * sizeof *kept);
    bool *used = arena_alloc(run->arena, e->n_rules + 1), any = false;
    struct sluice_endpoint *pruned = arena_alloc(run->arena, sizeof *pruned);
    *pruned = *e;
    for (size_t i = 0; i < e->n_rules; i++)
        any |= used[i] = is_entry_used(run, rule, e, i);
    if (!any)
        return e;
    pruned->n_rules = 0;
    for (size_t i = 0; i < e->n_rules; i++)
        if (used[i] || !drop(run, &(struct part){rule, NULL, e, e->rules[i]}))
            kept[pruned->n_rules++] = e->rules[i];
    pruned->rules = kept;
    return pruned;
}

static void prune_endpoints(struct run *run, const struct sluice_rule *rule,
                            struct sluice_rule *out)
{
    const struct sluice_endpoint **kept =
        arena_alloc(run->arena, (rule->n_endpoints + 1) * sizeof *kept);
    out->n_endpoints = 0;
    for (size_t i = 0; i < rule->n_endpoints; i++) {
        const struct sluice_endpoint *e = rule->endpoints[i];
        if (is_endpoint_used(run, rule, e))
            kept[out->n_endpoints++] = prune_entries(run, rule, e);
        else if (!drop(run, &(struct part){rule, NULL, e, NULL}))
            kept[out->n_endpoints++] = e;
    }
    out->endpoints = kept;
}

static void prune_binaries(struct run *run, const struct sluice_rule *rule,
                           struct sluice_rule *out)
{
    const struct sluice_binary **kept =
        arena_alloc(run->arena, (rule->n_binaries + 1) * sizeof *kept);
    out->n_binaries = 0;
    for (size_t i = 0; i < rule->n_binaries; i++)
        if (is_binary_used(run, rule, rule->binaries[i]) ||
            !drop(run, &(struct part){rule, rule->binaries[i], NULL, NULL}))
            kept[out->n_binaries++] = rule->binaries[i];
    out->binaries = kept;
}

static bool is_rule_used(const struct run *run, const struct sluice_rule *rule)
{
    for (size_t i = 0; i < rule->n_endpoints; i++)
        if (is_endpoint_used(run, rule, rule->endpoints[i]))
            return true;
    return false;
}

static bool is_rule_old(const struct run *run, const struct sluice_rule *rule)
{
    bool old = run->pruning->n_before > 0;
    for (size_t i = 0; i < rule->n_endpoints; i++)
        old &= is_old(run, &(struct part){rule, NULL, rule->endpoints[i], NULL});
    for (size_t i = 0; i < rule->n_binaries; i++)
        old &= is_old(run, &(struct part){rule, rule->binaries[i], NULL, NULL});
    return old;
}

/* NULL: it goes.  A rule that nothing needed goes whole or stays whole. */
static const struct sluice_rule *prune_rule(struct run *run, const struct sluice_rule *rule)
{
    if (!is_rule_used(run, rule)) {
        bool old = is_rule_old(run, rule);
        add_name(run, old ? &run->unused : &run->young, rule->doc_path);
        return old ? NULL : rule;
    }
    struct sluice_rule *pruned = arena_alloc(run->arena, sizeof *pruned);
    *pruned = *rule;
    prune_endpoints(run, rule, pruned);
    prune_binaries(run, rule, pruned);
    return pruned;
}

/* ---- the proofs ---- */

static bool passes(const struct sluice_policy *policy, const struct learn_place *place,
                   const struct learn_item *item)
{
    struct policy_decision decision;
    struct policy_candidates candidates;
    policy_match(policy, &place->connection, &decision, NULL);
    if (!decision.allowed || item->kind != LEARN_REQUEST ||
        strcmp(decision.endpoint->tls, "skip") == 0)
        return decision.allowed;
    policy_candidates_find(policy, &place->connection, &candidates);
    bool allowed = learn_decide(&candidates, item).allowed;
    policy_candidates_free(&candidates);
    return allowed;
}

static int prove(const struct run *run, const struct sluice_policy *pruned, struct error *err)
{
    const struct sluice_policy *policy = run->pruning->policy;
    const struct policy_effect *effect = policy_effect(policy, pruned, run->arena);
    if (effect->n_gained)
        return error_set(err, ERROR_INTERNAL, "without what is unused, more would be allowed: %s",
                         effect->gained[0]->example);
    for (size_t i = 0; i < run->places.n; i++) {
        const struct learn_place *place = &run->places.items[i];
        for (size_t j = 0; j < place->n; j++)
            if (passes(policy, place, &place->items[j]) &&
                !passes(pruned, place, &place->items[j]))
                return error_set(err, ERROR_INTERNAL,
                                 "without what is unused, what is on record would be refused: %s",
                                 policy_seen_name(place->items[j].seen, run->arena));
    }
    return 0;
}

int policy_prune(const struct policy_pruning *pruning, struct arena *arena,
                 struct policy_pruned *out, struct error *err)
{
    struct run run = {.pruning = pruning, .arena = arena};
    struct problems problems = {0};
    struct sluice_policy model = *pruning->policy;
    size_t n;
    struct learn_item *items = learn_all_items(pruning->seen, pruning->n, arena, &n);
    run.places = learn_places_of(items, n, arena);
    const struct sluice_rule **rules = arena_alloc(arena, (model.n_rules + 1) * sizeof *rules);
    model.n_rules = 0;
    for (size_t i = 0; i < pruning->policy->n_rules; i++) {
        const struct sluice_rule *rule = prune_rule(&run, pruning->policy->rules[i]);
        if (rule)
            rules[model.n_rules++] = rule;
    }
    model.rules = rules;
    struct policy *policy = policy_keep(policy_rebuild(&model, &problems), arena);
    if (!policy)
        return problems_first(&problems, ERROR_INTERNAL, err);
    problems_free(&problems);
    *out = (struct policy_pruned){policy, run.unused.items, run.unused.n, run.young.items,
                                  run.young.n};
    return prove(&run, policy_model(policy), err);
}
