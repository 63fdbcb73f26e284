/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/policy and its revisions, over HTTP. */
#include "support/api_policy.h"

#define FIRST_OPERATION                                                     \
    "{\"operations\":[{\"add_rule\":{\"rule_name\":\"api\",\"rule\":{"      \
    "\"endpoints\":[{\"host\":\"api.example.com\",\"port\":443}],"          \
    "\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}}}]}"

static void a_put_answers_with_the_update_document(void **state)
{
    struct api_fixture *d = *state;
    struct answer a =
        ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"Sluice-Reason", "the first rule"}));
    assert_status(&a, 200);
    assert_string_equal(a.type, "application/json");
    assert_string_equal(a.etag, "\"2\"");
    assert_string_equal(text_of(&a, "outcome"), "allowed");
    assert_string_equal(text_of(&a, "status"), "pending");
    assert_int_equal(json_array_size(json_object_get(a.json, "votes")), 3);
    a = ASK(d, "GET", "/v1/sandboxes/demo/revisions/2");
    assert_string_equal(text_of(&a, "reason"), "the first rule");
    assert_string_equal(text_of(&a, "kind"), "replace");
    assert_string_equal(text_of(&a, "status"), "pending");
    assert_true(json_is_null(json_object_get(a.json, "loaded_at")));
}

static void yaml_and_json_and_operations_come_to_the_same(void **state)
{
    struct api_fixture *d = *state;
    struct answer yaml = ASK(d, "PUT", POLICY "?dry_run=true", YAML(FIRST_RULE));
    struct answer json = ASK(
        d, "PUT", POLICY "?dry_run=1",
        .body =
            "{\"version\":1,\"network_policies\":{\"api\":{\"endpoints\":[{\"host\":"
            "\"api.example.com\",\"port\":443}],\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}}}");
    struct answer merge = ASK(d, "PATCH", POLICY "?dry_run=true", .body = FIRST_OPERATION);
    assert_status(&yaml, 200);
    assert_string_equal(text_of(&json, "hash"), text_of(&yaml, "hash"));
    assert_string_equal(text_of(&merge, "hash"), text_of(&yaml, "hash"));
    assert_true(json_is_true(json_object_get(merge.json, "dry_run")));
    struct answer now = ASK(d, "GET", POLICY);
    assert_int_equal(number_of(&now, "revision"), 1);
}

static void bodies_that_cannot_be_read(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "PUT", POLICY, .type = "text/csv", .body = "a,b");
    assert_problem(&a, 415, "/unsupported-media-type",
                   "the body is text/csv: send application/json or application/yaml");
    a = ASK(d, "PUT", POLICY, .body = "{\"version\": 1,\n  oops}");
    assert_status(&a, 400);
    const json_t *error = json_array_get(json_object_get(a.json, "errors"), 0);
    assert_int_equal(json_integer_value(json_object_get(error, "line")), 2);
    assert_int_equal(json_integer_value(json_object_get(error, "column")), 3);
    assert_non_null(strstr(text_of(&a, "detail"), "the body is no JSON document: "));
    a = ASK(d, "PUT", POLICY, YAML("version: [1\n"));
    assert_status(&a, 400);
    assert_non_null(strstr(text_of(&a, "detail"), "the body is no YAML document: "));
    char *large = arena_alloc(d->g.arena, POLICY_BYTES_MAX + 2);
    memset(large, '#', POLICY_BYTES_MAX + 1);
    large[POLICY_BYTES_MAX + 1] = '\0';
    a = ASK(d, "PUT", POLICY, YAML(large));
    assert_problem(&a, 413, "/too-large",
                   "the body has 262145 bytes, at most 262144 are allowed: send less");
}

