/* SPDX-License-Identifier: Apache-2.0 */
/* Revoking an approval.
 *
 * A rule grants every one of its binaries every one of its endpoints.  An approval added some
 * grants; others may have been added to the same rule since.  Where the rule still is what the
 * approval made of it, it becomes what it was before.  Else its endpoints are sorted into three
 * groups, each of which keeps the binaries that it does not owe to the approval:
 *
 *     later  endpoints that came after the approval keep all binaries (whoever added them had to
 *            name the binaries);
 *     old    endpoints that were there before lose the binaries that the approval added;
 *     fresh  endpoints that the approval added keep the binaries that came after it.
 *
 * An endpoint to which requests were added by the approval and others after it is sorted by its
 * requests in the same way. */
#include <string.h>
#include <strings.h>

#include "drafts/rules.h"
#include "drafts/subtract.h"

enum group { LATER, OLD, FRESH, GROUPS };

struct revocation {
    struct arena *arena;                            /* scratch */
    const struct sluice_policy *current;
    const struct sluice_rule **rules;               /* of the result so far */
    size_t n_rules;
    struct error *err;
};

/* ---- finding things ---- */

static bool has_port(const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; i < e->n_ports; i++)
        if (e->ports[i] == port)
            return true;
    return false;
}

static bool has_binary(const struct sluice_rule *rule, const char *path)
{
    for (size_t i = 0; rule && i < rule->n_binaries; i++)
        if (strcmp(rule->binaries[i]->path, path) == 0)
            return true;
    return false;
}

/* The endpoint of rule that has this port of e. */
static const struct sluice_endpoint *counterpart(const struct sluice_rule *rule,
                                                 const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; rule && i < rule->n_endpoints; i++) {
        const struct sluice_endpoint *o = rule->endpoints[i];
        if (strcasecmp(o->host, e->host) == 0 && strcmp(o->path, e->path) == 0 && has_port(o, port))
            return o;
    }
    return NULL;
}

/* ---- a rule that was changed since ---- */

static int cannot(struct revocation *t, const char *key)
{
    return error_set(t->err, ERROR_STATE,
                     "rule '%s' was changed since the approval, so what the approval "
                     "added cannot be told from the rest: edit the policy instead",
                     key);
}

/* Approvals add; where a held update also removed something, the pieces no longer fit together. */
static bool only_added(const struct sluice_rule *before, const struct sluice_rule *after)
{
    for (size_t i = 0; before && i < before->n_binaries; i++)
        if (!has_binary(after, before->binaries[i]->path))
            return false;
    for (size_t i = 0; before && i < before->n_endpoints; i++)
        for (size_t j = 0; j < before->endpoints[i]->n_ports; j++)
            if (!counterpart(after, before->endpoints[i], before->endpoints[i]->ports[j]))
                return false;
    return true;
}

/* One port of an endpoint: its group, and the terms it has from now on. */
struct piece {
    enum group group;
    const struct sluice_endpoint *terms;
    uint16_t port;
};

struct pieces {
    struct piece *items;
    size_t n;
};

static void add_piece(struct pieces *pieces, enum group group, const struct sluice_endpoint *terms,
                      uint16_t port)
{
    if (terms)
        pieces->items[pieces->n++] = (struct piece){group, terms, port};
}

/* Whether the approval added no binary to the rule. */
static bool same_programs(const struct sluice_rule *before, const struct sluice_rule *after)
{
    for (size_t i = 0; i < after->n_binaries; i++)
        if (!has_binary(before, after->binaries[i]->path))
            return false;
    return true;
}

/* The approval changed the terms of an endpoint that was there. */
static int sort_changed(struct revocation *t, const struct sluice_rule *before,
                        const struct sluice_rule *after, const struct sluice_endpoint *e,
                        uint16_t port, struct pieces *out)
{
    const struct sluice_endpoint *was = counterpart(before, e, port),
                                 *made = counterpart(after, e, port);
    if (drafts_same_terms(e, made)) {
        add_piece(out, OLD, was, port);
        return 0;
    }
    if (*e->access || !same_programs(before, after) || !drafts_same_but_requests(e, made) ||
        !drafts_same_but_requests(was, made))
        return cannot(t, after->key);
    add_piece(out, OLD, drafts_subtract(e, made, was, t->arena), port);
    return 0;
}

