/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that inspected endpoints let through: what some rule allows and none denies.
 *
 * Rules of a method and a path alone are compared as sets.  Others are taken as they are: one more
 * of them may gain something and loses nothing.  Endpoints that are inspected in more than one way
 * at one place, such as by paths that select them, are compared only as a whole. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "policy/effect/effect_parts.h"
#include "policy/match/http.h"
#include "policy/policy.h"
#include "policy/preset.h"

enum { FROM, TO, SIDES };

/* A rule of a method and a path, or an entry of the set of all others (path: EFFECT_NEVER). */
struct rule {
    const char *method, *text;
    uint32_t path, content;
    unsigned side;
    bool deny, changed;
};

struct numbers {
    uint32_t *items;
    size_t n, cap;
};

struct requests {
    struct effect_treatments *t;
    struct arena *arena;
    struct effect_space paths;
    struct effect_interner contents;
    struct rule *rules;
    size_t n, cap;
    unsigned *sides;                                /* of each content: a bit for each side */
    struct numbers *by_path;                        /* rules by path pattern */
    uint32_t selector;                              /* the endpoints' path; or EFFECT_NEVER */
    uint32_t top;                                   /* what it selects beside: policy_path_top */
    bool all[SIDES];                                /* nothing is refused: enforcement is audit */
    const char *methods[128];
    size_t n_methods;
    bool *shown[SIDES];                             /* rules that have a line */
    struct effect_verdict *out;
};

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static void add_rule(struct requests *q, struct rule rule)
{
    struct buf key = {0};
    buf_printf(&key, "%d %u %s", rule.deny, rule.path, rule.path == EFFECT_NEVER ? rule.text : "");
    for (const char *m = rule.method; *m && rule.path != EFFECT_NEVER; m++)
        buf_putc(&key, (char)toupper((unsigned char)*m));
    rule.content = effect_intern(&q->contents, key.data, key.len);
    effect_spend(q->t->budget, key.len);
    buf_free(&key);
    q->rules = effect_grow(q->arena, q->rules, q->n, &q->cap, sizeof rule);
    q->rules[q->n++] = rule;
}

static bool is_simple(const struct sluice_endpoint *e, const struct sluice_l7_rule *r)
{
    return (is(e->protocol, "rest") || is(e->protocol, "websocket")) && !*r->command &&
           !*r->operation_type && !*r->operation_name && !r->n_fields && !r->n_query &&
           !r->n_params;
}

static void add_l7_rule(struct requests *q, unsigned side, const struct sluice_endpoint *e,
                        const struct sluice_l7_rule *r, bool deny)
{
    struct rule rule = {.method = r->method, .text = r->path, .path = EFFECT_NEVER, .side = side,
                        .deny = deny};
    if (!is_simple(e, r)) {
        struct buf json = {0};
        schema_encode_json(&policy_l7_rule_schema, r, &json);
        rule.text = arena_strn(q->arena, json.data, json.len);
        buf_free(&json);
    } else if (!*r->method || !*r->path) {
        return;                                     /* matches nothing */
    } else {
        rule.path = effect_pattern(&q->paths, r->path);
    }
    add_rule(q, rule);
}

static void add_access(struct requests *q, unsigned side, const struct sluice_endpoint *e)
{
    const char *const *methods = policy_preset(e->protocol, e->access);
    for (size_t i = 0; methods && methods[i]; i++)
        add_rule(q, (struct rule){.method = methods[i], .text = "**", .side = side,
                                  .path = effect_pattern(&q->paths, "**")});
    if (*e->access && !methods)
        add_rule(q, (struct rule){.method = "", .path = EFFECT_NEVER, .side = side,
                                  .text = arena_printf(q->arena, "access %s", e->access)});
}

static void add_endpoint(struct requests *q, unsigned side, const struct sluice_endpoint *e)
{
    add_access(q, side, e);
    for (size_t i = 0; i < e->n_rules; i++)
        add_l7_rule(q, side, e, e->rules[i], false);
    for (size_t i = 0; i < e->n_deny_rules; i++)
        add_l7_rule(q, side, e, e->deny_rules[i], true);
}

static void add_selector(struct requests *q, const char *path)
{
    char top[POLICY_TARGET_PATH_MAX + 1];
    q->selector = effect_pattern(&q->paths, path);
    if (policy_path_top(path, top))
        q->top = effect_pattern(&q->paths, arena_str(q->arena, top));
}

