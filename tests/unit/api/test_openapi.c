/* SPDX-License-Identifier: Apache-2.0 */
/* The interface's own description names every route and is a document that tools can read. */
#include "support/api.h"

#include <ctype.h>

static const json_t *operation_of(const json_t *document, const struct http_route *route)
{
    char method[8] = "";
    for (size_t i = 0; route->method[i]; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    return json_object_get(json_object_get(json_object_get(document, "paths"), route->pattern),
                           method);
}

static void it_names_every_route(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    assert_status(&a, 200);
    assert_string_equal(a.type, "application/json");
    assert_string_equal(text_of(&a, "openapi"), "3.1.0");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(a.json, "info"), "title")), "sluice");
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct http_route *route = &api_router.routes[i];
        const json_t *op = operation_of(a.json, route);
        if (!op)
            fail_msg("%s %s is not described", route->method, route->pattern);
        assert_string_equal(json_string_value(json_object_get(op, "summary")), route->summary);
        assert_true(json_object_size(json_object_get(op, "responses")) >= 2);
        assert_non_null(json_object_get(json_object_get(op, "responses"), "default"));
    }
}

/* Every {name} of a path is a required parameter, and nothing else is one. */
static void it_names_every_parameter(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct http_route *route = &api_router.routes[i];
        const json_t *list = json_object_get(operation_of(a.json, route), "parameters");
        size_t braces = 0, in_path = 0, n;
        json_t *parameter;
        for (const char *c = route->pattern; *c; c++)
            braces += *c == '{';
        json_array_foreach(list, n, parameter) {
            bool path = strcmp(json_string_value(json_object_get(parameter, "in")), "path") == 0;
            in_path += path;
            assert_int_equal(path, json_is_true(json_object_get(parameter, "required")));
            assert_int_equal(path, http_route_param(route, json_string_value(json_object_get(
                                                               parameter, "name"))) >= 0);
            assert_non_null(json_object_get(json_object_get(parameter, "schema"), "type"));
        }
        assert_int_equal(in_path, braces);
    }
}

static void add_query_name(const json_t *parameter, struct buf *names)
{
    if (strcmp(json_string_value(json_object_get(parameter, "in")), "query") == 0)
        buf_printf(names, "%s%s", names->len ? ", " : "",
                   json_string_value(json_object_get(parameter, "name")));
}

/* What a route says it takes is what it is described with. */
static void other_query_parameters_are_refused(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct http_route *route = &api_router.routes[i];
        const struct api_route *doc = route->doc;
        struct buf names = {0};
        size_t n;
        json_t *parameter;
        if (doc->any_query)                         /* an issuer adds its own */
            continue;
        json_array_foreach(json_object_get(operation_of(a.json, route), "parameters"), n, parameter)
            add_query_name(parameter, &names);
        struct ask q = {
            .method = route->method,
            .path = arena_printf(d->g.arena, "%s?lable=x", example_path(d, route->pattern))};
        if (doc->permission == AUTH_SUPERVISE)
            q.headers[0] = (struct http_field){"Authorization", "Bearer " SANDBOX_TOKEN};
        struct answer refused = ask(d, q);
        assert_problem(
            &refused, 400, "/malformed",
            arena_printf(d->g.arena, "there is no query parameter 'lable' here: %s %s takes %s",
                         route->method, route->pattern, names.len ? buf_str(&names) : "none"));
        buf_free(&names);
    }
}

static void a_parameter_is_given_once(void **state)
{
    struct api_fixture *d = *state;
    struct answer a =
        ASK(d, "PUT", "/v1/sandboxes/demo/policy?dry_run=false&dry_run=true", YAML("version: 1"));
    assert_problem(&a, 400, "/malformed",
                   "query parameter dry_run is given twice: which one counts?");
    a = ASK(d, "PUT", "/v1/sandboxes/demo/policy",
            HEADERS({"If-Match", "\"9\""}, {"if-match", "\"1\""}), .body = "{\"version\":1}");
    assert_problem(&a, 400, "/malformed",
                   "header field If-Match is given twice: which one counts?");
    a = ASK(d, "GET", "/v1/sandboxes?label=a%3Db&label=c%3Dd",
            HEADERS({"Sluice-Reason", "x"}, {"Sluice-Reason", "y"}));
    assert_status(&a, 200);
}

