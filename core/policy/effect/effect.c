/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint of a rule is an item: a host pattern, ports, a set of binary patterns and a
 * treatment.  Only what a changed item matches can have changed, so hosts and binaries are sorted
 * into classes as far as changed items reach, and each host class is looked at port by port: which
 * items match before and after, and for which classes of binaries does that make a difference?
 * Most hosts meet the same few sets of items, so that question is asked once for each pair. */
#include "policy/effect/effect.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/effect/run.h"
#include "policy/match/match.h"
#include "policy/policy.h"

enum { STEPS_MAX = 4000000 };

/* ---- classes of binaries ---- */

/* The classes of a set's patterns, each once.  seen: by class, the last set that listed it, counted
 * from 1. */
static void list_classes(struct effect_run *run, uint32_t s, const struct list *by_pattern,
                         uint32_t *seen)
{
    struct binaries *set = &run->binaries[s];
    const uint32_t *patterns = run->binary_sets.keys[s].bytes;
    size_t n = run->binary_sets.keys[s].len / sizeof *patterns;
    for (size_t i = 0; i < n; i++) {
        const struct list *classes = &by_pattern[patterns[i]];
        effect_spend(&run->budget, classes->n + 1);
        for (size_t j = 0; j < classes->n; j++) {
            if (seen[classes->items[j]] == s + 1)
                continue;
            seen[classes->items[j]] = s + 1;
            effect_push(run, &set->classes, classes->items[j]);
            effect_push(run, &set->patterns, patterns[i]);
        }
    }
}

static void index_binaries(struct effect_run *run)
{
    struct effect_space *space = &run->paths;
    struct list *by_pattern = arena_zalloc(run->arena, (space->n + 1) * sizeof *by_pattern);
    uint32_t *seen = arena_zalloc(run->arena, (space->n_classes + 1) * sizeof *seen);
    for (uint32_t c = 0; c < space->n_classes; c++)
        for (size_t i = 0; i < space->classes[c].n; i++)
            effect_push(run, &by_pattern[space->classes[c].members[i]], c);
    run->binaries = arena_zalloc(run->arena, (run->binary_sets.n + 1) * sizeof *run->binaries);
    for (uint32_t s = 0; s < run->binary_sets.n && !run->budget.spent; s++)
        list_classes(run, s, by_pattern, seen);
    for (unsigned side = 0; side < SIDES; side++) {
        size_t n = space->n_classes + 1;
        run->chains[side] = arena_zalloc(run->arena, n * sizeof *run->chains[side]);
        run->openers[side] = arena_zalloc(run->arena, n * sizeof *run->openers[side]);
    }
}

/* ---- meetings ---- */

/* Each opener and line once, with the first class as the example. */
static void add_differences(struct effect_run *run, struct differences *out,
                            struct effect_interner *seen, unsigned side, uint32_t class,
                            const struct effect_lines *lines)
{
    struct opener opener = run->openers[side][class];
    for (size_t i = 0; i < lines->n; i++) {
        uint64_t key[] = {side, opener.item, opener.pattern, (uintptr_t)&lines->items[i]};
        size_t known = seen->n;
        if (!effect_spend(&run->budget, 8) || effect_intern(seen, key, sizeof key) < known)
            continue;
        out->items = arena_grow(run->arena, out->items, out->n, &out->cap, sizeof *out->items);
        out->items[out->n++] = (struct difference){side, opener.item, opener.pattern, class,
                                                   &lines->items[i]};
    }
}

void effect_meet(struct effect_run *run, const struct meeting *m, unsigned side,
                 struct list *touched)
{
    for (size_t i = 0; i < m->n[side]; i++) {
        const struct binaries *set = &run->binaries[m->items[side][i]->binaries];
        const struct list *classes = &set->classes;
        if (!effect_spend(&run->budget, classes->n + 1))
            return;
        for (size_t j = 0; j < classes->n; j++) {
            uint32_t class = classes->items[j];
            if (!run->chains[FROM][class] && !run->chains[TO][class])
                effect_push(run, touched, class);
            if (!run->chains[side][class])
                run->openers[side][class] = (struct opener){(uint32_t)i, set->patterns.items[j]};
            run->chains[side][class] = effect_chain(&run->treatments, run->chains[side][class],
                                                    m->items[side][i]->treatment);
        }
    }
}

