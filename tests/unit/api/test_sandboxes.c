/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes, /v1/decisions, /v1/plugins, /v1/status and /metrics, over HTTP. */
#include "support/api.h"

#include <sqlite3.h>

static void a_sandbox_is_made_and_ready(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "POST", "/v1/sandboxes",
                          YAML("name: demo\nlabels: {team: a}\npolicy:\n  version: 1\n"));
    static const char *const members[] = {"name",
                                          "id",
                                          "phase",
                                          "network",
                                          "labels",
                                          "policy_revision",
                                          "loaded_revision",
                                          "policy_hash",
                                          "created_at",
                                          NULL};
    assert_status(&a, 201);
    for (size_t i = 0; members[i]; i++)
        assert_non_null(json_object_get(a.json, members[i]));
    assert_string_equal(text_of(&a, "phase"), "ready");
    assert_string_equal(text_of(&a, "network"), "proxy");
    assert_int_equal(number_of(&a, "policy_revision"), 1);
    assert_int_equal(strlen(text_of(&a, "policy_hash")), 64);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(a.json, "update"), "outcome")),
        "allowed");
    a = ASK(d, "GET", "/v1/sandboxes/demo");
    assert_status(&a, 200);
    assert_string_equal(text_of(&a, "phase"), "ready");
}

/* Two words, of random bits enough that thousands of sandboxes do not meet. */
static void a_name_is_made_up(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "POST", "/v1/sandboxes", .body = "{}"),
                  b = ASK(d, "POST", "/v1/sandboxes", .body = "{}");
    assert_status(&a, 201);
    assert_status(&b, 201);
    const char *letters = "abcdefghijklmnopqrstuvwxyz", *name = text_of(&a, "name");
    const char *dash = strchr(name, '-');
    assert_non_null(dash);                          /* two words, as OpenShell's clients expect */
    assert_true(dash > name && strspn(name, letters) == (size_t)(dash - name));
    assert_int_equal(strspn(dash + 1, letters), 8);
    assert_string_equal(dash + 9, "");
    assert_string_not_equal(text_of(&a, "name"), text_of(&b, "name"));
}

/* Of many who ask for one name at once, one gets it, and keeps it. */
static void a_name_is_given_once(void **state)
{
    enum { CLIENTS = 16 };
    struct api_fixture *d = *state;
    struct answer *answers[CLIENTS];
    int made = 0;
    const char *id = "";
    for (int i = 0; i < CLIENTS; i++)
        answers[i] = begin_ask(
            d,
            (struct ask){.method = "POST", .path = "/v1/sandboxes", .body = "{\"name\":\"one\"}"});
    for (int i = 0; i < CLIENTS; i++) {
        RUN_UNTIL(d, answers[i]->done);
        if (answers[i]->status == 201) {
            made++;
            id = text_of(answers[i], "id");
        } else {
            assert_status(answers[i], 409);
        }
    }
    assert_int_equal(made, 1);
    struct answer a = ASK(d, "GET", "/v1/sandboxes/one");
    assert_string_equal(text_of(&a, "id"), id);
    assert_string_equal(text_of(&a, "phase"), "ready");
    a = ASK(d, "GET", "/v1/decisions");
    assert_int_equal(json_array_size(json_object_get(a.json, "decisions")), 1);
}

static void names_that_are_none(void **state)
{
    struct api_fixture *d = *state;
    static const char *const wrong[] = {"-a", "a-", "a--b", "A", "a_b", "a.b", "ä", "a b", "a/b"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct answer a = ASK(d, "POST", "/v1/sandboxes",
                              .body = arena_printf(d->g.arena, "{\"name\":\"%s\"}", wrong[i]));
        assert_problem(
            &a, 422, "/invalid",
            arena_printf(
                d->g.arena,
                "'%s' is no sandbox name: use 1 to 19 of a-z, 0-9 and '-', not at the ends "
                "and not twice in a row",
                wrong[i]));
    }
    struct answer a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"a123456789012345678\"}");
    assert_status(&a, 201);
    a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"a1234567890123456789\"}");
    assert_status(&a, 422);
}

