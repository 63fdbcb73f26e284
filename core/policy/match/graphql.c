/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/graphql.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/glob.h"
#include "policy/match/calls.h"
#include "policy/match/calls_parts.h"
#include "policy/match/http.h"
#include "policy/preset.h"

/* ---- rules ---- */

static bool type_matches(const char *written, const char *type)
{
    if (*written == '*')
        return !written[1];
    return (*written | 0x20) == *type && strcasecmp(written, type) == 0;
}

static bool any_matches(const char *const *globs, size_t n, const char *field)
{
    for (size_t i = 0; i < n; i++)
        if (glob_match(globs[i], field, '.', 0))
            return true;
    return false;
}

/* A rule that allows has to cover every field, for one that denies a single one is enough. */
static bool fields_match(const struct sluice_l7_rule *rule, const struct policy_call *call,
                         bool deny)
{
    if (!rule->n_fields)
        return true;
    for (size_t i = 0; i < call->n_fields; i++)
        if (any_matches(rule->fields, rule->n_fields, call->fields[i]) == deny)
            return deny;
    return !deny && call->n_fields > 0;
}

static bool rule_takes(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                       const struct policy_call *call, bool deny)
{
    (void)e;
    if (call->refused && !deny)
        return false;
    return type_matches(rule->operation_type, call->type) &&
           (!*rule->operation_name || glob_match(rule->operation_name, call->name, '.', 0)) &&
           fields_match(rule, call, deny);
}

/* Presets say something where there are no rules. */
static bool allows(const struct sluice_endpoint *e, const struct policy_call *call)
{
    const char *const *types = e->n_rules ? NULL : policy_preset_operations(e->protocol, e->access);
    for (size_t i = 0; !call->refused && types && types[i]; i++)
        if (type_matches(types[i], call->type))
            return true;
    return false;
}

static size_t body_max(const struct sluice_endpoint *e)
{
    return e->graphql_max_body_bytes;
}

static const char denied[] = "GraphQL operation blocked by endpoint policy";

const struct policy_call_protocol policy_graphql = {
    .name = "graphql",
    .read = graphql_read_request,
    .rule_takes = rule_takes,
    .allows = allows,
    .body_max = body_max,
    .denied = denied,
};

/* ---- in words ---- */

const char *policy_call_operation(const struct policy_call *call, struct arena *arena)
{
    return arena_printf(arena, "%s%s%s", call->type, *call->name ? " " : "", call->name);
}

const char *policy_call_field(const struct policy_call *call, struct arena *arena)
{
    struct buf list = {0};
    for (size_t i = 0; i < call->n_fields; i++) {
        buf_puts(&list, i ? "," : "");
        buf_puts(&list, call->fields[i]);
    }
    const char *text = arena_str(arena, buf_str(&list));
    buf_free(&list);
    return text;
}

void policy_call_from_words(const char *operation, const char *field, struct arena *arena,
                            struct policy_call *out)
{
    const char **fields = arena_alloc(arena, (strlen(field) + 1) * sizeof *fields);
    size_t type = strcspn(operation, " "), len;
    *out = (struct policy_call){.type = arena_strn(arena, operation, type), .method = "",
                                .tool = "", .fields = fields};
    out->name = arena_str(arena, operation + type + (operation[type] == ' '));
    for (; *field; field += len + (field[len] == ',')) {
        len = strcspn(field, ",");
        fields[out->n_fields++] = arena_strn(arena, field, len);
    }
}

/* ---- within WebSocket messages ---- */

static bool has_operation(const struct sluice_l7_rule *const *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (*rules[i]->operation_type || *rules[i]->operation_name || rules[i]->n_fields)
            return true;
    return false;
}

/* Whether the messages of the endpoint are GraphQL is told by its rules. */
static bool has_messages(const struct sluice_endpoint *e, const struct policy_http_request *request)
{
    return request->message &&
           (has_operation(e->rules, e->n_rules) || has_operation(e->deny_rules, e->n_deny_rules) ||
            e->n_graphql_persisted_queries ||
            (*e->persisted_queries && strcmp(e->persisted_queries, "deny") != 0));
}

static void read_message(const struct sluice_endpoint *e, const struct policy_http_request *request,
                         const char *body, size_t len, struct policy_calls *out)
{
    (void)request;
    graphql_read_message(e, body, len, out);
}

const struct policy_call_protocol policy_graphql_websocket = {
    .name = "websocket",
    .applies = has_messages,
    .read = read_message,
    .rule_takes = rule_takes,
    .allows = allows,
    .body_max = body_max,
    .denied = denied,
};