static void compare(struct effect_run *run, const struct meeting *m,
                    const struct effect_place *place, struct differences *out)
{
    struct list touched = {0};
    struct effect_interner seen = {.arena = run->arena};
    for (unsigned side = 0; side < SIDES; side++)
        effect_meet(run, m, side, &touched);
    for (size_t i = 0; i < touched.n; i++) {
        uint32_t class = touched.items[i], from = run->chains[FROM][class],
                 to = run->chains[TO][class];
        run->chains[FROM][class] = run->chains[TO][class] = 0;
        if (from == to || run->budget.spent)
            continue;
        const struct effect_verdict *v = effect_compare(&run->treatments, from, to, place);
        add_differences(run, out, &seen, TO, class, &v->gained);
        add_differences(run, out, &seen, FROM, class, &v->lost);
    }
}

/* Equal sets of items at equal places differ equally.  Addresses are places of their own, and so
 * are the ports of control planes. */
static uint32_t meeting_number(struct effect_run *run, const struct meeting *m,
                               const struct effect_place *place)
{
    size_t n = 2 * (m->n[FROM] + m->n[TO]) + 3, at = 0;
    uint32_t *key = alloc_bytes(n * sizeof *key);
    for (unsigned side = 0; side < SIDES; side++) {
        key[at++] = (uint32_t)m->n[side];
        for (size_t i = 0; i < m->n[side]; i++) {
            key[at++] = m->items[side][i]->binaries;
            key[at++] = m->items[side][i]->treatment;
        }
    }
    key[at++] = effect_place_number(&run->treatments, place);
    uint32_t id = effect_intern(&run->meetings, key, n * sizeof *key);
    free(key);
    return id;
}

static bool is_same(const struct meeting *m)
{
    for (size_t i = 0; i < m->n[FROM] && m->n[FROM] == m->n[TO]; i++)
        if (m->items[FROM][i]->binaries != m->items[TO][i]->binaries ||
            m->items[FROM][i]->treatment != m->items[TO][i]->treatment)
            return false;
    return m->n[FROM] == m->n[TO];
}

static void hold(struct effect_run *run, const struct meeting *m, const struct effect_place *place)
{
    effect_spend(&run->budget, m->n[FROM] + m->n[TO]);
    if (is_same(m) || run->budget.spent)
        return;
    size_t known = run->meetings.n;
    uint32_t id = meeting_number(run, m, place);
    run->met = arena_grow(run->arena, run->met, id, &run->cap_met, sizeof *run->met);
    if (id >= known) {
        run->met[id] = (struct differences){0};
        compare(run, m, place, &run->met[id]);
    }
    effect_spend(&run->budget, run->met[id].n * 4);
    for (size_t i = 0; i < run->met[id].n && !run->budget.spent; i++) {
        const struct difference *d = &run->met[id].items[i];
        effect_show(run, d, m->items[d->side][d->at], place);
    }
}

/* ---- classes of hosts ---- */

/* Items that match a host, a port at a time: the port, the side and the item's number. */
static size_t spread(struct effect_run *run, const struct list *const *lists, size_t n,
                     uint64_t **out, size_t *cap)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < lists[i]->n; j++) {
            const struct item *item = &run->items[lists[i]->items[j]];
            const struct effect_key *content = &run->contents.keys[item->content];
            const uint32_t *ports = (const uint32_t *)content->bytes + 3;
            size_t n_ports = content->len / sizeof *ports - 3;
            if (!effect_spend(&run->budget, n_ports * 4))
                return 0;
            for (size_t k = 0; k < n_ports; k++) {
                *out = arena_grow(run->arena, *out, found, cap, sizeof **out);
                (*out)[found++] = (uint64_t)ports[k] << 48 | lists[i]->items[j];
            }
        }
    }
    return found;
}

