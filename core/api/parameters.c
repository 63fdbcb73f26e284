/* SPDX-License-Identifier: Apache-2.0 */
#include "api/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/call.h"
#include "base/alloc.h"
#include "http/router.h"

static const struct parameter {
    const char *name, *where, *type, *help;
} parameters[] = {
#define X(id, name, where, type, help) {name, where, type, help},
    API_PARAMETERS(X)
#undef X
};
enum { PARAMETERS = sizeof parameters / sizeof *parameters };

static bool in_query(unsigned takes, size_t i)
{
    return takes & 1U << i && strcmp(parameters[i].where, "query") == 0;
}

static const struct parameter *find(unsigned takes, const char *name)
{
    for (size_t i = 0; i < PARAMETERS; i++)
        if (in_query(takes, i) && strcmp(parameters[i].name, name) == 0)
            return &parameters[i];
    return NULL;
}

static bool is_flag(const char *value)
{
    static const char *const words[] = {"", "true", "false", "1", "0"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    return false;
}

bool api_flag(const struct http_request *req, const char *name)
{
    const char *value = http_request_query(req, name);
    return value && (!*value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

static int refuse(struct http_request *req, char *detail)
{
    http_respond_problem(req, 400, "malformed", NULL, detail, NULL);
    free(detail);
    return -1;
}

static int refuse_unknown(struct http_request *req, unsigned takes, const char *name)
{
    struct buf list = {0};
    for (size_t i = 0; i < PARAMETERS; i++)
        if (in_query(takes, i))
            buf_printf(&list, "%s%s", list.len ? ", " : "", parameters[i].name);
    char *detail =
        alloc_printf("there is no query parameter '%s' here: %s %s takes %s", name, req->method,
                     req->route->pattern, list.len ? buf_str(&list) : "none");
    buf_free(&list);
    return refuse(req, detail);
}

/* Returns -1 after answering 400 if a header field of the set is repeated. */
static int check_headers(struct http_request *req, unsigned takes)
{
    for (size_t i = 0; i < PARAMETERS; i++) {
        const struct parameter *p = &parameters[i];
        if (takes & 1U << i && strcmp(p->where, "header") == 0 &&
            http_head_count(req->head, p->name) > 1)
            return refuse(
                req, alloc_printf("header field %s is given twice: which one counts?", p->name));
    }
    return 0;
}

int api_check_parameters(struct http_request *req, unsigned takes)
{
    for (size_t i = 0; i < req->n_query; i++) {
        const char *name = req->query[i].name, *value = req->query[i].value;
        const struct parameter *p = find(takes, name);
        if (!p)
            return refuse_unknown(req, takes, name);
        if (strcmp(p->type, "boolean") == 0 && !is_flag(value))
            return refuse(
                req, alloc_printf("query parameter %s is true or false, not '%s'", name, value));
        if (http_request_query(req, name) != value && strcmp(name, parameters[API_LABEL].name) != 0)
            return refuse(
                req, alloc_printf("query parameter %s is given twice: which one counts?", name));
    }
    return check_headers(req, takes);
}

void api_describe_parameters(unsigned takes, json_t *list)
{
    for (size_t i = 0; i < PARAMETERS; i++)
        if (takes & 1U << i)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:{s:s}}", "name",
                                                  parameters[i].name, "in", parameters[i].where,
                                                  "description", parameters[i].help, "schema",
                                                  "type", parameters[i].type));
}
