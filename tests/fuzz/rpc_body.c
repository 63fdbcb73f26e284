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
    policy_calls_free(&a);
    policy_calls_free(&b);
    free(body);
    return 0;
}