static void documents_that_are_wrong(void **state)
{
    struct api_fixture *d = *state;
    struct answer a =
        ASK(d, "PUT", POLICY, YAML("version: 1\nnetwork_policies:\n  api:\n    endpoint: []\n"));
    assert_problem(&a, 422, "/invalid", "the policy has 1 problem");
    const json_t *error = json_array_get(json_object_get(a.json, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(error, "path")),
                        "network_policies.api.endpoint");
    assert_int_equal(json_integer_value(json_object_get(error, "line")), 4);
    assert_int_equal(json_integer_value(json_object_get(error, "column")), 5);
    a = ASK(d, "PATCH", POLICY, .body = "{\"operations\":[{\"add_rul\":{}}]}");
    assert_status(&a, 422);
    error = json_array_get(json_object_get(a.json, "errors"), 0);
    assert_non_null(strstr(json_string_value(json_object_get(error, "path")), "operations[0]"));
    a = ASK(d, "PUT", "/v1/sandboxes/nobody/policy", YAML(FIRST_RULE));
    assert_status(&a, 404);
    a = ASK(d, "PATCH", POLICY, YAML("operations:\n  - remove_rule: {rule_name: nope}\n"));
    error = json_array_get(json_object_get(a.json, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(error, "path")),
                        "operations[0].remove_rule.rule_name");
    assert_int_equal(json_integer_value(json_object_get(error, "line")), 2);
    assert_int_equal(json_integer_value(json_object_get(error, "column")), 30);
}

static void a_denied_update_is_a_problem_with_its_votes(void **state)
{
    struct api_fixture *d = *state;
    struct answer a =
        ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"closed\",\"network\":\"none\"}");
    assert_status(&a, 201);
    a = ASK(d, "PUT", "/v1/sandboxes/closed/policy", YAML(FIRST_RULE));
    assert_problem(&a, 403, "/denied", "refused by 1 of 3 voters");
    assert_string_equal(text_of(&a, "outcome"), "denied");
    assert_int_equal(json_array_size(json_object_get(a.json, "votes")), 3);
    struct answer dry = ASK(d, "PUT", "/v1/sandboxes/closed/policy?dry_run=true", YAML(FIRST_RULE));
    assert_status(&dry, 200);
    assert_string_equal(text_of(&dry, "outcome"), "denied");
    struct answer merge = ASK(d, "PATCH", "/v1/sandboxes/closed/policy", .body = FIRST_OPERATION);
    assert_problem(&merge, 403, "/denied", "refused by 1 of 3 voters");
}

static void if_match_names_a_revision(void **state)
{
    struct api_fixture *d = *state;
    static const char *const wrong[] = {"x",   "\"1",         "1\"",      "0",        "-1",
                                        "W/1", "\"1\" \"2\"", "\"1\", x", "*, \"1\"", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct answer a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"If-Match", wrong[i]}));
        assert_problem(
            &a, 400, "/malformed",
            arena_printf(
                d->g.arena,
                "If-Match names the revision that the change builds on, such as \"3\", not %s",
                wrong[i]));
    }
    static const char *const other[] = {"\"x\"",  "\"\"",    "\"0\"",
                                        "\"01\"", "W/\"1\"", "\"x\", W/\"1\""};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct answer a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"If-Match", other[i]}));
        assert_problem(
            &a, 412, "/revision-moved",
            arena_printf(
                d->g.arena,
                "If-Match (%s) names no revision of the policy of sandbox 'demo': they are "
                "tagged such as \"1\"",
                other[i]));
    }
    struct answer list = ASK(d, "PUT", POLICY "?dry_run", YAML(FIRST_RULE),
                             HEADERS({"If-Match", "\"7\",\"1\" , W/\"x\""}));
    assert_status(&list, 200);
    list =
        ASK(d, "PUT", POLICY "?dry_run", YAML(FIRST_RULE), HEADERS({"If-Match", "\"7\", \"8\""}));
    assert_status(&list, 412);
    struct answer a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"If-Match", "\"9\""}));
    assert_problem(&a, 412, "/revision-moved",
                   "the policy of sandbox 'demo' is at revision 1, not 9: read it again and repeat "
                   "the change on top of it");
    a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"If-Match", "\"1\""}));
    assert_status(&a, 200);
    a = ASK(d, "PUT", POLICY, YAML("version: 1\n"), HEADERS({"If-Match", "2"}));
    assert_status(&a, 200);
    a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"If-Match", "*"}));
    assert_status(&a, 200);
    assert_string_equal(a.etag, "\"4\"");
}

static void an_override_is_an_admins_and_needs_a_reason(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"Sluice-Override", "true"}));
    assert_problem(&a, 403, "/forbidden", "an override needs a reason: say why it is right");
    a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"Sluice-Override", "yes"}));
    assert_problem(&a, 400, "/malformed", "Sluice-Override is true or false, not 'yes'");
    a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"Sluice-Override", "false"}));
    assert_status(&a, 200);
}

