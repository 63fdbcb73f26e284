/* SPDX-License-Identifier: Apache-2.0 */
/* The inspected endpoints of both sides, taken apart into what selects paths and what allows or
 * denies there, and which of it differs. */
#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "policy/effect/requests_parts.h"
#include "policy/match/http.h"
#include "policy/policy.h"
#include "policy/preset.h"

enum { FROM = EFFECT_FROM, TO = EFFECT_TO };

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

bool effect_has_requests(const char *protocol)
{
    return is(protocol, "rest") || is(protocol, "websocket");
}

bool effect_is_audited(const struct sluice_endpoint *e)
{
    return !is(e->enforcement, "enforce");
}

/* ---- entries ---- */

static void add_entry(struct effect_requests *q, const struct effect_way *way,
                      struct effect_entry entry)
{
    struct buf key = {0};
    buf_printf(&key, "%u %d %d %u ", way->content, entry.deny, entry.audit, entry.pattern);
    for (const char *m = entry.method; *m; m++)
        buf_putc(&key, (char)toupper((unsigned char)*m));
    if (entry.rule) {
        struct sluice_l7_rule rest = *entry.rule;
        rest.method = rest.path = "";
        if (!effect_has_requests(entry.endpoint->protocol))
            rest.method = entry.rule->method;
        schema_encode_json(&policy_l7_rule_schema, &rest, &key);
    }
    entry.content = effect_intern(&q->contents, key.data, key.len);
    effect_spend(q->t->budget, key.len);
    buf_free(&key);
    q->entries = arena_grow(q->arena, q->entries, q->n_entries, &q->cap_entries, sizeof entry);
    q->entries[q->n_entries++] = entry;
}

/* The HTTP method of requests, or messages, that carry calls. */
static const char *call_method(const struct sluice_endpoint *e)
{
    return is(e->protocol, "websocket") ? POLICY_WEBSOCKET_TEXT
           : is(e->protocol, "graphql") ? "*"
                                        : "POST";
}

static bool is_about_calls(const struct sluice_endpoint *e, const struct sluice_l7_rule *r)
{
    return !effect_has_requests(e->protocol) || *r->operation_type;
}

static void add_rules(struct effect_requests *q, unsigned side, const struct effect_way *way,
                      const struct sluice_l7_rule *const *rules, size_t n, bool deny)
{
    const struct sluice_endpoint *e = way->endpoint;
    for (size_t i = 0; i < n; i++) {
        bool calls = is_about_calls(e, rules[i]);
        struct effect_entry entry = {.endpoint = e, .rule = rules[i], .side = side, .deny = deny,
                                     .method = calls ? call_method(e) : rules[i]->method,
                                     .path = !calls ? rules[i]->path : *e->path ? e->path : "**"};
        if (!*entry.method || !*entry.path)
            continue;                               /* matches nothing */
        entry.pattern = effect_pattern(&q->paths, calls ? "**" : entry.path);
        add_entry(q, way, entry);
    }
}

/* What the endpoint allows without a rule. */
static void add_access(struct effect_requests *q, unsigned side, const struct effect_way *way)
{
    const struct sluice_endpoint *e = way->endpoint;
    const char *const *methods = e->n_rules ? NULL : policy_preset(e->protocol, e->access);
    struct effect_entry entry = {.endpoint = e, .side = side, .method = "*", .path = "**",
                                 .pattern = effect_pattern(&q->paths, "**")};
    for (size_t i = 0; effect_has_requests(e->protocol) && methods && methods[i]; i++) {
        entry.method = methods[i];
        add_entry(q, way, entry);
    }
    if (!effect_has_requests(e->protocol)) {
        entry.method = "*";
        entry.path = *e->path ? e->path : "**";
        add_entry(q, way, entry);
    }
}

