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
    while (*p && (*(*p)->name != *e->protocol || strcmp((*p)->name, e->protocol) != 0))
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

/* ---- what is kept of a message ---- */

/* Most texts of a call are empty. */
static const char *copy_text(struct arena *arena, const char *text)
{
    return *text ? arena_str(arena, text) : "";
}

static void copy_call(const struct policy_call *from, struct arena *arena, struct policy_call *to)
{
    const char **fields =
        from->n_fields ? arena_alloc(arena, from->n_fields * sizeof *fields) : NULL;
    for (size_t i = 0; i < from->n_fields; i++)
        fields[i] = copy_text(arena, from->fields[i]);
    *to = (struct policy_call){.type = copy_text(arena, from->type),
                               .name = copy_text(arena, from->name),
                               .fields = fields,
                               .n_fields = from->n_fields,
                               .method = copy_text(arena, from->method),
                               .tool = copy_text(arena, from->tool),
                               .refused = from->refused};
}

static size_t size_of(const struct policy_call *call)
{
    enum { FIELD = 24 };                            /* besides its name */
    size_t size = sizeof *call + strlen(call->name) + strlen(call->method) + strlen(call->tool);
    for (size_t i = 0; i < call->n_fields; i++)
        size += FIELD + strlen(call->fields[i]);
    return size;
}

static const char *check_size(const struct policy_calls *calls)
{
    size_t size = 0;
    for (size_t i = 0; i < calls->n; i++)
        size += size_of(&calls->items[i]);
    return size > POLICY_CALLS_MAX
               ? "request rejected: it has too many calls or fields, or too long names of them"
               : NULL;
}

/* A document is many times as large as what it asks for, which is kept as long as its request is
 * under way. */
static void keep_calls(const struct policy_calls *read, struct policy_calls *out)
{
    const char *problem = read->problem ? read->problem : check_size(read);
    struct arena *arena = arena_new();
    *out = (struct policy_calls){.protocol = read->protocol,
                                 .n = problem ? 0 : read->n,
                                 .pass = read->pass,
                                 .problem = problem ? arena_str(arena, problem) : NULL,
                                 .arena = arena};
    out->items = out->n ? arena_alloc(arena, out->n * sizeof *out->items) : NULL;
    for (size_t i = 0; i < out->n; i++)
        copy_call(&read->items[i], arena, &out->items[i]);
}

void policy_calls_read(const struct sluice_endpoint *e, const struct policy_http_request *request,
                       const char *body, size_t len, struct policy_calls *out)
{
    const struct policy_call_protocol *protocol = protocol_of(e);
    struct policy_calls read = {.protocol = protocol->name, .arena = arena_new()};
    protocol->read(e, request, body, len, &read);
    keep_calls(&read, out);
    policy_calls_free(&read);
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
