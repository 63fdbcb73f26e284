/* SPDX-License-Identifier: Apache-2.0 */
#include "api/change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/parameters.h"

/* ---- If-Match (RFC 9110 section 13.1.1): * or a list of entity tags, of which ours are "N"
 * ---- */

/* 0: not the tag of a revision. */
static uint64_t revision_in(const char *text, size_t len)
{
    bool number = len > 0 && len < 19 && *text != '0' && strspn(text, "0123456789") >= len;
    return number ? strtoull(text, NULL, 10) : 0;
}

/* Advances to the next tag; accepts a bare number too.  -1: not a list of tags. */
static int read_tag(const char **at, uint64_t *revision)
{
    bool weak = strncmp(*at, "W/", 2) == 0, quoted = (*at)[weak ? 2 : 0] == '"';
    const char *text = *at + (weak ? 2 : 0) + quoted;
    size_t len = strcspn(text, quoted ? "\"" : ", \t");
    *revision = weak ? 0 : revision_in(text, len);          /* weak tags never match */
    if (quoted ? text[len] != '"' : weak || !*revision)
        return -1;
    text += len + quoted;
    text += strspn(text, " \t");
    if (*text && *text != ',')
        return -1;
    *at = text + strspn(text, ", \t");
    return 0;
}

static int read_tags(struct api_call *call, const char *at, uint64_t current, uint64_t *out)
{
    const char *text = at;
    uint64_t revision;
    do {
        if (read_tag(&at, &revision) != 0)
            return error_set(
                &call->err, ERROR_MALFORMED,
                "If-Match names the revision that the change builds on, such as \"3\", not %s",
                text);
        if (!*out || (revision && revision == current))
            *out = revision;
    } while (*at);
    if (*out)
        return 0;
    return error_set(&call->err, ERROR_MOVED,
                     "If-Match (%s) names no revision of the policy of sandbox '%s': they are "
                     "tagged such as \"%lu\"",
                     text, api_param(call, "name"), (unsigned long)(current ? current : 1));
}

/* If a list names the current revision, takes that one; the update checks that it is still
 * current. */
static int read_if_match(struct api_call *call, uint64_t *out)
{
    const char *text = http_request_header(call->req, "If-Match");
    struct store_sandbox sandbox = {.revision = 0};
    struct error ignored;
    if (!text || strcmp(text, "*") == 0)
        return 0;
    if (strchr(text, ','))
        store_sandbox_get(call->api->store, api_param(call, "name"), call->arena, &sandbox,
                          &ignored);
    return read_tags(call, text, sandbox.revision, out);
}

int api_reason(struct api_call *call, const char **out)
{
    const char *text = *out = http_request_header(call->req, "Sluice-Reason");
    return text ? update_check_reason("Sluice-Reason", text, &call->err) : 0;
}

bool api_overrides(const struct http_request *req)
{
    const char *text = http_request_header(req, "Sluice-Override");
    return text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

int api_override(struct api_call *call, bool *out)
{
    const char *text = http_request_header(call->req, "Sluice-Override");
    *out = api_overrides(call->req);
    if (text && !*out && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0)
        return error_set(&call->err, ERROR_MALFORMED, "Sluice-Override is true or false, not '%s'",
                         text);
    return 0;
}

int api_update_begin(struct api_call *call, enum sluice_kind kind, struct update_request *out)
{
    *out = (struct update_request){
        .kind = kind,
        .sandbox = api_param(call, "name"),
        .actor = auth_actor(call->who),
        .account = call->who->account,
        .document_path = "",
    };
    out->dry_run = api_flag(call->req, "dry_run");
    if (call->route->takes & TAKES(SIGNATURE))
        out->signature = http_request_header(call->req, "Sluice-Signature");
    if (api_reason(call, &out->reason) != 0 || read_if_match(call, &out->if_revision) != 0)
        return -1;
    return api_override(call, &out->override);
}

static int status_of(const struct update_result *r)
{
    return r->outcome == CHAIN_HELD ? 202 : 200;
}

static void tag(struct api_call *call, const struct update_result *result)
{
    if (result->revision)
        snprintf(call->etag, sizeof call->etag, "\"%lu\"", (unsigned long)result->revision);
}

static bool is_refused(const struct update_result *result)
{
    return result->outcome == CHAIN_DENIED && !result->dry_run;
}

int api_update_body(struct api_call *call, const struct update_result *result)
{
    tag(call, result);
    if (!is_refused(result))
        return api_reply(call, status_of(result), update_document(result));
    call->body = update_document(result);
    return error_set(&call->err, ERROR_DENIED, "%s", result->tally.why);
}

int api_update_reply(struct api_call *call, const struct update_result *result)
{
    if (is_refused(result))
        return api_update_body(call, result);
    tag(call, result);
    return api_reply_json(call, status_of(result), update_document_text(result));
}

int api_update(struct api_call *call, const struct update_request *request)
{
    struct update_result result;
    if (update_run(call->api->updates, request, call->arena, &result, &call->problems,
                   &call->err) != 0)
        return -1;
    return api_update_reply(call, &result);
}
