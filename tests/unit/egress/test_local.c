/* SPDX-License-Identifier: Apache-2.0 */
/* policy.local without a proxy: routes, proposals, denials, limits and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "egress/local/answer.h"
#include "egress/local/call.h"
#include "egress/local/proposal.h"

#include <cmocka.h>

/* ---- routes ---- */

static void routes_are_found(void **state)
{
    static const struct {
        const char *method, *path;
        enum local_route_kind kind;
        const char *chunk;
        unsigned number;
    } cases[] = {
        {"GET", "/v1/policy/current", LOCAL_POLICY, "", 0},
        {"GET", "/v1/policy/current?x", LOCAL_POLICY, "", 0},
        {"GET", "/v1/denials", LOCAL_DENIALS, "", 10},
        {"GET", "/v1/denials?last=5", LOCAL_DENIALS, "", 5},
        {"GET", "/v1/denials?a=b&last=7&last=8", LOCAL_DENIALS, "", 7},
        {"GET", "/v1/denials?last=0", LOCAL_DENIALS, "", 1},
        {"GET", "/v1/denials?last=101", LOCAL_DENIALS, "", 100},
        {"GET", "/v1/denials?last=99999999999999999999", LOCAL_DENIALS, "", 100},
        {"GET", "/v1/denials?last=-1", LOCAL_DENIALS, "", 10},
        {"GET", "/v1/denials?last=", LOCAL_DENIALS, "", 10},
        {"GET", "/v1/denials?xlast=5", LOCAL_DENIALS, "", 10},
        {"POST", "/v1/proposals", LOCAL_PROPOSE, "", 0},
        {"GET", "/v1/proposals/a-1", LOCAL_CHUNK, "a-1", 60},
        {"GET", "/v1/proposals/a-1/wait", LOCAL_WAIT, "a-1", 60},
        {"GET", "/v1/proposals/a-1/wait?timeout=300", LOCAL_WAIT, "a-1", 300},
        {"GET", "/v1/proposals/a-1/wait?timeout=301", LOCAL_WAIT, "a-1", 300},
        {"GET", "/v1/proposals/a-1/wait?timeout=0", LOCAL_WAIT, "a-1", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct local_route route;
        local_route_find(cases[i].method, cases[i].path, &route);
        assert_int_equal(route.kind, cases[i].kind);
        assert_string_equal(route.chunk, cases[i].chunk);
        assert_int_equal(route.number, cases[i].number);
    }
}

static void what_is_no_route_says_so(void **state)
{
    static const char *const cases[][3] = {
        {"POST", "/v1/policy/current", "policy.local route not found: POST /v1/policy/current"},
        {"get", "/v1/denials", "policy.local route not found: get /v1/denials"},
        {"HEAD", "/v1/denials?last=1", "policy.local route not found: HEAD /v1/denials"},
        {"GET", "/v1/denials/", "policy.local route not found: GET /v1/denials/"},
        {"GET", "/", "policy.local route not found: GET /"},
        {"GET", "/v1/proposals", "policy.local route not found: GET /v1/proposals"},
        {"PUT", "/v1/proposals/a", "policy.local route not found: PUT /v1/proposals/a"},
        {"GET", "/v1/proposals/", "policy.local proposal sub-route not found: /v1/proposals/"},
        {"GET", "/v1/proposals//wait",
         "policy.local proposal sub-route not found: /v1/proposals//wait"},
        {"GET", "/v1/proposals/a/waits",
         "policy.local proposal sub-route not found: /v1/proposals/a/waits"},
        {"GET", "/v1/proposals/a/wait/b?timeout=1",
         "policy.local proposal sub-route not found: /v1/proposals/a/wait/b"},
        {"GET", "/v1/proposals/a/", "policy.local proposal sub-route not found: /v1/proposals/a/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct local_route route;
        local_route_find(cases[i][0], cases[i][1], &route);
        assert_int_equal(route.kind, LOCAL_NONE);
        assert_string_equal(route.detail, cases[i][2]);
    }
}

/* ---- proposals ---- */

#define RULE(more)                                                                           \
    "{\"operations\":[{\"addRule\":{\"ruleName\":\"r\",\"rule\":{\"endpoints\":[{\"host\":"  \
    "\"a.example.com\",\"port\":443" more "}],\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}}}]}"

/* The same with grants beside operations, addRule and rule. */
#define WISH(all, beside, within)                                                             \
    "{" all "\"operations\":[{" beside "\"addRule\":{\"ruleName\":\"r\",\"grant\":" within     \
    ",\"rule\":{\"endpoints\":[{\"host\":\"a.example.com\",\"port\":443}]}}}]}"

static int read_proposal(const char *body, struct arena *arena, struct local_proposal *out,
                         struct error *err)
{
    return local_proposal_read(body, strlen(body), arena, out, err);
}

static void proposals_are_read(void **state)
{
    static const char *const good[] = {
        RULE(""),
        RULE(",\"protocol\":\"rest\",\"rules\":[{\"allow\":{\"method\":\"GET\",\"path\":\"/a\"}}]"),
        RULE(",\"protocol\":\"graphql\",\"rules\":[{\"allow\":{\"operation_type\":\"query\","
             "\"fields\":[\"viewer\"]}}]"),
        RULE(",\"protocol\":\"mcp\",\"path\":\"/mcp\",\"rules\":[{\"allow\":{\"method\":"
             "\"tools/call\",\"tool\":\"search\"}}]"),
        "{\"extra\":{\"a\":[1]},\"operations\":[{\"other\":1,\"add_rule\":{\"x\":0,\"rule_name\":"
        "\"r\",\"rule\":{\"endpoints\":[{\"host\":\"a.example.com\",\"ports\":[443]}]}}}]}",
        "{\"operations\":[{\"addRule\":{\"rule\":{\"name\":\"r\",\"endpoints\":[{\"host\":"
        "\"a.example.com\",\"port\":443}]}}}]}",
    };
    struct local_proposal out;
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct arena *arena = arena_new();
        if (read_proposal(good[i], arena, &out, &err) != 0)
            fail_msg("%s: %s", good[i], err.text);
        assert_string_equal(out.intent, "");
        assert_int_equal(out.n, 1);
        assert_non_null(
            strstr(out.operations, "{\"operations\":[{\"add_rule\":{\"rule_name\":\"r\","));
        arena_free(arena);
    }
}

static void a_proposal_says_how_its_rules_end(void **state)
{
#define LAST                                                                                \
    "{\"addRule\":{\"ruleName\":\"s\",\"rule\":{\"endpoints\":[{\"host\":\"b\",\"port\":1}]}}}"
    static const char *const cases[][2] = {
        {WISH(, , "{\"uses\":5}"), "{\"uses\":5}"},
        {WISH(, , "{\"for\":\"10m\"}"), "{\"for\":\"10m\"}"},
        {WISH(, , "{\"pid\":7}"), "{\"pid\":7}"},
        {WISH(, , "{\"once\":true}"), "{\"once\":true}"},
        {WISH(, , "{\"while_pid\":7}"), "{\"while_pid\":7}"},
        {WISH(, , "{\"until\":\"2999-01-01T00:00:00Z\"}"),
         "{\"until\":\"2999-01-01T00:00:00Z\"}"},
        {WISH("\"grant\":{\"uses\":9},", , "{\"uses\":5}"), "{\"uses\":5}"},
        {"{\"grant\":{\"uses\":9},\"operations\":[" LAST "]}", "{\"uses\":9}"},
        {"{\"operations\":[{\"grant\":{\"uses\":8},\"addRule\":{\"ruleName\":\"r\",\"rule\":"
         "{\"endpoints\":[{\"host\":\"b\",\"port\":1}]}}}]}", "{\"uses\":8}"},
        {"{\"operations\":[" LAST "]}", ""},
    };
    struct local_proposal out;
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *arena = arena_new();
        if (read_proposal(cases[i][0], arena, &out, &err) != 0)
            fail_msg("%s: %s", cases[i][0], err.text);
        assert_int_equal(out.n, 1);
        assert_string_equal(out.wishes[0], cases[i][1]);
        arena_free(arena);
    }
}