/* Whatever is referred to is there. */
static void check_references(const json_t *document, const json_t *value)
{
    const char *ref = json_string_value(json_object_get(value, "$ref")), *key;
    json_t *item;
    size_t i;
    if (ref) {
        assert_int_equal(strncmp(ref, "#/components/schemas/", 21), 0);
        assert_non_null(json_object_get(
            json_object_get(json_object_get(document, "components"), "schemas"), ref + 21));
    }
    json_object_foreach((json_t *)value, key, item)
        check_references(document, item);
    json_array_foreach(value, i, item)
        check_references(document, item);
}

static void its_references_lead_somewhere(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    check_references(a.json, a.json);
}

/* ---- real answers against the description ---- */

static void check_value(const json_t *document, const json_t *schema, const json_t *value,
                        const char *at);

static bool type_is(const json_t *value, const char *type)
{
    return strcmp(type, "string") == 0    ? json_is_string(value)
           : strcmp(type, "integer") == 0 ? json_is_integer(value)
           : strcmp(type, "number") == 0  ? json_is_number(value)
           : strcmp(type, "boolean") == 0 ? json_is_boolean(value)
           : strcmp(type, "array") == 0   ? json_is_array(value)
           : strcmp(type, "null") == 0    ? json_is_null(value)
                                          : json_is_object(value);
}

static void check_type(const json_t *type, const json_t *value, const char *at)
{
    bool fits = json_is_string(type) && type_is(value, json_string_value(type));
    for (size_t i = 0; i < json_array_size(type); i++)
        fits |= type_is(value, json_string_value(json_array_get(type, i)));
    if (type && !fits)
        fail_msg("%s is of another type than described", at);
}

static void check_members(const json_t *document, const json_t *schema, const json_t *value,
                          const char *at)
{
    size_t i;
    json_t *name, *member;
    char below[256];
    json_array_foreach(json_object_get(schema, "required"), i, name) {
        snprintf(below, sizeof below, "%s.%s", at, json_string_value(name));
        member = json_object_get(value, json_string_value(name));
        if (!member)
            fail_msg("%s is missing", below);
        check_value(document,
                    json_object_get(json_object_get(schema, "properties"), json_string_value(name)),
                    member, below);
    }
}

static void check_value(const json_t *document, const json_t *schema, const json_t *value,
                        const char *at)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    size_t i;
    json_t *item;
    if (ref)
        schema = json_object_get(
            json_object_get(json_object_get(document, "components"), "schemas"), ref + 21);
    assert_non_null(schema);
    check_type(json_object_get(schema, "type"), value, at);
    check_members(document, schema, value, at);
    if (json_object_get(schema, "items"))
        json_array_foreach(value, i, item)
            check_value(document, json_object_get(schema, "items"), item, at);
}

struct example {
    const char *method, *path, *pattern, *body;
    int status;
};

#define RULE                                                                                     \
    "{\"endpoints\":[{\"host\":\"a.example.com\",\"port\":443}],\"binaries\":[{\"path\":\"/usr/" \
    "bin/curl\"}]}"

static struct answer check_answer(struct api_fixture *d, const json_t *document, struct example e)
{
    const struct http_route route = {.method = e.method, .pattern = e.pattern};
    const json_t *op = operation_of(document, &route);
    struct answer a = ask(d, (struct ask){.method = e.method, .path = e.path, .body = e.body});
    assert_status(&a, e.status);
    const json_t *described =
        json_object_get(json_object_get(op, "responses"), arena_printf(d->g.arena, "%d", e.status));
    if (!described)
        fail_msg("%s %s does not say that it answers %d", e.method, e.pattern, e.status);
    const json_t *schema =
        json_object_get(json_object_get(json_object_get(described, "content"), a.type), "schema");
    if (!schema)
        fail_msg("%s %s does not say that it answers with %s", e.method, e.pattern, a.type);
    check_value(document, schema, a.json, e.path);
    return a;
}

