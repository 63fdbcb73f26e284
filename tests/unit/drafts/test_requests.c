/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks from requests that the rules of an inspected endpoint refused. */
#include "policy/match/ask.h"
#include "support/drafts.h"

#define HOST "a.example.com"
#define CURL "/usr/bin/curl"
#define GIT  "/usr/bin/git"

/* A rule that lets the program read from a host. */
static void add_rule(struct fixture *f, const char *name, const char *endpoint, const char *binary)
{
    succeed(f, merge(f, "alice",
                     arena_printf(f->arena,
                                  "{operations: [{add_rule: {rule_name: %s, rule: {endpoints: "
                                  "[{%s}], binaries: [{path: %s}]}}}]}",
                                  name, endpoint, binary)));
}

#define READS "port: 443, protocol: rest, enforcement: enforce, access: read-only"

static int setup_readers(void **state)
{
    setup(state);
    add_rule(*state, "curl_reads", "host: " HOST ", " READS, CURL);
    return 0;
}

static bool passes(struct fixture *f, const char *host, const char *binary, const char *method,
                   const char *path)
{
    struct policy *policy = current_policy(f, NULL);
    const struct policy_question question = {
        .connection = {.host = host, .port = 443, .binary = binary}, .method = method, .path = path,
        .query = ""};
    struct policy_answer answer;
    policy_ask(policy_model(policy), &question, &answer);
    buf_free(&answer.reason);
    policy_unref(policy);
    return answer.allowed;
}

static const char *a_request(struct fixture *f, const char *binary, const char *method,
                             const char *path)
{
    denied_request(f, HOST, binary, method, path);
    const char *id = request_chunk_of(f, HOST, binary, method, path);
    assert_non_null(id);
    return id;
}

static void assert_no_chunk(struct fixture *f)
{
    struct store_draft *items;
    size_t n;
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    if (n)
        fail_msg("a chunk for %s %s: %s", items[0].method, items[0].path, items[0].rule_json);
}

/* How many rules of the policy have the binary. */
static size_t rules_of(struct fixture *f, const char *binary)
{
    struct policy *policy = current_policy(f, NULL);
    const struct sluice_policy *model = policy_model(policy);
    size_t n = 0;
    for (size_t i = 0; i < model->n_rules; i++)
        for (size_t j = 0; j < model->rules[i]->n_binaries; j++)
            n += strcmp(model->rules[i]->binaries[j]->path, binary) == 0;
    policy_unref(policy);
    return n;
}

/* How many rules chunks have made, each of which has one binary. */
static size_t rules_of_chunks(struct fixture *f)
{
    struct policy *policy = current_policy(f, NULL);
    const struct sluice_policy *model = policy_model(policy);
    size_t n = 0;
    for (size_t i = 0; i < model->n_rules; i++) {
        bool made = strncmp(model->rules[i]->key, "allow_", 6) == 0;
        assert_true(!made || model->rules[i]->n_binaries == 1);
        n += made;
    }
    policy_unref(policy);
    return n;
}

/* ---- the chunk ---- */

static void a_refused_request_becomes_a_chunk(void **state)
{
    struct fixture *f = *state;
    struct drafts_view v = view(f, a_request(f, CURL, "POST", "/v1/things"));
    assert_string_equal(v.draft.status, "pending");
    assert_string_equal(v.draft.source, "mechanistic");
    assert_string_equal(v.draft.rule_name, "allow_a_example_com_443_curl");
    assert_string_equal(v.draft.rationale,
                        "Allow curl to send POST /v1/things to a.example.com:443 (HTTPS).");
    assert_string_equal(
        v.draft.rule_json,
        "{\"endpoints\":[{\"host\":\"a.example.com\",\"port\":443,\"protocol\":\"rest\","
        "\"enforcement\":\"enforce\",\"rules\":[{\"allow\":{\"method\":\"POST\","
        "\"path\":\"/v1/things\"}}]}],\"binaries\":[{\"path\":\"/usr/bin/curl\"}]}");
    assert_true(v.previewed);
    assert_int_equal(v.preview.diff->n_gained, 1);
    assert_string_equal(v.preview.diff->gained[0]->host, HOST);
    assert_string_equal(v.preview.diff->gained[0]->binary, CURL);
    assert_string_equal(v.preview.diff->gained[0]->method, "POST");
    assert_string_equal(v.preview.diff->gained[0]->path, "/v1/things");
    assert_int_equal(v.preview.diff->n_lost, 0);
}