static void what_is_no_proposal_says_why(void **state)
{
#define NO(more) "{\"operations\":[{\"addRule\":" more "}]}"
    static const char *const cases[][2] = {
        {"", "the body is no JSON document"},
        {"{", "the body is no JSON document"},
        {"[]", "proposal requires at least one operation"},
        {"{}", "proposal requires at least one operation"},
        {"{\"operations\":{}}", "proposal requires at least one operation"},
        {"{\"operations\":[]}", "proposal requires at least one operation"},
        {"{\"operations\":[{\"removeRule\":{}}]}", "this MVP accepts `addRule` operations; "},
        {"{\"operations\":[null]}", "this MVP accepts `addRule` operations; "},
        {NO("{}"), "addRule.ruleName or rule.name is required"},
        {NO("{\"ruleName\":\"\"}"), "addRule.ruleName or rule.name is required"},
        {NO("{\"ruleName\":\"r\"}"), "rule.endpoints must contain at least one endpoint"},
        {NO("{\"ruleName\":\"r\",\"rule\":{\"endpoints\":[]}}"),
         "rule.endpoints must contain at least one endpoint"},
        {NO("{\"ruleName\":\"r\",\"rule\":{\"endpoints\":[1]}}"), "endpoint.host is required"},
        {NO("{\"ruleName\":\"r\",\"rule\":{\"endpoints\":[{\"port\":1}]}}"),
         "endpoint.host is required"},
        {NO("{\"ruleName\":\"r\",\"rule\":{\"endpoints\":[{\"host\":\"a.b\"}]}}"),
         "endpoint.port or endpoint.ports is required"},
        {RULE(",\"rules\":[{\"allow\":{\"method\":\"GET\",\"path\":\"/a?b\"}}]"),
         "L7 allow paths must not include query strings"},
        {RULE(",\"deny_rule\":[]"), "deny_rules"},
        {"{\"operations\":[],\"operations\":[]}", "the body is no JSON document"},
        {WISH(, , "5"), "operations[0].addRule.grant: must be a map"},
        {WISH(, , "null"), "operations[0].addRule.grant: must be a map"},
        {WISH(, , "{}"), "operations[0].addRule.grant: a grant ends in one way"},
        {WISH(, , "{\"uses\":0}"),
         "operations[0].addRule.grant.uses: must be between 1 and 1000000"},
        {WISH(, , "{\"uses\":1,\"for\":\"1m\"}"), "and pid, not 2 of them"},
        {WISH(, , "{\"uses\":1,\"once\":true}"), "once"},
        {WISH(, , "{\"once\":false}"), "operations[0].addRule.grant.once: must be true"},
        {WISH(, , "{\"once\":\"true\"}"), "operations[0].addRule.grant.once: must be true"},
        {WISH(, , "{\"for\":\"soon\"}"),
         "operations[0].addRule.grant.for: must be a duration from 1ms to 3650d"},
        {WISH(, , "{\"until\":\"2001-01-01T00:00:00Z\"}"), "grant.until: must be a time to come"},
        {WISH(, , "{\"while_pid\":-1}"), "grant.while_pid: must be between 1 and 4194304"},
        {WISH(, , "{\"minutes\":5}"), "grant.minutes: a grant has no such field"},
        {WISH("\"grant\":{\"for\":\"x\"},", , "{\"uses\":1}"), "grant.for: must be a duration"},
        {WISH(, "\"grant\":{\"uses\":2},", "{\"uses\":1}"), "operations[0] has two grants"},
        {WISH(, "\"grant\":{\"used\":2},", "{\"uses\":1}"),
         "operations[0].grant.used: a grant has no such"},
        {RULE(",\"grant\":{\"uses\":1}"), "endpoint has no such field"},
    };
    struct local_proposal out;
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *arena = arena_new();
        assert_int_equal(read_proposal(cases[i][0], arena, &out, &err), -1);
        if (!strstr(err.text, cases[i][1]))
            fail_msg("'%s' is not in '%s'", cases[i][1], err.text);
        arena_free(arena);
    }
}

