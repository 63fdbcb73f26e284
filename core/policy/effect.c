/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint of a rule is an item: a host pattern, ports, a set of binary patterns and a
 * treatment.  Only what a changed item matches can have changed, so hosts and binaries are sorted
 * into classes as far as changed items reach, and each host class is looked at port by port: which
 * items match before and after, and for which classes of binaries does that make a difference?
 * Most hosts meet the same few sets of items, so that question is asked once for each pair. */
#include "policy/effect.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/effect_parts.h"
#include "policy/match.h"
#include "policy/policy.h"

enum { STEPS_MAX = 4000000, SIDES = 2, ANY_HOST = UINT32_MAX - 1 };

struct item {
    const struct sluice_endpoint *endpoint;
    uint32_t host, binaries, treatment, content;
    unsigned side;
    bool changed;
};

struct list {
    uint32_t *items;
    size_t n, cap;
};

/* The classes that a set of binary patterns lets through, and by which pattern each. */
struct binaries {
    struct list classes, patterns;
};

/* The first item of a side that lets a class through, and by which pattern. */
struct opener {
    uint32_t item, pattern;
};

/* What some binaries gain or lose at a host and port: which item opens it, by which pattern. */
struct difference {
    unsigned side;
    uint32_t at;                                    /* among the items of its side */
    uint32_t pattern, class;
    const struct effect_line *line;
};

struct differences {
    struct difference *items;
    size_t n, cap;
};

struct effect_run {
    struct arena *arena, *result;
    struct effect_budget budget;
    struct effect_space hosts, paths;
    struct effect_treatments treatments;
    struct effect_interner binary_sets, contents, meetings, shown[SIDES];
    struct item *items;                             /* in the order of the policies, from and to */
    size_t n_items, cap_items;
    unsigned *sides;                                /* of each content: a bit for each side */
    struct list *by_host, any_host;                 /* items by host pattern */
    struct binaries *binaries;
    struct differences *met;                        /* by meeting */
    size_t cap_met;
    uint32_t *chains[SIDES];                        /* by class of binaries */
    struct opener *openers[SIDES];
    struct sluice_reach const **reach[SIDES];       /* SIDES: lost, gained */
    size_t n_reach[SIDES], cap_reach[SIDES];
    bool differs[SIDES];
};

enum { FROM, TO };

static void push(struct effect_run *run, struct list *list, uint32_t item)
{
    list->items = effect_grow(run->arena, list->items, list->n, &list->cap, sizeof item);
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
    run->items = effect_grow(run->arena, run->items, run->n_items, &run->cap_items,
                             sizeof *run->items);
    run->items[run->n_items++] = item;
}

static void add_items(struct effect_run *run, unsigned side, const struct sluice_policy *policy)
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
static bool find_changes(struct effect_run *run)
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

/* ---- classes of binaries ---- */

static void index_binaries(struct effect_run *run)
{
    struct effect_space *space = &run->paths;
    struct list *by_pattern = arena_zalloc(run->arena, (space->n + 1) * sizeof *by_pattern);
    uint32_t *seen = arena_zalloc(run->arena, (space->n_classes + 1) * sizeof *seen);
    for (uint32_t c = 0; c < space->n_classes; c++)
        for (size_t i = 0; i < space->classes[c].n; i++)
            push(run, &by_pattern[space->classes[c].members[i]], c);
    run->binaries = arena_zalloc(run->arena, (run->binary_sets.n + 1) * sizeof *run->binaries);
    for (uint32_t s = 0; s < run->binary_sets.n && !run->budget.spent; s++) {
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
                push(run, &set->classes, classes->items[j]);
                push(run, &set->patterns, patterns[i]);
            }
        }
    }
    for (unsigned side = 0; side < SIDES; side++) {
        size_t n = space->n_classes + 1;
        run->chains[side] = arena_zalloc(run->arena, n * sizeof *run->chains[side]);
        run->openers[side] = arena_zalloc(run->arena, n * sizeof *run->openers[side]);
    }
}

/* ---- reach ---- */

static const char *host_text(struct effect_run *run, const char *host)
{
    return strchr(host, ':') ? arena_printf(run->result, "[%s]", host) : host;
}

static const char *sentence(struct effect_run *run, const struct difference *d, const char *binary,
                            const char *host, uint16_t port)
{
    bool gained = d->side == TO;
    const char *at = host_text(run, host), *may = gained ? "may now" : "may no longer";
    switch (d->line->kind) {
    case EFFECT_ADDRESSES:
        return arena_printf(run->result, "%s %s reach %s:%u at %s addresses", binary, may, at, port,
                            gained ? "more" : "all of its former");
    case EFFECT_REQUEST:
        return arena_printf(run->result, "%s %s send %s %s to %s:%u", binary, may,
                            d->line->example_method, d->line->example_path, at, port);
    case EFFECT_ANYTHING:
        return arena_printf(run->result, "%s %s say anything to %s:%u without inspection", binary,
                            may, at, port);
    case EFFECT_UNKNOWN:
        return arena_printf(run->result, "what %s %s say to %s:%u cannot be compared", binary, may,
                            at, port);
    default:
        return arena_printf(run->result, "%s %s reach %s:%u", binary, may, at, port);
    }
}

