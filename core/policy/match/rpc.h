/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC 2.0 and MCP: the calls in a body, as rows of calls.c, and which tools of a server a
 * caller may call.
 *
 * A body is refused where two servers could read it differently: duplicate members, members that
 * differ from a known one in case alone, text after the value.  Pure, any thread. */
#ifndef POLICY_MATCH_RPC_H
#define POLICY_MATCH_RPC_H

#include "policy/match/http.h"

/* Whether rules of the candidates that serve the path name tools, so that a list of tools can hold
 * some that may not be called. */
bool policy_tools_named(const struct policy_candidates *candidates, const char *path);

/* Whether a POST of tools/call for the tool, otherwise as the request, would be passed on. */
bool policy_tool_passes(const struct policy_candidates *candidates,
                        const struct policy_http_request *request, const char *tool);

#endif