static int by_port(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void visit_port(struct effect_run *run, const uint64_t *at, size_t n, const char *host)
{
    const struct item **sorted = alloc_bytes((n + 1) * sizeof *sorted);
    struct meeting m = {.items = {sorted, sorted}};
    bool changed = false;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &run->items[(uint32_t)at[i]];
        changed |= sorted[i]->changed;
        m.n[sorted[i]->side]++;
    }
    m.items[TO] += m.n[FROM];
    const struct effect_place place = {host, (uint16_t)(at[0] >> 48)};
    if (changed && run->finder)
        effect_weigh(run, &m, &place);
    else if (changed)
        hold(run, &m, &place);
    free(sorted);
}

static void visit_host(struct effect_run *run, const uint32_t *patterns, size_t n, const char *host,
                       uint64_t **spots, size_t *cap)
{
    const struct list **lists = alloc_bytes((n + 1) * sizeof *lists);
    for (size_t i = 0; i < n; i++)
        lists[i] = &run->by_host[patterns[i]];
    lists[n] = &run->any_host;
    size_t found = spread(run, lists, n + 1, spots, cap);
    free(lists);
    if (found)
        qsort(*spots, found, sizeof **spots, by_port);
    for (size_t i = 0, end; i < found && !run->budget.spent; i = end) {
        for (end = i; end < found && (*spots)[end] >> 48 == (*spots)[i] >> 48;)
            end++;
        visit_port(run, *spots + i, end - i, host);
    }
}

static bool is_named(const struct effect_run *run, const char *host)
{
    for (size_t i = 0; i < run->hosts.n; i++)
        if (policy_host_match(run->hosts.patterns[i].text, host))
            return true;
    return false;
}

/* A host that no pattern matches: if need be an address, as there are enough of them. */
static const char *unnamed_host(struct effect_run *run)
{
    static const char *const names[] = {"a.example", "a.b.example", "a.b.c.example"};
    effect_spend(&run->budget, run->hosts.n * 16);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_named(run, names[i]))
            return names[i];
    for (unsigned i = 0;; i++) {
        char *text = arena_printf(run->arena, "8.8.%u.%u", i >> 8 & 255, i & 255);
        if (!effect_spend(&run->budget, run->hosts.n * 16) || !is_named(run, text))
            return text;
    }
}

static void visit_hosts(struct effect_run *run)
{
    uint64_t *spots = NULL;
    size_t cap = 0;
    bool any = false;
    run->by_host = arena_zalloc(run->arena, (run->hosts.n + 1) * sizeof *run->by_host);
    for (uint32_t i = 0; i < run->n_items; i++) {
        uint32_t host = run->items[i].host;
        effect_push(run, host == ANY_HOST ? &run->any_host : &run->by_host[host], i);
        any |= host == ANY_HOST && run->items[i].changed;
    }
    for (size_t i = 0; i < run->hosts.n_classes && !run->budget.spent; i++) {
        const struct effect_class *class = &run->hosts.classes[i];
        visit_host(run, class->members, class->n, class->example, &spots, &cap);
    }
    if (any)
        visit_host(run, NULL, 0, unnamed_host(run), &spots, &cap);
}

/* ---- middlewares ---- */

static void add_middleware(const struct sluice_middleware *m, struct buf *out)
{
    struct sluice_middleware plain = *m;
    plain.key = plain.name = "";
    schema_encode_json(&policy_middleware_schema, &plain, out);
}

