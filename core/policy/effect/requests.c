/* SPDX-License-Identifier: Apache-2.0 */
/* What is in force for each class of paths, on both sides: the route, by the endpoints' own paths,
 * and the rules of all endpoints of its protocol.  Where the two sides have different protocols, a
 * request to one is taken for none to the other, unless that one lets every such request
 * through. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "policy/effect/requests_parts.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

enum { FROM = EFFECT_FROM, TO = EFFECT_TO, SIDES = EFFECT_SIDES };

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

/* ---- what is told ---- */

const char *effect_upper(struct arena *arena, const char *method)
{
    char *text = arena_str(arena, method);
    for (char *p = text; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return text;
}

static const char *list(struct arena *arena, const char *const *items, size_t n)
{
    struct buf text = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%s", i ? "," : "", items[i]);
    const char *copy = arena_strn(arena, buf_str(&text), text.len);
    buf_free(&text);
    return copy;
}

static struct effect_sent patterns_of(const struct effect_entry *entry, struct arena *arena)
{
    const struct sluice_l7_rule *r = entry->rule;
    struct effect_sent what = EFFECT_SENT_NOTHING;
    what.method = entry->method;
    what.path = arena_str(arena, entry->path);
    bool requests = effect_has_requests(entry->endpoint->protocol);
    if (!r || (requests && policy_rule_is_about_requests(r)))
        return what;
    if (requests || is(entry->endpoint->protocol, "graphql")) {
        what.operation = arena_printf(arena, "%s%s%s", r->operation_type,
                                      *r->operation_name ? " " : "", r->operation_name);
        what.field = list(arena, r->fields, r->n_fields);
    } else {
        what.rpc_method = *r->method ? r->method : r->n_params ? "tools/call" : "";
        what.tool = r->n_params ? list(arena, r->params[0]->any, r->params[0]->n_any) : "";
    }
    return what;
}

static struct effect_sent copy(const struct effect_sent *s, struct arena *arena)
{
    return (struct effect_sent){arena_str(arena, s->method),     arena_str(arena, s->path),
                                arena_str(arena, s->operation),  arena_str(arena, s->field),
                                arena_str(arena, s->rpc_method), arena_str(arena, s->tool)};
}

static void add_line(struct effect_requests *q, unsigned side, enum effect_kind kind,
                     const struct effect_entry *entry, const struct effect_sent *example)
{
    struct arena *arena = q->t->arena;              /* lines outlive this comparison */
    effect_add_line(arena, side == TO ? &q->out->gained : &q->out->lost,
                    (struct effect_line){kind, entry ? patterns_of(entry, arena)
                                                     : EFFECT_SENT_NOTHING,
                                         copy(example, arena)});
}

void effect_tell(struct effect_requests *q, struct effect_entry *entry,
                 const struct effect_sent *example)
{
    if (q->methods)
        effect_note_passing(q, entry->side, example);
    else if (!entry->shown)
        add_line(q, entry->side, EFFECT_REQUEST, entry, example);
    entry->shown = true;
}

void effect_tell_unknown(struct effect_requests *q, struct effect_entry *entry)
{
    if (q->methods)
        effect_note_unknown(q, entry);
    else if (!entry->shown)
        add_line(q, entry->side ^ entry->deny, EFFECT_UNKNOWN, entry, &EFFECT_SENT_NOTHING);
    entry->shown = true;
}

/* ---- what is in force ---- */

static bool selects(const struct effect_requests *q, const struct effect_way *way)
{
    return way->selector == EFFECT_NEVER || q->in[way->selector];
}

static const struct effect_way *find_route(const struct effect_requests *q, unsigned side)
{
    const struct effect_way *best = NULL;
    for (size_t i = 0; i < q->n_ways[side]; i++) {
        const struct effect_way *way = &q->ways[side][i];
        bool selected = selects(q, way) || (way->top != EFFECT_NEVER && q->in[way->top]);
        if (selected && (!best || way->specificity >= best->specificity))
            best = way;
    }
    bool slash = q->slashes_matter && (q->in[q->slashes[0]] || q->in[q->slashes[1]]);
    return best && slash && !best->endpoint->allow_encoded_slash ? NULL : best;
}

static void add_force(struct effect_requests *q, const struct effect_way *way,
                      struct effect_force *force)
{
    for (size_t i = way->first; i < way->first + way->n; i++) {
        struct effect_entry *entry = &q->entries[i];
        if (!q->in[entry->pattern] || entry->audit)
            continue;
        if (entry->deny)
            force->deny[force->n_deny++] = entry;
        else
            force->allow[force->n_allow++] = entry;
    }
}

struct effect_force effect_find_force(struct effect_requests *q, unsigned side)
{
    struct effect_force force = {.side = side, .way = find_route(q, side), .protocol = ""};
    size_t size = (q->n_entries + 1) * sizeof *force.allow;
    effect_spend(q->t->budget, q->n_ways[side] + 1);
    if (!force.way)
        return force;
    force.protocol = force.way->endpoint->protocol;
    force.all = effect_is_audited(force.way->endpoint);
    force.allow = arena_alloc(q->arena, size);
    force.deny = arena_alloc(q->arena, size);
    for (size_t i = 0; i < q->n_ways[side]; i++) {
        const struct effect_way *way = &q->ways[side][i];
        effect_spend(q->t->budget, way->n + 1);
        if (is(way->endpoint->protocol, force.protocol) && selects(q, way))
            add_force(q, way, &force);
    }
    if (force.all) {                                /* one entry stands for everything */
        force.allow[0] = &q->entries[force.way->first + force.way->n - 1];
        force.n_allow = 1;
        force.n_deny = 0;
    }
    return force;
}

/* ---- requests ---- */

struct methods {
    const char *items[128];
    size_t n;
};

static void add_method(struct effect_requests *q, struct methods *methods, const char *method)
{
    for (size_t i = 0; i < methods->n; i++)
        if (strcasecmp(methods->items[i], method) == 0)
            return;
    effect_spend(q->t->budget, methods->n);
    if (methods->n < sizeof methods->items / sizeof *methods->items)
        methods->items[methods->n++] = effect_upper(q->arena, method);
    else
        q->t->budget->spent = true;
}

static void add_methods(struct effect_requests *q, struct methods *methods,
                        struct effect_entry *const *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is(entries[i]->method, "*"))
            continue;
        add_method(q, methods, entries[i]->method);
        if (strcasecmp(entries[i]->method, "GET") == 0)
            add_method(q, methods, "HEAD");
    }
}