static void a_reason_is_text(void **state)
{
    struct api_fixture *d = *state;
    char *long_one = arena_zalloc(d->g.arena, 1026);
    struct answer a =
        ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"Sluice-Reason", "f\xc3\xbcr alle"}));
    assert_status(&a, 200);
    a = ASK(d, "GET", "/v1/sandboxes/demo/revisions/2");
    assert_string_equal(text_of(&a, "reason"), "f\xc3\xbcr alle");
    a = ASK(d, "PUT", POLICY, YAML("version: 1\n"), HEADERS({"Sluice-Reason", "f\xfcr alle"}));
    assert_problem(&a, 400, "/malformed", "a header value is not UTF-8");
    a = ASK(d, "PUT", POLICY, YAML("version: 1\n"), HEADERS({"Sluice-Reason", "two\u2028lines"}));
    assert_problem(&a, 400, "/malformed",
                   "Sluice-Reason has the invisible character U+2028: leave it out");
    a = ASK(d, "POST", "/v1/sandboxes/demo/drafts/1/undo",
            HEADERS({"Sluice-Reason", "to the \u202eleft"}));
    assert_problem(&a, 400, "/malformed",
                   "Sluice-Reason has the invisible character U+202E: leave it out");
    memset(long_one, 'x', 1025);
    a = ASK(d, "PUT", POLICY, YAML("version: 1\n"), HEADERS({"Sluice-Reason", long_one}));
    assert_problem(&a, 400, "/malformed", "Sluice-Reason is longer than 1024 bytes");
    a = ASK(d, "POST", "/v1/sandboxes/demo/drafts/1/undo", HEADERS({"Sluice-Reason", long_one}));
    assert_problem(&a, 400, "/malformed", "Sluice-Reason is longer than 1024 bytes");
}

static void a_policy_is_read_as_json_or_yaml(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    struct answer a = ASK(d, "GET", POLICY);
    assert_string_equal(a.etag, "\"2\"");
    assert_string_equal(text_of(&a, "sandbox"), "demo");
    assert_int_equal(number_of(&a, "revision"), 2);
    assert_int_equal(number_of(&a, "loaded_revision"), 0);
    assert_string_equal(text_of(&a, "status"), "pending");
    assert_int_equal(strlen(text_of(&a, "hash")), 64);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(a.json, "policy"), "version")), 1);
    a = ASK(d, "GET", POLICY "?revision=1");
    assert_string_equal(a.etag, "\"1\"");
    static const char *const yaml[] = {"application/yaml", "application/yaml, */*;q=0.1",
                                       "application/x-yaml", "text/yaml",
                                       "application/json;q=0.5, application/yaml"};
    for (size_t i = 0; i < sizeof yaml / sizeof *yaml; i++) {
        a = ASK(d, "GET", POLICY, HEADERS({"Accept", yaml[i]}));
        assert_string_equal(a.type, "application/yaml");
        assert_null(a.json);
    }
    static const char *const json[] = {"application/json", "*/*",
                                       "application/json, application/yaml;q=0.5",
                                       "application/yaml;q=0, */*", "text/html"};
    for (size_t i = 0; i < sizeof json / sizeof *json; i++) {
        a = ASK(d, "GET", POLICY, HEADERS({"Accept", json[i]}));
        assert_string_equal(a.type, "application/json");
    }
}

static void a_body_that_nobody_reads_is_refused(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    static const char *const paths[] = {"/v1/sandboxes/demo/revisions/1/rollback",
                                        "/v1/sandboxes/demo/stop",
                                        "/v1/sandboxes/demo/drafts/1/undo", "/v1/plugins/reload"};
    static const char *const patterns[] = {
        "/v1/sandboxes/{name}/revisions/{revision}/rollback", "/v1/sandboxes/{name}/stop",
        "/v1/sandboxes/{name}/drafts/{id}/undo", "/v1/plugins/reload"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct answer a =
            ask(d, (struct ask){.method = "POST", .path = paths[i], .body = "{\"dry_run\":true}"});
        assert_problem(
            &a, 422, "/invalid",
            arena_printf(
                d->g.arena,
                "POST %s takes no body: leave it out (a reason goes into the header Sluice-Reason)",
                patterns[i]));
    }
    struct answer a = ASK(d, "GET", POLICY);
    assert_string_equal(a.etag, "\"2\"");
    a = ASK(d, "POST", "/v1/sandboxes/demo/revisions/1/rollback", .body = "{}");
    assert_status(&a, 200);
}

