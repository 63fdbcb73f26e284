/* SPDX-License-Identifier: Apache-2.0 */
/* The interface's own description names every route and is a document that tools can read. */
#include "desk.h"

#include <ctype.h>

static const json_t *operation_of(const json_t *document, const struct http_route *route)
{
    char method[8] = "";
    for (size_t i = 0; route->method[i]; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    return json_object_get(json_object_get(json_object_get(document, "paths"), route->pattern), method);
}

static void it_names_every_route(void **state)
{
    struct desk *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    assert_status(&a, 200);
    assert_string_equal(a.type, "application/json");
    assert_string_equal(text_of(&a, "openapi"), "3.1.0");
    assert_string_equal(json_string_value(json_object_get(json_object_get(a.json, "info"), "title")), "sluice");
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct http_route *route = &api_router.routes[i];
        const json_t *op = operation_of(a.json, route);
        if (!op)
            fail_msg("%s %s is not described", route->method, route->pattern);
        assert_string_equal(json_string_value(json_object_get(op, "summary")), route->summary);
        assert_non_null(json_object_get(json_object_get(op, "responses"), "2XX"));
        assert_non_null(json_object_get(json_object_get(op, "responses"), "default"));
    }
}

/* Every {name} of a path is a required parameter, and nothing else is one. */
static void it_names_every_parameter(void **state)
{
    struct desk *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct http_route *route = &api_router.routes[i];
        const json_t *list = json_object_get(operation_of(a.json, route), "parameters");
        size_t braces = 0, n;
        json_t *parameter;
        for (const char *c = route->pattern; *c; c++)
            braces += *c == '{';
        assert_int_equal(json_array_size(list), braces);
        json_array_foreach(list, n, parameter) {
            assert_true(http_route_param(route, json_string_value(json_object_get(parameter, "name"))) >= 0);
            assert_true(json_is_true(json_object_get(parameter, "required")));
            assert_string_equal(json_string_value(json_object_get(parameter, "in")), "path");
        }
    }
}

/* Whatever is referred to is there. */
static void check_references(const json_t *document, const json_t *value)
{
    const char *ref = json_string_value(json_object_get(value, "$ref")), *key;
    json_t *item;
    size_t i;
    if (ref) {
        assert_int_equal(strncmp(ref, "#/components/schemas/", 21), 0);
        assert_non_null(json_object_get(json_object_get(json_object_get(document, "components"), "schemas"), ref + 21));
    }
    json_object_foreach((json_t *)value, key, item)
        check_references(document, item);
    json_array_foreach(value, i, item)
        check_references(document, item);
}

static void its_references_lead_somewhere(void **state)
{
    struct desk *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    check_references(a.json, a.json);
}

static void bodies_are_described(void **state)
{
    struct desk *d = *state;
    struct answer a = ASK(d, "GET", "/openapi.json");
    size_t described = 0;
    for (size_t i = 0; i < api_router.n_routes; i++) {
        const struct api_route *doc = api_router.routes[i].doc;
        const json_t *body = json_object_get(operation_of(a.json, &api_router.routes[i]), "requestBody");
        assert_int_equal(!doc->body, !body);
        const json_t *schema = json_object_get(
            json_object_get(json_object_get(body, "content"), "application/json"), "schema");
        assert_int_equal(!body, !json_object_get(schema, "properties"));
        described += body != NULL;
    }
    assert_true(described >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(it_names_every_route),
        DESK_TEST(it_names_every_parameter),
        DESK_TEST(its_references_lead_somewhere),
        DESK_TEST(bodies_are_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