#define SANDBOX "/v1/sandboxes/{name}"

static void answers_are_as_described(void **state)
{
    struct api_fixture *d = *state;
    struct answer document = ASK(d, "GET", "/openapi.json");
    static const struct example examples[] = {
        {"GET", "/v1/status", "/v1/status", NULL, 200},
        {"POST", "/v1/sandboxes", "/v1/sandboxes", "{\"name\":\"new\"}", 201},
        {"POST", "/v1/sandboxes", "/v1/sandboxes",
         "{\"name\":\"busy\",\"main\":{\"command\":[\"/bin/true\"]}}", 201},
        {"GET", "/v1/sandboxes/busy", SANDBOX, NULL, 200},
        {"GET", "/v1/sandboxes/busy/main", SANDBOX "/main", NULL, 200},
        {"POST", "/v1/sandboxes?dry_run", "/v1/sandboxes", "{}", 200},
        {"GET", "/v1/sandboxes", "/v1/sandboxes", NULL, 200},
        {"GET", "/v1/sandboxes/demo", SANDBOX, NULL, 200},
        {"PATCH", "/v1/sandboxes/demo", SANDBOX, "{\"hold_ms\":5000}", 200},
        {"PUT", "/v1/sandboxes/demo/shares/ann", SANDBOX "/shares/{with}", "{\"role\":\"user\"}",
         200},
        {"DELETE", "/v1/sandboxes/demo/shares/ann", SANDBOX "/shares/{with}", NULL, 200},
        {"POST", "/v1/sandboxes/demo/stop", SANDBOX "/stop", NULL, 200},
        {"GET", "/v1/sandboxes/demo/policy", SANDBOX "/policy", NULL, 200},
        {"PUT", "/v1/sandboxes/demo/policy", SANDBOX "/policy",
         "{\"version\":1,\"network_policies\":{\"a\":" RULE "}}", 200},
        {"PUT", "/v1/sandboxes/demo/policy", SANDBOX "/policy",
         "{\"version\":1,\"process\":{\"run_as_user\":\"1234\"}}", 403},
        {"GET", "/v1/sandboxes/demo/revisions", SANDBOX "/revisions", NULL, 200},
        {"GET", "/v1/sandboxes/demo/revisions/2", SANDBOX "/revisions/{revision}", NULL, 200},
        {"POST", "/v1/sandboxes/demo/revisions/1/rollback",
         SANDBOX "/revisions/{revision}/rollback", NULL, 200},
        {"POST", "/v1/sandboxes/demo/drafts", SANDBOX "/drafts",
         "{\"proposals\":[{\"rule\":" RULE "}]}", 201},
        {"GET", "/v1/sandboxes/demo/drafts", SANDBOX "/drafts", NULL, 200},
        {"GET", "/v1/drafts", "/v1/drafts", NULL, 200},
        {"GET", "/v1/sandboxes/demo/drafts/history", SANDBOX "/drafts/history", NULL, 200},
        {"DELETE", "/v1/sandboxes/demo/drafts", SANDBOX "/drafts", NULL, 200},
        {"GET", "/v1/decisions", "/v1/decisions", NULL, 200},
        {"GET", "/v1/audit/verify", "/v1/audit/verify", NULL, 200},
        {"GET", "/v1/plugins", "/v1/plugins", NULL, 200},
        {"GET", "/v1/permissions", "/v1/permissions", NULL, 200},
        {"GET", "/v1/exports", "/v1/exports", NULL, 200},
        {"PUT", "/v1/ceilings?label=team%3Da", "/v1/ceilings", "{\"version\":1}", 200},
        {"GET", "/v1/ceilings", "/v1/ceilings", NULL, 200},
        {"DELETE", "/v1/ceilings?label=team%3Da", "/v1/ceilings", NULL, 200},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        check_answer(d, document.json, examples[i]);
    struct answer list = ASK(d, "GET", "/v1/decisions?limit=1");
    const json_t *newest = json_array_get(json_object_get(list.json, "decisions"), 0);
    check_answer(d, document.json,
                 (struct example){"GET",
                                  arena_printf(d->g.arena, "/v1/decisions/%s",
                                               json_string_value(json_object_get(newest, "id"))),
                                  "/v1/decisions/{id}", NULL, 200});
}

static void bodies_are_described(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    size_t described = 0;
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct api_route *doc = api_router.routes[i].doc;
        const json_t *body =
            json_object_get(operation_of(a.json, &api_router.routes[i]), "requestBody");
        assert_int_equal(!doc->body, !body);
        const json_t *schema = json_object_get(
            json_object_get(json_object_get(body, "content"), "application/json"), "schema");
        const char *ref = json_string_value(json_object_get(schema, "$ref"));
        if (ref)
            schema = json_object_get(
                json_object_get(json_object_get(a.json, "components"), "schemas"), ref + 21);
        assert_int_equal(!body, !json_object_get(schema, "properties"));
        described += body != NULL;
    }
    assert_true(described >= 7);
}

