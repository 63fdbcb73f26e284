/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "policy/effect/run.h"

void effect_push(struct effect_run *run, struct list *list, uint32_t item)
{
    list->items = arena_grow(run->arena, list->items, list->n, &list->cap, sizeof item);
    list->items[list->n++] = item;
}

/* ---- items ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static size_t sort_unique(uint32_t *items, size_t n)
{
    size_t kept = 0;
    qsort(items, n, sizeof *items, by_number);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || items[i] != items[kept - 1])
            items[kept++] = items[i];
    return kept;
}

/* The rule's binaries as one number; EFFECT_NEVER: it lets nobody through. */
static uint32_t binaries_of(struct effect_run *run, const struct sluice_rule *rule)
{
    uint32_t *set = arena_alloc(run->arena, (rule->n_binaries + 1) * sizeof *set);
    for (size_t i = 0; i < rule->n_binaries; i++)
        set[i] = effect_pattern(&run->paths, rule->binaries[i]->path);
    size_t n = sort_unique(set, rule->n_binaries);
    return n ? effect_intern(&run->binary_sets, set, n * sizeof *set) : EFFECT_NEVER;
}

static uint32_t content_of(struct effect_run *run, const struct item *item)
{
    const struct sluice_endpoint *e = item->endpoint;
    uint32_t *key = arena_alloc(run->arena, (e->n_ports + 3) * sizeof *key);
    key[0] = item->host;
    key[1] = item->binaries;
    key[2] = item->treatment;
    for (size_t i = 0; i < e->n_ports; i++)
        key[i + 3] = e->ports[i];
    size_t n = sort_unique(key + 3, e->n_ports);
    effect_spend(&run->budget, n);
    return effect_intern(&run->contents, key, (n + 3) * sizeof *key);
}

static void add_item(struct effect_run *run, unsigned side, const struct sluice_endpoint *e,
                     uint32_t binaries)
{
    struct item item = {.endpoint = e, .binaries = binaries, .side = side};
    item.host = *e->host ? effect_pattern(&run->hosts, e->host)
              : e->n_allowed_ips ? (uint32_t)ANY_HOST : (uint32_t)EFFECT_NEVER;
    if (item.host == EFFECT_NEVER || e->n_ports == 0)
        return;
    item.treatment = effect_treatment(&run->treatments, e);
    item.content = content_of(run, &item);
    run->items = arena_grow(run->arena, run->items, run->n_items, &run->cap_items,
                             sizeof *run->items);
    run->items[run->n_items++] = item;
}

void effect_add_items(struct effect_run *run, unsigned side, const struct sluice_policy *policy)
{
    for (size_t i = 0; policy && i < policy->n_rules; i++) {
        const struct sluice_rule *rule = policy->rules[i];
        uint32_t binaries = rule->n_endpoints ? binaries_of(run, rule) : (uint32_t)EFFECT_NEVER;
        for (size_t j = 0; j < rule->n_endpoints && binaries != EFFECT_NEVER; j++)
            add_item(run, side, rule->endpoints[j], binaries);
    }
}

/* Which treatment is obeyed may depend on the order of the rules: where it does, and the order of
 * what is unchanged is another one, everything is looked at. */
static bool order_changed(struct effect_run *run)
{
    size_t i = 0, j = 0, middle = 0, n = run->n_items;
    while (middle < n && run->items[middle].side == FROM)
        middle++;
    if (run->treatments.orders.n < 2)
        return false;
    for (j = middle; i < middle || j < n; i++, j++) {
        while (i < middle && run->items[i].changed)
            i++;
        while (j < n && run->items[j].changed)
            j++;
        if ((i < middle) != (j < n) ||
            (i < middle && run->items[i].content != run->items[j].content))
            return true;
    }
    return false;
}

static void mark_relevant(struct effect_run *run, const struct item *item)
{
    const struct effect_key *set = &run->binary_sets.keys[item->binaries];
    const uint32_t *patterns = set->bytes;
    for (size_t i = 0; i < set->len / sizeof *patterns; i++)
        run->paths.patterns[patterns[i]].relevant = true;
    if (item->host != ANY_HOST)
        run->hosts.patterns[item->host].relevant = true;
    for (size_t i = 0; i < run->hosts.n && item->host == ANY_HOST; i++)
        run->hosts.patterns[i].relevant = true;
}

/* Whether there is anything to look at. */
bool effect_find_changes(struct effect_run *run)
{
    bool any = false;
    run->sides = arena_zalloc(run->arena, (run->contents.n + 1) * sizeof *run->sides);
    for (size_t i = 0; i < run->n_items; i++)
        run->sides[run->items[i].content] |= 1u << run->items[i].side;
    for (size_t i = 0; i < run->n_items; i++)
        run->items[i].changed = run->sides[run->items[i].content] != 3;
    bool all = order_changed(run);
    for (size_t i = 0; i < run->n_items; i++) {
        run->items[i].changed |= all;
        if (run->items[i].changed)
            mark_relevant(run, &run->items[i]);
        any |= run->items[i].changed;
    }
    return any;
}