static void requests_that_are_wrong(void **state)
{
    struct api_fixture *d = *state;
    static const struct {
        const char *body, *path;
    } cases[] = {
        {"{\"nam\":\"demo\"}", "nam"},
        {"{\"network\":\"bridge\"}", "network"},
        {"{\"approval_mode\":\"never\"}", "approval_mode"},
        {"{\"policy\":{\"version\":2}}", "policy.version"},
        {"{\"policy\":{\"version\":1,\"landlock\":{\"compatibility\":\"maybe\"}}}",
         "policy.landlock.compatibility"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a = ASK(d, "POST", "/v1/sandboxes", .body = cases[i].body);
        assert_status(&a, 422);
        const json_t *error = json_array_get(json_object_get(a.json, "errors"), 0);
        assert_string_equal(json_string_value(json_object_get(error, "path")), cases[i].path);
        assert_int_equal(json_integer_value(json_object_get(error, "line")), 1);
    }
    struct answer a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"labels\":{\"team\":1}}");
    assert_problem(&a, 422, "/invalid",
                   "labels.team must be a text of at most 8192 bytes under a key of at most 256");
    a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"env\":[1]}");
    assert_problem(&a, 422, "/invalid", "env must be a map of texts");
    a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"env\":{\"OPENSHELL_SANDBOX\":\"x\"}}");
    assert_problem(
        &a, 422, "/invalid",
        "env.OPENSHELL_SANDBOX: names that begin with SLUICE_ or OPENSHELL_ are reserved");
    a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"env\":{\"A B\":\"x\"}}");
    assert_problem(&a, 422, "/invalid",
                   "env.A B: a name is letters, digits and _, and does not begin with a digit");
    a = ASK(d, "POST", "/v1/sandboxes", YAML("name: A\nlabels:\n  team: 1\nenv: {a: [], b: x}\n"));
    assert_problem(&a, 422, "/invalid", "the request for a sandbox has 3 problems");
    static const struct {
        const char *path;
        int line, column;
    } places[] = {{"name", 1, 7}, {"labels.team", 3, 9}, {"env.a", 4, 7}};
    for (size_t i = 0; i < 3; i++) {
        const json_t *error = json_array_get(json_object_get(a.json, "errors"), i);
        assert_string_equal(json_string_value(json_object_get(error, "path")), places[i].path);
        assert_int_equal(json_integer_value(json_object_get(error, "line")), places[i].line);
        assert_int_equal(json_integer_value(json_object_get(error, "column")), places[i].column);
    }
    a = ASK(d, "POST", "/v1/sandboxes", .body = "[]");
    assert_status(&a, 422);
    a = ASK(d, "POST", "/v1/sandboxes",
            YAML("nam: a\nname: A\nnetwork: bridge\nenv: {a: []}\npolicy:\n  version: 2\n  "
                 "landlock: {compatibility: maybe}\n"));
    assert_problem(&a, 422, "/invalid", "the request for a sandbox has 6 problems");
    static const char *const all[] = {"nam",   "network",        "name",
                                      "env.a", "policy.version", "policy.landlock.compatibility"};
    for (size_t i = 0; i < 6; i++) {
        const json_t *error = json_array_get(json_object_get(a.json, "errors"), i);
        assert_string_equal(json_string_value(json_object_get(error, "path")), all[i]);
        assert_true(json_integer_value(json_object_get(error, "line")) > 0);
    }
    a = ASK(d, "GET", "/v1/sandboxes");
    assert_int_equal(json_array_size(json_object_get(a.json, "sandboxes")), 0);
}

static bool has_setting(const struct answer *a, const char *name, const char *json)
{
    char *text = json_dumps(json_object_get(a->json, name), JSON_ENCODE_ANY | JSON_COMPACT);
    bool same = text && strcmp(text, json) == 0;
    free(text);
    return same;
}

#define PATCH(d, text) ASK(d, "PATCH", "/v1/sandboxes/demo", .body = text)

