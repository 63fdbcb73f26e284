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
#include "policy/cure/cure.h"

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

static const struct sluice_rule *read_back(const struct policy_refused *refused,
                                           struct arena *arena)
{
    struct error err = {0};
    const char *json = drafts_rule_encode(policy_cure_connection(refused, arena), arena);
    return drafts_rule_decode(json, arena, &err);
}

static void rules_are_read_back_as_they_were_meant(void **state)
{
    struct policy_refused refused = {"api.example.com", 443, "/opt/a \"b\"/x", "", "", "", "", "",
                                     "", ""};
    const struct sluice_rule *rule = read_back(&refused, *state);
    assert_non_null(rule);
    assert_int_equal(rule->n_endpoints, 1);
    assert_string_equal(rule->endpoints[0]->host, "api.example.com");
    assert_int_equal(rule->endpoints[0]->n_ports, 1);
    assert_int_equal(rule->endpoints[0]->ports[0], 443);
    assert_string_equal(rule->endpoints[0]->protocol, "");
    assert_int_equal(rule->endpoints[0]->n_allowed_ips, 0);
    assert_int_equal(rule->n_binaries, 1);
    assert_string_equal(rule->binaries[0]->path, "/opt/a \"b\"/x");
    refused.binary = "";
    rule = read_back(&refused, *state);
    assert_int_equal(rule->n_binaries, 0);
}

static void a_rationale_names_binary_and_service(void **state)
{
    struct policy_refused curl = {"a.example.com", 443, "/usr/bin/curl", "", "", "", "", "", "",
                                  ""};
    struct policy_refused unknown = {"a.example.com", 4444, "", "", "", "", "", "", "", ""};
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
        TEST(rules_are_read_back_as_they_were_meant),
        TEST(a_rationale_names_binary_and_service),
        TEST(confidence_grows_with_hits_and_known_ports),
        TEST(notes_say_what_is_risky),
        TEST(the_ssrf_note_reaches_the_reviewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
