/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks from calls in the bodies of requests that the rules of an MCP or JSON-RPC endpoint
 * refused. */
#include "policy/match/ask.h"
#include "support/drafts.h"

#define CURL "/usr/bin/curl"
#define HOST "a.example.com"

/* Endpoints of curl: each test has these. */
static const char endpoints[] =
    "{operations: [{add_rule: {rule_name: tools, rule: {endpoints: ["
    "{host: a.example.com, port: 443, path: /mcp, protocol: mcp, enforcement: enforce, "
    "mcp: {max_body_bytes: 1000}, rules: [{allow: {method: initialize}}], "
    "deny_rules: [{method: tools/call, tool: drop}]}, "
    "{host: b.example.com, port: 443, protocol: json-rpc, enforcement: enforce, "
    "rules: [{allow: {method: ping}}]}, "
    "{host: c.example.com, port: 443, protocol: mcp, enforcement: enforce, "
    "mcp: {allow_all_known_mcp_methods: true}, rules: [{allow: {tool: read}}]}], "
    "binaries: [{path: /usr/bin/curl}]}}}]}";

static int setup_tools(void **state)
{
    setup(state);
    succeed(*state, merge(*state, "alice", endpoints));
    return 0;
}

static bool passes(struct fixture *f, const char *host, const char *path, const char *rpc_method,
                   const char *tool)
{
    struct policy *policy = current_policy(f, NULL);
    const char *body = arena_printf(
        f->arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"name\":\"%s\"}}",
        rpc_method, tool);
    const struct policy_question question = {
        .connection = {.host = host, .port = 443, .binary = CURL}, .method = "POST", .path = path,
        .query = "", .body = body};
    struct policy_answer answer;
    policy_ask(policy_model(policy), &question, &answer);
    buf_free(&answer.reason);
    policy_unref(policy);
    return answer.allowed;
}

static void denied_call(struct fixture *f, const char *host, const char *path,
                        const char *rpc_method, const char *tool)
{
    struct drafts_denial denial = a_denial(host, 443, CURL);
    denial.stage = "connect-l7-deny";
    denial.method = "POST";
    denial.path = path;
    denial.rpc_method = rpc_method;
    denial.tool = tool;
    record_denial(f, &denial);
}

/* NULL: there is no chunk. */
static const char *call_chunk_of(struct fixture *f, const char *host, const char *rpc_method,
                                 const char *tool)
{
    struct store_draft *items;
    size_t n;
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    while (n-- > 0)
        if (strcmp(items[n].host, host) == 0 && strcmp(items[n].rpc_method, rpc_method) == 0 &&
            strcmp(items[n].tool, tool) == 0)
            return items[n].id;
    return NULL;
}

static const char *a_call(struct fixture *f, const char *rpc_method, const char *tool)
{
    denied_call(f, HOST, "/mcp", rpc_method, tool);
    const char *id = call_chunk_of(f, HOST, rpc_method, tool);
    assert_non_null(id);
    return id;
}

static void a_refused_tool_becomes_a_chunk(void **state)
{
    struct fixture *f = *state;
    struct drafts_view v = view(f, a_call(f, "tools/call", "read_status"));
    assert_string_equal(v.draft.rule_name, "allow_a_example_com_443_curl");
    assert_string_equal(v.draft.rationale, "Allow curl to call the tool read_status by POST /mcp "
                                           "to a.example.com:443 (HTTPS).");
    assert_string_equal(
        v.draft.rule_json,
        "{\"endpoints\":[{\"host\":\"a.example.com\",\"port\":443,\"path\":\"/mcp\","
        "\"protocol\":\"mcp\",\"enforcement\":\"enforce\",\"rules\":[{\"allow\":{\"method\":"
        "\"tools/call\",\"tool\":\"read_status\"}}],\"mcp\":{\"max_body_bytes\":1000}}],"
        "\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}");
    assert_string_equal(v.draft.method, "POST");
    assert_string_equal(v.draft.path, "/mcp");
}

static void the_same_call_is_counted(void **state)
{
    struct fixture *f = *state;
    const char *id = a_call(f, "tools/call", "a");
    denied_call(f, HOST, "/mcp", "tools/call", "a");
    assert_int_equal(view(f, id).draft.hits, 2);
    assert_string_not_equal(a_call(f, "tools/call", "b"), id);
    assert_string_not_equal(a_call(f, "tools/list", ""), id);
    assert_int_equal(view(f, id).draft.hits, 2);
}