/* Wherever a token is looked at, too many wrong ones are answered with 429. */
static void it_says_who_may_and_where_too_many_is_answered(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct http_route *route = &api_router.routes[i];
        const struct api_route *doc = route->doc;
        const json_t *op = operation_of(a.json, route),
                     *too_many = json_object_get(json_object_get(op, "responses"), "429");
        assert_string_equal(json_string_value(json_object_get(op, "x-permission")),
                            auth_permission_word(doc->permission));
        assert_int_equal(too_many != NULL,
                         doc->permission != AUTH_ANYBODY && doc->permission != AUTH_SUPERVISE);
        assert_int_equal(too_many != NULL, json_object_get(json_object_get(too_many, "headers"),
                                                           "Retry-After") != NULL);
    }
}

/* A login has limits of its own (core/api/login.c). */
static void what_anybody_may_ask_takes_one_worker_at_most(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct api_route *doc = api_router.routes[i].doc;
        if (doc->permission == AUTH_ANYBODY && doc->work && !doc->handle)
            assert_true(doc->single);
    }
}

static void permissions_are_listed_with_their_roles(void **state)
{
    struct api_fixture *d = *state;
    struct answer a = ASK(d, "GET", "/v1/permissions");
    const json_t *list = json_object_get(a.json, "permissions"), *row = json_array_get(list, 6);
    assert_int_equal(json_array_size(list), 18);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "policy.change");
    assert_string_equal(json_string_value(json_object_get(row, "help")),
                        "Replace, change and roll back policies");
    assert_string_equal(json_string_value(json_array_get(json_object_get(row, "roles"), 0)),
                        "approver");
    assert_string_equal(json_string_value(json_array_get(json_object_get(row, "roles"), 1)),
                        "admin");
    assert_string_equal(json_string_value(json_array_get(json_object_get(row, "roles"), 2)),
                        "deployer");                /* of the configuration */
    assert_int_equal(json_array_size(json_object_get(row, "roles")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(it_names_every_route),
        API_TEST(it_names_every_parameter),
        API_TEST(other_query_parameters_are_refused),
        DEMO_TEST(a_parameter_is_given_once),
        DEMO_TEST(answers_are_as_described),
        API_TEST(its_references_lead_somewhere),
        API_TEST(bodies_are_described),
        API_TEST(it_says_who_may_and_where_too_many_is_answered),
        cmocka_unit_test(what_anybody_may_ask_takes_one_worker_at_most),
        API_TEST(permissions_are_listed_with_their_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