static void the_same_request_is_counted(void **state)
{
    struct fixture *f = *state;
    const char *id = a_request(f, CURL, "POST", "/a");
    denied_request(f, HOST, CURL, "post", "/a");
    assert_int_equal(view(f, id).draft.hits, 2);
    assert_string_not_equal(a_request(f, CURL, "PUT", "/a"), id);
    assert_string_not_equal(a_request(f, CURL, "POST", "/b"), id);
    assert_int_equal(view(f, id).draft.hits, 2);
}

static void approving_opens_that_request_alone(void **state)
{
    struct fixture *f = *state;
    add_rule(f, "git_reads", "host: " HOST ", " READS, GIT);
    const char *id = a_request(f, CURL, "POST", "/a");
    assert_false(passes(f, HOST, CURL, "POST", "/a"));
    succeed(f, approve(f, "bob", id));
    assert_true(passes(f, HOST, CURL, "POST", "/a"));
    assert_true(passes(f, HOST, CURL, "GET", "/b"));
    assert_false(passes(f, HOST, CURL, "PUT", "/a"));
    assert_false(passes(f, HOST, CURL, "POST", "/a/b"));
    assert_false(passes(f, HOST, GIT, "POST", "/a"));
    succeed(f, undo(f, "bob", id));
    assert_string_equal(status_of(f, id), "pending");
    assert_false(passes(f, HOST, CURL, "POST", "/a"));
    assert_true(passes(f, HOST, CURL, "GET", "/b"));
}

#define CHATS "port: 443, protocol: websocket, enforcement: enforce"

static void a_message_is_a_request_of_its_own(void **state)
{
    struct fixture *f = *state;
    add_rule(f, "chat",
             "host: b.example.com, " CHATS ", rules: [{allow: {method: GET, path: /**}}]", GIT);
    denied_request(f, "b.example.com", GIT, "WEBSOCKET_TEXT", "/room");
    const char *id = request_chunk_of(f, "b.example.com", GIT, "WEBSOCKET_TEXT", "/room");
    assert_non_null(id);
    assert_false(passes(f, "b.example.com", GIT, "WEBSOCKET_TEXT", "/room"));
    succeed(f, approve(f, "bob", id));
    assert_true(passes(f, "b.example.com", GIT, "WEBSOCKET_TEXT", "/room"));
    assert_false(passes(f, "b.example.com", GIT, "WEBSOCKET_TEXT", "/other"));
    assert_false(passes(f, "b.example.com", GIT, "POST", "/room"));
}

static void an_upgrade_that_is_refused_makes_a_chunk(void **state)
{
    struct fixture *f = *state;
    add_rule(f, "chat", "host: b.example.com, " CHATS ", rules: [{allow: {method: GET, path: /a}}]",
             GIT);
    denied_request(f, "b.example.com", GIT, "GET", "/b");
    const char *id = request_chunk_of(f, "b.example.com", GIT, "GET", "/b");
    assert_non_null(id);
    succeed(f, approve(f, "bob", id));
    assert_true(passes(f, "b.example.com", GIT, "WEBSOCKET_BINARY", "/b"));
    assert_false(passes(f, "b.example.com", GIT, "WEBSOCKET_TEXT", "/b"));
}

