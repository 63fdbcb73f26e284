/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/proposal.h"

#include <stdbool.h>
#include <string.h>

#include "doc/writer.h"
#include "policy/merge/merge.h"
#include "policy/wish.h"

enum { INTENT_MAX = 4096 };

static bool has_text(const struct doc_node *node)
{
    return node && node->kind == DOC_SCALAR && *node->text;
}

static const struct doc_node *get(const struct doc_node *map, const char *key, const char *other)
{
    const struct doc_node *value = doc_get(map, key);
    return value ? value : doc_get(map, other);
}

static bool is_list(const struct doc_node *node)
{
    return node && node->kind == DOC_LIST && node->n > 0;
}

/* ---- what OpenShell's gateway refuses, in its words ---- */

static int check_paths(const struct doc_node *endpoint, struct error *err)
{
    const struct doc_node *rules = doc_get(endpoint, "rules");
    for (size_t i = 0; rules && rules->kind == DOC_LIST && i < rules->n; i++) {
        const struct doc_node *path = doc_get(doc_get(rules->items[i], "allow"), "path");
        if (has_text(path) && strchr(path->text, '?'))
            return error_set(err, ERROR_INVALID, "L7 allow paths must not include query strings");
    }
    return 0;
}

static int check_endpoint(const struct doc_node *endpoint, struct error *err)
{
    if (!has_text(doc_get(endpoint, "host")))
        return error_set(err, ERROR_INVALID, "endpoint.host is required");
    if (!has_text(doc_get(endpoint, "port")) && !is_list(doc_get(endpoint, "ports")))
        return error_set(err, ERROR_INVALID, "endpoint.port or endpoint.ports is required");
    return check_paths(endpoint, err);
}

/* NULL: err. */
static const struct doc_node *check_rule(const struct doc_node *add, const char **name,
                                         struct error *err)
{
    const struct doc_node *rule = doc_get(add, "rule"), *endpoints = doc_get(rule, "endpoints"),
                          *written = get(add, "ruleName", "rule_name");
    written = has_text(written) ? written : doc_get(rule, "name");
    *name = has_text(written) ? written->text : "";
    if (!has_text(written))
        error_set(err, ERROR_INVALID, "addRule.ruleName or rule.name is required");
    else if (!is_list(endpoints))
        error_set(err, ERROR_INVALID, "rule.endpoints must contain at least one endpoint");
    else {
        for (size_t i = 0; i < endpoints->n; i++)
            if (check_endpoint(endpoints->items[i], err) != 0)
                return NULL;
        return rule;
    }
    return NULL;
}

/* ---- how a rule is to end again ---- */

/* The JSON of it in *out, "": nothing is said there. */
static int read_wish(const struct doc_node *map, const char *path, struct arena *arena,
                     const char **out, struct error *err)
{
    const struct doc_node *wish = doc_get(map, "grant");
    struct problems problems = {0};
    struct doc_json_writer json;
    struct buf text = {0};
    void *decoded;
    *out = "";
    if (!wish)
        return 0;
    if (schema_decode(&policy_wish_schema, wish, path, arena, &decoded, &problems) != 0)
        return problems_first(&problems, ERROR_INVALID, err);
    doc_write_tree(doc_json_writer(&json, &text), wish);
    *out = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return 0;
}

/* That of the rule, or else of the whole proposal. */
static int choose_wish(const struct doc_node *item, const struct doc_node *add, size_t i,
                       const char *general, struct arena *arena, const char **out,
                       struct error *err)
{
    const char *beside, *within;
    if (read_wish(item, arena_printf(arena, "operations[%zu].grant", i), arena, &beside, err) ||
        read_wish(add, arena_printf(arena, "operations[%zu].addRule.grant", i), arena, &within,
                  err))
        return -1;
    if (*beside && *within)
        return error_set(err, ERROR_INVALID,
                         "operations[%zu] has two grants: a rule ends in one way, leave out the "
                         "one beside addRule",
                         i);
    *out = *within ? within : *beside ? beside : general;
    return 0;
}

/* ---- the operations as the gateway takes them ---- */