/* Audit lets everything through. */
static void add_audit(struct effect_requests *q, unsigned side, const struct effect_way *way)
{
    const struct sluice_endpoint *e = way->endpoint;
    add_entry(q, way, (struct effect_entry){.endpoint = e, .side = side, .audit = true,
                                            .method = "*", .path = "**",
                                            .pattern = effect_pattern(&q->paths, "**")});
}

/* ---- endpoints ---- */

/* What such an endpoint allows without a rule depends on it. */
static bool names_tools(const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_rules; i++)
        if (e->rules[i]->n_params)
            return true;
    return false;
}

static uint32_t way_content(struct effect_requests *q, const struct sluice_endpoint *e)
{
    struct buf key = {0};
    bool everything = e->mcp && e->mcp->allow_all_known_mcp_methods;
    buf_printf(&key, "way %s %d %d %d %d %s %s", e->protocol, effect_is_audited(e),
               e->allow_encoded_slash, everything, everything && names_tools(e),
               !effect_has_requests(e->protocol) ? e->access : "", e->path);
    uint32_t id = effect_intern(&q->contents, key.data, key.len);
    buf_free(&key);
    return id;
}

static void add_way(struct effect_requests *q, unsigned side, const struct sluice_endpoint *e)
{
    char top[POLICY_TARGET_PATH_MAX + 1];
    struct effect_way *way = &q->ways[side][q->n_ways[side]++];
    *way = (struct effect_way){.endpoint = e,
                               .selector = EFFECT_NEVER,
                               .top = EFFECT_NEVER,
                               .specificity = policy_path_specificity(e->path),
                               .first = q->n_entries};
    way->content = way_content(q, e);
    if (*e->path)
        way->selector = effect_pattern(&q->paths, e->path);
    if (policy_path_top(e->path, top))
        way->top = effect_pattern(&q->paths, arena_str(q->arena, top));
    add_access(q, side, way);
    add_rules(q, side, way, e->rules, e->n_rules, false);
    add_rules(q, side, way, e->deny_rules, e->n_deny_rules, true);
    if (effect_is_audited(e))
        add_audit(q, side, way);
    way->n = q->n_entries - way->first;
    q->slashes_matter |= e->allow_encoded_slash;
}

void effect_add_side(struct effect_requests *q, unsigned side, const uint32_t *ids, size_t n)
{
    q->ways[side] = arena_zalloc(q->arena, (n + 1) * sizeof *q->ways[side]);
    for (size_t i = 0; i < n; i++)
        if (q->t->items[ids[i]].inspected)
            add_way(q, side, q->t->items[ids[i]].endpoint);
}

/* ---- changes ---- */

/* Ways that are equally specific depend on their order. */
static bool same_ways(const struct effect_requests *q)
{
    bool same = q->n_ways[FROM] == q->n_ways[TO];
    for (size_t i = 0; i < q->n_ways[FROM] && same; i++)
        same = q->ways[FROM][i].content == q->ways[TO][i].content;
    return same;
}

static void mark(struct effect_requests *q, uint32_t pattern)
{
    if (pattern != EFFECT_NEVER)
        q->paths.patterns[pattern].relevant = true;
}

static void mark_all(struct effect_requests *q)
{
    mark(q, effect_pattern(&q->paths, "**"));
    for (uint32_t i = 0; i < q->paths.n; i++)
        mark(q, i);
}

/* Only paths that a changed entry is about can be treated in another way. */
void effect_find_changed_paths(struct effect_requests *q)
{
    unsigned *sides = arena_zalloc(q->arena, (q->contents.n + 1) * sizeof *sides);
    bool same = same_ways(q);
    for (size_t i = 0; i < q->n_entries; i++)
        sides[q->entries[i].content] |= 1u << q->entries[i].side;
    for (size_t i = 0; i < q->n_entries; i++) {
        q->entries[i].changed = sides[q->entries[i].content] != 3;
        if (q->entries[i].changed)
            mark(q, q->entries[i].pattern);
    }
    if (!same)
        mark_all(q);
}