static void reading_proposes_no_more_than_reading(void **state)
{
    struct fixture *f = *state;
    add_rule(f, "git_posts",
             "host: b.example.com, port: 443, protocol: rest, enforcement: enforce, "
             "rules: [{allow: {method: POST, path: /only}}]", GIT);
    denied_request(f, "b.example.com", GIT, "HEAD", "/h");
    succeed(f, approve(f, "bob", request_chunk_of(f, "b.example.com", GIT, "HEAD", "/h")));
    assert_true(passes(f, "b.example.com", GIT, "HEAD", "/h"));
    assert_false(passes(f, "b.example.com", GIT, "GET", "/h"));
    denied_request(f, "b.example.com", GIT, "GET", "/g");
    succeed(f, approve(f, "bob", request_chunk_of(f, "b.example.com", GIT, "GET", "/g")));
    assert_true(passes(f, "b.example.com", GIT, "GET", "/g"));
    assert_false(passes(f, "b.example.com", GIT, "POST", "/g"));
    assert_false(passes(f, "b.example.com", GIT, "GET", "/h"));
}

/* ---- rules ---- */

static void requests_of_one_program_share_a_rule(void **state)
{
    struct fixture *f = *state;
    const char *a = a_request(f, CURL, "POST", "/a"), *b = a_request(f, CURL, "POST", "/b"),
               *c = a_request(f, CURL, "DELETE", "/c");
    succeed(f, approve(f, "bob", a));
    succeed(f, approve(f, "bob", b));
    succeed(f, approve(f, "bob", c));
    assert_int_equal(rules_of(f, CURL), 2);
    assert_false(passes(f, HOST, CURL, "DELETE", "/a"));
    succeed(f, undo(f, "bob", a));                  /* the others stay, in whichever order */
    assert_false(passes(f, HOST, CURL, "POST", "/a"));
    assert_true(passes(f, HOST, CURL, "POST", "/b"));
    assert_true(passes(f, HOST, CURL, "DELETE", "/c"));
    succeed(f, reject(f, "bob", b, "no"));
    assert_false(passes(f, HOST, CURL, "POST", "/b"));
    assert_true(passes(f, HOST, CURL, "DELETE", "/c"));
    succeed(f, undo(f, "bob", c));
    assert_int_equal(rules_of(f, CURL), 1);
    assert_true(passes(f, HOST, CURL, "GET", "/"));
}

static void programs_never_share_a_rule(void **state)
{
    struct fixture *f = *state;
    static const char *const programs[] = {CURL, GIT, "/opt/curl"};
    const char *ids[3];
    add_rule(f, "git_reads", "host: " HOST ", " READS, GIT);
    add_rule(f, "own_reads", "host: " HOST ", " READS, "/opt/curl");
    for (int i = 0; i < 3; i++)
        ids[i] = a_request(f, programs[i], "POST", "/same");
    for (int i = 0; i < 3; i++)
        succeed(f, approve(f, "bob", ids[i]));
    succeed(f, approve(f, "bob", a_request(f, "/opt/curl", "POST", "/own")));
    assert_true(passes(f, HOST, "/opt/curl", "POST", "/own"));
    assert_false(passes(f, HOST, CURL, "POST", "/own"));
    assert_int_equal(rules_of_chunks(f), 3);
    succeed(f, undo(f, "bob", ids[0]));
    assert_true(passes(f, HOST, GIT, "POST", "/same"));
    assert_true(passes(f, HOST, "/opt/curl", "POST", "/same"));
}

static void all_are_approved_in_rules_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct drafts_call call = call_by("bob", NULL);
    struct drafts_skip *skipped;
    size_t approved, n_skipped;
    add_rule(f, "own_reads", "host: " HOST ", " READS, "/opt/curl");
    a_request(f, CURL, "POST", "/a");
    a_request(f, "/opt/curl", "POST", "/a");
    a_request(f, CURL, "PUT", "/b");
    succeed(f, drafts_approve_all(f->drafts, &call, false, f->arena, &f->result, &approved,
                                  &skipped, &n_skipped, &f->problems, &f->err));
    assert_int_equal(approved, 3);
    assert_true(passes(f, HOST, CURL, "PUT", "/b"));
    assert_true(passes(f, HOST, "/opt/curl", "POST", "/a"));
    assert_false(passes(f, HOST, "/opt/curl", "PUT", "/b"));
    assert_int_equal(rules_of(f, CURL), 2);
}