static int write_operation(const struct doc_node *item, size_t i, struct doc_writer *w,
                           struct error *err)
{
    const char *name;
    const struct doc_node *add = get(item, "addRule", "add_rule");
    if (!add)
        return error_set(err, ERROR_INVALID,
                         "this MVP accepts `addRule` operations; operations[%zu] is none: propose "
                         "what is to be allowed, taking things away is for people",
                         i);
    const struct doc_node *rule = check_rule(add, &name, err);
    if (!rule)
        return -1;
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "add_rule");
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "rule_name");
    doc_write_text(w, name);
    doc_write_key(w, "rule");
    doc_write_tree(w, rule);
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_MAP);
    return 0;
}

static int write_operations(const struct doc_node *list, struct buf *out, struct error *err)
{
    struct doc_json_writer json;
    struct doc_writer *w = doc_json_writer(&json, out);
    int rc = 0;
    if (!is_list(list))
        return error_set(err, ERROR_INVALID, "proposal requires at least one operation");
    if (list->n > LOCAL_OPERATIONS_MAX)
        return error_set(err, ERROR_INVALID,
                         "a proposal has at most %d operations, this one has %zu: send the others "
                         "after them",
                         LOCAL_OPERATIONS_MAX, list->n);
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "operations");
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; rc == 0 && i < list->n; i++)
        rc = write_operation(list->items[i], i, w, err);
    doc_write_close(w, DOC_LIST);
    doc_write_close(w, DOC_MAP);
    return rc;
}

static int parse(const char *text, size_t len, struct arena *arena, struct doc_node **out,
                 struct error *err)
{
    struct problems problems = {0};
    if (doc_parse(text, len, DOC_JSON, 2 * LOCAL_BODY_MAX, arena, out, &problems) == 0)
        return 0;
    problems_first(&problems, ERROR_INVALID, err);
    return error_prefix(err, "the body is no JSON document");
}

/* Whether rules are written as the policy's schema says. */
static int check_schema(const char *operations, struct arena *arena, struct error *err)
{
    struct problems problems = {0};
    struct policy_operations list;
    struct doc_node *tree;
    if (parse(operations, strlen(operations), arena, &tree, err) != 0)
        return -1;
    if (policy_operations_decode(tree, arena, &list, &problems) != 0)
        return problems_first(&problems, ERROR_INVALID, err);
    problems_free(&problems);
    return 0;
}

static int read_intent(const struct doc_node *body, const char **out, struct error *err)
{
    const struct doc_node *intent = doc_get(body, "intent_summary");
    *out = has_text(intent) ? intent->text : "";
    if (strlen(*out) > INTENT_MAX)
        return error_set(err, ERROR_INVALID, "intent_summary has at most %d bytes", INTENT_MAX);
    return 0;
}

/* The operations are known to be a list of as many as there may be. */
static int read_wishes(const struct doc_node *body, struct arena *arena,
                       struct local_proposal *out, struct error *err)
{
    const struct doc_node *list = doc_get(body, "operations");
    const char **wishes = arena_zalloc(arena, list->n * sizeof *wishes), *general;
    int rc = read_wish(body, "grant", arena, &general, err);
    for (size_t i = 0; rc == 0 && i < list->n; i++)
        rc = choose_wish(list->items[i], get(list->items[i], "addRule", "add_rule"), i, general,
                         arena, &wishes[i], err);
    out->wishes = wishes;
    out->n = list->n;
    return rc;
}

int local_proposal_read(const char *body, size_t len, struct arena *arena,
                        struct local_proposal *out, struct error *err)
{
    struct doc_node *root;
    struct buf text = {0};
    if (parse(body, len, arena, &root, err) != 0 || read_intent(root, &out->intent, err) != 0)
        return -1;
    int rc = write_operations(doc_get(root, "operations"), &text, err);
    out->operations = arena_str(arena, buf_str(&text));
    buf_free(&text);
    return rc != 0 || read_wishes(root, arena, out, err) != 0
               ? -1
               : check_schema(out->operations, arena, err);
}