static void a_proposal_is_bounded(void **state)
{
    struct arena *arena = arena_new();
    struct local_proposal out;
    struct error err;
    struct buf body = {0};
    (void)state;
    buf_puts(&body, "{\"operations\":[");
    for (int i = 0; i <= LOCAL_OPERATIONS_MAX; i++)
        buf_puts(&body, i ? ",{}" : "{}");
    buf_puts(&body, "]}");
    assert_int_equal(read_proposal(buf_str(&body), arena, &out, &err), -1);
    assert_string_equal(err.text, "a proposal has at most 16 operations, this one has 17: send "
                                  "the others after them");
    buf_clear(&body);
    buf_puts(&body, "{\"intent_summary\":\"");
    for (int i = 0; i <= 4096; i++)
        buf_putc(&body, 'x');
    buf_puts(&body, "\"}");
    assert_int_equal(read_proposal(buf_str(&body), arena, &out, &err), -1);
    assert_string_equal(err.text, "intent_summary has at most 4096 bytes");
    buf_clear(&body);
    for (int i = 0; i < 1000; i++)
        buf_putc(&body, '[');
    assert_int_equal(read_proposal(buf_str(&body), arena, &out, &err), -1);
    buf_free(&body);
    arena_free(arena);
}

/* ---- denials ---- */

static void denials_are_newest_first_and_redacted(void **state)
{
    struct local_denials denials = {0};
    struct buf out = {0};
    (void)state;
    local_denials_print(&denials, 10, &out);
    assert_string_equal(buf_str(&out), "[]");
    local_denials_add(&denials, "NET:OPEN [MED] DENIED /bin/a(1) -> a:1 what?", 0);
    local_denials_add(&denials, "HTTP:GET x http://a/b?key=secret [reason:see /c?d=e \"q\"]", 0);
    buf_clear(&out);
    local_denials_print(&denials, 10, &out);
    assert_string_equal(buf_str(&out),
                        "[\"1970-01-01T00:00:00.000Z HTTP:GET x http://a/b?[redacted] [reason:see "
                        "/c?[redacted] \\\"q\\\"]\",\"1970-01-01T00:00:00.000Z NET:OPEN [MED] "
                        "DENIED /bin/a(1) -> a:1 what?\"]");
    buf_clear(&out);
    local_denials_print(&denials, 1, &out);
    assert_null(strstr(buf_str(&out), "NET:OPEN"));
    buf_free(&out);
    local_denials_free(&denials);
}