/* ---- what must agree with the endpoint that refused it ---- */

static void internal_addresses_stay_closed(void **state)
{
    struct fixture *f = *state;
    add_rule(f, "wild", "host: \"*.example.org\", " READS, CURL);
    denied_request(f, "x.example.org", CURL, "POST", "/a");
    const char *id = request_chunk_of(f, "x.example.org", CURL, "POST", "/a");
    assert_contains(view(f, id).draft.rule_json, "\"public_only\":true");
    succeed(f, approve(f, "bob", id));
    struct policy *policy = current_policy(f, NULL);
    struct policy_request caller = {.host = "x.example.org", .port = 443, .binary = CURL};
    struct policy_decision decision;
    policy_match(policy_model(policy), &caller, &decision, NULL);
    assert_false(decision.exact_host);
    policy_unref(policy);
    assert_true(passes(f, "x.example.org", CURL, "POST", "/a"));
}

static void what_endpoints_must_agree_on_is_copied(void **state)
{
    struct fixture *f = *state;
    add_rule(
        f, "listed",
        "host: l.example.org, port: 443, protocol: rest, enforcement: enforce, access: read-only, "
        "path: \"/api/**\", allowed_ips: [93.184.216.0/24], allow_encoded_slash: true",
        CURL);
    denied_request(f, "l.example.org", CURL, "POST", "/api/a%2Fb");
    const char *id = request_chunk_of(f, "l.example.org", CURL, "POST", "/api/a%2Fb");
    const char *json = view(f, id).draft.rule_json;
    assert_contains(json, "\"path\":\"/api/**\"");
    assert_contains(json, "\"allowed_ips\":[\"93.184.216.0/24\"]");
    assert_contains(json, "\"allow_encoded_slash\":true");
    assert_null(strstr(json, "public_only"));
    succeed(f, approve(f, "bob", id));
    assert_true(passes(f, "l.example.org", CURL, "POST", "/api/a%2Fb"));
    assert_false(passes(f, "l.example.org", CURL, "POST", "/api/a"));
}

/* The rules of an endpoint for all below /api are not asked about /api itself. */
static void what_no_endpoint_selects_gets_its_own_path(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {"/api", "/other/x"};
    add_rule(f, "below", "host: p.example.org, " READS ", path: \"/api/**\"", CURL);
    for (int i = 0; i < 2; i++) {
        denied_request(f, "p.example.org", CURL, "POST", paths[i]);
        succeed(f, approve(f, "bob", request_chunk_of(f, "p.example.org", CURL, "POST", paths[i])));
        assert_true(passes(f, "p.example.org", CURL, "POST", paths[i]));
        assert_false(passes(f, "p.example.org", CURL, "PUT", paths[i]));
    }
    assert_true(passes(f, "p.example.org", CURL, "GET", "/api/x"));
    assert_false(passes(f, "p.example.org", CURL, "POST", "/api/x"));
}

/* An endpoint that only audits would let every request to that path pass. */
static void a_rule_beside_an_audited_endpoint_enforces(void **state)
{
    struct fixture *f = *state;
    add_rule(f, "audited",
             "host: u.example.org, port: 443, protocol: rest, access: read-only, path: /api", CURL);
    denied_request(f, "u.example.org", CURL, "POST", "/other");
    succeed(f, approve(f, "bob", request_chunk_of(f, "u.example.org", CURL, "POST", "/other")));
    assert_true(passes(f, "u.example.org", CURL, "POST", "/other"));
    assert_false(passes(f, "u.example.org", CURL, "PUT", "/other"));
}

/* ---- what makes no chunk ---- */

