/* SPDX-License-Identifier: Apache-2.0 */
/* The proofs about a learned policy: what was recorded passes, nothing passes that the ceiling
 * refuses, and each part is needed by something on record.
 *
 * A request is asked of those entries alone that can be about it: an entry without wildcards is
 * about one path, or about the calls of one name, and no other. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/glob.h"
#include "policy/effect/effect.h"
#include "policy/learn/learn_parts.h"

/* An entry, by the one text that it is about. */
struct keyed {
    const char *key;
    size_t entry;
};

/* An endpoint with its entries in two heaps: those about one text, in its order, and the others. */
struct indexed {
    const struct sluice_rule *rule;
    const struct sluice_endpoint *endpoint;
    struct keyed *exact;
    size_t *wide;
    size_t n_exact, n_wide;
    bool *needed;                                   /* of each entry */
};

struct proof {
    const struct sluice_policy *ceiling, *learned;
    struct arena *arena;
    struct error *err;
    struct indexed *endpoints;
    size_t n;
};

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static int disprove(const struct proof *proof, const char *what, const char *name)
{
    return error_set(proof->err, ERROR_INTERNAL,
                     "%s: %s; this is an error of sluice, and nothing was learned", what, name);
}

/* ---- which entries can be about a request ---- */

/* NULL: no single one. */
static const char *key_of_rule(const struct sluice_l7_rule *rule)
{
    if (*rule->path)
        return glob_has_wildcard(rule->path) ? NULL : rule->path;
    if (rule->n_params)
        return rule->params[0]->any[0];
    if (*rule->operation_name)
        return rule->operation_name;
    return *rule->method ? rule->method : NULL;
}

static const char *key_of_item(const struct learn_item *item)
{
    if (!item->has_call)
        return item->seen->path;
    if (*item->call.tool)
        return item->call.tool;
    return *item->call.method ? item->call.method : item->call.name;
}