/* The approval added the endpoint, and it allows other requests by now. */
static bool has_other_requests(const struct sluice_endpoint *e, const struct sluice_endpoint *made)
{
    return e->n_rules && made->n_rules && !drafts_same_terms(e, made) &&
           drafts_same_but_requests(e, made);
}

static int sort_piece(struct revocation *t, const struct sluice_rule *before,
                      const struct sluice_rule *after, const struct sluice_endpoint *e,
                      uint16_t port, struct pieces *out)
{
    const struct sluice_endpoint *was = counterpart(before, e, port),
                                 *made = counterpart(after, e, port);
    if (was && made && !drafts_same_terms(was, made))
        return sort_changed(t, before, after, e, port, out);
    if (made && !was && has_other_requests(e, made)) {
        add_piece(out, LATER, drafts_subtract(e, made, NULL, t->arena), port);
        add_piece(out, FRESH, drafts_intersect(e, made, t->arena), port);
        return 0;
    }
    add_piece(out, !made ? LATER : was ? OLD : FRESH, e, port);
    return 0;
}

static bool keeps(enum group group, const struct sluice_rule *before,
                  const struct sluice_rule *after, const char *binary)
{
    return group == LATER || !has_binary(after, binary) ||
           (group == OLD && has_binary(before, binary));
}

static int sort_rule(struct revocation *t, const struct sluice_rule *now,
                     const struct sluice_rule *before, const struct sluice_rule *after,
                     struct pieces *out)
{
    size_t n = 0;
    for (size_t i = 0; i < now->n_endpoints; i++)
        n += now->endpoints[i]->n_ports;
    *out = (struct pieces){arena_alloc(t->arena, 2 * (n + 1) * sizeof *out->items), 0};
    for (size_t i = 0; i < now->n_endpoints; i++)
        for (size_t j = 0; j < now->endpoints[i]->n_ports; j++)
            if (sort_piece(t, before, after, now->endpoints[i], now->endpoints[i]->ports[j],
                           out))
                return -1;
    return 0;
}

/* An endpoint of the pieces from first on that have its terms and its group.  Returns how many. */
static size_t join(struct revocation *t, const struct pieces *pieces, size_t first,
                   const struct sluice_endpoint **out)
{
    const struct piece *p = &pieces->items[first];
    struct sluice_endpoint *e = arena_alloc(t->arena, sizeof *e);
    uint16_t *ports = arena_alloc(t->arena, (pieces->n - first) * sizeof *ports);
    size_t n = 0;
    for (; first + n < pieces->n && p[n].terms == p->terms && p[n].group == p->group; n++)
        ports[n] = p[n].port;
    *e = *p->terms;
    e->ports = ports;
    e->n_ports = n;
    *out = e;
    return n;
}

static const char *free_key(struct revocation *t, const char *key)
{
    const char *candidate = key;
    for (int i = 2;; i++) {
        candidate = arena_printf(t->arena, "%s_%d", key, i);
        bool taken = policy_find_rule(t->current, candidate) != NULL;
        for (size_t j = 0; j < t->n_rules; j++)
            taken |= strcmp(t->rules[j]->key, candidate) == 0;
        if (!taken)
            return candidate;
    }
}

struct kept {
    const struct sluice_binary **binaries;
    size_t n;
};

static struct kept kept_by(struct revocation *t, enum group group, const struct sluice_rule *now,
                           const struct sluice_rule *before, const struct sluice_rule *after)
{
    struct kept kept = {arena_alloc(t->arena, (now->n_binaries + 1) * sizeof *kept.binaries), 0};
    for (size_t i = 0; i < now->n_binaries; i++)
        if (keeps(group, before, after, now->binaries[i]->path))
            kept.binaries[kept.n++] = now->binaries[i];
    return kept;
}

