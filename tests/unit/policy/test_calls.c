/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of the calls in a body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"
#include "policy/policy.h"

static const struct sluice_endpoint graphql = {.protocol = "graphql", .persisted_queries = ""},
                                    rpc = {.protocol = "json-rpc"}, mcp = {.protocol = "mcp"};

static const struct policy_http_request post = {.method = "POST", .path = "/", .query = ""};

/* The body is gone when the calls are looked at. */
static void read_calls(const struct sluice_endpoint *e, struct buf *body, struct policy_calls *out)
{
    policy_calls_read(e, &post, body->data, body->len, out);
    memset(body->data, 'x', body->len);
    buf_free(body);
}

static void what_is_kept_shares_nothing_with_the_body(void **state)
{
    struct policy_calls calls;
    struct buf body = {0};
    (void)state;
    buf_puts(&body, "[{\"query\": \"query Q { b a }\"}, {\"query\": \"mutation { c }\"}]");
    read_calls(&graphql, &body, &calls);
    assert_int_equal(calls.n, 2);
    assert_string_equal(calls.items[0].type, "query");
    assert_string_equal(calls.items[0].name, "Q");
    assert_int_equal(calls.items[0].n_fields, 2);
    assert_string_equal(calls.items[0].fields[0], "a");
    assert_string_equal(calls.items[1].type, "mutation");
    assert_string_equal(calls.items[1].method, "");
    policy_calls_free(&calls);
    buf_puts(&body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
                    "\"params\":{\"name\":\"t\"}}");
    read_calls(&mcp, &body, &calls);
    assert_string_equal(calls.items[0].method, "tools/call");
    assert_string_equal(calls.items[0].tool, "t");
    policy_calls_free(&calls);
    buf_puts(&body, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}");
    read_calls(&rpc, &body, &calls);
    assert_string_equal(calls.problem,
                        "JSON-RPC request rejected: unsupported JSON-RPC version '1.0'");
    policy_calls_free(&calls);
}

/* Otherwise requests under way would take many times as much memory as was sent. */
static void expect_too_much(const struct sluice_endpoint *e, struct buf *body, bool too_much)
{
    struct policy_calls calls;
    read_calls(e, body, &calls);
    if (too_much)
        assert_string_equal(
            calls.problem,
            "request rejected: it has too many calls or fields, or too long names of them");
    else
        assert_null(calls.problem);
    assert_int_equal(calls.n > 0, !too_much);
    policy_calls_free(&calls);
}

static void add_fields(struct buf *body, unsigned n)
{
    buf_puts(body, "{\"query\":\"{");
    for (unsigned i = 0; i < n; i++)
        buf_printf(body, " f%u", i);
    buf_puts(body, "}\"}");
}

static void add_batch(struct buf *body, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_printf(body, "%c{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", i ? ',' : '[');
    buf_putc(body, ']');
}

static void add_long_method(struct buf *body, size_t len)
{
    buf_puts(body, "{\"jsonrpc\":\"2.0\",\"method\":\"");
    while (len--)
        buf_putc(body, 'm');
    buf_puts(body, "\"}");
}

static void what_takes_too_much_is_refused(void **state)
{
    struct buf body = {0};
    (void)state;
    add_fields(&body, 1000);
    expect_too_much(&graphql, &body, false);
    add_fields(&body, 8000);
    expect_too_much(&graphql, &body, true);
    add_batch(&body, 300);
    expect_too_much(&rpc, &body, false);
    add_batch(&body, 1800);
    expect_too_much(&rpc, &body, true);
    expect_too_much(&mcp, (add_batch(&body, 1800), &body), true);
    add_long_method(&body, 1000);
    expect_too_much(&rpc, &body, false);
    add_long_method(&body, POLICY_CALLS_MAX);
    expect_too_much(&rpc, &body, true);
}

/* ---- a verdict on each ---- */

static const char reading[] =
    "version: 1\nnetwork_policies:\n  one:\n    binaries: [{path: /bin/curl}]\n    endpoints:\n"
    "      - host: api.test\n        port: 443\n        path: /mcp\n"
    "        protocol: mcp\n        enforcement: enforce\n        rules:\n"
    "          - allow: {method: ping}\n"
    "          - allow: {method: tools/call, tool: \"read_*\"}\n"
    "        deny_rules:\n          - {method: tools/call, tool: read_secret}\n";

/* "METHOD" or "tools/call TOOL". */
static void add_call(struct buf *body, const char *call)
{
    const char *tool = strchr(call, ' ');
    buf_puts(body, body->len ? "," : "[");
    buf_printf(body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%.*s\"",
               (int)strcspn(call, " "), call);
    if (tool)
        buf_printf(body, ",\"params\":{\"name\":\"%s\"}", tool + 1);
    buf_putc(body, '}');
}

/* The index of the call that is refused, -1: none. */
static int find_refused(const struct policy_candidates *candidates, const char *const *batch)
{
    struct policy_http_request request = {.method = "POST", .path = "/mcp", .query = ""};
    struct policy_http_decision decision;
    struct policy_calls calls;
    struct buf body = {0};
    for (size_t i = 0; batch[i]; i++)
        add_call(&body, batch[i]);
    buf_putc(&body, ']');
    policy_calls_read(candidates->items[0].endpoint, &request, body.data, body.len, &calls);
    assert_null(calls.problem);
    request.calls = &calls;
    policy_http_decide(candidates, &request, &decision, NULL);
    assert_int_equal(decision.allowed, !decision.call);
    int refused = decision.call ? (int)(decision.call - calls.items) : -1;
    policy_calls_free(&calls);
    buf_free(&body);
    return refused;
}

static void a_call_that_is_like_the_one_before_has_its_verdict_and_no_other_has(void **state)
{
    static const struct {
        const char *batch[5];
        int refused;
    } rows[] = {
        {{"ping", "ping", "ping"}, -1},
        {{"ping", "ping", "pong"}, 2},
        {{"pong", "pong"}, 0},
        {{"tools/call read_a", "tools/call read_a", "tools/call read_b"}, -1},
        {{"tools/call read_a", "tools/call read_a", "tools/call write_a"}, 2},
        {{"tools/call read_a", "tools/call read_secret"}, 1},
        {{"tools/call read_a", "tools/list", "tools/call read_a"}, 1},
        {{"ping", "tools/call read_a", "ping", "tools/call write_a"}, 3},
    };
    const struct policy_request connection = {
        .host = "api.test", .port = 443, .binary = "/bin/curl"};
    struct problems problems = {0};
    struct policy_candidates candidates;
    struct policy *policy = policy_parse(reading, sizeof reading - 1, DOC_YAML, &problems);
    (void)state;
    assert_non_null(policy);
    policy_candidates_find(policy_model(policy), &connection, &candidates);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(find_refused(&candidates, rows[i].batch), rows[i].refused);
    policy_candidates_free(&candidates);
    policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_shares_nothing_with_the_body),
        cmocka_unit_test(what_takes_too_much_is_refused),
        cmocka_unit_test(
            a_call_that_is_like_the_one_before_has_its_verdict_and_no_other_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
