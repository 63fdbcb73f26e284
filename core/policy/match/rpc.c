/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "policy/match/rpc_parts.h"

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

bool rpc_is_method(const struct policy_http_request *request, const char *method)
{
    return strcasecmp(request->method, method) == 0;
}

void rpc_reject(struct policy_calls *out, const char *why)
{
    out->problem = arena_printf(out->arena, "JSON-RPC request rejected: %s", why);
}

/* Whether a list of media types, with or without parameters, has the one of server-sent events. */
static bool accepts_events(const char *accept)
{
    static const char type[] = "text/event-stream";
    while (accept && *accept) {
        accept += strspn(accept, " \t,");
        size_t len = strcspn(accept, " \t,;");
        if (len == sizeof type - 1 && strncasecmp(accept, type, len) == 0)
            return true;
        accept += strcspn(accept, ",");
    }
    return false;
}

bool rpc_is_receive_stream(const struct policy_http_request *request, size_t len)
{
    return len == 0 && rpc_is_method(request, "GET") && accepts_events(request->accept);
}

/* ---- calls ---- */

const char *rpc_tool(const struct rpc_message *message)
{
    const struct doc_node *name = doc_get(message->params, "name");
    return is(message->method, RPC_TOOL_METHOD) && rpc_is_text(name) ? name->text : "";
}

static void add_call(const struct rpc_message *message, bool tools, struct policy_calls *out)
{
    out->items[out->n++] = (struct policy_call){
        .type = "", .name = "", .method = message->method,
        .tool = tools ? rpc_tool(message) : ""};
}

void rpc_add_calls(const struct policy_http_request *request, const struct rpc_messages *messages,
                   bool tools, struct policy_calls *out)
{
    if (!rpc_is_method(request, "POST"))
        return;
    out->items = arena_alloc(out->arena, (messages->n + 1) * sizeof *out->items);
    for (size_t i = 0; i < messages->n; i++) {
        if (messages->items[i].method)
            add_call(&messages->items[i], tools, out);
        else
            out->pass = true;
    }
}

/* ---- json-rpc ---- */

static void json_rpc_read(const struct sluice_endpoint *e,
                          const struct policy_http_request *request, const char *body, size_t len,
                          struct policy_calls *out)
{
    struct rpc_messages messages;
    (void)e;
    if (rpc_is_receive_stream(request, len))
        return;
    const char *why = rpc_parse(body, len, out->arena, &messages);
    for (size_t i = 0; i < messages.n && !why; i++)
        if (!messages.items[i].method)
            out->problem = "JSON-RPC response frames are not permitted from client to server";
    if (why)
        rpc_reject(out, why);
    if (!out->problem)
        rpc_add_calls(request, &messages, false, out);
}

/* Glob characters mean themselves. */
static bool json_rpc_takes(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                           const struct policy_call *call, bool deny)
{
    (void)e, (void)deny;
    return is(rule->method, "*") || (*rule->method && is(rule->method, call->method));
}

static bool json_rpc_allows(const struct sluice_endpoint *e, const struct policy_call *call)
{
    (void)e, (void)call;
    return false;
}

size_t rpc_body_max(const struct sluice_endpoint *e)
{
    return e->json_rpc ? e->json_rpc->max_body_bytes : 0;
}

const struct policy_call_protocol policy_json_rpc = {
    .name = "json-rpc",
    .read = json_rpc_read,
    .rule_takes = json_rpc_takes,
    .allows = json_rpc_allows,
    .body_max = rpc_body_max,
};