/* ---- many, and the same again ---- */

enum { WRITERS = 64 };

/* Nobody waits in vain, nobody is lost, no revision is skipped. */
static void many_writers_of_one_sandbox(void **state)
{
    struct api_fixture *d = *state;
    struct answer *answers[WRITERS];
    bool taken[WRITERS + 2] = {false};
    for (int i = 0; i < WRITERS; i++)
        answers[i] = begin_ask(
            d, (struct ask){.method = "PATCH",
                            .path = POLICY,
                            .body = arena_printf(
                                d->g.arena,
                                "{\"operations\":[{\"add_rule\":{\"rule_name\":\"r%d\",\"rule\":{"
                                "\"endpoints\":[{\"host\":\"h%d.example.com\","
                                "\"port\":443}],\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}}}]}",
                                i, i)});
    for (int i = 0; i < WRITERS; i++) {
        RUN_UNTIL(d, answers[i]->done);
        assert_status(answers[i], 200);
        long long revision = number_of(answers[i], "revision");
        assert_true(revision >= 2 && revision < WRITERS + 2 && !taken[revision]);
        taken[revision] = true;
    }
    struct answer a = ASK(d, "GET", POLICY);
    assert_string_equal(a.etag, arena_printf(d->g.arena, "\"%d\"", WRITERS + 1));
    assert_int_equal(
        json_object_size(json_object_get(json_object_get(a.json, "policy"), "network_policies")),
        WRITERS);
    a = ASK(d, "GET", "/v1/decisions?sandbox=demo&limit=0");
    assert_int_equal(json_array_size(json_object_get(a.json, "decisions")), WRITERS + 1);
}

/* Nobody makes the gateway hold all that it has on record at once. */
static void a_long_list_comes_in_parts(void **state)
{
    enum { MANY = 300 };                            /* more than are read at once */
    static const char *const lists[][3] = {
        {"/v1/decisions?sandbox=demo&limit=0&before=", "decisions", "seq"},
        {"/v1/sandboxes/demo/revisions?before=", "revisions", "revision"}};
    struct api_fixture *d = *state;
    for (int i = 0; i < MANY; i++) {
        struct answer put = ASK(d, "PUT", POLICY, YAML(i % 2 ? "version: 1\n" : FIRST_RULE));
        assert_status(&put, 200);
    }
    d->api.list_bytes = 1;
    for (size_t l = 0; l < 2; l++) {
        long long before = 0, last = INT64_MAX, n = 0, parts = 0;
        do {
            const char *path = arena_printf(d->g.arena, "%s%lld", lists[l][0], before);
            struct answer a = ASK(d, "GET", path);
            size_t i;
            json_t *item;
            assert_status(&a, 200);
            json_array_foreach(json_object_get(a.json, lists[l][1]), i, item) {
                long long number = json_integer_value(json_object_get(item, lists[l][2]));
                assert_true(number < last);
                last = number;
                n++;
            }
            before = json_integer_value(json_object_get(a.json, "next"));
            parts++;
        } while (before);
        assert_int_equal(n, MANY + 1);
        assert_int_equal(parts, 2);
    }
}

/* A client that did not hear the answer sends its request again. */
static void a_request_that_is_sent_again_changes_nothing(void **state)
{
    struct api_fixture *d = *state;
    static const struct ask requests[] = {
        {"PUT", POLICY, "application/yaml", FIRST_RULE, {{NULL, NULL}}},
        {"PATCH", POLICY, NULL, FIRST_OPERATION, {{NULL, NULL}}},
        {"POST", "/v1/sandboxes/demo/revisions/1/rollback", NULL, NULL, {{NULL, NULL}}},
        {"POST", "/v1/sandboxes/demo/stop", NULL, NULL, {{NULL, NULL}}},
        {"POST", "/v1/sandboxes/demo/start", NULL, NULL, {{NULL, NULL}}},
        {"DELETE", "/v1/sandboxes/demo/drafts", NULL, NULL, {{NULL, NULL}}},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct answer first = ask(d, requests[i]), decisions = ASK(d, "GET", "/v1/decisions"),
                      again = ask(d, requests[i]), after = ASK(d, "GET", "/v1/decisions");
        assert_status(&first, 200);
        assert_status(&again, 200);
        assert_string_equal(first.etag, again.etag);
        assert_string_equal(decisions.text, after.text);
    }
    struct answer a = ASK(d, "PUT", POLICY, YAML(FIRST_RULE), HEADERS({"If-Match", "\"1\""}));
    assert_status(&a, 412);
    a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"demo\"}");
    assert_status(&a, 409);
    a = ASK(d, "DELETE", "/v1/sandboxes/demo");
    assert_status(&a, 200);
    a = ASK(d, "DELETE", "/v1/sandboxes/demo");
    assert_status(&a, 404);
}

