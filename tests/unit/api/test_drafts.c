/* SPDX-License-Identifier: Apache-2.0 */
/* What the routes of draft chunks read, and what they refuse to read. */
#include "support/api.h"

#define DRAFTS "/v1/sandboxes/demo/drafts"
#define RULE                                                                                     \
    "{\"endpoints\":[{\"host\":\"a.example.com\",\"port\":443}],\"binaries\":[{\"path\":\"/usr/" \
    "bin/curl\"}]}"

static const json_t *chunk_of(const struct answer *a)
{
    return json_array_get(json_object_get(a->json, "chunks"), 0);
}

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static const char *propose(struct api_fixture *d)
{
    struct answer a = ASK(d, "POST", DRAFTS,
                          .body = "{\"proposals\":[{\"rule_name\":\"mine\",\"rule\":" RULE "}]}");
    assert_status(&a, 201);
    return text_in(chunk_of(&a), "id");
}

static void a_proposal_is_kept_as_it_was_written(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "POST", DRAFTS,
                          YAML("proposals:\n"
                               "  - rule_name: mine\n"
                               "    rule: {endpoints: [{host: a.example.com, port: 443}]}\n"
                               "    rationale: |\n      two\n      lines\n"
                               "    confidence: 0.65\n"));
    assert_status(&a, 201);
    assert_string_equal(text_in(chunk_of(&a), "rule_name"), "mine");
    assert_string_equal(text_in(chunk_of(&a), "rationale"), "two\nlines\n");
    assert_non_null(strstr(a.text, "\"confidence\":0.65,"));
    struct answer list = ASK(d, "GET", DRAFTS);
    assert_non_null(strstr(list.text, "\"confidence\":0.65,"));
    const char *approve =
        arena_printf(d->g.arena, DRAFTS "/%s/approve", text_in(chunk_of(&a), "id"));
    struct answer unread = ask(d, (struct ask){.method = "POST", .path = approve});
    assert_status(&unread, 428);
    assert_non_null(strstr(unread.text, "\"confidence\":0.65,"));
    a = ASK(d, "POST", DRAFTS, .body = "{\"proposed_chunks\":[{\"proposed_rule\":" RULE "}]}");
    assert_status(&a, 201);
    assert_string_equal(text_in(chunk_of(&a), "rule_name"), "allow_a_example_com_443");
    assert_true(json_real_value(json_object_get(chunk_of(&a), "confidence")) == 0.75);
}

struct wrong {
    const char *body, *path, *message;
};

static void assert_wrong(struct api_fixture *d, const char *method, const char *path,
                         const struct wrong *w)
{
    struct answer a = ask(d, (struct ask){.method = method, .path = path, .body = w->body});
    assert_status(&a, 422);
    const json_t *first = json_array_get(json_object_get(a.json, "errors"), 0);
    assert_string_equal(text_in(first, "path"), w->path);
    assert_string_equal(text_in(first, "message"), w->message);
    assert_true(json_integer_value(json_object_get(first, "line")) == 1);
}

