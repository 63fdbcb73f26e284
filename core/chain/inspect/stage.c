/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/inspect/stage.h"

#include <string.h>
#include <strings.h>

static bool is_same(const char *a, const char *b)
{
    return *a == *b && strcmp(a, b) == 0;           /* most names differ in their first letter */
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether a Connection header of the request lists the name. */
static bool is_of_connection(const struct sluice_request *request, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < request->n_headers; i++) {
        const char *at = request->headers[i].value;
        if (!is_same(request->headers[i].name, "connection"))
            continue;
        while (*(at += strspn(at, ", \t"))) {
            size_t token = strcspn(at, ", \t");
            if (token == len && strncasecmp(at, name, len) == 0)
                return true;
            at += token;
        }
    }
    return false;
}

bool inspect_stage_sees(const struct sluice_request *request, const char *name)
{
    static const char *const hidden[] = {
        "authorization", "connection", "content-length", "cookie", "host", "keep-alive", "te",
        "trailer", "transfer-encoding", "upgrade"};
    static const char *const families[] = {"proxy-", "x-amz-", "x-openshell-credential"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (is_same(name, hidden[i]))
            return false;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (*name == *families[i] && begins_with(name, families[i]))
            return false;
    return !is_of_connection(request, name);
}

const struct sluice_header *inspect_stage_headers(const struct sluice_request *request,
                                                  struct arena *arena, size_t *n)
{
    struct sluice_header *seen = arena_alloc(arena, (request->n_headers + 1) * sizeof *seen);
    *n = 0;
    for (size_t i = 0; i < request->n_headers; i++)
        if (inspect_stage_sees(request, request->headers[i].name))
            seen[(*n)++] = request->headers[i];
    return seen;
}

static bool is_token(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    size_t len = strlen(name);
    return len > 0 && strspn(name, allowed) == len;
}

/* A header's value that is one line, whatever bytes it has. */
static bool is_value(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            return false;
    return true;
}

static const char *header_problem(const struct sluice_request *request,
                                  const struct inspect_change *change)
{
    if (!is_token(change->header))
        return "it names a header that is none, or not in lower case";
    if (!change->value)
        return inspect_stage_sees(request, change->header)
                   ? NULL
                   : "it removes a header that it does not see";
    if (!begins_with(change->header, INSPECT_STAGE_PREFIX))
        return "it sets a header whose name does not begin with " INSPECT_STAGE_PREFIX;
    return is_value(change->value, change->len) ? NULL
                                                : "it sets a header to a value of several lines";
}

static const char *body_problem(const struct sluice_request *request,
                                const struct inspect_change *change)
{
    if (!request->body_complete)
        return "it replaces a body of which it has seen the beginning alone";
    if (change->len > INSPECT_BODY_MAX)
        return "it replaces the body by one of more than 4 MiB";
    return NULL;
}

const char *inspect_stage_problem(const struct sluice_request *request,
                                  const struct inspect_change *changes, size_t n)
{
    size_t n_headers = 0, bytes = 0;
    const char *problem = NULL;
    for (size_t i = 0; i < n && !problem; i++) {
        const struct inspect_change *change = &changes[i];
        if (!change->header) {
            problem = body_problem(request, change);
            continue;
        }
        bytes += strlen(change->header) + change->len;
        if (++n_headers > INSPECT_CHANGES_MAX)
            problem = "it changes more than 64 headers";
        else if (bytes > INSPECT_CHANGES_BYTES_MAX)
            problem = "it changes more than 32 KiB of headers";
        else
            problem = header_problem(request, change);
    }
    return problem;
}