/* policy get --full | policy set --policy - changes nothing. */
static void what_was_read_can_be_sent_back(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    struct answer a = ASK(d, "GET", POLICY, HEADERS({"Accept", "application/yaml"}));
    struct answer back = ASK(d, "PUT", POLICY, YAML(a.text));
    assert_status(&back, 200);
    assert_true(json_is_false(json_object_get(back.json, "changed")));
    assert_int_equal(number_of(&back, "revision"), 2);
}

static void numbers_that_are_none(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", POLICY "?revision=one");
    assert_problem(
        &a, 400, "/malformed",
        "query parameter revision must be a number from 0 to 9223372036854775807, not 'one'");
    a = ASK(d, "GET", POLICY "?revision=-1");
    assert_status(&a, 400);
    a = ASK(d, "GET", POLICY "?revision=99999999999999999999999");
    assert_status(&a, 400);
    a = ASK(d, "GET", "/v1/sandboxes/demo/revisions/x");
    assert_problem(&a, 400, "/malformed", "a revision is a number from 1, not 'x'");
    a = ASK(d, "GET", "/v1/sandboxes/demo/revisions/99999999999999999999999");
    assert_problem(&a, 400, "/malformed",
                   "a revision is a number from 1, not '99999999999999999999999'");
    a = ASK(d, "POST", "/v1/sandboxes/demo/revisions/0/rollback");
    assert_problem(&a, 400, "/malformed", "a revision is a number from 1, not '0'");
    a = ASK(d, "GET", "/v1/sandboxes/demo/revisions/7");
    assert_status(&a, 404);
    a = ASK(d, "GET", "/v1/sandboxes/demo/revisions/1?wait_ms=x");
    assert_status(&a, 400);
}

static void revisions_are_listed_and_rolled_back(void **state)
{
    struct api_fixture *d = *state;
    put_first_rule(d);
    struct answer a = ASK(d, "POST", "/v1/sandboxes/demo/revisions/1/rollback");
    assert_status(&a, 200);
    assert_int_equal(number_of(&a, "revision"), 3);
    a = ASK(d, "GET", "/v1/sandboxes/demo/revisions?limit=2");
    const json_t *list = json_object_get(a.json, "revisions");
    assert_int_equal(json_array_size(list), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "revision")), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "kind")),
                        "rollback");
    assert_true(json_is_null(json_object_get(json_array_get(list, 0), "error")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEMO_TEST(a_put_answers_with_the_update_document),
        DEMO_TEST(yaml_and_json_and_operations_come_to_the_same),
        DEMO_TEST(bodies_that_cannot_be_read),
        DEMO_TEST(documents_that_are_wrong),
        DEMO_TEST(a_denied_update_is_a_problem_with_its_votes),
        DEMO_TEST(if_match_names_a_revision),
        DEMO_TEST(an_override_is_an_admins_and_needs_a_reason),
        DEMO_TEST(a_reason_is_text),
        DEMO_TEST(a_policy_is_read_as_json_or_yaml),
        DEMO_TEST(what_was_read_can_be_sent_back),
        DEMO_TEST(a_body_that_nobody_reads_is_refused),
        DEMO_TEST(many_writers_of_one_sandbox),
        DEMO_TEST(a_long_list_comes_in_parts),
        DEMO_TEST(a_request_that_is_sent_again_changes_nothing),
        DEMO_TEST(numbers_that_are_none),
        DEMO_TEST(revisions_are_listed_and_rolled_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
