/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/matcher.h"

#include <stdlib.h>
#include <string.h>

#include "doc/writer.h"
#include "policy/policy.h"

static const char tool_key[] = "name";

/* Ports. */

int policy_decode_port(struct schema_decoder *d, const struct doc_node *value, void *endpoint)
{
    struct sluice_endpoint *e = endpoint;
    int64_t number;
    if (schema_integer(d, value, 1, UINT16_MAX, &number))
        return -1;
    uint16_t *ports = arena_alloc(schema_arena(d), sizeof *ports);
    *ports = (uint16_t)number;
    e->ports = ports;
    e->n_ports = 1;
    return 0;
}

void policy_encode_port(const void *endpoint, struct doc_writer *w)
{
    const struct sluice_endpoint *e = endpoint;
    if (e->n_ports == 1)
        doc_write_number(w, e->ports[0]);
}

void policy_encode_ports(const void *endpoint, struct doc_writer *w)
{
    const struct sluice_endpoint *e = endpoint;
    if (e->n_ports < 2)
        return;
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < e->n_ports; i++)
        doc_write_number(w, e->ports[i]);
    doc_write_close(w, DOC_LIST);
}

/* Matchers. */

int policy_decode_glob(struct schema_decoder *d, const struct doc_node *value, void *matcher)
{
    struct sluice_matcher *m = matcher;
    const char **any = arena_alloc(schema_arena(d), sizeof *any);
    if (schema_text(d, value, any))
        return -1;
    m->any = any;
    m->n_any = 1;
    return 0;
}

int policy_decode_short_matcher(struct schema_decoder *d, const struct doc_node *value,
                                void *matcher)
{
    if (value->kind == DOC_LIST)
        return schema_problem(d, value, "must be a glob or {any: [glob, …]}, not a list");
    return policy_decode_glob(d, value, matcher);
}

bool policy_encode_short_matcher(const void *matcher, struct doc_writer *w)
{
    const struct sluice_matcher *m = matcher;
    if (m->n_any != 1)
        return false;
    doc_write_text(w, m->any[0]);
    return true;
}

int policy_finish_matcher(struct schema_decoder *d, void *matcher)
{
    const struct sluice_matcher *m = matcher;
    return m->n_any ? 0 : schema_problem(d, NULL, "must be a glob or {any: [glob, …]}");
}

/* Parameters. */

static void add_param(struct schema_decoder *d, struct sluice_l7_rule *rule,
                      const struct sluice_matcher *param)
{
    size_t n = rule->n_params;
    const struct sluice_matcher **grown = (const struct sluice_matcher **)(uintptr_t)rule->params;
    /* Full at every power of two: doubles, so that many parameters stay cheap. */
    if ((n & (n - 1)) == 0) {
        grown = arena_alloc(schema_arena(d), (n ? 2 * n : 1) * sizeof *grown);
        if (n)
            memcpy(grown, rule->params, n * sizeof *grown);
    }
    grown[n] = param;
    rule->params = grown;
    rule->n_params = n + 1;
}

static int decode_param(struct schema_decoder *d, const struct doc_node *value, const char *key,
                        struct sluice_l7_rule *rule)
{
    void *matcher;
    if (schema_decode_sub(d, &policy_matcher_schema, value, NULL, &matcher))
        return -1;
    ((struct sluice_matcher *)matcher)->key = key;
    add_param(d, rule, matcher);
    return 0;
}

int policy_decode_tool(struct schema_decoder *d, const struct doc_node *value, void *l7_rule)
{
    return decode_param(d, value, tool_key, l7_rule);
}

static bool is_nested(const struct doc_node *value)
{
    return value->kind == DOC_MAP && !doc_get(value, "any") && !doc_get(value, "glob");
}

static int decode_params(struct schema_decoder *d, const struct doc_node *map, const char *prefix,
                         struct sluice_l7_rule *rule)
{
    int rc = 0;
    for (size_t i = 0; i < map->n; i++) {
        struct schema_step step;
        const char *own = map->keys[i]->text;
        const char *key = arena_printf(schema_arena(d), "%s%s%s", prefix, *prefix ? "." : "", own);
        bool bad = schema_key(d, map->keys[i]) != 0;
        schema_enter(d, &step, own, map->items[i]);
        if (!bad && strlen(key) > SCHEMA_KEY_MAX)
            bad = schema_problem(d, NULL,
                                 "the names of nested parameters have together more than %d "
                                 "bytes",
                                 SCHEMA_KEY_MAX) != 0;
        if (bad || (is_nested(map->items[i]) ? decode_params(d, map->items[i], key, rule)
                                             : decode_param(d, map->items[i], key, rule)))
            rc = -1;
        schema_leave(d);
    }
    if (!map->n)
        rc = schema_problem(d, map, "must not be an empty map: leave it out");
    return rc;
}

int policy_decode_params(struct schema_decoder *d, const struct doc_node *value, void *l7_rule)
{
    if (value->kind != DOC_MAP)
        return schema_problem(d, value, "must be a map of parameter names and globs");
    return decode_params(d, value, "", l7_rule);
}

static bool is_tool(const struct sluice_matcher *param)
{
    return strcmp(param->key, tool_key) == 0;
}

void policy_encode_tool(const void *l7_rule, struct doc_writer *w)
{
    const struct sluice_l7_rule *rule = l7_rule;
    for (size_t i = 0; i < rule->n_params; i++)
        if (is_tool(rule->params[i]))
            schema_write(&policy_matcher_schema, rule->params[i], w);
}

void policy_encode_params(const void *l7_rule, struct doc_writer *w)
{
    const struct sluice_l7_rule *rule = l7_rule;
    size_t written = 0;
    for (size_t i = 0; i < rule->n_params; i++) {
        if (is_tool(rule->params[i]))
            continue;
        if (!written++)
            doc_write_open(w, DOC_MAP);
        doc_write_key(w, rule->params[i]->key);
        schema_write(&policy_matcher_schema, rule->params[i], w);
    }
    if (written)
        doc_write_close(w, DOC_MAP);
}

static int by_key(const void *a, const void *b)
{
    const struct sluice_matcher *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

int policy_finish_l7_rule(struct schema_decoder *d, void *l7_rule)
{
    struct sluice_l7_rule *rule = l7_rule;
    int rc = 0;
    if (rule->n_params)
        qsort((void *)(uintptr_t)rule->params, rule->n_params, sizeof *rule->params, by_key);
    for (size_t i = 1; i < rule->n_params; i++) {
        const struct sluice_matcher *param = rule->params[i];
        if (strcmp(param->key, rule->params[i - 1]->key) == 0)
            rc =
                schema_problem(d, NULL, "the parameter \"%s\" has two matchers%s", param->key,
                               is_tool(param) ? ": \"tool\" and \"params.name\" are the same" : "");
    }
    return rc;
}

int policy_decode_config(struct schema_decoder *d, const struct doc_node *value, void *middleware)
{
    struct sluice_middleware *m = middleware;
    if (value->kind == DOC_NULL)
        return 0;
    if (value->kind != DOC_MAP)
        return schema_problem(d, value, "must be a map, not %s", schema_show(d, value));
    return schema_json(d, value, &m->config_json);
}
