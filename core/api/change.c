/* SPDX-License-Identifier: Apache-2.0 */
#include "api/change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 1024 };

/* If-Match: "N" (RFC 9110 section 13.1.1); * matches any revision. */
static int read_if_match(struct api_call *call, uint64_t *out)
{
    const char *text = http_request_header(call->req, "If-Match");
    if (!text || strcmp(text, "*") == 0)
        return 0;
    char *end;
    const char *digits = *text == '"' ? text + 1 : text;
    unsigned long long n = strtoull(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || n == 0 || strcmp(end, *text == '"' ? "\"" : "") != 0)
        return error_set(&call->err, ERROR_MALFORMED,
                         "If-Match names the revision that the change builds on, such as \"3\", not %s", text);
    *out = n;
    return 0;
}

int api_reason(struct api_call *call, const char **out)
{
    const char *text = *out = http_request_header(call->req, "Sluice-Reason");
    if (text && strlen(text) > REASON_MAX)
        return error_set(&call->err, ERROR_MALFORMED, "Sluice-Reason is longer than %d bytes", REASON_MAX);
    return 0;
}

int api_override(struct api_call *call, bool *out)
{
    const char *text = http_request_header(call->req, "Sluice-Override");
    *out = text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0);
    if (text && !*out && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return error_set(&call->err, ERROR_MALFORMED, "Sluice-Override is true or false, not '%s'", text);
    if (*out && strcmp(call->actor->actor.role, "admin") != 0)
        return error_set(&call->err, ERROR_FORBIDDEN, "only an admin may override a voter");
    return 0;
}

int api_update_begin(struct api_call *call, enum sluice_kind kind, struct update_request *out)
{
    *out = (struct update_request){
        .kind = kind,
        .sandbox = api_param(call, "name"),
        .actor = call->actor->actor,
        .document_path = "",
    };
    out->dry_run = api_flag(call->req, "dry_run");
    if (api_reason(call, &out->reason) != 0 || read_if_match(call, &out->if_revision) != 0)
        return -1;
    return api_override(call, &out->override);
}

static int status_of(const struct update_result *r)
{
    return r->outcome == CHAIN_HELD ? 202 : 200;
}

int api_update_reply(struct api_call *call, const struct update_result *result)
{
    json_t *document = update_document(result);
    if (result->revision)
        snprintf(call->etag, sizeof call->etag, "\"%lu\"", (unsigned long)result->revision);
    if (result->outcome != CHAIN_DENIED || result->dry_run)
        return api_reply(call, status_of(result), document);
    call->body = document;
    return error_set(&call->err, ERROR_DENIED, "%s", result->tally.why);
}

int api_update(struct api_call *call, const struct update_request *request)
{
    struct update_result result;
    if (update_run(call->api->updates, request, call->arena, &result, &call->problems, &call->err) != 0)
        return -1;
    return api_update_reply(call, &result);
}