static void what_approving_could_not_help_makes_no_chunk(void **state)
{
    struct fixture *f = *state;
    add_rule(f, "denies",
             "host: d.example.org, port: 443, protocol: rest, enforcement: enforce, access: full, "
             "deny_rules: [{method: DELETE, path: \"/**\"}]", CURL);
    add_rule(f, "graph",
             "host: g.example.org, port: 443, protocol: graphql, enforcement: enforce, access: "
             "read-only",
             CURL);
    denied_request(f, "d.example.org", CURL, "DELETE", "/x");
    denied_request(f, "g.example.org", CURL, "POST", "/graphql");
    denied_request(f, "none.example.org", CURL, "POST", "/x"); /* its connection is not allowed */
    denied_request(f, HOST, CURL, "GET", "/late");                  /* allowed by now */
    denied_request(f, HOST, CURL, "POST", "/a%2Fb");
    assert_no_chunk(f);
}

static void what_no_rule_can_name_alone_makes_no_chunk(void **state)
{
    struct fixture *f = *state;
    denied_request(f, HOST, CURL, "POST", "/all/*");
    denied_request(f, HOST, CURL, "POST", "/**");
    denied_request(f, HOST, CURL, "*", "/a");
    denied_request(f, HOST, "", "POST", "/a");
    denied_request(f, HOST, CURL, "POST", "");
    denied_request(f, HOST, CURL, "POST", "/a\x1b[1m");
    assert_no_chunk(f);
}

/* ---- who sends it ---- */

static void a_program_that_another_one_started_is_known(void **state)
{
    struct fixture *f = *state;
    static const char *const ancestors[] = {"/usr/bin/bash"}, *const links[] = {"/usr/bin/python3"};
    add_rule(f, "bash_reads", "host: s.example.org, " READS, "/usr/bin/bash");
    add_rule(f, "python_reads", "host: t.example.org, " READS, "/usr/bin/python3");
    struct drafts_denial denial = a_denial("s.example.org", 443, CURL);
    denial.method = "POST";
    denial.path = "/a";
    record_denial(f, &denial);
    assert_no_chunk(f);
    denial.ancestors = ancestors;
    denial.n_ancestors = 1;
    record_denial(f, &denial);
    succeed(f, approve(f, "bob", request_chunk_of(f, "s.example.org", CURL, "POST", "/a")));
    assert_true(passes(f, "s.example.org", CURL, "POST", "/a"));
    assert_false(passes(f, "s.example.org", "/usr/bin/bash", "POST", "/a"));
    denial = a_denial("t.example.org", 443, "/usr/bin/python3.11");
    denial.method = "POST";
    denial.path = "/a";
    denial.links = links;
    denial.n_links = 1;
    record_denial(f, &denial);
    assert_non_null(request_chunk_of(f, "t.example.org", "/usr/bin/python3.11", "POST", "/a"));
}

/* ---- what becomes of it ---- */

static void a_request_that_passes_by_now_is_superseded(void **state)
{
    struct fixture *f = *state;
    const char *post = a_request(f, CURL, "POST", "/a"), *put = a_request(f, CURL, "PUT", "/b");
    succeed(f, merge(f, "alice",
                     "{operations: [{add_allow_rules: {host: " HOST ", port: 443, rules: "
                     "[{allow: {method: POST, path: \"/*\"}}]}}]}"));
    assert_string_equal(status_of(f, post), "superseded");
    assert_string_equal(status_of(f, put), "pending");
    denied_request(f, HOST, CURL, "POST", "/a");    /* a late report */
    assert_string_equal(status_of(f, post), "superseded");
    succeed(f, merge(f, "alice", "{operations: [{remove_rule: {rule_name: curl_reads}}]}"));
    add_rule(f, "again", "host: " HOST ", " READS ", allow_encoded_slash: true", CURL);
    denied_request(f, HOST, CURL, "POST", "/a");
    assert_string_equal(status_of(f, post), "pending");
    assert_contains(view(f, post).draft.rule_json,
                    "allow_encoded_slash"); /* made for this policy */
    assert_true(view(f, post).previewed);
}