/* Nothing that was written is passed over in silence. */
static void proposals_that_are_wrong(void **state)
{
    struct api_fixture *d = *state;
    static const struct wrong wrong[] = {
        {"{\"proposals\":[{\"rule\":" RULE ",\"why\":\"x\"}]}", "proposals[0].why",
         "a proposal has no such field; it has rule_name, rule, proposed_rule, rationale, "
         "confidence, grant"},
        {"{\"proposals\":[{\"rule\":" RULE "}],\"status\":\"approved\"}", "status",
         "a submission has no such field; it has source, proposals, proposed_chunks"},
        {"{\"proposals\":[{\"rule\":" RULE "}],\"source\":\"mechanistic\"}", "source",
         "must be operator or agent, not \"mechanistic\""},
        {"{\"proposals\":[{\"rule\":" RULE "}],\"source\":\"held\"}", "source",
         "must be operator or agent, not \"held\""},
        {"{\"proposals\":[{\"rule\":" RULE "},{\"rule_name\":\"x\"}]}", "proposals[1]",
         "a proposal is {rule_name, rule, rationale, confidence}: the rule is missing"},
        {"{\"proposals\":[{\"rule\":" RULE ",\"confidence\":7}]}", "proposals[0]",
         "confidence is a number from 0 to 1, not 7"},
        {"{\"proposals\":[{\"rule\":" RULE ",\"confidence\":\"sure\"}]}", "proposals[0].confidence",
         "must be a number, not \"sure\""},
        {"{\"proposals\":[{\"rule\":" RULE ",\"rule_name\":{}}]}", "proposals[0].rule_name",
         "must be a text, not a map"},
        {"{\"proposals\":[{\"rule\":" RULE
         "},{\"rule\":{\"endpoints\":[{\"host\":\"169.254.169.254\",\"port\":80}]}}]}",
         "proposals[1].rule.endpoints[0].host",
         "endpoint host '169.254.169.254' is always blocked (a loopback, link-local, unspecified "
         "or metadata address); "
         "the proxy will deny traffic to this destination regardless of policy"},
        {"{\"proposals\":[]}", "proposals", "must not be an empty list: leave it out"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_wrong(d, "POST", DRAFTS, &wrong[i]);
    struct answer a = ASK(d, "POST", DRAFTS, .body = "{}");
    assert_problem(
        &a, 422, "/invalid",
        "the body is {\"proposals\": [{\"rule_name\": …, \"rule\": {…}, \"rationale\": …}]}");
    const json_t *error = json_array_get(json_object_get(a.json, "errors"), 0);
    assert_string_equal(text_in(error, "message"), "the field \"proposals\" is missing");
    assert_int_equal(json_integer_value(json_object_get(error, "line")), 1);
    a = ASK(d, "GET", DRAFTS);
    assert_int_equal(json_array_size(json_object_get(a.json, "chunks")), 0);
}

static void edits_that_are_wrong(void **state)
{
    struct api_fixture *d = *state;
    const char *path = arena_printf(d->g.arena, DRAFTS "/%s", propose(d));
    static const struct wrong wrong[] = {
        {"{\"rule\":" RULE ",\"status\":\"approved\"}", "status",
         "an edit has no such field; it has rule"},
        {"{\"rule\":{\"endpoints\":[{\"host\":\"a\",\"port\":0}]}}", "rule.endpoints[0].port",
         "must be between 1 and 65535, not 0"},
        {"{\"rule\":{\"endpoints\":[{\"host\":\"127.0.0.1\",\"port\":80}]}}",
         "rule.endpoints[0].host",
         "endpoint host '127.0.0.1' is always blocked (a loopback, link-local, unspecified or "
         "metadata address); "
         "the proxy will deny traffic to this destination regardless of policy"},
        {"{\"rule\":{\"endpoints\":[]}}", "rule",
         "add-rule 'mine' must contain at least one endpoint"},
        {"{}", "", "the field \"rule\" is missing"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_wrong(d, "PATCH", path, &wrong[i]);
}

static void a_status_that_there_is_not(void **state)
{
    struct answer a = ASK(*state, "GET", DRAFTS "?status=open");
    assert_problem(&a, 400, "/malformed",
                   "there is no status 'open', there is pending approved rejected superseded");
    a = ASK(*state, "GET", DRAFTS "?status=superseded");
    assert_status(&a, 200);
}

static void one_chunk_by_its_id(void **state)
{
    struct api_fixture *d = *state;
    const char *id = propose(d);
    struct answer a =
        ask(d, (struct ask){.method = "GET", .path = arena_printf(d->g.arena, DRAFTS "/%s", id)});
    assert_status(&a, 200);
    assert_string_equal(text_of(&a, "rule_name"), "mine");
    assert_int_equal(strlen(text_of(&a, "review_token")), 64);
    struct answer list = ASK(d, "GET", DRAFTS);
    assert_string_equal(text_in(chunk_of(&list), "review_token"), text_of(&a, "review_token"));
    a = ASK(d, "GET", DRAFTS "/none");
    assert_problem(&a, 404, "/not-found", "chunk 'none' not found");
}

/* 18 rules of some 25 KB each, which an answer tells thrice: as the rule, its diff and its
 * effect. */
static const char *long_proposals(struct api_fixture *d, int batch)
{
    struct buf body = {0};
    char label[61] = {0};
    memset(label, 'a', sizeof label - 1);
    buf_puts(&body, "{\"proposals\":[");
    for (int i = 0; i < 18; i++) {
        buf_printf(&body,
                   "%s{\"rule\":{\"binaries\":[{\"path\":\"/usr/bin/curl\"}],\"endpoints\":[",
                   i ? "," : "");
        for (int e = 0; e < 128; e++)
            buf_printf(&body, "%s{\"host\":\"h%d-%d-%d.%s.%s.%s.com\",\"port\":443}", e ? "," : "",
                       batch, i, e, label, label, label);
        buf_puts(&body, "]}}");
    }
    buf_puts(&body, "]}");
    const char *text = arena_str(d->g.arena, buf_str(&body));
    buf_free(&body);
    return text;
}

static void a_long_list_comes_in_parts(void **state)
{
    struct api_fixture *d = *state;
    enum { BATCHES = 3 };
    size_t n = 0, parts = 0;
    long long next = 0;
    for (int batch = 0; batch < BATCHES; batch++) {
        struct answer a = ask(
            d, (struct ask){.method = "POST", .path = DRAFTS, .body = long_proposals(d, batch)});
        assert_status(&a, 201);
    }
    do {
        struct answer a =
            ask(d, (struct ask){.method = "GET",
                                .path = arena_printf(d->g.arena, DRAFTS "?after=%lld", next)});
        assert_status(&a, 200);
        assert_true(strlen(a.text) < 5 << 20);
        n += json_array_size(json_object_get(a.json, "chunks"));
        next = number_of(&a, "next");
        parts++;
    } while (next);
    assert_int_equal(n, 18 * BATCHES);
    assert_true(parts > 1);
}

static void an_agent_says_so(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "POST", DRAFTS,
                          .body = "{\"source\":\"agent\",\"proposals\":[{\"rule\":" RULE "}]}");
    assert_status(&a, 201);
    assert_string_equal(text_in(chunk_of(&a), "source"), "agent");
    a = ASK(d, "POST", DRAFTS, .body = "{\"proposals\":[{\"rule\":" RULE "}]}");
    assert_string_equal(text_in(chunk_of(&a), "source"), "operator");
}

static void assert_last_event(struct api_fixture *d, const char *text)
{
    struct answer a = ASK(d, "GET", DRAFTS "/history");
    const json_t *list = json_object_get(a.json, "history");
    assert_string_equal(text_in(json_array_get(list, json_array_size(list) - 1), "text"), text);
}

static void assert_no_override(const json_t *operation)
{
    size_t i;
    json_t *parameter;
    assert_non_null(operation);
    json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
        assert_string_not_equal(text_in(parameter, "name"), "Sluice-Override");
}

/* No voter is asked, so there is nothing to override. */
static void clearing_and_editing_keep_the_reason(void **state)
{
    struct api_fixture *d = *state;
    struct answer document = ASK(d, "GET", "/openapi.json");
    const char *id = propose(d);
    struct answer a = ask(d, (struct ask){.method = "PATCH",
                                          .path = arena_printf(d->g.arena, DRAFTS "/%s", id),
                                          .body = "{\"rule\":" RULE "}",
                                          HEADERS({"Sluice-Reason", "too wide"})});
    assert_status(&a, 200);
    assert_last_event(d, "Rule 'mine' edited: too wide");
    a = ASK(d, "DELETE", DRAFTS, HEADERS({"Sluice-Reason", "a new start"}));
    assert_status(&a, 200);
    assert_last_event(d, "1 pending chunk cleared: a new start");
    a = ASK(d, "GET", DRAFTS "/history?limit=2");
    assert_int_equal(json_array_size(json_object_get(a.json, "history")), 2);
    assert_last_event(d, "1 pending chunk cleared: a new start");
    const json_t *paths = json_object_get(document.json, "paths");
    assert_no_override(
        json_object_get(json_object_get(paths, "/v1/sandboxes/{name}/drafts"), "delete"));
    assert_no_override(
        json_object_get(json_object_get(paths, "/v1/sandboxes/{name}/drafts/{id}"), "patch"));
}

static void a_list_in_yaml(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", DRAFTS, HEADERS({"Accept", "application/yaml"}));
    assert_string_equal(a.type, "application/yaml");
    assert_string_equal(a.text, "chunks: []\n");
    propose(d);
    a = ASK(d, "GET", DRAFTS, HEADERS({"Accept", "application/yaml"}));
    assert_non_null(strstr(a.text, "rule_name: mine\n"));
}

static void what_a_replacement_grants_waits_no_more(void **state)
{
    struct api_fixture *d = *state;
    const char *path = arena_printf(d->g.arena, DRAFTS "/%s", propose(d));
    struct answer a = ASK(d, "PUT", "/v1/sandboxes/demo/policy?dry_run=true",
                          .body = "{\"version\":1,\"network_policies\":{\"mine\":" RULE "}}");
    assert_status(&a, 200);
    a = ask(d, (struct ask){.method = "GET", .path = path});
    assert_string_equal(text_of(&a, "status"), "pending");
    a = ASK(d, "PUT", "/v1/sandboxes/demo/policy",
            .body = "{\"version\":1,\"network_policies\":{\"mine\":" RULE "}}");
    assert_status(&a, 200);
    a = ask(d, (struct ask){.method = "GET", .path = path});
    assert_string_equal(text_of(&a, "status"), "superseded");
    assert_string_equal(text_of(&a, "reason"), "covered by policy revision 2");
}

/* The same request again: one chunk, one approval, one revision. */
static void a_replay_changes_nothing(void **state)
{
    struct api_fixture *d = *state;
    propose(d);
    propose(d);
    struct answer a = ASK(d, "GET", DRAFTS "?status=pending");
    assert_int_equal(json_array_size(json_object_get(a.json, "chunks")), 1);
    const char *approve =
        arena_printf(d->g.arena, DRAFTS "/%s/approve", text_in(chunk_of(&a), "id"));
    const char *body = arena_printf(d->g.arena, "{\"review_token\":\"%s\"}",
                                    text_in(chunk_of(&a), "review_token"));
    a = ask(d, (struct ask){.method = "POST", .path = approve, .body = body});
    assert_status(&a, 200);
    a = ask(d, (struct ask){.method = "POST", .path = approve, .body = body});
    assert_problem(&a, 409, "/wrong-state",
                   "chunk status is 'approved', expected 'pending' or 'rejected'");
    const char *undo =
        arena_printf(d->g.arena, "%.*sundo", (int)(strlen(approve) - strlen("approve")), approve);
    a = ask(d, (struct ask){.method = "POST", .path = undo});
    assert_status(&a, 200);
    a = ask(d, (struct ask){.method = "POST", .path = undo});
    assert_status(&a, 409);
    a = ask(d, (struct ask){.method = "POST", .path = approve, .body = body});
    assert_status(&a, 412); /* the old token is of no use for the next approval */
    a = ASK(d, "GET", "/v1/sandboxes/demo");
    assert_int_equal(number_of(&a, "policy_revision"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DEMO_TEST(a_proposal_is_kept_as_it_was_written),
        DEMO_TEST(proposals_that_are_wrong),
        DEMO_TEST(edits_that_are_wrong),
        DEMO_TEST(a_status_that_there_is_not),
        DEMO_TEST(one_chunk_by_its_id),
        DEMO_TEST(a_long_list_comes_in_parts),
        DEMO_TEST(an_agent_says_so),
        DEMO_TEST(clearing_and_editing_keep_the_reason),
        DEMO_TEST(a_list_in_yaml),
        DEMO_TEST(what_a_replacement_grants_waits_no_more),
        DEMO_TEST(a_replay_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
