/* SPDX-License-Identifier: Apache-2.0 */
/* GET /openapi.json: OpenAPI 3.1, made from the route table and the schema tables. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/answers.h"
#include "api/call.h"
#include "api/parameters.h"
#include "api/routes.h"
#include "base/alloc.h"
#include "doc/jansson.h"

static json_t *described(const struct schema *schema)
{
    struct doc_jansson_writer json;
    schema_describe(schema, doc_jansson_writer(&json));
    return doc_jansson_writer_end(&json);
}

static json_t *parameters(const struct http_route *route)
{
    const struct api_route *doc = route->doc;
    json_t *list = json_array();
    for (const char *at = strchr(route->pattern, '{'); at; at = strchr(at + 1, '{')) {
        size_t len = strcspn(at + 1, "}");
        bool number = strncmp(at, "{revision}", len + 2) == 0;
        json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", at + 1, len,
                                              "in", "path", "required", 1, "schema", "type",
                                              number ? "integer" : "string"));
    }
    api_describe_parameters(doc->takes, list);
    return list;
}

/* The schema, which is taken, under both media types. */
static json_t *as_json_or_yaml(json_t *schema)
{
    return json_pack("{s:{s:o}, s:{s:O}}", "application/json", "schema", schema, "application/yaml",
                     "schema", schema);
}

static json_t *component(const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
}

/* answer: a name of ANSWERS, a media type, or NULL: no content. */
static json_t *response(const char *description, const char *answer)
{
    json_t *response = json_pack("{s:s}", "description", description);
    if (answer && strchr(answer, '/'))
        json_object_set_new(response, "content", json_pack("{s:{}}", answer));
    else if (answer)
        json_object_set_new(response, "content", as_json_or_yaml(component(answer)));
    return response;
}

static json_t *problem(const char *description)
{
    json_t *answer = response(description, NULL);
    json_object_set_new(
        answer, "content",
        json_pack("{s:{s:o}}", "application/problem+json", "schema", component("problem")));
    return answer;
}

static json_t *too_many(void)
{
    json_t *answer = problem("too many: wrong tokens came from here, or the work is limited");
    json_object_set_new(answer, "headers",
                        json_pack("{s:{s:s, s:{s:s}}}", "Retry-After", "description",
                                  "Seconds to wait after wrong tokens", "schema", "type",
                                  "integer"));
    return answer;
}

static json_t *responses(const struct api_route *doc)
{
    bool update = doc->may_update || (doc->answer && strcmp(doc->answer, "update") == 0);
    json_t *list = json_pack("{s:o}", "default", problem("a problem (RFC 9457)"));
    if (doc->upgrade)
        json_object_set_new(list, "101", response(doc->upgrade, NULL));
    else if (doc->moved)
        json_object_set_new(list, "308", response(doc->moved, NULL));
    else
        json_object_set_new(list, doc->made ? "201" : "200",
                            response(doc->made ? "made" : "done", doc->answer));
    if (doc->made && doc->takes & TAKES(DRY_RUN))
        json_object_set_new(list, "200", response("what would be decided", "update"));
    if (update)
        json_object_set_new(list, "202",
                            response("held: it waits for somebody else's approval", "update"));
    if (update || (doc->made && doc->takes & TAKES(DRY_RUN)))
        json_object_set(list, "403", json_object_get(list, "default"));
    if (doc->permission != AUTH_ANYBODY && doc->permission != AUTH_SUPERVISE)
        json_object_set_new(list, "429", too_many());
    return list;
}

/* "rejection" is described as the schema rejection_body. */
static json_t *body_component(const struct schema *body, json_t *schemas)
{
    char *name = alloc_printf("%s_body", body->name);
    for (char *c = name; *c; c++)
        if (*c == ' ')
            *c = '_';
    if (!json_object_get(schemas, name))
        json_object_set_new(schemas, name, described(body));
    json_t *reference = component(name);
    free(name);
    return reference;
}

static json_t *operation(const struct http_route *route, json_t *schemas)
{
    const struct api_route *doc = route->doc;
    json_t *op = json_pack("{s:s, s:s, s:o, s:o}", "summary", route->summary, "x-permission",
                           auth_permission_word(doc->permission), "parameters", parameters(route),
                           "responses", responses(doc));
    if (doc->permission == AUTH_ANYBODY)
        json_object_set_new(op, "security", json_array());
    if (doc->body)
        json_object_set_new(op, "requestBody",
                            json_pack("{s:b, s:o}", "required", !doc->body_optional, "content",
                                      as_json_or_yaml(body_component(doc->body, schemas))));
    return op;
}

static void add_route(json_t *paths, json_t *schemas, const struct http_route *route)
{
    char method[8] = "";
    for (size_t i = 0; route->method[i] && i < sizeof method - 1; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    json_t *path = json_object_get(paths, route->pattern);
    if (!path) {
        path = json_object();
        json_object_set_new(paths, route->pattern, path);
    }
    json_object_set_new(path, method, operation(route, schemas));
}

static void describe(struct buf *out)
{
    json_t *paths = json_object(), *schemas = api_describe_answers();
    for (size_t i = 0; i < api_router.n_routes; i++)
        add_route(paths, schemas, &api_router.routes[i]);
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:[{}, {s:[]}], s:o, s:{s:o, s:{s:{s:s, s:s, s:s}}}}", "openapi",
        "3.1.0", "info", "title", "sluice", "version", SLUICE_VERSION, "summary",
        "Policy gateway for sandboxes that run AI agents", "security", "token", "paths", paths,
        "components", "schemas", schemas, "securitySchemes", "token", "type", "http", "scheme",
        "bearer", "description",
        "Not needed where the kernel says who asks: on the Unix socket and on loopback TCP");
    char *text = json_dumps(document, JSON_COMPACT);
    buf_puts(out, text);
    free(text);
    json_decref(document);
}

/* Made once: nobody has to be known to ask for it, and it takes milliseconds. */
void handle_openapi(struct api *api, struct http_request *req)
{
    if (!api->openapi.len)
        describe(&api->openapi);
    http_respond(req, 200, "application/json", api->openapi.data, api->openapi.len);
}
