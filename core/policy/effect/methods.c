/* SPDX-License-Identifier: Apache-2.0 */
/* Which HTTP methods a side lets through at all, on whatever path. */
#include <string.h>
#include <strings.h>

#include "policy/effect/requests_parts.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

enum { FROM = EFFECT_FROM, TO = EFFECT_TO, SIDES = EFFECT_SIDES, METHODS_MAX = 128 };

static const char *const usual[] = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"};
enum { N_USUAL = sizeof usual / sizeof *usual };

static const char any_other[] = "X-ANY-OTHER";

struct effect_methods {
    const char *items[METHODS_MAX];
    bool passed[SIDES][METHODS_MAX];
    size_t n;
};

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

/* ---- what passes ---- */

static void note_method(struct effect_methods *methods, unsigned side, const char *method)
{
    for (size_t i = 0; i < methods->n; i++)
        if (is(method, "*") || strcasecmp(methods->items[i], method) == 0)
            methods->passed[side][i] = true;
}

void effect_note_passing(struct effect_requests *q, unsigned side, const struct effect_sent *sent)
{
    bool call = *sent->operation || *sent->rpc_method;
    bool message = is(sent->method, POLICY_WEBSOCKET_TEXT) ||
                   is(sent->method, POLICY_WEBSOCKET_BINARY);
    bool query = strncmp(sent->operation, "query", strlen("query")) == 0;
    note_method(q->methods, side, query ? "GET" : call || message ? "POST" : sent->method);
}

/* What cannot be told counts as gained. */
void effect_note_unknown(struct effect_requests *q, const struct effect_entry *entry)
{
    struct effect_sent sent = EFFECT_SENT_NOTHING;
    sent.method = entry->method;
    if (entry->side == TO && !entry->deny)
        effect_note_passing(q, TO, &sent);
}

/* ---- all that could be asked for ---- */

static void add_method(struct effect_requests *q, struct effect_methods *methods,
                       const char *method)
{
    for (size_t i = 0; i < methods->n; i++)
        if (strcasecmp(methods->items[i], method) == 0)
            return;
    effect_spend(q->t->budget, methods->n + 1);
    if (methods->n < METHODS_MAX)
        methods->items[methods->n++] = method;
    else
        q->t->budget->spent = true;
}

static void collect_methods(struct effect_requests *q, struct effect_methods *methods)
{
    for (size_t i = 0; i < N_USUAL; i++)
        add_method(q, methods, usual[i]);
    for (size_t i = 0; i < q->n_entries; i++)
        if (effect_has_requests(q->entries[i].endpoint->protocol) &&
            !is(q->entries[i].method, "*") && !is(q->entries[i].method, POLICY_WEBSOCKET_TEXT))
            add_method(q, methods, q->entries[i].method);
    add_method(q, methods, any_other);
}

/* ---- class by class ---- */

static void visit_force(struct effect_requests *q, const struct effect_force *force)
{
    struct effect_force alone[SIDES] = {{.side = FROM, .protocol = ""},
                                        {.side = TO, .protocol = ""}};
    if (!force->way)
        return;
    alone[force->side] = *force;
    if (is(force->protocol, "websocket"))
        effect_compare_websocket(q, alone);
    else if (effect_has_requests(force->protocol))
        for (size_t i = 0; i < q->methods->n && !q->t->budget->spent; i++)
            effect_compare_method(q, alone, q->methods->items[i]);
    else if (policy_always_has_calls(force->way->endpoint))
        effect_compare_calls(q, alone, force->protocol);
    else if (force->side == TO)
        note_method(q->methods, TO, "*");
}

static void visit(struct effect_requests *q)
{
    for (size_t i = 0; i < q->paths.n; i++)
        q->paths.patterns[i].relevant = true;
    effect_classify(&q->paths);
    q->in = arena_zalloc(q->arena, (q->paths.n + 1) * sizeof *q->in);
    for (size_t i = 0; i < q->paths.n_classes && !q->t->budget->spent; i++) {
        effect_enter_class(q, &q->paths.classes[i]);
        for (unsigned side = 0; side < SIDES; side++) {
            struct effect_force force = effect_find_force(q, side);
            visit_force(q, &force);
        }
        effect_leave_class(q, &q->paths.classes[i]);
    }
}

/* ---- what is gained ---- */

static bool is_gained(const struct effect_methods *methods, size_t i)
{
    return methods->passed[TO][i] && !methods->passed[FROM][i];
}

static size_t list_gained(struct effect_requests *q, const struct effect_methods *methods,
                          const char ***out)
{
    struct arena *arena = q->t->arena;              /* the names outlive this comparison */
    size_t n = 0;
    *out = arena_alloc(arena, (methods->n + 1) * sizeof **out);
    for (size_t i = 0; i + 1 < methods->n; i++)     /* the last one stands for all others */
        if (is_gained(methods, i))
            (*out)[n++] = effect_upper(arena, methods->items[i]);
    if (n == 0 && methods->n && is_gained(methods, methods->n - 1))
        (*out)[n++] = "*";
    return n;
}

size_t effect_gained_methods(struct effect_treatments *t, const struct effect_side *from,
                             const struct effect_side *to, const char ***out)
{
    struct arena *arena = arena_new();
    struct effect_methods methods = {.n = 0};
    struct effect_requests q = {.t = t, .arena = arena, .contents.arena = arena,
                                .methods = &methods};
    effect_space_init(&q.paths, EFFECT_PATHS, arena, t->budget);
    effect_spend(t->budget, 256);
    effect_add_side(&q, FROM, from->ids, from->inspected ? from->n : 0);
    effect_add_side(&q, TO, to->ids, to->inspected ? to->n : 0);
    effect_add_slashes(&q);
    collect_methods(&q, &methods);
    visit(&q);
    if (!from->inspected)
        note_method(&methods, FROM, "*");
    if (!to->inspected)
        note_method(&methods, TO, "*");
    size_t n = list_gained(&q, &methods, out);
    arena_free(arena);
    return n;
}
