/* SPDX-License-Identifier: Apache-2.0 */
/* What is permitted is reported as rules could say it: connections, requests and calls. */
#include "support/inspected.h"

#define TOOL(name) \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\"}}"
#define CONNECTED "CONNECT origin.test - - - - "

/* Sends the bytes through a tunnel and expects the reports, in which %s is the client. */
static void expect_reports(const char *rule, const char *bytes, const char *reports)
{
    struct scene s;
    struct end *origin;
    struct buf text = {0}, wanted = {0};
    scene_open(&s, rule);
    struct end *client = rig_tunnel(&s.rig, &s.puppet, "origin.test", &origin);
    fill_in(&s.rig, bytes, &text);
    end_send(client, text.data);
    UNTIL(&s.rig, end_has(origin, "the end"));
    for (const char *at; (at = strstr(reports, "%s")); reports = at + 2) {
        buf_add(&wanted, reports, (size_t)(at - reports));
        buf_puts(&wanted, s.rig.client);
    }
    buf_puts(&wanted, reports);
    assert_string_equal(buf_str(&s.rig.passed), wanted.data);
    assert_int_equal(s.rig.n_denials, 0);
    buf_free(&text);
    buf_free(&wanted);
    scene_close(&s);
}

static void a_request_is_reported_by_its_canonical_path(void **state)
{
    (void)state;
    expect_reports(READ_ONLY, "GET /a/../b%63?token=s HTTP/1.1\r\n%HX: the end\r\n\r\n",
                   CONNECTED "%s: \nGET origin.test/bc - - - - %s: \n");
    expect_reports(L4, "GET /a/../b%63?token=s HTTP/1.1\r\n%HX: the end\r\n\r\n",
                   CONNECTED "%s: \nGET origin.test/bc - - - - %s: \n");
}

static void a_request_that_no_rule_could_say_has_the_reason(void **state)
{
    (void)state;
    expect_reports(L4, "GET /a/%c0%ae HTTP/1.1\r\n%HX: the end\r\n\r\n",
                   CONNECTED "%s: \nGET origin.test/a/%c0%ae - - - - %s: "
                             "the path has escapes that are no UTF-8\n");
}

static void another_method_that_is_asked_for_is_reported_too(void **state)
{
    (void)state;
    expect_reports(REST("        access: full\n        enforcement: enforce\n"),
                   "POST /x HTTP/1.1\r\n%HX-HTTP-Method-Override: PUT\r\nContent-Length: 7\r\n\r\n"
                   "the end",
                   CONNECTED "%s: \nPOST origin.test/x - - - - %s: \n"
                             "PUT origin.test/x - - - - %s: \n");
}

static void bytes_that_are_not_inspected_are_a_report_of_the_connection(void **state)
{
    (void)state;
    expect_reports(L4, "SSH-2.0 the end", CONNECTED "%s: \nTCP origin.test - - - - %s: \n");
}

static void a_client_that_says_nothing_is_a_connection(void **state)
{
    struct scene s;
    struct end *origin;
    struct buf wanted = {0};
    (void)state;
    scene_open(&s, L4);
    struct end *client = rig_tunnel(&s.rig, &s.puppet, "origin.test", &origin);
    shutdown(client->fd, SHUT_WR);
    UNTIL(&s.rig, origin->eof);
    buf_printf(&wanted, CONNECTED "%s: \n", s.rig.client);
    assert_string_equal(buf_str(&s.rig.passed), wanted.data);
    buf_free(&wanted);
    scene_close(&s);
}

static void each_call_is_reported(void **state)
{
    (void)state;
    expect_reports("    endpoints:\n"
                   "      - host: origin.test\n"
                   "        port: %P\n"
                   "        protocol: mcp\n"
                   "        rules: [{allow: {method: tools/call, tool: read}}]\n"
                   "    binaries: [{path: /**}]\n",
                   "POST /mcp HTTP/1.1\r\n%HContent-Type: application/json\r\n"
                   "X: the end\r\nContent-Length: 145\r\n\r\n[" TOOL("read") "," TOOL("drop") "]",
                   CONNECTED "%s: \nPOST origin.test/mcp - - tools/call read %s: \n"
                             "POST origin.test/mcp - - tools/call drop %s: \n");
}

/* The rule names what started the client. */
static void the_program_is_the_one_that_the_rule_names(void **state)
{
    struct rig rig;
    struct end *origin;
    struct buf yaml = {0}, wanted = {0};
    (void)state;
    rig_start(&rig, "");
    const char *programs[] = {rig.other, rig.client, NULL};
    buf_printf(&yaml, "version: 1\nnetwork_policies:\n  a: {endpoints: [{host: origin.test, "
                      "port: %u}], binaries: [{path: %s}]}\n", rig.origin_port, rig.other);
    struct policy *policy = rig_parse(yaml.data);
    egress_set_policy(rig.proxy, policy);
    policy_unref(policy);
    struct puppet puppet = rig_puppet_chain(&rig, programs, 0);
    rig_tunnel(&rig, &puppet, "origin.test", &origin);
    buf_printf(&wanted, CONNECTED "%s: \n", rig.other);
    assert_memory_equal(buf_str(&rig.passed), wanted.data, wanted.len);
    buf_free(&yaml);
    buf_free(&wanted);
    puppet_end(&puppet);
    rig_stop(&rig);
}

static int tests(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(a_request_is_reported_by_its_canonical_path),
        cmocka_unit_test(a_request_that_no_rule_could_say_has_the_reason),
        cmocka_unit_test(another_method_that_is_asked_for_is_reported_too),
        cmocka_unit_test(bytes_that_are_not_inspected_are_a_report_of_the_connection),
        cmocka_unit_test(a_client_that_says_nothing_is_a_connection),
        cmocka_unit_test(each_call_is_reported),
        cmocka_unit_test(the_program_is_the_one_that_the_rule_names),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, tests);
}
