/* SPDX-License-Identifier: Apache-2.0 */
/* A policy is taken apart into pieces: an endpoint, a port and a binary each.  A piece that lies
 * within the ceiling stays.  Another is met with each piece of the ceiling: of host, binary and
 * requests the narrower is taken, and the result is kept if it is proven to lie within both. */
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "policy/ceiling/ceiling.h"
#include "policy/check/check.h"

/* The rule that a piece came from, and whether it is as it was. */
struct piece {
    const char *binary;
    const struct sluice_endpoint *endpoint;
};

struct pieces {
    struct piece *items;
    size_t n, room;
};

struct tightening {
    const struct sluice_policy *policy, *ceiling;
    const struct policy_grants *grants;             /* their rules are not split */
    struct arena *arena;
    bool exact, narrow;                             /* narrow: pieces may be narrowed */
};

/* ---- proofs ---- */

/* A policy of one piece. */
static const struct sluice_policy *policy_of(const struct tightening *t, const struct piece *piece)
{
    struct arena *arena = t->arena;
    struct sluice_policy *model = arena_zalloc(arena, sizeof *model);
    struct sluice_rule *rule = arena_zalloc(arena, sizeof *rule);
    struct sluice_binary *binary = arena_zalloc(arena, sizeof *binary);
    const struct sluice_rule **rules = arena_alloc(arena, sizeof *rules);
    const struct sluice_binary **binaries = arena_alloc(arena, sizeof *binaries);
    const struct sluice_endpoint **endpoints = arena_alloc(arena, sizeof *endpoints);
    *binary = (struct sluice_binary){.size = sizeof *binary, .path = piece->binary, .doc_path = ""};
    binaries[0] = binary;
    endpoints[0] = piece->endpoint;
    *rule = (struct sluice_rule){.size = sizeof *rule, .key = "piece", .name = "piece",
                                 .doc_path = "", .endpoints = endpoints, .n_endpoints = 1,
                                 .binaries = binaries, .n_binaries = 1};
    rules[0] = rule;
    *model = *t->policy;
    model->rules = rules;
    model->n_rules = 1;
    return model;
}

static bool is_within(const struct tightening *t, const struct sluice_policy *bound,
                      const struct piece *piece)
{
    return policy_within(bound, policy_of(t, piece), t->arena).within;
}

/* ---- one piece and one piece of the ceiling ---- */

static bool hosts_meet(const char *a, const char *b)
{
    return glob_overlap(a, b, '.', GLOB_FOLD_CASE | GLOB_RUN_NOT_EMPTY, NULL);
}

static bool binaries_meet(const char *a, const char *b)
{
    return strcmp(a, "**") == 0 || strcmp(b, "**") == 0 || glob_overlap(a, b, '/', 0, NULL);
}

static bool has_port(const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; i < e->n_ports; i++)
        if (e->ports[i] == port)
            return true;
    return false;
}

static struct sluice_endpoint *copy(const struct tightening *t, const struct sluice_endpoint *e,
                                    const char *host, uint16_t port)
{
    struct sluice_endpoint *made = arena_alloc(t->arena, sizeof *made);
    uint16_t *ports = arena_alloc(t->arena, sizeof *ports);
    ports[0] = port;
    *made = *e;
    made->host = host;
    made->ports = ports;
    made->n_ports = 1;
    return made;
}

/* Those of its rules that alone lie within the bound; NULL: none does, or it has none. */
static const struct sluice_endpoint *with_fewer_rules(struct tightening *t,
                                                      const struct piece *piece,
                                                      const struct sluice_policy *bound)
{
    const struct sluice_endpoint *e = piece->endpoint;
    const struct sluice_l7_rule **kept = arena_alloc(t->arena, (e->n_rules + 1) * sizeof *kept);
    struct sluice_endpoint *made = copy(t, e, e->host, e->ports[0]);
    size_t n = 0;
    made->rules = kept;
    for (size_t i = 0; i < e->n_rules; i++) {
        kept[n] = e->rules[i];
        made->n_rules = 1;
        made->rules = &kept[n];
        n += is_within(t, bound, &(struct piece){piece->binary, made});
    }
    made->rules = kept;
    made->n_rules = n;
    return n ? made : NULL;
}

/* A named host may stand for internal addresses; limited to public ones it may lie within a
 * wildcard. */
static bool prove(struct tightening *t, struct piece *piece)
{
    if (is_within(t, t->ceiling, piece) && is_within(t, t->policy, piece))
        return true;
    if (glob_has_wildcard(piece->endpoint->host) || piece->endpoint->n_allowed_ips)
        return false;
    struct sluice_endpoint *limited =
        copy(t, piece->endpoint, piece->endpoint->host, piece->endpoint->ports[0]);
    limited->public_only = true;
    piece->endpoint = limited;
    return is_within(t, t->ceiling, piece) && is_within(t, t->policy, piece);
}