static void add_reach(struct effect_run *run, unsigned side, struct sluice_reach reach)
{
    struct sluice_reach *copy = arena_alloc(run->result, sizeof *copy);
    reach.size = sizeof reach;
    *copy = reach;
    run->reach[side] = effect_grow(run->result, run->reach[side], run->n_reach[side],
                                   &run->cap_reach[side], sizeof *run->reach[side]);
    run->reach[side][run->n_reach[side]++] = copy;
}

/* One that stands for everything. */
static void add_all(struct effect_run *run, unsigned side, const char *why)
{
    add_reach(run, side, (struct sluice_reach){.host = "**", .binary = "**", .method = "",
                                               .path = "", .example = why});
}

/* Each pattern of hosts, port, pattern of binaries and kind of reach once. */
static bool is_new(struct effect_run *run, const struct difference *d, const struct item *item,
                   uint16_t port)
{
    struct effect_interner *shown = &run->shown[d->side];
    const struct effect_line *line = d->line;
    struct buf key = {0};
    size_t known = shown->n;
    buf_printf(&key, "%x %x %x %d %s %s", item->host, port, d->pattern, line->kind, line->method,
               line->path);
    bool new = effect_intern(shown, key.data, key.len) >= known;
    effect_spend(&run->budget, key.len);
    buf_free(&key);
    return new;
}

static void show(struct effect_run *run, const struct difference *d, const struct item *item,
                 const struct effect_place *place)
{
    run->differs[d->side] = true;
    if (!is_new(run, d, item, place->port) || run->n_reach[d->side] > POLICY_REACH_MAX)
        return;
    if (run->n_reach[d->side] == POLICY_REACH_MAX) {
        add_all(run, d->side, "and more than can be listed");
        return;
    }
    const char *binary = run->paths.classes[d->class].example;
    add_reach(run, d->side, (struct sluice_reach){
        .host = *item->endpoint->host ? item->endpoint->host : "**", .port = place->port,
        .binary = arena_str(run->result, run->paths.patterns[d->pattern].text),
        .method = arena_str(run->result, d->line->method),
        .path = arena_str(run->result, d->line->path),
        .example = sentence(run, d, binary, place->host, place->port)});
}

/* ---- meetings: the items of both sides that match a host and port ---- */

struct meeting {
    const struct item **items[SIDES];
    size_t n[SIDES];
};

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
        out->items = effect_grow(run->arena, out->items, out->n, &out->cap, sizeof *out->items);
        out->items[out->n++] = (struct difference){side, opener.item, opener.pattern, class,
                                                   &lines->items[i]};
    }
}

/* Which treatments each class of binaries meets on one side. */
static void meet(struct effect_run *run, const struct meeting *m, unsigned side,
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
                push(run, touched, class);
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
        meet(run, m, side, &touched);
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
    run->met = effect_grow(run->arena, run->met, id, &run->cap_met, sizeof *run->met);
    if (id >= known) {
        run->met[id] = (struct differences){0};
        compare(run, m, place, &run->met[id]);
    }
    effect_spend(&run->budget, run->met[id].n * 4);
    for (size_t i = 0; i < run->met[id].n && !run->budget.spent; i++) {
        const struct difference *d = &run->met[id].items[i];
        show(run, d, m->items[d->side][d->at], place);
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
                *out = effect_grow(run->arena, *out, found, cap, sizeof **out);
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
    if (changed)
        hold(run, &m, &(struct effect_place){host, (uint16_t)(at[0] >> 48)});
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
        push(run, host == ANY_HOST ? &run->any_host : &run->by_host[host], i);
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
        add_all(run, side, "a middleware changes, and what it lets through cannot be compared");
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
        add_all(run, side, out->note);
    }
}

static void compare_policies(struct effect_run *run, const struct sluice_policy *from,
                             const struct sluice_policy *to)
{
    add_items(run, FROM, from);
    add_items(run, TO, to);
    if (!run->budget.spent && find_changes(run)) {
        effect_classify(&run->paths);
        effect_classify(&run->hosts);
        index_binaries(run);
        visit_hosts(run);
    }
    compare_middlewares(run, from, to);
}

const struct policy_effect *policy_effect(const struct sluice_policy *from,
                                          const struct sluice_policy *to, struct arena *arena)
{
    struct arena *scratch = arena_new();
    struct effect_run run = {.arena = scratch, .result = arena, .budget = {.left = STEPS_MAX}};
    struct effect_interner in = {.arena = scratch};
    run.binary_sets = run.contents = run.meetings = run.shown[FROM] = run.shown[TO] = in;
    effect_space_init(&run.hosts, EFFECT_HOSTS, scratch, &run.budget);
    effect_space_init(&run.paths, EFFECT_BINARIES, scratch, &run.budget);
    effect_treatments_init(&run.treatments, scratch, &run.budget);
    struct policy_effect *out = arena_zalloc(arena, sizeof *out);
    out->note = "";
    compare_policies(&run, from, to);
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
