/* SPDX-License-Identifier: Apache-2.0 */
/* For rpc.c and the other rpc_*.c files alone. */
#ifndef POLICY_MATCH_RPC_PARTS_H
#define POLICY_MATCH_RPC_PARTS_H

#include "doc/tree.h"
#include "policy/match/calls.h"
#include "policy/match/calls_parts.h"
#include "policy/match/http.h"

#define RPC_TOOL_METHOD "tools/call"

struct rpc_message {
    const char *method;                             /* NULL: a response */
    const struct doc_node *params;                  /* NULL: none */
    bool has_id;                                    /* of a call: an answer is expected */
};

struct rpc_messages {
    struct rpc_message *items;
    size_t n;
};

/* What a problem says of a text: its beginning, without control characters. */
const char *rpc_shown(const char *text, struct arena *arena);
bool rpc_is_text(const struct doc_node *node);
/* The first key of the map that some servers take for one of the names, as they ignore case, and
 * others do not; NULL: none.  The list ends with NULL. */
const char *rpc_ambiguous_key(const struct doc_node *map, const char *const *names);

/* Whether a server that ignores case, or space around a name, takes the text for the name. */
bool rpc_is_read_as(const char *text, const char *name);

/* One message or a batch.  NULL, or what is wrong with it; everything is in the arena. */
const char *rpc_parse(const char *body, size_t len, struct arena *arena, struct rpc_messages *out);

/* Whether the request has this HTTP method, in any case. */
bool rpc_is_method(const struct policy_http_request *request, const char *method);
/* A GET that opens a stream of the server's messages: it has no call to judge. */
bool rpc_is_receive_stream(const struct policy_http_request *request, size_t len);
/* The tool that a call of tools/call names; "" where there is none. */
const char *rpc_tool(const struct rpc_message *message);
void rpc_reject(struct policy_calls *out, const char *why);
/* The calls among the messages.  Rules are about POST alone: of another method none is added, and
 * nothing could be allowed. */
void rpc_add_calls(const struct policy_http_request *request, const struct rpc_messages *messages,
                   bool tools, struct policy_calls *out);
size_t rpc_body_max(const struct sluice_endpoint *e);

/* What MCP requires of the parameters.  NULL, or what is wrong with them. */
const char *rpc_check_params(const struct rpc_message *message, struct arena *arena);

#endif
