/* SPDX-License-Identifier: Apache-2.0 */
/* Operations as a document, such as {"add_rule": {…}}. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "policy/merge/merge.h"

#define AT(member)        .offset = offsetof(struct policy_operation, member)
#define RULE_NAME         {.name = "rule_name", .kind = SCHEMA_TEXT, AT(rule_name), \
                           .flags = SCHEMA_REQUIRED, .help = "The rule's key in network_policies."}
#define HOST                                                                     \
    {                                                                            \
        .name = "host", .kind = SCHEMA_TEXT, AT(host), .flags = SCHEMA_REQUIRED, \
        .help = "The endpoint's host as the policy writes it, in any case."      \
    }
#define PORT              {.name = "port", .kind = SCHEMA_U16, AT(port), .flags = SCHEMA_REQUIRED, \
                           .min = 1, .max = 65535, .help = "One port of the endpoint."}
#define L7_RULES(...)     {.kind = SCHEMA_STRUCTS, AT(l7_rules), .sub = &policy_l7_rule_schema, \
                           .count_offset = offsetof(struct policy_operation, n_l7_rules), \
                           .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY, __VA_ARGS__}

static const struct schema_field add_rule[] = {
    RULE_NAME,
    {.name = "rule", .kind = SCHEMA_STRUCT, AT(rule), .sub = &policy_rule_schema,
     .flags = SCHEMA_REQUIRED, .help = "What is added."},
    {0},
};
static const struct schema_field remove_endpoint[] = {
    {.name = "rule_name",
     .kind = SCHEMA_TEXT,
     AT(rule_name),
     .help = "Only from this rule; else from all."},
    HOST,
    PORT,
    {0},
};
static const struct schema_field remove_rule[] = {RULE_NAME, {0}};
static const struct schema_field add_deny_rules[] = {
    HOST, PORT, L7_RULES(.name = "deny_rules", .help = "Requests that are refused."), {0},
};
static const struct schema_field add_allow_rules[] = {
    HOST,
    PORT,
    L7_RULES(.name = "rules", .wrap = "allow", .help = "Requests that are allowed."),
    {0},
};
static const struct schema_field remove_binary[] = {
    RULE_NAME,
    {.name = "binary_path", .kind = SCHEMA_TEXT, AT(binary_path), .flags = SCHEMA_REQUIRED,
     .help = "The binary's path as the policy writes it."},
    {0},
};

#define SCHEMA(fields_of) \
    {.name = #fields_of " operation", .size = sizeof(struct policy_operation), .fields = fields_of}

static const struct schema schemas[POLICY_OPERATION_COUNT] = {
    [POLICY_ADD_RULE] = SCHEMA(add_rule),
    [POLICY_REMOVE_ENDPOINT] = SCHEMA(remove_endpoint),
    [POLICY_REMOVE_RULE] = SCHEMA(remove_rule),
    [POLICY_ADD_DENY_RULES] = SCHEMA(add_deny_rules),
    [POLICY_ADD_ALLOW_RULES] = SCHEMA(add_allow_rules),
    [POLICY_REMOVE_BINARY] = SCHEMA(remove_binary),
};

static const struct schema_field operation_fields[] = {
#define X(id, word, meaning) \
    {.name = word, .kind = SCHEMA_STRUCT, .sub = &schemas[POLICY_##id], .help = meaning},
    POLICY_OPERATIONS(X)
#undef X
        {0},
};
static const struct schema operation_schema = {
    .name = "operation", .size = sizeof(struct policy_operation), .fields = operation_fields,
};
static const struct schema_field operations_fields[] = {
    {.name = "operations",
     .kind = SCHEMA_STRUCTS,
     .sub = &operation_schema,
     .flags = SCHEMA_REQUIRED | SCHEMA_NONEMPTY,
     .help = "Each has one member, which says what it does"},
    {0},
};
const struct schema policy_operations_schema = {
    .name = "operations", .size = sizeof(struct policy_operations), .fields = operations_fields,
};

static const char *const words[] = {
#define X(id, word, meaning) [POLICY_##id] = word,
    POLICY_OPERATIONS(X)
#undef X
    NULL,
};

static int find_word(const char *word)
{
    for (int kind = 0; kind < POLICY_OPERATION_COUNT; kind++)
        if (strcmp(words[kind], word) == 0)
            return kind;
    return -1;
}

static const char *trimmed(const char *text, struct arena *arena)
{
    size_t len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    while (len && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    return text[len] ? arena_strn(arena, text, len) : text;
}

/* A required text that was written, but with nothing in it. */
static int need_text(const char *text, const char *field, const char *path,
                     const struct doc_node *node, struct arena *arena, struct problems *problems)
{
    if (*text || !doc_get(node, field))
        return 0;
    return problems_add(problems, doc_path_key(arena, path, field), node->line, node->column,
                        "%s is required", field);
}