static int by_key(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    int order = strcmp(a->key, b->key);
    return order ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

static void index_endpoint(const struct proof *proof, struct indexed *out)
{
    const struct sluice_endpoint *e = out->endpoint;
    out->exact = arena_alloc(proof->arena, (e->n_rules + 1) * sizeof *out->exact);
    out->wide = arena_alloc(proof->arena, (e->n_rules + 1) * sizeof *out->wide);
    out->needed = arena_zalloc(proof->arena, (e->n_rules + 1) * sizeof *out->needed);
    for (size_t i = 0; i < e->n_rules; i++) {
        const char *key = key_of_rule(e->rules[i]);
        if (key)
            out->exact[out->n_exact++] = (struct keyed){key, i};
        else
            out->wide[out->n_wide++] = i;
    }
    qsort(out->exact, out->n_exact, sizeof *out->exact, by_key);
}

static void index_policy(struct proof *proof)
{
    const struct sluice_policy *policy = proof->learned;
    size_t n = 0;
    for (size_t i = 0; i < policy->n_rules; i++)
        n += policy->rules[i]->n_endpoints;
    proof->endpoints = arena_zalloc(proof->arena, (n + 1) * sizeof *proof->endpoints);
    for (size_t i = 0; i < policy->n_rules; i++)
        for (size_t j = 0; j < policy->rules[i]->n_endpoints; j++) {
            struct indexed *endpoint = &proof->endpoints[proof->n++];
            endpoint->rule = policy->rules[i];
            endpoint->endpoint = policy->rules[i]->endpoints[j];
            index_endpoint(proof, endpoint);
        }
}

/* The first of that key, or where it would stand. */
static size_t first_of(const struct indexed *endpoint, const char *key)
{
    size_t low = 0, high = endpoint->n_exact;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(endpoint->exact[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The entries of an endpoint that can be about a request, as an endpoint. */
struct near {
    struct indexed *of;
    struct sluice_endpoint endpoint;
    const struct sluice_l7_rule **rules;
    size_t *entries;
};

static void take_near(struct near *near, size_t entry)
{
    near->entries[near->endpoint.n_rules] = entry;
    near->rules[near->endpoint.n_rules++] = near->of->endpoint->rules[entry];
}

static void find_near(struct near *near, const struct learn_item *item)
{
    const struct indexed *of = near->of;
    const char *key = key_of_item(item);
    near->endpoint.n_rules = 0;
    for (size_t i = first_of(of, key); i < of->n_exact && is(of->exact[i].key, key); i++)
        take_near(near, of->exact[i].entry);
    for (size_t i = 0; i < of->n_wide; i++)
        take_near(near, of->wide[i]);
    near->endpoint.rules = near->rules;
}

/* ---- a place ---- */

struct place_proof {
    struct proof *proof;
    const struct learn_place *place;
    struct policy_candidates candidates;            /* of near */
    struct near *near;
};

static struct indexed *indexed_of(struct proof *proof, const struct sluice_endpoint *endpoint)
{
    size_t i = 0;
    while (proof->endpoints[i].endpoint != endpoint)
        i++;
    return &proof->endpoints[i];
}

static void find_candidates(struct place_proof *p)
{
    struct arena *arena = p->proof->arena;
    policy_candidates_find(p->proof->learned, &p->place->connection, &p->candidates);
    p->near = arena_zalloc(arena, (p->candidates.n + 1) * sizeof *p->near);
    for (size_t i = 0; i < p->candidates.n; i++) {
        struct near *near = &p->near[i];
        near->of = indexed_of(p->proof, p->candidates.items[i].endpoint);
        near->endpoint = *near->of->endpoint;
        near->rules = arena_alloc(arena, (near->endpoint.n_rules + 1) * sizeof *near->rules);
        near->entries = arena_alloc(arena, (near->endpoint.n_rules + 1) * sizeof *near->entries);
        p->candidates.items[i].endpoint = &near->endpoint;
    }
}

static bool passes(const struct place_proof *p, const struct learn_item *item)
{
    const struct policy_http_decision decision = learn_decide(&p->candidates, item);
    return decision.allowed && !decision.audited;
}

/* Those without which the request would not pass. */
static void mark_needed(struct place_proof *p, const struct learn_item *item)
{
    for (size_t i = 0; i < p->candidates.n; i++) {
        struct near *near = &p->near[i];
        for (size_t j = 0; j < near->endpoint.n_rules; j++) {
            bool *needed = &near->of->needed[near->entries[j]];
            const struct sluice_l7_rule *rule = near->rules[j];
            if (*needed)
                continue;
            near->rules[j] = near->rules[--near->endpoint.n_rules];
            *needed = !passes(p, item);
            near->rules[near->endpoint.n_rules++] = near->rules[j];
            near->rules[j] = rule;
        }
    }
}

static int prove_request(struct place_proof *p, const struct learn_item *item)
{
    for (size_t i = 0; i < p->candidates.n; i++)
        find_near(&p->near[i], item);
    if (!passes(p, item))
        return disprove(p->proof, "what is on record would be refused",
                        policy_seen_name(item->seen, p->proof->arena));
    mark_needed(p, item);
    return 0;
}

static int prove_items(struct place_proof *p)
{
    struct policy_decision decision;
    policy_match(p->proof->learned, &p->place->connection, &decision, NULL);
    for (size_t i = 0; i < p->place->n; i++) {
        const struct learn_item *item = &p->place->items[i];
        bool wrong = !decision.allowed || (item->kind == LEARN_BYTES && p->candidates.n);
        if (wrong)
            return disprove(p->proof, "what is on record would be refused",
                            policy_seen_name(item->seen, p->proof->arena));
        if (item->kind == LEARN_REQUEST && p->candidates.n && prove_request(p, item) != 0)
            return -1;
    }
    return 0;
}

static int prove_place(struct proof *proof, const struct learn_place *place)
{
    struct place_proof p = {.proof = proof, .place = place};
    if (!place->n)
        return 0;
    find_candidates(&p);
    int rc = prove_items(&p);
    policy_candidates_free(&p.candidates);
    return rc;
}

/* ---- no part can be left out ---- */

/* The policy without an endpoint, or without the rule where it has no other. */
static bool is_needed(const struct proof *proof, const struct indexed *at)
{
    const struct sluice_endpoint *e = at->endpoint;
    struct sluice_rule rule = *at->rule;
    const struct sluice_rule *const one[] = {&rule};
    const struct sluice_policy without = {.size = sizeof without, .rules = one, .n_rules = 1};
    const struct policy_request request = {.host = e->host, .port = e->ports[0],
                                           .binary = at->rule->binaries[0]->path};
    struct policy_decision decision;
    const struct sluice_endpoint **others =
        arena_alloc(proof->arena, rule.n_endpoints * sizeof *others);
    rule.n_endpoints = 0;
    for (size_t i = 0; i < at->rule->n_endpoints; i++)
        if (at->rule->endpoints[i] != e)
            others[rule.n_endpoints++] = at->rule->endpoints[i];
    rule.endpoints = others;
    policy_match(&without, &request, &decision, NULL);
    return !decision.allowed;
}

/* An endpoint with entries is needed for them, one without for its connection; a rule and its
 * program for its endpoints, as no other rule names the program. */
static int prove_parts(const struct proof *proof)
{
    for (size_t i = 0; i < proof->n; i++) {
        const struct indexed *at = &proof->endpoints[i];
        for (size_t j = 0; j < at->endpoint->n_rules; j++)
            if (!at->needed[j])
                return disprove(proof, "a part could be left out",
                                at->endpoint->rules[j]->doc_path);
        if (!at->endpoint->n_rules && !is_needed(proof, at))
            return disprove(proof, "a part could be left out", at->endpoint->doc_path);
    }
    for (size_t i = 0; i + 1 < proof->learned->n_rules; i++)
        for (size_t j = i + 1; j < proof->learned->n_rules; j++)
            if (is(proof->learned->rules[i]->binaries[0]->path,
                   proof->learned->rules[j]->binaries[0]->path))
                return disprove(proof, "two rules name one program",
                                proof->learned->rules[j]->doc_path);
    return 0;
}

/* ---- within the ceiling ---- */

static struct sluice_policy ceiling_at(const struct proof *proof,
                                       const struct policy_request *connection)
{
    const struct sluice_policy *ceiling = proof->ceiling;
    const struct sluice_rule **rules =
        arena_alloc(proof->arena, (ceiling->n_rules + 1) * sizeof *rules);
    struct sluice_policy at = *ceiling;
    at.n_rules = 0;
    for (size_t i = 0; i < ceiling->n_rules; i++)
        if (policy_rule_opens(ceiling->rules[i], connection))
            rules[at.n_rules++] = ceiling->rules[i];
    at.rules = rules;
    return at;
}

static int report_gain(const struct proof *proof, const struct policy_effect *effect)
{
    if (!effect->n_gained)
        return error_set(proof->err, ERROR_INVALID,
                         "what was learned cannot be compared with the ceiling: %s", effect->note);
    const struct sluice_reach *r = effect->gained[0];
    return error_set(proof->err, ERROR_INVALID,
                     "what was learned would allow more than the ceiling does: %s; give a ceiling "
                     "that says the same of queries, and more paths (--max-paths)",
                     r->example);
}

/* Entries of one endpoint add up, so that some of them at a time may be compared. */
static int prove_entries(const struct proof *proof, const struct indexed *at, size_t from, size_t n)
{
    struct arena *arena = arena_new();
    struct sluice_endpoint e = *at->endpoint;
    const struct sluice_endpoint *const endpoints[] = {&e};
    struct sluice_rule rule = *at->rule;
    const struct sluice_rule *const rules[] = {&rule};
    const struct policy_request connection = {.host = e.host, .port = e.ports[0],
                                              .binary = rule.binaries[0]->path};
    struct sluice_policy ceiling = ceiling_at(proof, &connection), some = *proof->learned;
    e.rules = n ? e.rules + from : NULL;
    e.n_rules = n;
    rule.endpoints = endpoints;
    rule.n_endpoints = 1;
    some.rules = rules;
    some.n_rules = 1;
    const struct policy_effect *effect = policy_effect(&ceiling, &some, arena);
    bool within = effect->relation == SLUICE_SAME || effect->relation == SLUICE_TIGHTENS;
    int rc = within ? 0 : report_gain(proof, effect);
    arena_free(arena);
    return rc;
}

static int prove_within(const struct proof *proof)
{
    enum { AT_ONCE = 64 };
    for (size_t i = 0; i < proof->n; i++) {
        const struct indexed *at = &proof->endpoints[i];
        size_t n = at->endpoint->n_rules, from = 0;
        do {
            size_t some = n - from < AT_ONCE ? n - from : AT_ONCE;
            if (prove_entries(proof, at, from, some) != 0)
                return -1;
            from += some;
        } while (from < n);
    }
    return 0;
}

int learn_prove(const struct policy_learning *learning, const struct sluice_policy *learned,
                const struct learn_places *places, struct arena *arena, struct error *err)
{
    struct proof proof = {.ceiling = learning->ceiling, .learned = learned, .arena = arena,
                          .err = err};
    index_policy(&proof);
    for (size_t i = 0; i < places->n; i++)
        if (prove_place(&proof, &places->items[i]) != 0)
            return -1;
    return prove_parts(&proof) == 0 ? prove_within(&proof) : -1;
}