/* The rule that grants these binaries the pieces of some groups; none when there are no pieces. */
static void emit(struct revocation *t, const struct sluice_rule *now, const struct pieces *pieces,
                 unsigned groups, const struct kept *kept, bool first)
{
    struct sluice_rule *rule = arena_alloc(t->arena, sizeof *rule);
    const struct sluice_endpoint **endpoints =
        arena_alloc(t->arena, (pieces->n + 1) * sizeof *endpoints);
    *rule = *now;
    rule->n_endpoints = 0;
    for (size_t i = 0, used; i < pieces->n; i += used) {
        used = 1;
        if (groups & (1u << pieces->items[i].group))
            used = join(t, pieces, i, &endpoints[rule->n_endpoints++]);
    }
    rule->endpoints = endpoints;
    rule->binaries = kept->binaries;
    rule->n_binaries = kept->n;
    if (!first)
        rule->key = rule->name = free_key(t, now->key);
    if (rule->n_endpoints)
        t->rules[t->n_rules++] = rule;
}

static int take_apart(struct revocation *t, const struct sluice_rule *now,
                      const struct sluice_rule *before, const struct sluice_rule *after)
{
    struct pieces pieces;
    struct kept kept[GROUPS];
    size_t n_before = t->n_rules;
    if (!only_added(before, after))
        return cannot(t, now->key);
    if (sort_rule(t, now, before, after, &pieces))
        return -1;
    for (int g = 0; g < GROUPS; g++)
        kept[g] = kept_by(t, g, now, before, after);
    /* Each group keeps a part of what the one before it keeps, so equal counts are equal lists. */
    for (int g = 0, end; g < GROUPS; g = end) {
        unsigned groups = 0;
        for (end = g; end < GROUPS && kept[end].n == kept[g].n; end++)
            groups |= end == FRESH && kept[end].n == 0 ? 0 : 1u << end;
        if (kept[g].n || !now->n_binaries)
            emit(t, now, &pieces, groups, &kept[g], t->n_rules == n_before);
    }
    return 0;
}

/* ---- the policy ---- */

static int take_rule(struct revocation *t, const struct sluice_rule *now,
                     const struct sluice_rule *before, const struct sluice_rule *after)
{
    if (after && !drafts_same(&policy_rule_schema, now, after))
        return take_apart(t, now, before, after);
    const struct sluice_rule *rule = after ? before : now;
    if (rule)
        t->rules[t->n_rules++] = rule;
    return 0;
}

/* What a held update took out comes back. */
static int restore_rule(struct revocation *t, const struct sluice_rule *before,
                        const struct sluice_policy *after)
{
    if (policy_find_rule(after, before->key))
        return 0;
    if (policy_find_rule(t->current, before->key))
        return cannot(t, before->key);
    t->rules[t->n_rules++] = before;
    return 0;
}

static int take_rules(struct revocation *t, const struct sluice_policy *before,
                      const struct sluice_policy *after)
{
    for (size_t i = 0; i < t->current->n_rules; i++) {
        const struct sluice_rule *now = t->current->rules[i];
        if (take_rule(t, now, policy_find_rule(before, now->key),
                      policy_find_rule(after, now->key)))
            return -1;
    }
    for (size_t i = 0; i < before->n_rules; i++)
        if (restore_rule(t, before->rules[i], after))
            return -1;
    return 0;
}

struct policy *drafts_revoke(const struct policy *current, const struct drafts_change *change,
                                struct error *err)
{
    const struct sluice_policy *before = policy_model(change->before),
                               *after = policy_model(change->after);
    struct revocation t = {.arena = arena_new(), .current = policy_model(current), .err = err};
    struct policy *policy = NULL;
    if (change->whole)
        error_set(err, ERROR_STATE,
                  "the update changed more than rules and the policy was changed since: "
                  "edit the policy, or roll it back");
    else {
        t.rules = arena_alloc(t.arena, (GROUPS * t.current->n_rules + before->n_rules + 1) *
                                           sizeof *t.rules);
        policy = take_rules(&t, before, after) == 0
                     ? drafts_with_rules(t.current, t.rules, t.n_rules, err)
                     : NULL;
    }
    arena_free(t.arena);
    return policy;
}