/* All that are named, those that go with them, and one that stands for the others. */
static void collect_methods(struct effect_requests *q, const struct effect_force *force,
                            struct methods *out)
{
    static const char *const known[] = {"DELETE", "POST",    "PUT",  "PATCH",
                                        "GET",    "OPTIONS", "TRACE"};
    out->n = 0;
    for (unsigned side = 0; side < SIDES; side++) {
        add_methods(q, out, force[side].allow, force[side].n_allow);
        add_methods(q, out, force[side].deny, force[side].n_deny);
    }
    for (size_t i = 0, n = out->n; i < sizeof known / sizeof *known && out->n == n; i++)
        add_method(q, out, known[i]);
}

static bool is_about(const struct effect_entry *entry, const char *method)
{
    return policy_method_match(entry->method, method) &&
           (!entry->rule || policy_rule_is_about_requests(entry->rule));
}

static size_t pick(struct effect_entry **out, struct effect_entry *const *entries, size_t n,
                   const char *method)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (is_about(entries[i], method))
            out[found++] = entries[i];
    return found;
}

/* What is not compared counts where it has changed. */
static void tell_changed(struct effect_requests *q, struct effect_entry *entry)
{
    if (entry->changed)
        effect_tell_unknown(q, entry);
}

void effect_compare_method(struct effect_requests *q, const struct effect_force force[SIDES],
                           const char *method)
{
    struct effect_method m = {.method = method};
    for (unsigned side = 0; side < SIDES; side++) {
        const struct effect_force *f = &force[side];
        effect_spend(q->t->budget, f->n_allow + f->n_deny);
        m.allow[side] = arena_alloc(q->arena, (f->n_allow + 1) * sizeof *m.allow[side]);
        m.deny[side] = arena_alloc(q->arena, (f->n_deny + 1) * sizeof *m.deny[side]);
        m.n_allow[side] = pick(m.allow[side], f->allow, f->n_allow, method);
        m.n_deny[side] = pick(m.deny[side], f->deny, f->n_deny, method);
    }
    effect_compare_queries(q, &m, FROM);
    effect_compare_queries(q, &m, TO);
}

static void compare_requests(struct effect_requests *q, const struct effect_force force[SIDES])
{
    struct methods methods;
    collect_methods(q, force, &methods);
    for (size_t i = 0; i < methods.n && !q->t->budget->spent; i++)
        effect_compare_method(q, force, methods.items[i]);
}

/* ---- classes ---- */

static const struct effect_force nothing[SIDES] = {{.side = FROM, .protocol = ""},
                                                   {.side = TO, .protocol = ""}};

