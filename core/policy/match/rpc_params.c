/* SPDX-License-Identifier: Apache-2.0 */
/* What the MCP specification (2025-11-25) requires of the parameters of requests that a client
 * sends.  Members that are not listed may be anything. */
#include <string.h>

#include "policy/match/rpc_parts.h"

enum member_type { TEXT, MAP };

static const struct member {
    const char *method, *name;
    enum member_type type;
    bool required;
} members[] = {
    {"initialize", "protocolVersion", TEXT, true},
    {"initialize", "capabilities", MAP, true},
    {"initialize", "clientInfo", MAP, true},
    {RPC_TOOL_METHOD, "name", TEXT, true},
    {RPC_TOOL_METHOD, "arguments", MAP, false},
    {"tools/list", "cursor", TEXT, false},
    {"resources/list", "cursor", TEXT, false},
    {"resources/templates/list", "cursor", TEXT, false},
    {"resources/read", "uri", TEXT, true},
    {"resources/subscribe", "uri", TEXT, true},
    {"resources/unsubscribe", "uri", TEXT, true},
    {"prompts/list", "cursor", TEXT, false},
    {"prompts/get", "name", TEXT, true},
    {"prompts/get", "arguments", MAP, false},
    {"completion/complete", "ref", MAP, true},
    {"completion/complete", "argument", MAP, true},
    {"logging/setLevel", "level", TEXT, true},
    {"tasks/get", "taskId", TEXT, true},
    {"tasks/result", "taskId", TEXT, true},
    {"tasks/cancel", "taskId", TEXT, true},
    {"tasks/list", "cursor", TEXT, false},
    {"ping", "_meta", MAP, false},
};

enum { N_MEMBERS = sizeof members / sizeof *members };

static const char *check_member(const struct rpc_message *message, const struct member *m,
                                struct arena *arena)
{
    const char *const names[] = {m->name, NULL};
    const struct doc_node *params = message->params, *value = doc_get(params, m->name);
    const char *ambiguous = params ? rpc_ambiguous_key(params, names) : NULL;
    bool fits = !value || (m->type == TEXT ? rpc_is_text(value) : value->kind == DOC_MAP);
    if (ambiguous)
        return arena_printf(arena, "ambiguous member '%s' of %s: it is written '%s'",
                            rpc_shown(ambiguous, arena), m->method, m->name);
    if (!value && m->required)
        return arena_printf(arena, "%s needs the member '%s'", m->method, m->name);
    if (!fits)
        return arena_printf(arena, "the member '%s' of %s must be %s", m->name, m->method,
                            m->type == TEXT ? "a string" : "an object");
    return NULL;
}

/* A server may carry out a notification, too, so that the name of a tool counts in both. */
const char *rpc_check_params(const struct rpc_message *message, struct arena *arena)
{
    const struct doc_node *params = message->params;
    const char *why = NULL;
    bool known = false;
    if (!message->has_id && strcmp(message->method, RPC_TOOL_METHOD) != 0)
        return NULL;
    for (size_t i = 0; i < N_MEMBERS && !why; i++) {
        if (strcmp(members[i].method, message->method) != 0)
            continue;
        known = true;
        if (params && params->kind != DOC_MAP)
            why = "params must be an object";
        else
            why = check_member(message, &members[i], arena);
    }
    return known ? why : NULL;
}