static void a_proposal_for_connections_leaves_requests_alone(void **state)
{
    struct fixture *f = *state;
    const struct sluice_actor agent = person("agent");
    const char *id = a_request(f, CURL, "POST", "/a"), *made;
    struct drafts_proposal proposal = {.rule_name = "",
                                       .confidence = 1,
                                       .rule = a_rule(f, "{endpoints: [{host: " HOST ", " READS
                                                         "}], binaries: [{path: " CURL "}]}")};
    succeed(f, drafts_submit(f->drafts, "demo", &agent, "agent", &proposal, 1, f->arena, &made,
                             &f->problems, &f->err));
    assert_string_equal(status_of(f, id), "pending");
}

static void many_paths_do_not_crowd_out_other_programs(void **state)
{
    struct fixture *f = *state;
    struct drafts_denial *many = arena_alloc(f->arena, 1000 * sizeof *many);
    struct store_draft *items;
    size_t n;
    add_rule(f, "git_reads", "host: " HOST ", " READS, GIT);
    const char *git = a_request(f, GIT, "POST", "/first");
    for (int i = 0; i < 1000; i++) {
        many[i] = a_denial(HOST, 443, CURL);
        many[i].method = "POST";
        many[i].path = arena_printf(f->arena, "/p%d", i);
    }
    assert_int_equal(drafts_record_denials(f->drafts, "demo", "s1", many, 1000, NULL, &f->err), 0);
    assert_int_equal(store_draft_list(f->store, "s1", "pending", f->arena, &items, &n, &f->err), 0);
    assert_int_equal(n, 500);
    assert_string_equal(status_of(f, git), "pending");
    assert_non_null(a_request(f, GIT, "POST", "/second"));
}

static void auto_approves_a_request_to_public_addresses(void **state)
{
    struct fixture *f = *state;
    static const char *const internal[] = {"10.1.2.3"};
    struct drafts_denial denial = a_denial(HOST, 443, CURL);
    add_rule(f, "curl_reads", "host: " HOST ", " READS, CURL);
    denied_request(f, HOST, CURL, "POST", "/a");
    assert_string_equal(status_of(f, request_chunk_of(f, HOST, CURL, "POST", "/a")), "approved");
    assert_true(passes(f, HOST, CURL, "POST", "/a"));
    denied_request(f, HOST, CURL, "POST", "/b");
    assert_true(passes(f, HOST, CURL, "POST", "/b"));
    assert_int_equal(rules_of(f, CURL), 2);
    denial.method = "POST";
    denial.path = "/c";
    denial.addresses = internal;
    record_denial(f, &denial);
    const char *waits = request_chunk_of(f, HOST, CURL, "POST", "/c");
    assert_string_equal(status_of(f, waits), "pending");
    assert_contains(view(f, waits).draft.reason, "resolves to internal address 10.1.2.3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_readers, teardown)
        TEST(a_refused_request_becomes_a_chunk),
        TEST(the_same_request_is_counted),
        TEST(approving_opens_that_request_alone),
        TEST(reading_proposes_no_more_than_reading),
        TEST(a_message_is_a_request_of_its_own),
        TEST(an_upgrade_that_is_refused_makes_a_chunk),
        TEST(requests_of_one_program_share_a_rule),
        TEST(programs_never_share_a_rule),
        TEST(all_are_approved_in_rules_of_their_own),
        TEST(internal_addresses_stay_closed),
        TEST(what_endpoints_must_agree_on_is_copied),
        TEST(what_no_endpoint_selects_gets_its_own_path),
        TEST(a_rule_beside_an_audited_endpoint_enforces),
        TEST(what_approving_could_not_help_makes_no_chunk),
        TEST(what_no_rule_can_name_alone_makes_no_chunk),
        TEST(a_program_that_another_one_started_is_known),
        TEST(a_request_that_passes_by_now_is_superseded),
        TEST(a_proposal_for_connections_leaves_requests_alone),
        TEST(many_paths_do_not_crowd_out_other_programs),
        cmocka_unit_test_setup_teardown(auto_approves_a_request_to_public_addresses, setup_auto,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