static bool same_middlewares(const struct sluice_policy *from, const struct sluice_policy *to)
{
    struct buf before = {0}, after = {0};
    for (size_t i = 0; from && i < from->n_middlewares; i++)
        add_middleware(from->middlewares[i], &before);
    for (size_t i = 0; i < to->n_middlewares; i++)
        add_middleware(to->middlewares[i], &after);
    bool same = before.len == after.len && strcmp(buf_str(&before), buf_str(&after)) == 0;
    buf_free(&before);
    buf_free(&after);
    return same;
}

/* They matter to what both policies let through. */
static void compare_middlewares(struct effect_run *run, const struct sluice_policy *from,
                                const struct sluice_policy *to)
{
    unsigned sides = 0;
    for (size_t i = 0; i < run->n_items; i++)
        sides |= 1u << run->items[i].side;
    if (sides != 3 || same_middlewares(from, to))
        return;
    for (unsigned side = 0; side < SIDES; side++) {
        run->differs[side] = true;
        effect_show_all(run, side,
                        "a middleware changes, and what it lets through cannot be compared");
    }
}

/* ---- all of it ---- */

static const char *const relations[] = {
#define X(id, word, meaning) [SLUICE_##id] = word,
    SLUICE_RELATIONS(X)
#undef X
};

const char *policy_relation_word(enum sluice_relation relation)
{
    return relation < SLUICE_RELATION_COUNT ? relations[relation] : "unknown";
}

int policy_relation(const char *word)
{
    for (int i = 0; i < SLUICE_RELATION_COUNT; i++)
        if (strcmp(relations[i], word) == 0)
            return i;
    return -1;
}

static void give_up(struct effect_run *run, struct policy_effect *out)
{
    out->note = "the policies are too large, or their patterns too entangled, to be compared: "
                "anything may be gained or lost";
    for (unsigned side = 0; side < SIDES; side++) {
        run->n_reach[side] = 0;
        run->differs[side] = true;
        effect_show_all(run, side, out->note);
    }
}

void effect_run_init(struct effect_run *run, struct arena *scratch, struct arena *result)
{
    struct effect_interner in = {.arena = scratch};
    *run = (struct effect_run){.arena = scratch, .result = result, .budget = {.left = STEPS_MAX}};
    run->binary_sets = run->contents = run->meetings = run->shown[FROM] = run->shown[TO] = in;
    effect_space_init(&run->hosts, EFFECT_HOSTS, scratch, &run->budget);
    effect_space_init(&run->paths, EFFECT_BINARIES, scratch, &run->budget);
    effect_treatments_init(&run->treatments, scratch, &run->budget);
}

bool effect_run_policies(struct effect_run *run, const struct sluice_policy *from,
                         const struct sluice_policy *to)
{
    effect_add_items(run, FROM, from);
    effect_add_items(run, TO, to);
    if (run->finder)
        effect_add_marks(run);
    if (!run->budget.spent && effect_find_changes(run)) {
        effect_classify(&run->paths);
        effect_classify(&run->hosts);
        index_binaries(run);
        visit_hosts(run);
    }
    return !run->budget.spent;
}

const struct policy_effect *policy_effect(const struct sluice_policy *from,
                                          const struct sluice_policy *to, struct arena *arena)
{
    struct arena *scratch = arena_new();
    struct effect_run run;
    effect_run_init(&run, scratch, arena);
    struct policy_effect *out = arena_zalloc(arena, sizeof *out);
    out->note = "";
    effect_run_policies(&run, from, to);
    compare_middlewares(&run, from, to);
    if (run.budget.spent)
        give_up(&run, out);
    out->relation = run.differs[TO] ? run.differs[FROM] ? SLUICE_BOTH : SLUICE_LOOSENS
                  : run.differs[FROM] ? SLUICE_TIGHTENS : SLUICE_SAME;
    out->gained = run.reach[TO];
    out->n_gained = run.n_reach[TO];
    out->lost = run.reach[FROM];
    out->n_lost = run.n_reach[FROM];
    arena_free(scratch);
    return out;
}
