/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/calls.h"

#include <string.h>

#include "base/arena.h"
#include "policy/match/calls_parts.h"

static const struct policy_call_protocol *const protocols[] = {
    &policy_graphql, &policy_graphql_websocket, &policy_json_rpc, &policy_mcp, NULL};

static const struct policy_call_protocol *protocol_of(const struct sluice_endpoint *e)
{
    const struct policy_call_protocol *const *p = protocols;
    while (*p && strcmp((*p)->name, e->protocol) != 0)
        p++;
    return *p;
}

bool policy_has_calls(const struct sluice_endpoint *e, const struct policy_http_request *request)
{
    const struct policy_call_protocol *protocol = protocol_of(e);
    return protocol && (!protocol->applies || protocol->applies(e, request));
}

bool policy_always_has_calls(const struct sluice_endpoint *e)
{
    const struct policy_call_protocol *protocol = protocol_of(e);
    return protocol && !protocol->applies;
}

size_t policy_body_max(const struct sluice_endpoint *e)
{
    size_t max = protocol_of(e)->body_max(e);
    return max ? max : POLICY_BODY_MAX;
}

void policy_calls_read(const struct sluice_endpoint *e, const struct policy_http_request *request,
                       const char *body, size_t len, struct policy_calls *out)
{
    const struct policy_call_protocol *protocol = protocol_of(e);
    *out = (struct policy_calls){.protocol = protocol->name, .arena = arena_new()};
    protocol->read(e, request, body, len, out);
}

void policy_calls_free(struct policy_calls *calls)
{
    arena_free(calls->arena);
    *calls = (struct policy_calls){0};
}

bool policy_rule_takes_call(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                            const struct policy_call *call, bool deny)
{
    return protocol_of(e)->rule_takes(e, rule, call, deny);
}

bool policy_endpoint_allows_call(const struct sluice_endpoint *e, const struct policy_call *call)
{
    return protocol_of(e)->allows(e, call);
}

const char *policy_call_denied(const struct sluice_endpoint *e, const struct policy_call *call)
{
    return call->refused ? call->refused : protocol_of(e)->denied;
}
