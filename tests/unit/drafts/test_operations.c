/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks from GraphQL operations that the rules of an endpoint refused. */
#include "policy/match/ask.h"
#include "support/drafts.h"

#define CURL "/usr/bin/curl"
#define HOST "a.example.com"

/* Endpoints of curl: each test has these. */
static const char endpoints[] =
    "{operations: [{add_rule: {rule_name: graph, rule: {endpoints: ["
    "{host: a.example.com, port: 443, path: /graphql, protocol: graphql, enforcement: enforce, "
    "access: read-only, deny_rules: [{operation_type: mutation, fields: [drop]}]}, "
    "{host: w.example.com, port: 443, protocol: websocket, enforcement: enforce, "
    "rules: [{allow: {method: GET, path: /ws}}, {allow: {operation_type: query}}]}], "
    "binaries: [{path: /usr/bin/curl}]}}}]}";

static int setup_graph(void **state)
{
    setup(state);
    succeed(*state, merge(*state, "alice", endpoints));
    return 0;
}

static bool asks(struct fixture *f, const char *host, const char *method, const char *path,
                 const char *body)
{
    struct policy *policy = current_policy(f, NULL);
    const struct policy_question question = {
        .connection = {.host = host, .port = 443, .binary = CURL}, .method = method, .path = path,
        .query = "", .body = body};
    struct policy_answer answer;
    policy_ask(policy_model(policy), &question, &answer);
    buf_free(&answer.reason);
    policy_unref(policy);
    return answer.allowed;
}

static bool passes(struct fixture *f, const char *document)
{
    return asks(f, HOST, "POST", "/graphql",
                arena_printf(f->arena, "{\"query\":\"%s\"}", document));
}

static void denied_operation(struct fixture *f, const char *host, const char *method,
                             const char *path, const char *operation, const char *field)
{
    struct drafts_denial denial = a_denial(host, 443, CURL);
    denial.stage = "connect-l7-deny";
    denial.method = method;
    denial.path = path;
    denial.operation = operation;
    denial.field = field;
    record_denial(f, &denial);
}

/* NULL: there is none. */
static const struct store_draft *operation_chunk(struct fixture *f, const char *operation,
                                          const char *field)
{
    struct store_draft *items;
    size_t n;
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    while (n-- > 0)
        if (strcmp(items[n].operation, operation) == 0 && strcmp(items[n].field, field) == 0)
            return &items[n];
    return NULL;
}

static const struct store_draft *a_chunk(struct fixture *f, const char *operation,
                                         const char *field)
{
    denied_operation(f, HOST, "POST", "/graphql", operation, field);
    const struct store_draft *chunk = operation_chunk(f, operation, field);
    assert_non_null(chunk);
    return chunk;
}

static void a_refused_operation_becomes_a_chunk(void **state)
{
    struct fixture *f = *state;
    const struct store_draft *chunk = a_chunk(f, "mutation IssueCreate", "createIssue,viewer");
    assert_string_equal(chunk->method, "POST");
    assert_string_equal(chunk->path, "/graphql");
    assert_non_null(strstr(chunk->rule_json, "\"protocol\":\"graphql\""));
    assert_non_null(strstr(chunk->rule_json,
                           "\"rules\":[{\"allow\":{\"operation_type\":\"mutation\","
                           "\"operation_name\":\"IssueCreate\","
                           "\"fields\":[\"createIssue\",\"viewer\"]}}]"));
    assert_non_null(strstr(chunk->rule_json, "\"enforcement\":\"enforce\""));
    assert_string_equal(chunk->rationale,
                        "Allow curl to run mutation IssueCreate { createIssue,viewer } by POST "
                        "/graphql to a.example.com:443 (HTTPS).");
    denied_operation(f, HOST, "POST", "/graphql", "mutation IssueCreate", "createIssue,viewer");
    assert_int_equal(operation_chunk(f, "mutation IssueCreate", "createIssue,viewer")->hits, 2);
}