static int check_shape(const struct policy_operation *op, const char *path,
                       const struct doc_node *node, struct arena *arena, struct problems *problems)
{
    int rc = 0;
    if (op->kind != POLICY_REMOVE_ENDPOINT)
        rc |= need_text(op->rule_name, "rule_name", path, node, arena, problems);
    rc |= need_text(op->host, "host", path, node, arena, problems);
    rc |= need_text(op->binary_path, "binary_path", path, node, arena, problems);
    if (op->rule && op->rule->n_endpoints == 0)
        rc |= problems_add(problems, doc_path_key(arena, path, "rule"), node->line, node->column,
                           "rule must contain at least one endpoint");
    return rc;
}

/* Texts that the table of this kind does not mention are still NULL. */
static const char *text_of(const char *text, struct arena *arena)
{
    return text ? trimmed(text, arena) : "";
}

static int decode_payload(enum policy_operation_kind kind, const struct doc_node *node,
                          const char *path, struct arena *arena, struct policy_operation *out,
                          struct problems *problems)
{
    void *record;
    if (schema_decode(&schemas[kind], node, path, arena, &record, problems) != 0)
        return -1;
    *out = *(struct policy_operation *)record;
    out->kind = kind;
    out->rule_name = text_of(out->rule_name, arena);
    out->host = text_of(out->host, arena);
    out->binary_path = text_of(out->binary_path, arena);
    return check_shape(out, path, node, arena, problems);
}

static int refuse_word(const struct doc_node *key, const char *path, struct arena *arena,
                       struct problems *problems)
{
    const char *near = text_nearest(key->text, words);
    struct buf all = {0};
    for (int kind = 0; kind < POLICY_OPERATION_COUNT; kind++)
        buf_printf(&all, "%s%s", kind ? ", " : "", words[kind]);
    if (near)
        problems_add(problems, doc_path_key(arena, path, key->text), key->line, key->column,
                     "there is no such operation; did you mean \"%s\"?", near);
    else
        problems_add(problems, doc_path_key(arena, path, key->text), key->line, key->column,
                     "there is no such operation; there are %s", buf_str(&all));
    buf_free(&all);
    return -1;
}

static int decode_operation(const struct doc_node *node, const char *path, struct arena *arena,
                            struct policy_operation *out, struct problems *problems)
{
    if (node->kind != DOC_MAP || node->n == 0)
        return problems_add(
            problems, path, node->line, node->column,
            "is missing an operation, such as {\"remove_rule\": {\"rule_name\": \"x\"}}");
    if (node->n > 1)
        return problems_add(problems, path, node->line, node->column,
                            "holds %zu operations; write each as an item of its own", node->n);
    int kind = find_word(node->keys[0]->text);
    if (kind < 0)
        return refuse_word(node->keys[0], path, arena, problems);
    return decode_payload((enum policy_operation_kind)kind, node->items[0],
                          doc_path_key(arena, path, words[kind]), arena, out, problems);
}

static const struct doc_node *list_of(const struct doc_node *node, struct problems *problems)
{
    static const char field[] = "operations";
    const struct doc_node *list = doc_get(node, field);
    if (!list || node->n != 1)
        problems_add(problems, "", node->line, node->column,
                     "must be a map with the one field \"%s\"", field);
    else if (list->kind != DOC_LIST || list->n == 0)
        problems_add(problems, field, list->line, list->column,
                     "must be a list of at least one operation");
    else if (list->n > POLICY_OPERATIONS_MAX)
        problems_add(problems, field, list->line, list->column, "has %zu operations, more than %d",
                     list->n, POLICY_OPERATIONS_MAX);
    else
        return list;
    return NULL;
}

int policy_operations_decode(const struct doc_node *node, struct arena *arena,
                             struct policy_operations *out, struct problems *problems)
{
    const struct doc_node *list = list_of(node, problems);
    if (!list)
        return -1;
    struct policy_operation *items = arena_zalloc(arena, list->n * sizeof *items);
    int rc = 0;
    for (size_t i = 0; i < list->n; i++)
        rc |= decode_operation(list->items[i], doc_path_item(arena, "operations", i), arena,
                               &items[i], problems);
    *out = (struct policy_operations){items, list->n, NULL};
    return rc;
}
