/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that ask a server by a field for another method or path than the one of their request
 * line. */
#include "support/inspected.h"

#define ITEMS                                                                          \
    REST("        enforcement: enforce\n"                                              \
         "        rules:\n"                                                            \
         "          - allow: {method: POST, path: /items}\n"                           \
         "          - allow: {method: PUT, path: /items}\n"                            \
         "        deny_rules: [{method: DELETE, path: /**}]\n")

#define AUDITED REST("        rules: [{allow: {method: POST, path: /items}}]\n")

#define CALLS                                                                          \
    "    endpoints: [{host: origin.test, port: %P, protocol: json-rpc, "               \
    "enforcement: enforce, rules: [{allow: {method: ping}}]}]\n"                       \
    "    binaries: [{path: /**}]\n"

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

#define POST(fields) "POST /items HTTP/1.1\r\n%H" fields "Content-Length: 0\r\n\r\n"

static void expect_refusal(const char *rule, const char *request, int status, const char *error,
                           const char *reason)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, rule);
    struct end *client = ask_plain(&s, request, &origin);
    rig_refused(&s.rig, client, status, error, NULL, reason);
    assert_int_equal(origin->in.len, 0);
    scene_close(&s);
}

static void expect_passes(const char *rule, const char *request, const char *logged)
{
    struct scene s;
    struct end *origin;
    scene_open(&s, rule);
    ask_plain(&s, request, &origin);
    UNTIL(&s.rig, end_has(origin, "\r\n\r\n"));
    assert_non_null(strstr(s.rig.lines.data, logged));
    scene_close(&s);
}

static void another_method_has_to_be_allowed_too(void **state)
{
    static const char why[] =
        "DELETE /items blocked by deny rule (X-HTTP-Method-Override asks for it)";
    (void)state;
    expect_passes(ITEMS, POST(""), "HTTP:POST ");
    expect_passes(ITEMS, POST("X-HTTP-Method-Override: PUT\r\n"), "HTTP:POST ");
    expect_passes(ITEMS, POST("X-HTTP-Method-Override: post\r\n"), "HTTP:POST ");
    expect_refusal(ITEMS, POST("X-HTTP-Method-Override: DELETE\r\n"), 403, "policy_denied", why);
    expect_refusal(ITEMS, POST("X-HTTP-Method-Override: PUT\r\nX-HTTP-Method-Override: DELETE\r\n"),
                   403, "policy_denied", why);
    expect_refusal(ITEMS, POST("x-http-method: delete\r\n"), 403, "policy_denied",
                   "delete /items blocked by deny rule (x-http-method asks for it)");
    expect_refusal(ITEMS, POST("X-Method-Override: PATCH\r\n"), 403, "policy_denied",
                   "PATCH /items not permitted by policy (X-Method-Override asks for it)");
    expect_refusal(ITEMS, POST("X_HTTP_METHOD_OVERRIDE: DELETE\r\n"), 403, "policy_denied",
                   "DELETE /items blocked by deny rule (X_HTTP_METHOD_OVERRIDE asks for it)");
}

static void a_refused_method_is_what_is_proposed(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, ITEMS);
    struct end *client = ask_plain(&s, POST("X-Method-Override: PATCH\r\n"), &origin);
    UNTIL(&s.rig, client->eof);
    assert_int_equal(s.rig.n_denials, 1);
    assert_non_null(strstr(s.rig.denials.data, "PATCH /items"));
    assert_non_null(strstr(s.rig.lines.data, "HTTP:PATCH [MED] DENIED "));
    scene_close(&s);
}

static void audit_says_what_enforcing_would_do(void **state)
{
    (void)state;
    expect_passes(AUDITED, POST("X-HTTP-Method-Override: DELETE\r\n"),
                  "[reason:audit: DELETE /items not permitted by policy (X-HTTP-Method-Override "
                  "asks for it)]");
}

static void what_cannot_be_judged_is_refused(void **state)
{
    (void)state;
    const char *path = "X-Original-URL and X-Rewrite-URL ask for another path than the one that is "
                       "judged: leave them out";
    const char *method =
        "the value of X-HTTP-Method-Override, or of a field like it, is no method";
    expect_refusal(ITEMS, POST("X-Original-URL: /admin\r\n"), 400, "malformed_request", path);
    expect_refusal(ITEMS, POST("x-rewrite-url: /admin\r\n"), 400, "malformed_request", path);
    expect_refusal(ITEMS, POST("X_Original_URL: /admin\r\n"), 400, "malformed_request", path);
    expect_refusal(ITEMS, POST("X-HTTP-Method-Override: PUT, DELETE\r\n"), 400,
                   "malformed_request", method);
    expect_refusal(ITEMS, POST("X-HTTP-Method-Override:\r\n"), 400, "malformed_request", method);
    expect_refusal(CALLS,
                   "POST /rpc HTTP/1.1\r\n%HX-HTTP-Method-Override: PUT\r\n"
                   "Content-Length: 40\r\n\r\n" PING, 400, "malformed_request",
                   "a request that is judged by its body must not ask for another method");
}

static void where_no_rule_is_about_requests_it_passes(void **state)
{
    (void)state;
    expect_passes(L4, POST("X-Original-URL: /admin\r\nX-HTTP-Method-Override: DELETE\r\n"),
                  "HTTP:POST ");
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(another_method_has_to_be_allowed_too),
        cmocka_unit_test(a_refused_method_is_what_is_proposed),
        cmocka_unit_test(audit_says_what_enforcing_would_do),
        cmocka_unit_test(what_cannot_be_judged_is_refused),
        cmocka_unit_test(where_no_rule_is_about_requests_it_passes),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