/* Of audit endpoints the one that is selected decides; mixed with others, they cannot be told. */
static bool add_side(struct requests *q, unsigned side, const uint32_t *ids, size_t n,
                     uint32_t *opaque)
{
    size_t audit = 0, inspected = 0;
    for (size_t i = 0; i < n; i++) {
        const struct effect_treatment *item = &q->t->items[ids[i]];
        if (!item->inspected)
            continue;
        if (*opaque != EFFECT_NEVER && *opaque != item->opaque)
            return false;
        *opaque = item->opaque;
        inspected++;
        audit += !is(item->endpoint->enforcement, "enforce");
        if (*item->endpoint->path)
            add_selector(q, item->endpoint->path);
        add_endpoint(q, side, item->endpoint);
    }
    q->all[side] = audit > 0;
    return audit == 0 || audit == inspected;
}

/* With audit on one side that side is one rule: everything. */
static void replace_audited(struct requests *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->n; i++)
        if (!q->all[q->rules[i].side])
            q->rules[kept++] = q->rules[i];
    q->n = kept;
    for (unsigned side = 0; side < SIDES; side++)
        if (q->all[side])
            add_rule(q, (struct rule){.method = "*", .text = "**", .side = side,
                                      .path = effect_pattern(&q->paths, "**")});
}

/* ---- changes ---- */