static void approving_opens_that_operation_alone(void **state)
{
    struct fixture *f = *state;
    const struct store_draft *chunk = a_chunk(f, "mutation IssueCreate", "createIssue");
    assert_false(passes(f, "mutation IssueCreate { createIssue }"));
    succeed(f, approve(f, "bob", chunk->id));
    assert_true(passes(f, "mutation IssueCreate { createIssue }"));
    assert_true(passes(f, "mutation IssueCreate { x: createIssue }"));
    assert_true(passes(f, "{ viewer }"));
    assert_false(passes(f, "mutation IssueDelete { createIssue }"));
    assert_false(passes(f, "mutation { createIssue }"));
    assert_false(passes(f, "mutation IssueCreate { createIssue other }"));
    assert_false(passes(f, "subscription IssueCreate { createIssue }"));
    assert_false(
        asks(f, HOST, "POST", "/other", "{\"query\":\"mutation IssueCreate{createIssue}\"}"));
}

static void a_second_operation_adds_to_the_rule_of_the_first(void **state)
{
    struct fixture *f = *state;
    succeed(f, approve(f, "bob", a_chunk(f, "mutation A", "a")->id));
    succeed(f, approve(f, "bob", a_chunk(f, "mutation", "b")->id));
    assert_true(passes(f, "mutation A { a }"));
    assert_true(passes(f, "mutation { b }"));
    assert_false(passes(f, "mutation A { c }"));
    assert_false(passes(f, "mutation { a }"));
    assert_false(passes(f, "mutation A { a b }"));
}

static void undo_closes_it_again(void **state)
{
    struct fixture *f = *state;
    const struct store_draft *chunk = a_chunk(f, "subscription", "messages");
    succeed(f, approve(f, "bob", chunk->id));
    assert_true(passes(f, "subscription { messages }"));
    succeed(f, undo(f, "bob", chunk->id));
    assert_false(passes(f, "subscription { messages }"));
}

static void what_no_rule_opens_makes_no_chunk(void **state)
{
    struct fixture *f = *state;
    denied_operation(f, HOST, "POST", "/graphql", "mutation", "drop");
    denied_operation(f, HOST, "POST", "/graphql", "mutation", "create,drop");
    denied_operation(f, HOST, "POST", "/graphql", "query", "viewer");       /* allowed by now */
    denied_operation(f, HOST, "POST", "/graphql", NULL, NULL);              /* cannot be read */
    denied_operation(f, HOST, "POST", "/graphql", "", "");                  /* is not registered */
    assert_null(operation_chunk(f, "mutation", "drop"));
    assert_null(operation_chunk(f, "mutation", "create,drop"));
    assert_null(operation_chunk(f, "query", "viewer"));
    assert_null(operation_chunk(f, "", ""));
}

static void an_operation_in_a_message_becomes_a_chunk(void **state)
{
    static const char message[] = "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":"
                                  "{\"query\":\"subscription { news }\"}}";
    struct fixture *f = *state;
    denied_operation(f, "w.example.com", "WEBSOCKET_TEXT", "/ws", "subscription", "news");
    const struct store_draft *chunk = operation_chunk(f, "subscription", "news");
    assert_non_null(chunk);
    assert_non_null(strstr(chunk->rule_json, "\"protocol\":\"websocket\""));
    assert_null(strstr(chunk->rule_json, "WEBSOCKET_TEXT"));
    assert_false(asks(f, "w.example.com", "WEBSOCKET_TEXT", "/ws", message));
    succeed(f, approve(f, "bob", chunk->id));
    assert_true(asks(f, "w.example.com", "WEBSOCKET_TEXT", "/ws", message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_refused_operation_becomes_a_chunk, setup_graph, teardown),
        cmocka_unit_test_setup_teardown(approving_opens_that_operation_alone, setup_graph,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_second_operation_adds_to_the_rule_of_the_first,
                                        setup_graph, teardown),
        cmocka_unit_test_setup_teardown(undo_closes_it_again, setup_graph, teardown),
        cmocka_unit_test_setup_teardown(what_no_rule_opens_makes_no_chunk, setup_graph, teardown),
        cmocka_unit_test_setup_teardown(an_operation_in_a_message_becomes_a_chunk, setup_graph,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