static void approving_opens_that_call_alone(void **state)
{
    struct fixture *f = *state;
    const char *a = a_call(f, "tools/call", "a"), *b = a_call(f, "tools/call", "b"),
               *list = a_call(f, "tools/list", "");
    succeed(f, approve(f, "bob", a));
    assert_true(passes(f, HOST, "/mcp", "tools/call", "a"));
    assert_false(passes(f, HOST, "/mcp", "tools/call", "b"));
    assert_false(passes(f, HOST, "/mcp", "tools/list", ""));
    assert_false(passes(f, HOST, "/mcp", "resources/list", ""));
    succeed(f, approve(f, "bob", b));
    succeed(f, approve(f, "bob", list));
    assert_true(passes(f, HOST, "/mcp", "tools/call", "b"));
    assert_true(passes(f, HOST, "/mcp", "tools/list", ""));
    succeed(f, undo(f, "bob", a));                  /* the others stay */
    assert_false(passes(f, HOST, "/mcp", "tools/call", "a"));
    assert_true(passes(f, HOST, "/mcp", "tools/call", "b"));
    assert_true(passes(f, HOST, "/mcp", "tools/list", ""));
}

static void a_json_rpc_method_has_its_rule(void **state)
{
    struct fixture *f = *state;
    denied_call(f, "b.example.com", "/rpc", "reports.search", NULL);
    const char *id = call_chunk_of(f, "b.example.com", "reports.search", "");
    assert_non_null(id);
    assert_string_equal(view(f, id).draft.rationale, "Allow curl to call reports.search by POST "
                                                     "/rpc to b.example.com:443 (HTTPS).");
    succeed(f, approve(f, "bob", id));
    assert_true(passes(f, "b.example.com", "/rpc", "reports.search", ""));
    assert_false(passes(f, "b.example.com", "/rpc", "reports.drop", ""));
}

static void a_tool_beside_all_methods(void **state)
{
    struct fixture *f = *state;
    denied_call(f, "c.example.com", "/", "tools/call", "write");
    succeed(f, approve(f, "bob", call_chunk_of(f, "c.example.com", "tools/call", "write")));
    assert_true(passes(f, "c.example.com", "/", "tools/call", "write"));
    assert_true(passes(f, "c.example.com", "/", "tools/call", "read"));
    assert_false(passes(f, "c.example.com", "/", "tools/call", "other"));
}

static void what_no_rule_can_open_makes_no_chunk(void **state)
{
    struct fixture *f = *state;
    struct store_draft *items;
    size_t n;
    denied_call(f, HOST, "/mcp", "tools/call", "drop");         /* a deny rule */
    denied_call(f, HOST, "/mcp", "tools/call", "a*");           /* a pattern in a rule */
    denied_call(f, HOST, "/mcp", "tools/call", "a\x1b[31m");    /* not readable */
    denied_call(f, "b.example.com", "/rpc", "a[b]", "");        /* not to be named */
    denied_call(f, HOST, "/mcp", "", NULL);                     /* no call at all */
    denied_call(f, HOST, "/mcp", "tools/call", "");             /* it would open all tools */
    denied_call(f, HOST, "/mcp", "initialize", NULL);           /* allowed by now */
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    if (n)
        fail_msg("a chunk: %s", items[0].rule_json);
}

static void a_call_that_passes_by_now_is_superseded(void **state)
{
    struct fixture *f = *state;
    const char *id = a_call(f, "tools/call", "a"), *other = a_call(f, "tools/call", "b");
    succeed(f, merge(f, "alice",
                     "{operations: [{add_rule: {rule_name: tools, rule: {endpoints: ["
                     "{host: a.example.com, port: 443, path: /mcp, protocol: mcp, enforcement: "
                     "enforce, mcp: {max_body_bytes: 1000}, rules: [{allow: {method: tools/call, "
                     "tool: a}}]}], binaries: [{path: /usr/bin/curl}]}}}]}"));
    assert_true(passes(f, HOST, "/mcp", "tools/call", "a"));
    assert_string_equal(status_of(f, id), "superseded");
    assert_string_equal(status_of(f, other), "pending");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tools, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_refused_tool_becomes_a_chunk),
        TEST(the_same_call_is_counted),
        TEST(approving_opens_that_call_alone),
        TEST(a_json_rpc_method_has_its_rule),
        TEST(a_tool_beside_all_methods),
        TEST(what_no_rule_can_open_makes_no_chunk),
        TEST(a_call_that_passes_by_now_is_superseded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
