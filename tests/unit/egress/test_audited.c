/* SPDX-License-Identifier: Apache-2.0 */
/* What endpoints that only audit let through is reported, request by request and call by call. */
#include "support/inspected.h"

#define ENDPOINT(protocol, more)                                                       \
    "    endpoints:\n"                                                                 \
    "      - host: origin.test\n"                                                      \
    "        port: %P\n"                                                               \
    "        protocol: " protocol "\n" more                                            \
    "    binaries: [{path: /**}]\n"

#define GRAPHQL(more)                                                                  \
    ENDPOINT("graphql", more                                                           \
             "        rules: [{allow: {operation_type: query, fields: [viewer]}}]\n"   \
             "        deny_rules: [{operation_type: mutation, fields: [drop]}]\n")
#define MCP(more) \
    ENDPOINT("mcp", more "        rules: [{allow: {method: tools/call, tool: read_a}}]\n")
#define JSON_RPC ENDPOINT("json-rpc", "        rules: [{allow: {method: eth_call}}]\n")

#define BLOCKED ": GraphQL operation blocked by endpoint policy\n"
#define REFUSED(path) "one: POST " path " not permitted by policy\n"
#define TOOL(id, name) \
    "{\"jsonrpc\":\"2.0\",\"id\":" #id                                                    \
    ",\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\"}}"

/* POSTs the body, which has to arrive, and expects these reports. */
static void expect_reports(const char *rule, const char *path, const char *body,
                           const char *reports)
{
    struct scene s;
    struct end *origin;
    struct buf request = {0};
    scene_open(&s, rule);
    buf_printf(&request, "POST %s HTTP/1.1\r\n%%HContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n", path, strlen(body));
    struct end *client = rig_tunnel(&s.rig, &s.puppet, "origin.test", &origin);
    struct buf text = {0};
    fill_in(&s.rig, request.data, &text);
    buf_puts(&text, body);
    end_send(client, text.data);
    UNTIL(&s.rig, end_has(origin, *body ? body : "POST "));
    assert_string_equal(buf_str(&s.rig.audited), reports);
    assert_int_equal(s.rig.n_denials, 0);
    buf_free(&request);
    buf_free(&text);
    scene_close(&s);
}

static void a_request_is_reported_once(void **state)
{
    (void)state;
    expect_reports(REST("        access: read-only\n"), "/a/../b?token=x", "",
                   "POST /b - - - - " REFUSED("/b"));
    expect_reports(REST("        access: full\n        deny_rules: [{method: POST, path: /b}]\n"),
                   "/b", "", "POST /b - - - - one: POST /b blocked by deny rule\n");
}

static void what_is_permitted_is_not_reported(void **state)
{
    (void)state;
    expect_reports(REST("        access: full\n"), "/b", "", "");
    expect_reports(GRAPHQL(""), "/", "{\"query\":\"{viewer{id}}\"}", "");
    expect_reports(MCP(""), "/", TOOL(1, "read_a"), "");
}

/* Also those that stand behind the first one, but none that are permitted. */
static void each_refused_call_of_a_body_is_reported(void **state)
{
    (void)state;
    expect_reports(GRAPHQL(""), "/", "{\"query\":\"mutation M{drop keep}\"}",
                   "POST / mutation M drop,keep - - one" BLOCKED);
    expect_reports(GRAPHQL(""), "/",
                   "[{\"query\":\"{viewer{id}}\"},{\"query\":\"{a:admin{id}}\"},"
                   "{\"query\":\"query Q{viewer{id}}\"},{\"query\":\"mutation{drop}\"}]",
                   "POST / query admin - - one" BLOCKED "POST / mutation drop - - one" BLOCKED);
    expect_reports(MCP(""), "/mcp", TOOL(1, "drop_all"),
                   "POST /mcp - - tools/call drop_all " REFUSED("/mcp"));
    expect_reports(JSON_RPC, "/",
                   "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_sign\"},"
                   "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_call\"},"
                   "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"eth_send\"}]",
                   "POST / - - eth_sign - " REFUSED("/") "POST / - - eth_send - " REFUSED("/"));
}

/* A body with more refused calls than are judged twice. */
static void a_body_cannot_cause_any_number_of_reports(void **state)
{
    struct buf body = {0};
    struct scene s;
    struct end *origin;
    unsigned reports = 0;
    (void)state;
    buf_putc(&body, '[');
    for (int i = 0; i < 1000; i++)
        buf_printf(&body, "%s{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"m%d\"}", i ? "," : "", i,
                   i);
    buf_putc(&body, ']');
    scene_open(&s, JSON_RPC);
    struct end *client = rig_tunnel(&s.rig, &s.puppet, "origin.test", &origin);
    struct buf text = {0};
    fill_in(&s.rig, "POST / HTTP/1.1\r\n%HContent-Length: ", &text);
    buf_printf(&text, "%zu\r\n\r\n%s", body.len, body.data);
    end_send(client, text.data);
    UNTIL(&s.rig, end_has(origin, "\"m999\"}]"));
    for (const char *at = s.rig.audited.data; (at = strchr(at, '\n')); at++)
        reports++;
    assert_int_equal(reports, 256);
    buf_free(&body);
    buf_free(&text);
    scene_close(&s);
}

static void under_enforcement_nothing_is_reported(void **state)
{
    struct scene s;
    struct end *origin;
    (void)state;
    scene_open(&s, READ_ONLY);
    struct end *client = ask_plain(&s, "POST /b HTTP/1.1\r\n%HContent-Length: 0\r\n\r\n", &origin);
    UNTIL(&s.rig, client->eof);
    assert_int_equal(s.rig.n_denials, 1);
    assert_int_equal(s.rig.audited.len, 0);
    scene_close(&s);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_request_is_reported_once),
        cmocka_unit_test(what_is_permitted_is_not_reported),
        cmocka_unit_test(each_refused_call_of_a_body_is_reported),
        cmocka_unit_test(a_body_cannot_cause_any_number_of_reports),
        cmocka_unit_test(under_enforcement_nothing_is_reported),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
