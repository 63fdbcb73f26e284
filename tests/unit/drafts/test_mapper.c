/* SPDX-License-Identifier: Apache-2.0 */
/* From a refused connection to a proposed rule, and what a reviewer is told about a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "drafts/mapper.h"
#include "drafts/notes.h"
#include "drafts/rules.h"

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
        assert_string_equal(drafts_rule_name(cases[i].host, cases[i].port, *state), cases[i].name);
}

static void nothing_is_proposed_for_what_no_rule_allows(void **state)
{
    static const char *const hosts[] = {
        "localhost",        "LOCALHOST.", "127.0.0.1", "127.8.9.1",  "0.0.0.0",
        "169.254.169.254",  "::1",        "::",        "fe80::1",    "metadata.google.internal",
        "::ffff:127.0.0.1", "not a host", "",          "2130706433",
    };
    struct drafts_target target;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (drafts_target(hosts[i], 80, "/bin/x", *state, &target) == 0)
            fail_msg("%s was proposed as %s", hosts[i], target.host);
    assert_int_equal(drafts_target("example.com", 0, "/bin/x", *state, &target), -1);
}

static void targets_are_canonical(void **state)
{
    struct drafts_target target;
    assert_int_equal(drafts_target("API.Example.COM.", 443, "-", *state, &target), 0);
    assert_string_equal(target.host, "api.example.com");
    assert_string_equal(target.binary, "");
    assert_int_equal(drafts_target("10.1.2.3", 443, "/usr/bin/curl", *state, &target), 0);
    assert_string_equal(target.binary, "/usr/bin/curl");
}

static void rules_are_read_back_as_they_were_meant(void **state)
{
    struct drafts_target target = {"api.example.com", 443, "/opt/a \"b\"/x", "", "", "", "", "",
                                   ""};
    struct error err = {0};
    const struct sluice_rule *rule =
        drafts_rule_decode(drafts_rule_json(&target, *state), *state, &err);
    assert_non_null(rule);
    assert_int_equal(rule->n_endpoints, 1);
    assert_string_equal(rule->endpoints[0]->host, "api.example.com");
    assert_int_equal(rule->endpoints[0]->n_ports, 1);
    assert_int_equal(rule->endpoints[0]->ports[0], 443);
    assert_string_equal(rule->endpoints[0]->protocol, "");
    assert_int_equal(rule->endpoints[0]->n_allowed_ips, 0);
    assert_int_equal(rule->n_binaries, 1);
    assert_string_equal(rule->binaries[0]->path, "/opt/a \"b\"/x");
    target.binary = "";
    rule = drafts_rule_decode(drafts_rule_json(&target, *state), *state, &err);
    assert_int_equal(rule->n_binaries, 0);
}

static void a_rationale_names_binary_and_service(void **state)
{
    struct drafts_target curl = {"a.example.com", 443, "/usr/bin/curl", "", "", "", "", "", ""};
    struct drafts_target unknown = {"a.example.com", 4444, "", "", "", "", "", "", ""};
    assert_string_equal(drafts_rationale(&curl, *state),
                        "Allow curl to connect to a.example.com:443 (HTTPS).");
    assert_string_equal(drafts_rationale(&unknown, *state),
                        "Allow unknown binary to connect to a.example.com:4444.");
}

static void confidence_grows_with_hits_and_known_ports(void **state)
{
    static const struct { uint16_t port; uint64_t hits; bool ssrf; double expected;
    } cases[] = {
        {4444, 1, false, 0.5},  {4444, 3, false, 0.6}, {4444, 9, false, 0.6},
        {4444, 10, false, 0.7}, {443, 1, false, 0.65}, {443, 10, false, 0.85},
        {443, 10, true, 0.65},  {4444, 1, true, 0.3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double c = drafts_confidence(cases[i].port, cases[i].hits, cases[i].ssrf);
        assert_true(c > cases[i].expected - 1e-9 && c < cases[i].expected + 1e-9);
    }
}

/* ---- notes ---- */

static const char *notes(void **state, const char *json, bool ssrf)
{
    struct error err = {0};
    const struct sluice_rule *rule = drafts_rule_decode(json, *state, &err);
    if (!rule)
        fail_msg("%s", err.text);
    return drafts_notes(rule, ssrf, *state);
}

static void notes_say_what_is_risky(void **state)
{
    static const struct { const char *json, *notes;
    } cases[] = {
        {"{\"endpoints\":[{\"host\":\"a.example.com\",\"port\":443}]}", ""},
        {"{\"endpoints\":[{\"host\":\"10.1.2.3\",\"port\":443}]}",
         "Destination '10.1.2.3' appears to be an internal/private address."},
        {"{\"endpoints\":[{\"host\":\"*.example.com\",\"port\":443}]}",
         "Host '*.example.com' contains a wildcard — this may match unintended destinations."},
        {"{\"endpoints\":[{\"host\":\"a.b\",\"port\":443,\"allowed_ips\":[\"10.0.0.0/"
         "8\",\"8.8.8.8\"]}]}",
         "allowed_ips includes private/internal range '10.0.0.0/8'."},
        {"{\"endpoints\":[{\"host\":\"a.b\",\"port\":443,\"allowed_ips\":[\"8.0.0.0/6\"]}]}",
         "allowed_ips includes private/internal range '8.0.0.0/6'."},
        {"{\"endpoints\":[{\"port\":443,\"allowed_ips\":[\"8.8.8.8\"]}]}",
         "allowed_ips allowlist is hostless and may match any hostname resolving within the "
         "configured range."},
        {"{\"endpoints\":[{\"host\":\"a.b\",\"port\":49152}]}", ""},
        {"{\"endpoints\":[{\"host\":\"a.b\",\"port\":49153}]}",
         "Port 49153 is in the ephemeral range — this may be a temporary service."},
        {"{\"endpoints\":[{\"host\":\"a.b\",\"ports\":[5432,6379]}]}",
         "Port 5432 is a well-known database/service port. Port 6379 is a well-known "
         "database/service port."},
        {"{\"endpoints\":[{\"host\":\"a.b\",\"port\":5432},{\"host\":\"c.d\",\"port\":5432}]}",
         "Port 5432 is a well-known database/service port."},
        {"{\"endpoints\":[{\"host\":\"a.b\",\"port\":443,\"allow_uninspected_credentials\":true}]}",
         "Endpoint 'a.b' explicitly allows credentials on traffic that sluice cannot inspect or "
         "rewrite."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(notes(state, cases[i].json, false), cases[i].notes);
}

static void the_ssrf_note_reaches_the_reviewer(void **state)
{
    const char *text = notes(state, "{\"endpoints\":[{\"host\":\"db\",\"port\":5432}]}", true);
    assert_string_equal(
        text, "This connection was blocked by SSRF protection. Private IP access requires "
              "an explicit `allowed_ips` policy entry. "
              "Port 5432 is a well-known database/service port.");
    assert_true(drafts_notes_ssrf(text));
    assert_false(drafts_notes_ssrf(
        notes(state, "{\"endpoints\":[{\"host\":\"db\",\"port\":5432}]}", false)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(names_follow_host_and_port),
        TEST(nothing_is_proposed_for_what_no_rule_allows),
        TEST(targets_are_canonical),
        TEST(rules_are_read_back_as_they_were_meant),
        TEST(a_rationale_names_binary_and_service),
        TEST(confidence_grows_with_hits_and_known_ports),
        TEST(notes_say_what_is_risky),
        TEST(the_ssrf_note_reaches_the_reviewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
