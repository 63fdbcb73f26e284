/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision about a body of 4 KiB costs: read as calls, and judged by the rules.
 *
 *     bench_decisions [DECISIONS [PART-OF-A-NAME]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/problems.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"
#include "policy/policy.h"

enum { DECISIONS = 4000, ROUNDS = 7, SIZE = 4096, TARGET_US = 20 };

static const char graphql[] =
    "version: 1\nnetwork_policies:\n  one:\n    binaries: [{path: /bin/curl}]\n    endpoints:\n"
    "      - host: api.test\n        port: 443\n        path: /graphql\n"
    "        protocol: graphql\n        enforcement: enforce\n        rules:\n"
    "          - allow: {operation_type: query, fields: [viewer, repository, \"search*\"]}\n"
    "          - allow: {operation_type: query, operation_name: \"Issue*\", fields: [issue]}\n"
    "          - allow: {operation_type: mutation, fields: [\"create*\", \"update*\"]}\n"
    "        deny_rules:\n"
    "          - {operation_type: mutation, fields: [deleteRepository, \"transfer*\"]}\n";
static const char json_rpc[] =
    "version: 1\nnetwork_policies:\n  one:\n    binaries: [{path: /bin/curl}]\n    endpoints:\n"
    "      - host: api.test\n        port: 443\n        path: /rpc\n"
    "        protocol: json-rpc\n        enforcement: enforce\n        rules:\n"
    "          - allow: {method: eth_call}\n          - allow: {method: tools/call}\n";
static const char mcp[] =
    "version: 1\nnetwork_policies:\n  one:\n    binaries: [{path: /bin/curl}]\n    endpoints:\n"
    "      - host: api.test\n        port: 443\n        path: /mcp\n"
    "        protocol: mcp\n        enforcement: enforce\n        rules:\n"
    "          - allow: {method: initialize}\n          - allow: {method: tools/list}\n"
    "          - allow: {method: tools/call, tool: {any: [\"read_*\", \"list_*\", search]}}\n"
    "        deny_rules:\n          - {method: tools/call, tool: \"*_secret\"}\n";

/* head, as many of part as there is room for (%u: its number), tail. */
static const struct {
    const char *name, *policy, *path, *head, *part, *tail;
} bodies[] = {
    {"GraphQL, fields of a field", graphql, "/graphql", "{\"query\":\"query { viewer { ",
     "field%u ", "} }\"}"},
    {"GraphQL, root fields with arguments", graphql, "/graphql", "{\"query\":\"mutation M { ",
     "a%u: createIssue(input: {title: 1, labels: [x, y]}) { id } ", "}\"}"},
    {"GraphQL, different root fields", graphql, "/graphql", "{\"query\":\"query { ",
     "search%u { id } ", "}\"}"},
    {"GraphQL, fragments", graphql, "/graphql", "{\"query\":\"query { viewer { ...f0 } } ",
     "fragment f%u on User { id name ... on Admin { login } } ", "\"}"},
    {"GraphQL, one long text in variables", graphql, "/graphql",
     "{\"query\":\"query { viewer }\",\"variables\":{\"body\":\"", "lorem ipsum %u ", "\"}}"},
    {"GraphQL, many variables", graphql, "/graphql",
     "{\"query\":\"query { viewer }\",\"variables\":{\"first\":1", ",\"key%u\":\"x\"", "}}"},
    {"GraphQL, a batch", graphql, "/graphql", "[{\"query\":\"{ viewer }\"}",
     ",{\"query\":\"query Q%u { viewer { id } }\"}", "]"},
    {"JSON-RPC, numbers", json_rpc, "/rpc",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[0", ",%u", "]}"},
    {"JSON-RPC, a batch", json_rpc, "/rpc",
     "[{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"eth_call\"}",
     ",{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"eth_call\",\"params\":[]}", "]"},
    {"MCP, one long text", mcp, "/mcp",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"read_a\","
     "\"arguments\":{\"text\":\"", "lorem ipsum %u ", "\"}}}"},
    {"MCP, a text with escapes", mcp, "/mcp",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"read_a\","
     "\"arguments\":{\"text\":\"", "line %u\\n\\t\\u00e9 ", "\"}}}"},
    {"MCP, many arguments", mcp, "/mcp",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"read_a\","
     "\"arguments\":{\"first\":1", ",\"key%u\":\"x\"", "}}}"},
    {"MCP, a list of objects", mcp, "/mcp",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"read_a\","
     "\"arguments\":{\"rows\":[{}", ",{\"id\":%u,\"name\":\"x\",\"tags\":[]}", "]}}}"},
};

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void fill(size_t n, struct buf *out)
{
    buf_puts(out, bodies[n].head);
    for (unsigned i = 0; out->len + strlen(bodies[n].part) + strlen(bodies[n].tail) < SIZE; i++) {
        const char *number = strstr(bodies[n].part, "%u");
        buf_add(out, bodies[n].part, (size_t)(number - bodies[n].part));
        buf_printf(out, "%u", i);
        buf_puts(out, number + 2);
    }
    buf_puts(out, bodies[n].tail);
}

static bool decide(const struct policy_candidates *candidates, const char *path,
                   const struct buf *body)
{
    struct policy_http_request request = {.method = "POST", .path = path, .query = ""};
    struct policy_http_decision decision;
    struct policy_calls calls;
    policy_http_decide(candidates, &request, &decision, NULL);
    policy_calls_read(decision.endpoint, &request, body->data, body->len, &calls);
    request.calls = &calls;
    policy_http_decide(candidates, &request, &decision, NULL);
    policy_calls_free(&calls);
    return decision.allowed;
}

static double measure(const struct policy_candidates *candidates, const char *path,
                      const struct buf *body, int decisions)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_us();
        for (int i = 0; i < decisions; i++)
            if (!decide(candidates, path, body)) {
                fprintf(stderr, "decisions: refused: %s\n", body->data);
                exit(1);
            }
        double each = (cpu_us() - start) / decisions;
        best = round == 0 || each < best ? each : best;
    }
    return best;
}

static void run(size_t n, int decisions)
{
    const struct policy_request connection = {
        .host = "api.test", .port = 443, .binary = "/bin/curl"};
    struct problems problems = {0};
    struct policy_candidates candidates;
    struct buf body = {0};
    struct policy *policy =
        policy_parse(bodies[n].policy, strlen(bodies[n].policy), DOC_YAML, &problems);
    if (!policy) {
        fprintf(stderr, "decisions: %s\n", problems.items[0].message);
        exit(1);
    }
    policy_candidates_find(policy_model(policy), &connection, &candidates);
    fill(n, &body);
    double us = measure(&candidates, bodies[n].path, &body, decisions);
    printf("%-36s %5zu bytes  %6.1f us  <= %d us %s\n", bodies[n].name, body.len, us, TARGET_US,
           us <= TARGET_US ? "met" : "not met");
    policy_candidates_free(&candidates);
    policy_unref(policy);
    buf_free(&body);
}

int main(int argc, char **argv)
{
    int decisions = argc > 1 ? atoi(argv[1]) : DECISIONS;
    if (decisions < 1)
        return 2;
    for (size_t n = 0; n < sizeof bodies / sizeof *bodies; n++)
        if (argc < 3 || strstr(bodies[n].name, argv[2]))
            run(n, decisions);
    return 0;
}