/* The same host, port and binary with the requests of either side; false: none was proven. */
static bool meet_requests(struct tightening *t, struct piece *piece,
                          const struct sluice_endpoint *of_ceiling)
{
    const struct sluice_endpoint *mine = piece->endpoint;
    const struct sluice_endpoint *theirs = copy(t, of_ceiling, mine->host, mine->ports[0]);
    piece->endpoint = mine;
    if (prove(t, piece))
        return true;
    piece->endpoint = theirs;
    if (prove(t, piece))
        return true;
    t->exact = false;                               /* some of its rules, from here on */
    piece->endpoint = mine;
    const struct sluice_endpoint *fewer = with_fewer_rules(t, piece, t->ceiling);
    piece->endpoint = fewer;
    if (fewer && prove(t, piece))
        return true;
    piece->endpoint = theirs;
    fewer = with_fewer_rules(t, piece, t->policy);
    piece->endpoint = fewer;
    return fewer && prove(t, piece);
}

/* What it has for the same binary, host and port. */
static const struct sluice_endpoint *find(const struct pieces *out, const struct piece *piece)
{
    const struct sluice_endpoint *e = piece->endpoint;
    for (size_t i = 0; i < out->n; i++)
        if (strcmp(out->items[i].binary, piece->binary) == 0 &&
            strcmp(out->items[i].endpoint->host, e->host) == 0 &&
            has_port(out->items[i].endpoint, e->ports[0]))
            return out->items[i].endpoint;
    return NULL;
}

static void add(struct tightening *t, struct pieces *out, struct piece piece)
{
    out->items = arena_grow(t->arena, out->items, out->n, &out->room, sizeof *out->items);
    out->items[out->n++] = piece;
}

static void meet(struct tightening *t, const struct piece *mine,
                 const struct sluice_endpoint *endpoint, const char *binary, struct pieces *out)
{
    uint16_t port = mine->endpoint->ports[0];
    bool exact = t->exact;
    const char *hosts[] = {mine->endpoint->host, endpoint->host};
    const char *binaries[] = {mine->binary, binary};
    if (!has_port(endpoint, port) || !hosts_meet(hosts[0], hosts[1]) ||
        !binaries_meet(binaries[0], binaries[1]))
        return;
    for (unsigned i = 0; i < 4; i++) {
        struct piece piece = {binaries[i / 2], copy(t, mine->endpoint, hosts[i % 2], port)};
        t->exact = exact;
        if (!meet_requests(t, &piece, endpoint))
            continue;
        const struct sluice_endpoint *there = find(out, &piece);
        if (!there)
            add(t, out, piece);
        else if (there->rules != piece.endpoint->rules)
            t->exact = false;                       /* one of two that differ */
        return;
    }
    t->exact = false;
}

static void narrow(struct tightening *t, const struct piece *mine, struct pieces *out)
{
    for (size_t r = 0; r < t->ceiling->n_rules; r++) {
        const struct sluice_rule *rule = t->ceiling->rules[r];
        for (size_t e = 0; e < rule->n_endpoints; e++)
            for (size_t b = 0; b < rule->n_binaries; b++)
                meet(t, mine, rule->endpoints[e], rule->binaries[b]->path, out);
    }
}

/* ---- rules ---- */

static void take_endpoint(struct tightening *t, const char *binary,
                          const struct sluice_endpoint *endpoint, struct pieces *out)
{
    struct piece whole = {binary, endpoint};
    if (is_within(t, t->ceiling, &whole)) {
        add(t, out, whole);
        return;
    }
    for (size_t p = 0; p < endpoint->n_ports; p++) {
        struct piece one = {binary, copy(t, endpoint, endpoint->host, endpoint->ports[p])};
        if (is_within(t, t->ceiling, &one))
            add(t, out, one);
        else if (t->narrow)
            narrow(t, &one, out);
        else
            t->exact = false;
    }
}

static bool same_endpoints(const struct pieces *p, const char *a, const char *b)
{
    size_t i = 0, j = 0;
    for (;; i++, j++) {
        while (i < p->n && strcmp(p->items[i].binary, a) != 0)
            i++;
        while (j < p->n && strcmp(p->items[j].binary, b) != 0)
            j++;
        if (i == p->n || j == p->n)
            return i == p->n && j == p->n;
        if (p->items[i].endpoint != p->items[j].endpoint)
            return false;
    }
}

struct rules {
    const struct sluice_rule **items;
    size_t n, room;
};

static bool is_taken(const struct tightening *t, const struct rules *out, const char *key)
{
    for (size_t i = 0; i < t->policy->n_rules; i++)
        if (strcmp(t->policy->rules[i]->key, key) == 0)
            return true;
    for (size_t i = 0; i < out->n; i++)
        if (strcmp(out->items[i]->key, key) == 0)
            return true;
    return false;
}

static void add_rule(struct tightening *t, struct rules *out, struct sluice_rule rule, bool first)
{
    const char *key = rule.key;
    for (unsigned i = 2; !first && is_taken(t, out, rule.key); i++)
        rule.key = arena_printf(t->arena, "%.200s_%u", key, i);
    if (!first)
        rule.name = rule.key;
    struct sluice_rule *made = arena_alloc(t->arena, sizeof *made);
    *made = rule;
    out->items = arena_grow(t->arena, out->items, out->n, &out->room, sizeof *out->items);
    out->items[out->n++] = made;
}

