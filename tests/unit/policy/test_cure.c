/* SPDX-License-Identifier: Apache-2.0 */
/* The cure of a refusal: what it looks like, and when there is none. */
#include "support/policy_cases.h"

#include "doc/writer.h"
#include "policy/cure/cure.h"
#include "policy/match/ask.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* ---- what was refused ---- */

static void names_follow_host_and_port(void **state)
{
    static const struct { const char *host; uint16_t port; const char *name; } cases[] = {
        {"api.github.com", 443, "allow_api_github_com_443"},
        {"my-host.example.com", 8080, "allow_my_host_example_com_8080"},
        {"a_b.c", 80, "allow_a_b_c_80"},
        {"10.0.0.1", 5432, "allow_10_0_0_1_5432"},
        {"2001:4860::8888", 53, "allow_200148608888_53"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(policy_rule_name_for(cases[i].host, cases[i].port, *state),
                            cases[i].name);
}

static void some_hosts_can_never_be_allowed(void **state)
{
    static const char *const hosts[] = {
        "localhost",        "LOCALHOST.", "127.0.0.1", "127.8.9.1",  "0.0.0.0",
        "169.254.169.254",  "::1",        "::",        "fe80::1",    "metadata.google.internal",
        "::ffff:127.0.0.1", "not a host", "",          "2130706433",
    };
    struct policy_refused refused;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (policy_refused_connection(hosts[i], 80, "/bin/x", *state, &refused) == 0)
            fail_msg("%s was taken as %s", hosts[i], refused.host);
    assert_int_equal(policy_refused_connection("example.com", 0, "/bin/x", *state, &refused), -1);
}

static void what_was_refused_is_canonical(void **state)
{
    struct policy_refused refused;
    assert_int_equal(policy_refused_connection("API.Example.COM.", 443, "-", *state, &refused), 0);
    assert_string_equal(refused.host, "api.example.com");
    assert_string_equal(refused.binary, "");
    assert_int_equal(policy_refused_connection("10.1.2.3", 443, "/usr/bin/curl", *state, &refused),
                     0);
    assert_string_equal(refused.binary, "/usr/bin/curl");
}

static void patterns_cannot_be_named(void **state)
{
    struct policy_refused refused;
    assert_int_equal(policy_refused_connection("a.com", 443, "/opt/*", *state, &refused), -1);
    assert_int_equal(policy_refused_connection("a.com", 443, "/bin/x", *state, &refused), 0);
    assert_int_equal(policy_refused_request(&refused, "GET", "/a/*", *state), -1);
    assert_int_equal(policy_refused_request(&refused, "*", "/a", *state), -1);
    assert_int_equal(policy_refused_request(&refused, "get", "/a", *state), 0);
    assert_string_equal(refused.method, "GET");
    assert_int_equal(policy_refused_call(&refused, NULL, NULL, "tools/*", NULL, *state), -1);
    assert_int_equal(policy_refused_call(&refused, NULL, NULL, "tools/call", "r?", *state), -1);
    assert_int_equal(policy_refused_call(&refused, "query", "a*", NULL, NULL, *state), -1);
    assert_int_equal(policy_refused_call(&refused, NULL, NULL, "tools/call", "read", *state), 0);
}

/* ---- cures ---- */

struct sent {
    const char *binary, *host, *method, *path, *query, *body;
};

/* The cure as JSON, or why there is none. */
static const char *cure_of(struct arena *arena, const char *policies, const struct sent *sent)
{
    struct problems problems = {0};
    const char *text = arena_printf(arena, "{version: 1, network_policies: {%s}}", policies);
    struct policy *policy =
        policy_keep(policy_parse(text, strlen(text), DOC_YAML, &problems), arena);
    cases_print(text, &problems);
    assert_non_null(policy);
    const struct policy_request caller = {.host = sent->host, .port = 443, .binary = sent->binary};
    struct policy_candidates candidates;
    struct policy_http_decision decision = {0};
    struct policy_calls calls = {0};
    struct policy_http_request request = {.method = sent->method, .path = sent->path,
                                          .query = sent->query ? sent->query : ""};
    struct policy_refused refused;
    struct policy_cure cure;
    assert_int_equal(policy_refused_connection(sent->host, 443, sent->binary, arena, &refused), 0);
    policy_candidates_find(policy_model(policy), &caller, &candidates);
    if (sent->method)
        assert_int_equal(policy_refused_request(&refused, sent->method, sent->path, arena), 0);
    if (sent->method && candidates.n)
        policy_http_decide(&candidates, &request, &decision, NULL);
    if (decision.needs_body) {
        policy_calls_read(decision.endpoint, &request, sent->body, strlen(sent->body), &calls);
        request.calls = &calls;
    }
    const char *why = policy_cure(policy_model(policy), &caller, &refused,
                                  sent->method ? &request : NULL, arena, &cure);
    if (!why) {
        struct buf json = {0};
        struct doc_json_writer writer;
        struct doc_writer *w = doc_json_writer(&writer, &json);
        doc_write_open(w, DOC_MAP);
        policy_cure_write(&cure, w);
        doc_write_close(w, DOC_MAP);
        why = arena_str(arena, buf_str(&json));
        buf_free(&json);
    }
    policy_candidates_free(&candidates);
    policy_calls_free(&calls);
    problems_free(&problems);
    return why;
}

#define READS                                                                    \
    "r: {binaries: [{path: /usr/bin/curl}], endpoints: [{host: a.com, port: 443, " \
    "protocol: rest, enforcement: enforce, access: read-only}]}"

static void a_connection(void **state)
{
    assert_string_equal(
        cure_of(*state, READS, &(struct sent){.binary = "/usr/bin/git", .host = "b.com"}),
        "{\"operations\":[{\"add_rule\":{\"rule_name\":\"allow_b_com_443\",\"rule\":{\"endpoints\":"
        "[{\"host\":\"b.com\",\"port\":443}],\"binaries\":[{\"path\":\"/usr/bin/git\"}]}}}],"
        "\"effect\":{\"relation\":\"loosens\",\"gained\":[{\"host\":\"b.com\",\"port\":443,"
        "\"binary\":\"/usr/bin/git\",\"method\":\"\",\"path\":\"\",\"example\":\"/usr/bin/git may "
        "now reach b.com:443\"}],\"lost\":[]}}");
}

static void a_request_where_nothing_is_allowed(void **state)
{
    const struct sent sent = {.binary = "/usr/bin/git", .host = "b.com", .method = "POST",
                              .path = "/x"};
    assert_non_null(strstr(cure_of(*state, READS, &sent),
                           "{\"host\":\"b.com\",\"port\":443,\"protocol\":\"rest\","
                           "\"enforcement\":\"enforce\",\"rules\":[{\"allow\":{\"method\":\"POST\","
                           "\"path\":\"/x\"}}]}"));
}

static void a_request_that_rules_refuse(void **state)
{
    const struct sent sent = {.binary = "/usr/bin/curl", .host = "a.com", .method = "POST",
                              .path = "/x", .query = "a=1"};
    assert_string_equal(
        cure_of(*state, READS, &sent),
        "{\"operations\":[{\"add_rule\":{\"rule_name\":\"allow_a_com_443_curl\",\"rule\":{"
        "\"endpoints\":[{\"host\":\"a.com\",\"port\":443,\"protocol\":\"rest\",\"enforcement\":"
        "\"enforce\",\"rules\":[{\"allow\":{\"method\":\"POST\",\"path\":\"/x\"}}]}],\"binaries\":"
        "[{\"path\":\"/usr/bin/curl\"}]}}}],\"effect\":{\"relation\":\"loosens\",\"gained\":[{"
        "\"host\":\"a.com\",\"port\":443,\"binary\":\"/usr/bin/curl\",\"method\":\"POST\",\"path\":"
        "\"/x\",\"example\":\"/usr/bin/curl may now send POST /x to a.com:443\"}],"
        "\"lost\":[]}}");
}

#define MCP                                                                       \
    "r: {binaries: [{path: /usr/bin/curl}], endpoints: [{host: a.com, port: 443, " \
    "protocol: json-rpc, enforcement: enforce, rules: [{allow: {method: ping}}]}]}"

/* A body is one request: all its calls have to pass. */
static void every_call_of_a_body(void **state)
{
    const struct sent sent = {
        .binary = "/usr/bin/curl", .host = "a.com", .method = "POST", .path = "/rpc",
        .body = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"add\"},"
                "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"},"
                "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"sub\"}]"};
    const char *cure = cure_of(*state, MCP, &sent);
    if (!strstr(cure, "\"path\":\"/rpc\",\"protocol\":\"json-rpc\",\"enforcement\":\"enforce\","
                      "\"rules\":[{\"allow\":{\"method\":\"add\"}},"
                      "{\"allow\":{\"method\":\"sub\"}}]"))
        fail_msg("%s", cure);
}

static const char *cure_of_batch(struct arena *arena, const char *policies, int n)
{
    struct buf body = {0};
    for (int i = 0; i < n; i++)
        buf_printf(&body, "%s{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m%d\"}", i ? "," : "[", i);
    buf_puts(&body, "]");
    const struct sent sent = {.binary = "/usr/bin/curl", .host = "a.com", .method = "POST",
                              .path = "/rpc", .body = arena_str(arena, body.data)};
    buf_free(&body);
    return cure_of(arena, policies, &sent);
}

static void a_body_of_many_calls(void **state)
{
    static const char too_many[] = "it has too many calls that nothing allows";
    static const char denies[] =
        "r: {binaries: [{path: /usr/bin/curl}], endpoints: [{host: a.com, port: 443, protocol: "
        "json-rpc, enforcement: enforce, rules: [{allow: {method: ping}}], "
        "deny_rules: [{method: m1}]}]}";
    const char *cure = cure_of_batch(*state, MCP, POLICY_CURE_CALLS_MAX);
    assert_non_null(strstr(cure, "{\"allow\":{\"method\":\"m31\"}}]"));
    assert_string_equal(cure_of_batch(*state, MCP, POLICY_CURE_CALLS_MAX + 1), too_many);
    assert_string_equal(cure_of_batch(*state, MCP, 100), too_many);
    assert_string_equal(
        cure_of_batch(*state, denies, 100),
        "a deny rule, or another setting of its endpoint, refuses it whatever is allowed");
}

static const char *cure_of_tool(struct arena *arena, const char *params)
{
    static const char tools[] =
        "r: {binaries: [{path: /usr/bin/curl}], endpoints: [{host: a.com, port: 443, "
        "protocol: mcp, enforcement: enforce, mcp: {strict_tool_names: false}, "
        "rules: [{allow: {tool: read}}]}]}";
    const struct sent sent = {
        .binary = "/usr/bin/curl", .host = "a.com", .method = "POST", .path = "/mcp",
        .body = arena_printf(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
                                    "\"params\":{%s}}", params)};
    return cure_of(arena, tools, &sent);
}

/* A tool of that name would be a rule about every tool. */
static void a_call_that_no_rule_can_name_alone(void **state)
{
    static const char pattern[] = "a rule would read it as a pattern and allow other requests too";
    assert_non_null(strstr(cure_of_tool(*state, "\"name\":\"write\""), "\"tool\":\"write\""));
    assert_string_equal(cure_of_tool(*state, "\"name\":\"*\""), pattern);
    assert_string_equal(cure_of_tool(*state, "\"name\":\"writ?\""), pattern);
    assert_null(strstr(cure_of_tool(*state, ""), "operations"));
}

static void a_rule_of_that_name_is_about_something_else(void **state)
{
    const struct sent sent = {.binary = "/usr/bin/git", .host = "b.com"};
    const char *cure = cure_of(*state,
                               "allow_b_com_443: {binaries: [{path: /bin/x}], endpoints: "
                               "[{host: c.com, port: 443}]}", &sent);
    if (!strstr(cure, "\"rule_name\":\"allow_b_com_443_2\""))
        fail_msg("%s", cure);
}

/* Many programs may have been let through to one host. */
static void any_number_of_rules_have_that_name(void **state)
{
    enum { RULES = 40 };
    const struct sent sent = {.binary = "/usr/bin/git", .host = "b.com"};
    struct buf rules = {0};
    for (int i = 1; i <= RULES; i++) {
        buf_puts(&rules, i == 1 ? "allow_b_com_443" : ", allow_b_com_443");
        if (i > 1)
            buf_printf(&rules, "_%d", i);
        buf_printf(&rules,
                   ": {binaries: [{path: /bin/x%d}], endpoints: [{host: b.com, port: 443}]}", i);
    }
    const char *cure = cure_of(*state, buf_str(&rules), &sent);
    if (!strstr(cure, "\"rule_name\":\"allow_b_com_443_41\""))
        fail_msg("%s", cure);
    buf_free(&rules);
}

/* The endpoint that a request is judged by need not be the one that says which addresses the host
 * may stand for. */
static void no_other_addresses_of_the_host_are_opened(void **state)
{
    static const char mixed[] =
        "a: {binaries: [{path: /usr/bin/curl}], endpoints: [{host: '*.a.com', port: 443, "
        "protocol: rest, enforcement: enforce, path: /x, access: read-only}]}, "
        "z: {binaries: [{path: /usr/bin/curl}], endpoints: [{host: '**.a.com', port: 443, "
        "protocol: "
        "rest, enforcement: enforce, path: '/v1/**', access: read-only, "
        "allowed_ips: [10.0.0.0/8]}]}";
    const struct sent sent = {.binary = "/usr/bin/curl", .host = "b.a.com", .method = "POST",
                              .path = "/v1/y"};
    const char *cure = cure_of(*state, mixed, &sent);
    if (strstr(cure, "allowed_ips") || !strstr(cure, "\"public_only\":true"))
        fail_msg("%s", cure);
}

static void there_is_none_against_a_deny_rule(void **state)
{
    static const char denies[] =
        "r: {binaries: [{path: /usr/bin/curl}], endpoints: [{host: a.com, port: 443, "
        "protocol: rest, enforcement: enforce, access: full, deny_rules: [{method: POST, path: /x, "
        "query: {force: \"1\"}}]}]}";
    const struct sent sent = {.binary = "/usr/bin/curl", .host = "a.com", .method = "POST",
                              .path = "/x", .query = "force=1"};
    assert_string_equal(
        cure_of(*state, denies, &sent),
        "a deny rule, or another setting of its endpoint, refuses it whatever is allowed");
}

/* Neither a path nor names in a body that nobody could read in a rule.  What such a cure changes
 * takes long to find out. */
static void what_is_too_long_has_no_cure(void **state)
{
    static const char why[] = "its path and the names in its body are longer than 512 bytes";
    char path[POLICY_CURE_LENGTH_MAX + 2] = "/", name[POLICY_CURE_LENGTH_MAX + 1] = "";
    memset(path + 1, 'a', POLICY_CURE_LENGTH_MAX);
    memset(name, 'm', POLICY_CURE_LENGTH_MAX);
    struct sent sent = {.binary = "/usr/bin/curl", .host = "a.com", .method = "POST",
                        .path = path};
    assert_string_equal(cure_of(*state, READS, &sent), why);
    path[POLICY_CURE_LENGTH_MAX] = '\0';
    assert_non_null(strstr(cure_of(*state, READS, &sent), "\"relation\":\"loosens\""));
    sent.path = "/rpc";
    sent.body = arena_printf(*state, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"}", name);
    assert_string_equal(cure_of(*state, MCP, &sent), why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_follow_host_and_port, setup, teardown),
        cmocka_unit_test_setup_teardown(some_hosts_can_never_be_allowed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_refused_is_canonical, setup, teardown),
        cmocka_unit_test_setup_teardown(patterns_cannot_be_named, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_too_long_has_no_cure, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_where_nothing_is_allowed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_that_rules_refuse, setup, teardown),
        cmocka_unit_test_setup_teardown(every_call_of_a_body, setup, teardown),
        cmocka_unit_test_setup_teardown(a_body_of_many_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_that_no_rule_can_name_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rule_of_that_name_is_about_something_else, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(any_number_of_rules_have_that_name, setup, teardown),
        cmocka_unit_test_setup_teardown(no_other_addresses_of_the_host_are_opened, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(there_is_none_against_a_deny_rule, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