bool effect_lets_method_through(const struct effect_force *force, const char *method)
{
    bool allowed = false;
    for (size_t i = 0; i < force->n_deny; i++)
        if (is_about(force->deny[i], method))
            return false;
    for (size_t i = 0; i < force->n_allow; i++)
        allowed |= is_about(force->allow[i], method) &&
                   (!force->allow[i]->rule || !force->allow[i]->rule->n_query);
    return allowed;
}

/* Whether nothing passes on the other side but what passes here whatever it says: requests that
 * carry calls. */
static bool covers(const struct effect_force *force, const struct effect_force *other)
{
    bool streams = !is(other->protocol, "json-rpc");
    return is(force->protocol, "rest") && !effect_has_requests(other->protocol) &&
           effect_lets_method_through(force, "POST") &&
           (!streams || effect_lets_method_through(force, "GET")) &&
           (!is(other->protocol, "mcp") || effect_lets_method_through(force, "DELETE"));
}

/* Nothing is known of the protocol. */
static void tell_unknown(struct effect_requests *q, const struct effect_force force[SIDES])
{
    for (unsigned side = 0; side < SIDES; side++) {
        for (size_t i = 0; i < force[side].n_allow; i++)
            tell_changed(q, force[side].allow[i]);
        for (size_t i = 0; i < force[side].n_deny; i++)
            tell_changed(q, force[side].deny[i]);
    }
}

static void compare_force(struct effect_requests *q, struct effect_force force[SIDES])
{
    const char *protocol = *force[TO].protocol ? force[TO].protocol : force[FROM].protocol;
    const struct effect_way *way = force[TO].way ? force[TO].way : force[FROM].way;
    if (is(protocol, "websocket"))
        effect_compare_websocket(q, force);
    else if (effect_has_requests(protocol))
        compare_requests(q, force);
    else if (way && policy_always_has_calls(way->endpoint))
        effect_compare_calls(q, force, protocol);
    else
        tell_unknown(q, force);
}

/* One side's requests against nothing. */
static void tell_side(struct effect_requests *q, const struct effect_force *force)
{
    struct effect_force alone[SIDES] = {nothing[FROM], nothing[TO]};
    alone[force->side] = *force;
    compare_force(q, alone);
}

void effect_enter_class(struct effect_requests *q, const struct effect_class *class)
{
    for (size_t i = 0; i < class->n; i++)
        q->in[class->members[i]] = true;
    q->path = class->example;
}

void effect_leave_class(struct effect_requests *q, const struct effect_class *class)
{
    for (size_t i = 0; i < class->n; i++)
        q->in[class->members[i]] = false;
}

static void compare_class(struct effect_requests *q, const struct effect_class *class)
{
    struct effect_force force[SIDES];
    effect_enter_class(q, class);
    for (unsigned side = 0; side < SIDES; side++)
        force[side] = effect_find_force(q, side);
    bool differ = force[FROM].way && force[TO].way && !is(force[FROM].protocol, force[TO].protocol);
    if (!differ) {
        compare_force(q, force);
    } else {
        if (!covers(&force[TO], &force[FROM]))
            tell_side(q, &force[FROM]);
        if (!covers(&force[FROM], &force[TO]))
            tell_side(q, &force[TO]);
    }
    effect_leave_class(q, class);
}

void effect_add_slashes(struct effect_requests *q)
{
    if (!q->slashes_matter)
        return;
    q->slashes[0] = effect_pattern(&q->paths, "/**/*%2F*");
    q->slashes[1] = effect_pattern(&q->paths, "/**/*%2F*/**");
}

static void compare(struct effect_requests *q)
{
    effect_add_slashes(q);
    effect_find_changed_paths(q);
    effect_classify(&q->paths);
    q->in = arena_zalloc(q->arena, (q->paths.n + 1) * sizeof *q->in);
    for (size_t i = 0; i < q->paths.n_classes && !q->t->budget->spent; i++)
        compare_class(q, &q->paths.classes[i]);
}

static bool same_items(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
    bool same = n_a == n_b;
    for (size_t i = 0; i < n_a && same; i++)
        same = a[i] == b[i];
    return same;
}

void effect_compare_requests(struct effect_treatments *t, const uint32_t *from, size_t n_from,
                             const uint32_t *to, size_t n_to, struct effect_verdict *out)
{
    if (same_items(from, n_from, to, n_to))
        return;
    struct arena *arena = arena_new();
    struct effect_requests q = {.t = t, .arena = arena, .out = out, .contents.arena = arena};
    effect_space_init(&q.paths, EFFECT_PATHS, arena, t->budget);
    effect_spend(t->budget, 256);
    effect_add_side(&q, FROM, from, n_from);
    effect_add_side(&q, TO, to, n_to);
    compare(&q);
    arena_free(arena);
}