static void denials_are_bounded(void **state)
{
    struct local_denials denials = {0};
    struct buf line = {0}, out = {0};
    (void)state;
    for (int i = 0; i < LOCAL_LINE_MAX; i++)
        buf_puts(&line, "é");
    for (int i = 0; i < 3 * LOCAL_DENIALS_MAX; i++)
        local_denials_add(&denials, buf_str(&line), 0);
    local_denials_print(&denials, 1, &out);
    assert_non_null(strstr(buf_str(&out), "é...[truncated]\"]"));
    assert_true(out.len < LOCAL_LINE_MAX + 64);
    buf_clear(&out);
    local_denials_print(&denials, 1000, &out);
    assert_true(out.len < LOCAL_DENIALS_MAX * (LOCAL_LINE_MAX + 64));
    buf_free(&line);
    buf_free(&out);
    local_denials_free(&denials);
}

/* ---- limits ---- */

static void questions_are_rationed(void **state)
{
    struct local_service service;
    (void)state;
    local_service_init(&service, 1000);
    assert_true(rate_spend(&service.questions, LOCAL_BURST, 1000));
    assert_false(rate_spend(&service.questions, 1, 1100));
    assert_true(rate_spend(&service.questions, 1, 1300));
    assert_false(rate_spend(&service.questions, 1, 1300));
}

/* ---- answers ---- */

static void answers_are_as_openshell_has_them(void **state)
{
    struct buf out = {0}, members = {0};
    const char *const ids[] = {"c1"}, *const reasons[] = {"chunk 'x': no"};
    const struct agent_proposed proposed = {1, "", ids, 1, reasons, 1};
    const struct agent_chunk chunk = {1, true, "", "c1", "approved", "r", "/b", "", "v", "", "t",
                                      "h1", "h2", 2};
    (void)state;
    local_print_proposed(&proposed, &out);
    assert_non_null(strstr(buf_str(&out), "HTTP/1.1 202 Accepted\r\n"));
    assert_non_null(strstr(
        buf_str(&out), "\r\n\r\n{\"status\":\"submitted\",\"accepted_chunks\":1,"
                       "\"rejected_chunks\":1,\"rejection_reasons\":[\"chunk 'x': no\"],"
                       "\"accepted_chunk_ids\":[\"c1\"]}\n"));
    buf_clear(&out);
    local_print_chunk_members(&chunk, &members);
    local_print_chunk(&members, 1, false, &out);
    assert_non_null(strstr(
        buf_str(&out),
        "\r\n\r\n{\"chunk_id\":\"c1\",\"status\":\"approved\",\"rule_name\":\"r\",\"binary\":"
        "\"/b\",\"rejection_reason\":\"\",\"validation_result\":\"v\",\"application_error\":\"\","
        "\"review_token\":\"t\",\"current_effective_policy_hash\":\"h1\","
        "\"candidate_effective_policy_hash\":\"h2\",\"policy_reloaded\":true}\n"));
    buf_clear(&out);
    local_print_chunk(&members, -1, true, &out);
    assert_non_null(strstr(buf_str(&out), "\"h2\",\"timed_out\":true}\n"));
    buf_clear(&out);
    local_print_error(LOCAL_ERROR_MANY, "so \"many\"", &out);
    assert_non_null(strstr(buf_str(&out), "HTTP/1.1 429 Too Many Requests\r\n"));
    assert_non_null(strstr(buf_str(&out), "Retry-After: 1\r\n"));
    assert_non_null(strstr(buf_str(&out),
                           "{\"detail\":\"so \\\"many\\\"\",\"error\":\"too_many_requests\"}\n"));
    buf_free(&out);
    buf_free(&members);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_found),
        cmocka_unit_test(what_is_no_route_says_so),
        cmocka_unit_test(proposals_are_read),
        cmocka_unit_test(a_proposal_says_how_its_rules_end),
        cmocka_unit_test(what_is_no_proposal_says_why),
        cmocka_unit_test(a_proposal_is_bounded),
        cmocka_unit_test(denials_are_newest_first_and_redacted),
        cmocka_unit_test(denials_are_bounded),
        cmocka_unit_test(questions_are_rationed),
        cmocka_unit_test(answers_are_as_openshell_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