static void settings_are_changed(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "POST", "/v1/sandboxes",
                          .body = "{\"name\":\"demo\",\"labels\":{\"a\":\"1\",\"b\":\"2\"},"
                                  "\"hold_ms\":1000,\"agent_proposals\":true}");
    assert_status(&a, 201);
    assert_true(has_setting(&a, "hold_ms", "1000"));
    assert_true(has_setting(&a, "agent_proposals", "true"));
    a = PATCH(d, "{\"hold_ms\":20000,\"labels\":{\"b\":null,\"c\":\"3\"}}");
    assert_status(&a, 200);
    assert_true(has_setting(&a, "hold_ms", "20000"));
    assert_true(has_setting(&a, "agent_proposals", "true"));        /* was not written */
    assert_true(has_setting(&a, "labels", "{\"a\":\"1\",\"c\":\"3\"}"));
    assert_int_equal(d->runtime.hold_ms, 20000);
    assert_string_equal(d->runtime.set_by, "root");
    a = PATCH(d, "{\"agent_proposals\":false,\"approval_mode\":\"auto\",\"hold_ms\":0}");
    assert_status(&a, 200);
    a = ASK(d, "GET", "/v1/sandboxes/demo");
    assert_true(has_setting(&a, "hold_ms", "0"));
    assert_true(has_setting(&a, "agent_proposals", "false"));
    assert_true(has_setting(&a, "approval_mode", "\"auto\""));
    assert_true(has_setting(&a, "policy_revision", "1"));
}

static void settings_that_are_wrong_change_nothing(void **state)
{
    struct api_fixture *d = *state;
    static const struct {
        const char *body, *path;
    } cases[] = {
        {"{\"hold_ms\":-1}", "hold_ms"},
        {"{\"hold_ms\":3600001}", "hold_ms"},
        {"{\"hold_ms\":\"20s\"}", "hold_ms"},
        {"{\"agent_proposals\":\"on\"}", "agent_proposals"},
        {"{\"agent_proposals\":null}", "agent_proposals"},
        {"{\"approval_mode\":\"\"}", "approval_mode"},
        {"{\"approval_mode\":\"auto \"}", "approval_mode"},
        {"{\"labels\":[]}", "labels"},
        {"{\"labels\":\"x\"}", "labels"},
        {"{\"labels\":{\"a\":1}}", "labels.a"},
        {"{\"name\":\"other\"}", "name"},
        {"{\"hold_ms\":1,\"env\":{}}", "env"},
    };
    struct answer a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"demo\"}");
    assert_status(&a, 201);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        a = PATCH(d, cases[i].body);
        assert_status(&a, 422);
        const json_t *error = json_array_get(json_object_get(a.json, "errors"), 0);
        assert_string_equal(json_string_value(json_object_get(error, "path")), cases[i].path);
    }
    a = ASK(d, "GET", "/v1/sandboxes/demo");
    assert_true(has_setting(&a, "hold_ms", "0"));
    assert_true(has_setting(&a, "labels", "{}"));
    a = ASK(d, "PATCH", "/v1/sandboxes/none", .body = "{\"hold_ms\":1}");
    assert_status(&a, 404);
}

static void settings_of_a_proxy_need_one(void **state)
{
    struct api_fixture *d = *state;
    struct answer a =
        ASK(d, "POST", "/v1/sandboxes",
            .body = "{\"name\":\"demo\",\"network\":\"none\",\"hold_ms\":1}");
    assert_problem(&a, 422, "/invalid",
                   "a sandbox with network none has no proxy, so nothing can wait there for a "
                   "decision: leave hold_ms out");
    a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"demo\",\"network\":\"none\"}");
    assert_status(&a, 201);
    a = PATCH(d, "{\"agent_proposals\":true}");
    assert_problem(&a, 422, "/invalid",
                   "a sandbox with network none has no proxy, so nothing can serve its agents "
                   "there: leave agent_proposals out");
}

static void a_sandbox_that_does_not_start_leaves_its_decision_only(void **state)
{
    struct api_fixture *d = *state;
    error_set(&d->start_error, ERROR_UPSTREAM, "bubblewrap cannot make a namespace");
    struct answer a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"demo\"}");
    assert_problem(&a, 502, "/sandbox-failed", "bubblewrap cannot make a namespace");
    a = ASK(d, "GET", "/v1/sandboxes/demo");
    assert_status(&a, 404);
    a = ASK(d, "GET", "/v1/decisions");
    assert_int_equal(json_array_size(json_object_get(a.json, "decisions")), 1);
    d->start_error.text[0] = '\0';
    a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"demo\"}");
    assert_status(&a, 201);
}