/* One rule for all binaries that have the same endpoints; a grant keeps the first of them. */
static void group(struct tightening *t, const struct sluice_rule *rule, const struct pieces *p,
                  struct rules *out)
{
    bool *done = arena_zalloc(t->arena, p->n + 1), first = true;
    bool is_granted = policy_grants_of_rule(t->grants, rule->key);
    for (size_t i = 0; i < p->n; i++) {
        if (done[i])
            continue;
        if (is_granted && !first) {
            t->exact = false;
            return;
        }
        const struct sluice_endpoint **endpoints = arena_alloc(t->arena, p->n * sizeof *endpoints);
        const struct sluice_binary **binaries = arena_alloc(t->arena, p->n * sizeof *binaries);
        struct sluice_rule made = *rule;
        made.endpoints = endpoints;
        made.binaries = binaries;
        made.n_endpoints = made.n_binaries = 0;
        for (size_t j = i; j < p->n; j++) {
            const char *binary = p->items[j].binary;
            if (strcmp(binary, p->items[i].binary) == 0)
                endpoints[made.n_endpoints++] = p->items[j].endpoint;
            if (done[j] || !same_endpoints(p, p->items[i].binary, binary))
                continue;
            struct sluice_binary *b = arena_zalloc(t->arena, sizeof *b);
            *b = (struct sluice_binary){.size = sizeof *b, .path = binary, .doc_path = ""};
            binaries[made.n_binaries++] = b;
            for (size_t k = j; k < p->n; k++)
                done[k] |= strcmp(p->items[k].binary, binary) == 0;
        }
        add_rule(t, out, made, first);
        first = false;
    }
}

static bool rule_is_within(struct tightening *t, const struct sluice_rule *rule)
{
    struct sluice_policy alone = *t->policy;
    const struct sluice_rule *rules[] = {rule};
    alone.rules = rules;
    alone.n_rules = 1;
    return policy_within(t->ceiling, &alone, t->arena).within;
}

static void take_rule(struct tightening *t, const struct sluice_rule *rule, struct rules *out)
{
    struct pieces pieces = {0};
    if (rule_is_within(t, rule)) {
        add_rule(t, out, *rule, true);
        return;
    }
    for (size_t b = 0; b < rule->n_binaries; b++)
        for (size_t e = 0; e < rule->n_endpoints; e++)
            take_endpoint(t, rule->binaries[b]->path, rule->endpoints[e], &pieces);
    group(t, rule, &pieces, out);
}

/* ---- the whole ---- */

/* Checked, and proven to lie within both; NULL: it is not. */
static struct policy *prove_whole(const struct tightening *t, const struct rules *rules)
{
    struct problems problems = {0}, warnings = {0};
    struct sluice_policy model = *t->policy;
    model.rules = rules->items;
    model.n_rules = rules->n;
    struct policy *made = policy_keep(policy_rebuild(&model, &problems), t->arena);
    bool good = made && policy_check(made, &problems, &warnings) == 0 &&
                policy_within(t->ceiling, policy_model(made), t->arena).within &&
                policy_within(t->policy, policy_model(made), t->arena).within;
    problems_free(&problems);
    problems_free(&warnings);
    return good ? made : NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct sluice_rule *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static struct policy *tighten_once(struct tightening *t)
{
    struct rules rules = {0};
    t->exact = true;
    for (size_t i = 0; i < t->policy->n_rules; i++)
        take_rule(t, t->policy->rules[i], &rules);
    if (rules.n)
        qsort(rules.items, rules.n, sizeof *rules.items, by_key);
    return prove_whole(t, &rules);
}

/* Narrowed; else what needs no narrowing; else the rules that lie within; else nothing. */
static struct policy *tighten_within(struct policy *policy, const struct policy_grants *grants,
                                     const struct sluice_policy *ceiling, struct arena *arena,
                                     bool *exact)
{
    struct tightening t = {policy_model(policy), ceiling, grants, arena, true, true};
    struct policy *made = tighten_once(&t);
    *exact &= t.exact && made;
    t.narrow = false;
    if (!made)
        made = tighten_once(&t);
    if (!made)
        made = prove_whole(&t, &(struct rules){0});
    return made;
}

struct policy_tightened policy_tighten(struct policy *policy, const struct policy_grants *grants,
                                       const struct sluice_policy *const *ceilings, size_t n,
                                       struct arena *arena)
{
    struct policy_tightened out = {.policy = policy, .exact = true};
    for (size_t i = 0; out.policy && i < n; i++) {
        if (policy_within(ceilings[i], policy_model(out.policy), arena).within)
            continue;
        out.policy = tighten_within(out.policy, grants, ceilings[i], arena, &out.exact);
        out.changed = true;
    }
    return out;
}
