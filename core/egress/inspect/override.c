/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/override.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Servers that pass fields on as variables (CGI, WSGI, PHP) take '_' for '-'. */
static bool is_name(const char *name, const char *listed)
{
    while (*listed && (tolower((unsigned char)*name) == tolower((unsigned char)*listed) ||
                       (*name == '_' && *listed == '-'))) {
        name++;
        listed++;
    }
    return !*name && !*listed;
}

static bool is_listed(const struct http_field *field, const char *const *names)
{
    while (*names && !is_name(field->name, *names))
        names++;
    return *names != NULL;
}

static bool names_method(const struct http_field *field)
{
    static const char *const names[] = {"X-HTTP-Method-Override", "X-HTTP-Method",
                                        "X-Method-Override", NULL};
    return (*field->name | 0x20) == 'x' && is_listed(field, names);
}

static bool names_path(const struct http_field *field)
{
    static const char *const names[] = {"X-Original-URL", "X-Rewrite-URL", NULL};
    return (*field->name | 0x20) == 'x' && is_listed(field, names);
}

static bool is_method(const char *text)
{
    enum { METHOD_MAX = 32 };
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");
    return len > 0 && len <= METHOD_MAX && !text[len];
}

const char *egress_override_problem(const struct http_head *head)
{
    for (size_t i = 0; i < head->n_fields; i++) {
        const struct http_field *field = &head->fields[i];
        if (names_path(field))
            return "X-Original-URL and X-Rewrite-URL ask for another path than the one that is "
                   "judged: leave them out";
        if (names_method(field) && !is_method(field->value))
            return "the value of X-HTTP-Method-Override, or of a field like it, is no method";
    }
    return NULL;
}

const struct http_field *egress_override_next(const struct http_head *head, size_t *at)
{
    while (*at < head->n_fields) {
        const struct http_field *field = &head->fields[(*at)++];
        if (names_method(field) && strcasecmp(field->value, head->method) != 0)
            return field;
    }
    return NULL;
}