static void lists_choose_by_label(void **state)
{
    struct api_fixture *d = *state;
    ASK(d, "POST", "/v1/sandboxes",
        .body = "{\"name\":\"two\",\"labels\":{\"team\":\"b\",\"tier\":\"x=y\"}}");
    static const struct {
        const char *query;
        size_t n;
    } cases[] = {
        {"", 2}, {"?label=team%3Da", 1}, {"?label=team=b", 1}, {"?label=team%3Dc", 0},
        {"?label=team%3Db&label=tier%3Dx%3Dy", 1}, {"?label=team%3Da&label=tier%3Dx%3Dy", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer a =
            ASK(d, "GET", arena_printf(d->g.arena, "/v1/sandboxes%s", cases[i].query));
        assert_int_equal(json_array_size(json_object_get(a.json, "sandboxes")), cases[i].n);
    }
    static const char *const wrong[] = {"team", "", "%3Da"};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        struct answer refused =
            ASK(d, "GET", arena_printf(d->g.arena, "/v1/sandboxes?label=%s", wrong[k]));
        assert_problem(&refused, 400, "/malformed",
                       arena_printf(d->g.arena, "query parameter label is KEY=VALUE, not '%s'",
                                    k == 2 ? "=a" : wrong[k]));
    }
}

static void a_life(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"demo\"}");
    assert_problem(&a, 409, "/exists",
                   "sandbox 'demo' already exists: choose another name, or delete it first");
    a = ASK(d, "POST", "/v1/sandboxes/demo/stop");
    assert_string_equal(text_of(&a, "phase"), "stopped");
    a = ASK(d, "POST", "/v1/sandboxes/demo/start");
    assert_string_equal(text_of(&a, "phase"), "ready");
    a = ASK(d, "DELETE", "/v1/sandboxes/demo");
    assert_status(&a, 200);
    assert_string_equal(text_of(&a, "name"), "demo");
    a = ASK(d, "GET", "/v1/sandboxes/demo");
    assert_status(&a, 404);
    a = ASK(d, "DELETE", "/v1/sandboxes/demo");
    assert_status(&a, 404);
}

/* Why was it refused, and what happened to the one that is gone? */
static void decisions_outlive_their_sandbox(void **state)
{
    struct api_fixture *d = *state;
    ASK(d, "PUT", "/v1/sandboxes/demo/policy",
        YAML("version: 1\nnetwork_policies: {a: {endpoints: [{host: a.example.com, port: 1}]}}"));
    ASK(d, "DELETE", "/v1/sandboxes/demo");
    struct answer a = ASK(d, "GET", "/v1/decisions?sandbox=demo");
    assert_status(&a, 200);
    assert_int_equal(json_array_size(json_object_get(a.json, "decisions")), 2);
    ASK(d, "POST", "/v1/sandboxes", .body = "{\"name\":\"demo\"}");
    a = ASK(d, "GET", "/v1/decisions?sandbox=demo");
    assert_int_equal(json_array_size(json_object_get(a.json, "decisions")), 1);
    a = ASK(d, "GET", "/v1/decisions?sandbox=nobody");
    assert_problem(&a, 404, "/not-found", "sandbox 'nobody' not found");
}

static void a_list_of_decisions_can_be_had_with_the_candidates(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/decisions?candidate=true");
    json_t *listed = json_incref(json_array_get(json_object_get(a.json, "decisions"), 0));
    a = ASK(d, "GET",
            arena_printf(d->g.arena, "/v1/decisions/%s",
                         json_string_value(json_object_get(listed, "id"))));
    const char *name;
    json_t *value;
    json_object_foreach(listed, name, value)
        assert_true(json_equal(value, json_object_get(a.json, name)));
    assert_non_null(json_object_get(listed, "candidate"));
    json_decref(listed);
    a = ASK(d, "GET", "/v1/decisions?candidate=true&limit=101");
    assert_problem(&a, 400, "/malformed",
                   "query parameter limit must be a number from 0 to 100, not '101'");
    a = ASK(d, "GET", "/openapi.json");
    static const char *const way[] = {"components", "schemas",   "decision",
                                      "properties", "candidate", NULL};
    const json_t *at = a.json;
    for (size_t i = 0; way[i]; i++)
        at = json_object_get(at, way[i]);
    assert_non_null(at);
}

