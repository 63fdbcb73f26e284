/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char proposals[] = "/v1/proposals/";

/* A number of the query within bounds; what is none counts as fallback. */
static unsigned read_number(const char *path, const char *name, unsigned fallback, unsigned max)
{
    size_t len = strlen(name);
    const char *at = strchr(path, '?');
    for (; at; at = strchr(at, '&')) {
        at++;
        if (strncmp(at, name, len) != 0 || at[len] != '=')
            continue;
        size_t digits = strspn(at + len + 1, "0123456789");
        char end = at[len + 1 + digits];
        if (!digits || (end && end != '&'))
            return fallback;
        unsigned long value = digits > 9 ? max : strtoul(at + len + 1, NULL, 10);
        return value < 1 ? 1 : value > max ? max : (unsigned)value;
    }
    return fallback;
}

static void no_route(const char *method, const char *path, struct local_route *out)
{
    out->kind = LOCAL_NONE;
    snprintf(out->detail, sizeof out->detail, "policy.local route not found: %.16s %.*s", method,
             (int)strcspn(path, "?"), path);
}

/* /v1/proposals/{id} and what stands behind it. */
static void find_chunk(const char *path, struct local_route *out)
{
    const char *id = path + sizeof proposals - 1;
    size_t len = strcspn(id, "/?"), rest = strcspn(id + len, "?");
    bool wait = rest == 5 && strncmp(id + len, "/wait", 5) == 0;
    if (!len || len > LOCAL_CHUNK_MAX || (rest && !wait)) {
        out->kind = LOCAL_NONE;
        snprintf(out->detail, sizeof out->detail,
                 "policy.local proposal sub-route not found: %.*s", (int)strcspn(path, "?"), path);
        return;
    }
    memcpy(out->chunk, id, len);
    out->kind = wait ? LOCAL_WAIT : LOCAL_CHUNK;
    out->number = read_number(path, "timeout", 60, 300);
}

static bool is(const char *method, const char *path, const char *wanted, const char *route)
{
    size_t len = strcspn(path, "?");
    return strcmp(method, wanted) == 0 && strlen(route) == len && strncmp(path, route, len) == 0;
}

void local_route_find(const char *method, const char *path, struct local_route *out)
{
    *out = (struct local_route){.kind = LOCAL_NONE};
    if (is(method, path, "GET", "/v1/policy/current")) {
        out->kind = LOCAL_POLICY;
    } else if (is(method, path, "GET", "/v1/denials")) {
        out->kind = LOCAL_DENIALS;
        out->number = read_number(path, "last", 10, 100);
    } else if (is(method, path, "POST", "/v1/proposals")) {
        out->kind = LOCAL_PROPOSE;
    } else if (strcmp(method, "GET") == 0 &&
               strncmp(path, proposals, sizeof proposals - 1) == 0) {
        find_chunk(path, out);
    } else {
        no_route(method, path, out);
    }
}
