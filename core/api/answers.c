/* SPDX-License-Identifier: Apache-2.0 */
#include "api/answers.h"

#include <string.h>

static json_t *reference(const char *name, size_t len)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%.*s", (int)len, name));
}

/* mark: the text after the name. */
static json_t *describe_member(const char *mark)
{
    switch (*mark) {
    case '#':
        return json_pack("{s:s}", "type", "integer");
    case '%':
        return json_pack("{s:s}", "type", "number");
    case '!':
        return json_pack("{s:s}", "type", "boolean");
    case '?':
        return json_pack("{s:[s,s]}", "type", "string", "null");
    case '*':
        return json_object();
    case '[':
        if (mark[1] == ']')
            return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
        return json_pack("{s:s, s:o}", "type", "array", "items",
                         reference(mark + 1, strcspn(mark + 1, "]")));
    case '<':
        return reference(mark + 1, strcspn(mark + 1, ">"));
    default:
        return json_pack("{s:s}", "type", "string");
    }
}

static json_t *describe(const char *members)
{
    json_t *properties = json_object(), *required = json_array();
    for (const char *at = members; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, "#%!?*[< ");
        json_object_setn_new(properties, at, len, describe_member(at + len));
        json_array_append_new(required, json_stringn(at, len));
        at += strcspn(at, " ");
    }
    return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                     required);
}

json_t *api_describe_answers(void)
{
    static const char *const answers[][2] = {
#define X(name, members) {#name, members},
        API_ANSWERS(X)
#undef X
    };
    json_t *schemas = json_object();
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        json_object_set_new(schemas, answers[i][0], describe(answers[i][1]));
    json_t *problem = json_object_get(json_object_get(schemas, "problem"), "properties");
    json_object_set_new(problem, "errors", describe_member("[error]"));     /* if there are any */
    json_object_set_new(problem, "file", describe_member("")); /* which the errors are in */
    json_object_set_new(problem, "votes", describe_member("[vote]"));
    json_t *decision = json_object_get(json_object_get(schemas, "decision"), "properties");
    json_object_set_new(decision, "candidate", describe_member("*")); /* if it was asked for */
    return schemas;
}
