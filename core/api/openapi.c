/* SPDX-License-Identifier: Apache-2.0 */
/* GET /openapi.json: OpenAPI 3.1, made from the route table and the schema tables. */
#include <string.h>
#include <ctype.h>

#include "api/call.h"
#include "api/routes.h"

static json_t *described(const struct schema *schema)
{
    struct buf text = {0};
    schema_describe(schema, &text);
    json_t *json = json_loadb(text.data, text.len, 0, NULL);
    buf_free(&text);
    return json ? json : json_object();
}

static json_t *parameters(const char *pattern)
{
    json_t *list = json_array();
    for (const char *at = strchr(pattern, '{'); at; at = strchr(at + 1, '{')) {
        size_t len = strcspn(at + 1, "}");
        json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", at + 1, len,
                                              "in", "path", "required", 1, "schema", "type",
                                              "string"));
    }
    return list;
}

static json_t *responses(const struct api_route *doc)
{
    return json_pack("{s:{s:s}, s:{s:s, s:{s:{s:{s:s}}}}}", "2XX", "description",
                     doc->answer ? doc->answer : "done", "default", "description",
                     "a problem (RFC 9457)", "content", "application/problem+json", "schema",
                     "$ref", "#/components/schemas/problem");
}

static json_t *operation(const struct http_route *route)
{
    const struct api_route *doc = route->doc;
    static const char *const rights[] = {"anybody", "user or admin", "admin", "supervisor"};
    json_t *op = json_pack("{s:s, s:s, s:o, s:o}", "summary", route->summary, "x-right",
                           rights[doc->right], "parameters", parameters(route->pattern),
                           "responses", responses(doc));
    if (doc->body)
        json_object_set_new(op, "requestBody",
                            json_pack("{s:{s:{s:o}, s:{s:o}}}", "content", "application/json",
                                      "schema", described(doc->body), "application/yaml", "schema",
                                      described(doc->body)));
    return op;
}

static void add_route(json_t *paths, const struct http_route *route)
{
    char method[8] = "";
    for (size_t i = 0; route->method[i] && i < sizeof method - 1; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    json_t *path = json_object_get(paths, route->pattern);
    if (!path) {
        path = json_object();
        json_object_set_new(paths, route->pattern, path);
    }
    json_object_set_new(path, method, operation(route));
}

static json_t *problem_schema(void)
{
    return json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}", "type", "object",
                     "properties", "type", "type", "string", "title", "type", "string", "status",
                     "type", "integer", "detail", "type", "string", "errors", "type", "array",
                     "votes", "type", "array");
}

void handle_openapi(struct api *api, struct http_request *req)
{
    (void)api;
    json_t *paths = json_object();
    for (size_t i = 0; i < api_router.n_routes; i++)
        add_route(paths, &api_router.routes[i]);
    json_t *document = json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:{s:o}}}", "openapi", "3.1.0",
                                 "info", "title", "sluice", "version", SLUICE_VERSION, "summary",
                                 "Policy gateway for sandboxes that run AI agents", "paths", paths,
                                 "components", "schemas", "problem", problem_schema());
    http_respond_json(req, 200, document);
    json_decref(document);
}