/* Another program wrote the file, or the disk is bad: the others can still be read. */
static void a_decision_that_is_no_text_ends_nothing(void **state)
{
    struct api_fixture *d = *state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(arena_printf(d->g.arena, "%s/sluice.db", d->g.folder), &db),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TRIGGER decision_update; UPDATE decision SET reason = "
                                  "CAST(x'ff' AS TEXT) WHERE seq = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    struct answer a = ASK(d, "GET", "/v1/decisions");
    assert_status(&a, 500);
    assert_non_null(strstr(text_of(&a, "detail"), "cannot be written as JSON"));
}

static void decisions_are_kept_and_can_be_verified(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/decisions?sandbox=demo");
    const json_t *first = json_array_get(json_object_get(a.json, "decisions"), 0);
    const char *id = json_string_value(json_object_get(first, "id"));
    assert_string_equal(json_string_value(json_object_get(first, "kind")), "create");
    assert_string_equal(json_string_value(json_object_get(first, "outcome")), "allowed");
    assert_string_equal(json_string_value(json_object_get(json_object_get(first, "actor"), "role")),
                        "admin");
    assert_null(json_object_get(first, "candidate"));
    a = ASK(d, "GET", arena_printf(d->g.arena, "/v1/decisions/%s", id));
    assert_status(&a, 200);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(a.json, "candidate"), "version")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(a.json, "effect"), "relation")), "same");
    assert_null(json_object_get(json_object_get(a.json, "diff"), "effect"));
    a = ASK(d, "GET", "/v1/decisions/nothing");
    assert_status(&a, 404);
    a = ASK(d, "GET", "/v1/decisions?sandbox=nobody");
    assert_status(&a, 404);
    a = ASK(d, "GET", "/v1/audit/verify");
    assert_true(json_is_true(json_object_get(a.json, "intact")));
    assert_int_equal(number_of(&a, "records"), 1);
    a = ASK(d, "GET", arena_printf(d->g.arena, "/v1/audit/verify?head=%s", text_of(&a, "head")));
    assert_true(json_is_true(json_object_get(a.json, "intact")));
    a = ASK(d, "GET", "/v1/audit/verify?head=0");
    assert_string_equal(text_of(&a, "why"), "the head 0, which was noted, is no record of the "
                                            "chain: the store was rolled back or replaced");
}

static void plugins_are_listed_and_reloaded(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/plugins");
    static const char *const members[] = {
        "name",        "version", "kind",    "level",  "isolation", "path",   "sha256", "state",
        "reads_files", "votes",   "denials", "errors", "p50_us",    "p99_us", NULL};
    const json_t *voters = json_object_get(a.json, "voters");
    assert_int_equal(json_array_size(voters), 3);
    for (size_t i = 0; members[i]; i++)
        assert_non_null(json_object_get(json_array_get(voters, 0), members[i]));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(voters, 0), "votes")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(voters, 0), "requests")), 7);
    assert_int_equal(json_array_size(json_object_get(a.json, "not_inspecting")), 1);
    a = ASK(d, "POST", "/v1/plugins/reload");
    assert_status(&a, 200);
    assert_int_equal(json_array_size(json_object_get(a.json, "voters")), 3);
    a = ASK(d, "POST", "/v1/plugins/reload");
    assert_problem(&a, 422, "/invalid",
                   "the chain at work stays: the chain of voters does not load: 1 problem");
    const json_t *error = json_array_get(json_object_get(a.json, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(error, "path")),
                        "chain.voters[0].plugin");
    assert_int_equal(json_integer_value(json_object_get(error, "line")), 4);
}