static const char *upper(struct requests *q, const char *method)
{
    char *text = arena_str(q->arena, method);
    for (char *p = text; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return text;
}

static void add_method(struct requests *q, const char *method)
{
    for (size_t i = 0; i < q->n_methods; i++)
        if (strcasecmp(q->methods[i], method) == 0)
            return;
    if (q->n_methods < sizeof q->methods / sizeof *q->methods)
        q->methods[q->n_methods++] = upper(q, method);
    else
        q->t->budget->spent = true;
}

/* All that are named, those that go with them, and one that stands for the others. */
static void collect_methods(struct requests *q)
{
    static const char *const known[] = {"DELETE", "POST",    "PUT",  "PATCH",
                                        "GET",    "OPTIONS", "TRACE"};
    for (size_t i = 0; i < q->n; i++) {
        if (q->rules[i].path == EFFECT_NEVER || is(q->rules[i].method, "*"))
            continue;
        add_method(q, q->rules[i].method);
        if (strcasecmp(q->rules[i].method, "GET") == 0)
            add_method(q, "HEAD");
        effect_spend(q->t->budget, q->n_methods);
    }
    for (size_t i = 0, n = q->n_methods; i < sizeof known / sizeof *known && q->n_methods == n; i++)
        add_method(q, known[i]);
}

static bool takes(const struct rule *rule, const char *method)
{
    return is(rule->method, "*") || strcasecmp(rule->method, method) == 0 ||
           (strcasecmp(rule->method, "GET") == 0 && is(method, "HEAD"));
}

static void find_changes(struct requests *q)
{
    q->sides = arena_zalloc(q->arena, (q->contents.n + 1) * sizeof *q->sides);
    q->by_path = arena_zalloc(q->arena, (q->paths.n + 1) * sizeof *q->by_path);
    for (unsigned side = 0; side < SIDES; side++)
        q->shown[side] = arena_zalloc(q->arena, (q->n + 1) * sizeof *q->shown[side]);
    for (size_t i = 0; i < q->n; i++)
        q->sides[q->rules[i].content] |= 1u << q->rules[i].side;
    /* Audit covers what no rule of the selected path does. */
    bool differ = q->selector != EFFECT_NEVER && q->all[FROM] != q->all[TO];
    for (uint32_t i = 0; i < q->n; i++) {
        struct rule *rule = &q->rules[i];
        rule->changed = differ || q->sides[rule->content] != 3;
        if (rule->path == EFFECT_NEVER)
            continue;
        struct numbers *list = &q->by_path[rule->path];
        list->items = effect_grow(q->arena, list->items, list->n, &list->cap, sizeof i);
        list->items[list->n++] = i;
        q->paths.patterns[rule->path].relevant |= rule->changed;
    }
}

/* Lines outlive the comparison of these requests. */
static void add_line(struct requests *q, unsigned side, enum effect_kind kind,
                     const struct rule *rule, const char *method, const char *path)
{
    struct arena *arena = q->t->arena;
    bool known = rule && rule->path != EFFECT_NEVER;
    struct effect_lines *lines = side == TO ? &q->out->gained : &q->out->lost;
    effect_add_line(arena, lines, (struct effect_line){
        kind, rule ? rule->method : "", known ? arena_str(arena, rule->text) : "",
        arena_str(arena, method), arena_str(arena, path)});
}

/* What one more rule that allows may gain, one more that denies may lose. */
static void compare_others(struct requests *q)
{
    for (size_t i = 0; i < q->n; i++) {
        const struct rule *rule = &q->rules[i];
        if (rule->path == EFFECT_NEVER && rule->changed)
            add_line(q, rule->side ^ rule->deny, EFFECT_UNKNOWN, rule, "", "");
    }
}

/* ---- classes of paths ---- */

/* The first rule of each side that allows the request, NULL where none does or some denies. */
static void decide(struct requests *q, const struct effect_class *class, const char *method,
                   const struct rule *by[SIDES])
{
    bool denied[SIDES] = {false}, selected = q->selector == EFFECT_NEVER, top = false;
    by[FROM] = by[TO] = NULL;
    for (size_t i = 0; i < class->n; i++) {
        const struct numbers *list = &q->by_path[class->members[i]];
        selected |= class->members[i] == q->selector;
        top |= class->members[i] == q->top;
        effect_spend(q->t->budget, list->n + 1);
        for (size_t j = 0; j < list->n; j++) {
            const struct rule *rule = &q->rules[list->items[j]];
            if (!takes(rule, method))
                continue;
            if (rule->deny)
                denied[rule->side] = true;
            else if (!by[rule->side])
                by[rule->side] = rule;
        }
    }
    for (unsigned side = 0; side < SIDES; side++)
        if (denied[side] || (!selected && !(top && q->all[side])))
            by[side] = NULL;
}

static void compare_class(struct requests *q, const struct effect_class *class)
{
    for (size_t i = 0; i < q->n_methods && !q->t->budget->spent; i++) {
        const struct rule *by[SIDES];
        decide(q, class, q->methods[i], by);
        if (!by[FROM] == !by[TO])
            continue;
        unsigned side = by[TO] ? TO : FROM;
        bool *shown = &q->shown[side][by[side] - q->rules];
        if (!*shown)
            add_line(q, side, EFFECT_REQUEST, by[side], q->methods[i], class->example);
        *shown = true;
    }
}

static void compare_paths(struct requests *q)
{
    collect_methods(q);
    effect_classify(&q->paths);
    for (size_t i = 0; i < q->paths.n_classes && !q->t->budget->spent; i++)
        compare_class(q, &q->paths.classes[i]);
}

static bool same_items(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
    for (size_t i = 0; i < n_a; i++) {
        bool found = false;
        for (size_t j = 0; j < n_b && !found; j++)
            found = a[i] == b[j];
        if (!found)
            return false;
    }
    return true;
}

static void compare(struct requests *q, const uint32_t *from, size_t n_from, const uint32_t *to,
                    size_t n_to)
{
    uint32_t opaque = EFFECT_NEVER;
    if (!add_side(q, FROM, from, n_from, &opaque) || !add_side(q, TO, to, n_to, &opaque)) {
        add_line(q, FROM, EFFECT_UNKNOWN, NULL, "", "");
        add_line(q, TO, EFFECT_UNKNOWN, NULL, "", "");
        return;
    }
    if (q->all[FROM] && q->all[TO])
        return;
    replace_audited(q);
    find_changes(q);
    compare_others(q);
    compare_paths(q);
}

void effect_compare_requests(struct effect_treatments *t, const uint32_t *from, size_t n_from,
                             const uint32_t *to, size_t n_to, struct effect_verdict *out)
{
    if (same_items(from, n_from, to, n_to) && same_items(to, n_to, from, n_from))
        return;
    struct arena *arena = arena_new();
    struct requests q = {.t = t,
                         .arena = arena,
                         .out = out,
                         .selector = EFFECT_NEVER,
                         .top = EFFECT_NEVER,
                         .contents.arena = arena};
    effect_space_init(&q.paths, EFFECT_PATHS, arena, t->budget);
    effect_spend(t->budget, 256);
    compare(&q, from, n_from, to, n_to);
    arena_free(arena);
}
