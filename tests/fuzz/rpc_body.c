/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the body of a JSON-RPC or MCP request.  Oracles: a body is either a problem or a list of
 * calls with names, a rule that denies takes whatever a rule that allows does, a strict MCP
 * endpoint has tools of strict names alone, and what it accepts a JSON-RPC endpoint accepts, too,
 * but for responses. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/match/calls.h"
#include "policy/match/http.h"
#include "policy/match/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static const struct sluice_l7_rule rule = {.size = sizeof rule, .method = "tools/call", .path = "",
                                           .command = "", .operation_type = "",
                                           .operation_name = ""};
static const struct sluice_l7_rule *const rules[] = {&rule};
static const char *const globs[] = {"r*"};
static const struct sluice_matcher named = {.size = sizeof named, .key = "name", .any = globs,
                                            .n_any = 1};
static const struct sluice_matcher *const params[] = {&named};
static const struct sluice_l7_rule tool = {.size = sizeof tool, .method = "", .path = "",
                                           .command = "", .operation_type = "",
                                           .operation_name = "", .params = params, .n_params = 1};
static const struct sluice_l7_rule *const tools[] = {&tool};
static const struct sluice_mcp every = {.size = sizeof every,
                                        .max_body_bytes = 1 << 20,
                                        .strict_tool_names = true,
                                        .allow_all_known_mcp_methods = true};

static struct sluice_endpoint endpoint(const char *protocol)
{
    return (struct sluice_endpoint){.size = sizeof(struct sluice_endpoint), .host = "h",
                                    .path = "", .protocol = protocol, .enforcement = "enforce",
                                    .access = "", .tls = "", .persisted_queries = "",
                                    .rules = rules, .n_rules = 1};
}

static void check_call(const struct sluice_endpoint *e, const struct policy_call *call, bool mcp)
{
    if (!call->method || !call->tool)
        wrong("a call without texts");
    if (policy_rule_takes_call(e, &rule, call, false) &&
        !policy_rule_takes_call(e, &rule, call, true))
        wrong("a rule that denies does not take what it allows");
    if (mcp && strcmp(call->method, "tools/call") == 0 &&
        (!*call->tool || strlen(call->tool) > 128 || strpbrk(call->tool, " /\\\"'\n\x7f")))
        wrong("a tool has no strict name");
}

/* A list of tools shows the tools that may be called, and no others. */
static void check_tool(const struct sluice_endpoint *e, const struct policy_calls *calls)
{
    static const struct sluice_rule of = {.size = sizeof of, .key = "k"};
    struct policy_candidate candidate = {&of, e};
    const struct policy_candidates candidates = {&candidate, 1};
    const struct policy_http_request request = {
        .method = "POST", .path = "/", .query = "", .calls = calls};
    const struct policy_call *call = calls->items;
    struct policy_http_decision decision;
    policy_http_decide(&candidates, &request, &decision, NULL);
    if (calls->n == 1 && strcmp(call->method, "tools/call") == 0 &&
        decision.allowed != policy_tool_passes(&candidates, &request, call->tool))
        wrong("a tool is shown that cannot be called, or the other way");
    policy_tools_named(&candidates, "/");
}

static struct policy_calls read_body(const struct sluice_endpoint *e, const char *body, size_t len)
{
    const struct policy_http_request request = {.method = "POST", .path = "/", .query = ""};
    bool mcp = strcmp(e->protocol, "mcp") == 0;
    struct policy_calls calls;
    policy_calls_read(e, &request, body, len, &calls);
    if (!calls.problem && !calls.n && !calls.pass)
        wrong("neither a call nor a problem");
    for (size_t i = 0; i < calls.n; i++)
        check_call(e, &calls.items[i], mcp);
    if (mcp && !calls.problem && calls.n)
        check_tool(e, &calls);
    return calls;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sluice_endpoint mcp = endpoint("mcp"), json_rpc = endpoint("json-rpc");
    char *body = malloc(size + 1);
    memcpy(body, data, size);
    body[size] = '\0';
    struct policy_calls a = read_body(&mcp, body, size), b = read_body(&json_rpc, body, size);
    if (!a.problem && b.problem && !a.pass)
        wrong("MCP accepts what JSON-RPC does not");
    struct sluice_endpoint of_tools = endpoint("mcp");
    of_tools.rules = tools;
    struct policy_calls c = read_body(&of_tools, body, size);
    of_tools.mcp = &every;
    struct policy_calls d = read_body(&of_tools, body, size);
    policy_calls_free(&c);
    policy_calls_free(&d);
    policy_calls_free(&a);
    policy_calls_free(&b);
    free(body);
    return 0;
}