static void status_and_metrics_count(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/status");
    assert_int_equal(number_of(&a, "sandboxes"), 1);
    assert_int_equal(number_of(&a, "ready"), 1);
    assert_int_equal(number_of(&a, "voters"), 3);
    a = ASK(d, "GET", "/metrics", HEADERS({"X-As", "anonymous"}));
    assert_status(&a, 200);
    assert_string_equal(a.type, "text/plain; version=0.0.4");
    static const char *const lines[] = {
        "\nsluice_sandboxes 1\n",
        "\nsluice_sandboxes_in_phase{phase=\"ready\"} 1\n",
        "\nsluice_sandboxes_behind 1\n",
        "\nsluice_drafts_pending 0\n",
        "\nsluice_decisions_total{outcome=\"held\"} 0\n",
        "\nsluice_http_requests_running 1\n",
        "\nsluice_vote_errors_total{voter=\"static_fields\"} 0\n",
        "\nsluice_vote_p99_seconds{voter=\"live_reload\"} 0.0",
        "\nsluice_voter_quarantined{voter=\"policy_safety\"} 0\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(a.text, lines[i]))
            fail_msg("%s is not in %s", lines[i], a.text);
    assert_non_null(strstr(a.text, "sluice_votes_total{voter=\"live_reload\"} 1\n"));
}

static void every_answer_is_yaml_when_asked(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/sandboxes/demo", HEADERS({"Accept", "application/yaml"}));
    struct problems problems = {0};
    struct doc_node *tree;
    assert_status(&a, 200);
    assert_string_equal(a.type, "application/yaml");
    assert_int_equal(
        doc_parse(a.text, strlen(a.text), DOC_YAML, 65536, d->g.arena, &tree, &problems), 0);
    assert_string_equal(doc_at(tree, "name")->text, "demo");
    assert_string_equal(doc_at(tree, "labels.team")->text, "a");
    a = ASK(d, "GET", "/v1/sandboxes/nobody", HEADERS({"Accept", "application/yaml"}));
    assert_status(&a, 404);
    assert_string_equal(a.type, "application/problem+json");
}

static void what_is_not_there(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/nothing");
    assert_status(&a, 404);
    assert_string_equal(a.type, "application/problem+json");
    a = ASK(d, "POST", "/v1/status");
    assert_status(&a, 405);
}

static const char *events_of(struct api_fixture *d, const char *name)
{
    struct answer a =
        ASK(d, "GET", arena_printf(d->g.arena, "/v1/events?follow=false&sandbox=%s", name));
    assert_status(&a, 200);
    return a.text;
}

static void events_are_of_a_sandbox_that_there_is_or_was(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/events?follow=false&sandbox=dmeo");
    assert_problem(&a, 404, "/not-found", "sandbox 'dmeo' not found");
    assert_null(strstr(events_of(d, "demo"), "event: "));
    events_publish(d->api.events, "sandbox", "demo", json_object());
    assert_non_null(strstr(events_of(d, "demo"), "event: sandbox"));
    a = ASK(d, "DELETE", "/v1/sandboxes/demo");
    assert_status(&a, 200);
    assert_non_null(strstr(events_of(d, "demo"), "event: sandbox"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(a_sandbox_is_made_and_ready),
        API_TEST(a_name_is_made_up),
        API_TEST(a_name_is_given_once),
        API_TEST(names_that_are_none),
        API_TEST(requests_that_are_wrong),
        API_TEST(settings_are_changed),
        API_TEST(settings_that_are_wrong_change_nothing),
        API_TEST(settings_of_a_proxy_need_one),
        API_TEST(a_sandbox_that_does_not_start_leaves_its_decision_only),
        DEMO_TEST(lists_choose_by_label),
        DEMO_TEST(a_life),
        DEMO_TEST(decisions_outlive_their_sandbox),
        DEMO_TEST(events_are_of_a_sandbox_that_there_is_or_was),
        DEMO_TEST(a_list_of_decisions_can_be_had_with_the_candidates),
        DEMO_TEST(decisions_are_kept_and_can_be_verified),
        DEMO_TEST(a_decision_that_is_no_text_ends_nothing),
        DEMO_TEST(plugins_are_listed_and_reloaded),
        DEMO_TEST(status_and_metrics_count),
        DEMO_TEST(every_answer_is_yaml_when_asked),
        API_TEST(what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
