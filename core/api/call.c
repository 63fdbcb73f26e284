/* SPDX-License-Identifier: Apache-2.0 */
#include "api/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "doc/jansson.h"
#include "http/problem.h"
#include "policy/check/check.h"

const char *api_param(const struct api_call *call, const char *name)
{
    const char *value = http_request_param(call->req, name);
    return value ? value : "";
}

const char *api_query(const struct api_call *call, const char *name)
{
    return http_request_query(call->req, name);
}

int api_number(const struct http_request *req, const char *name, uint64_t fallback, uint64_t max,
               uint64_t *out, struct error *err)
{
    const char *text = http_request_query(req, name);
    *out = fallback;
    if (!text)
        return 0;
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value > max)
        return error_set(err, ERROR_MALFORMED,
                         "query parameter %s must be a number from 0 to %llu, not '%s'", name,
                         (unsigned long long)max, text);
    *out = value;
    return 0;
}

int api_query_number(struct api_call *call, const char *name, uint64_t fallback, uint64_t max,
                     uint64_t *out)
{
    return api_number(call->req, name, fallback, max, out, &call->err);
}

int api_body_format(struct http_request *req, enum doc_format *out, struct error *err)
{
    const char *type = http_request_type(req);
    if (!*type || strcmp(type, "application/json") == 0 ||
        strcmp(type, "application/x-www-form-urlencoded") == 0) {
        *out = DOC_JSON;
        return 0;
    }
    if (strcmp(type, "application/yaml") == 0 || strcmp(type, "application/x-yaml") == 0 ||
        strcmp(type, "text/yaml") == 0) {
        *out = DOC_YAML;
        return 0;
    }
    return error_set(err, ERROR_MEDIA_TYPE,
                     "the body is %s: send application/json or application/yaml", type);
}

int api_body(struct api_call *call, size_t max_bytes, const struct doc_node **out)
{
    enum doc_format format = DOC_JSON;
    struct doc_node *tree;
    const struct buf *body = &call->req->body;
    if (api_body_format(call->req, &format, &call->err) != 0)
        return -1;
    if (body->len > max_bytes)
        return error_set(&call->err, ERROR_TOO_LARGE,
                         "the body has %zu bytes, at most %zu are allowed: send less", body->len,
                         max_bytes);
    if (doc_parse(buf_str(body), body->len, format, max_bytes, call->arena, &tree,
                  &call->problems) != 0)
        return error_set(&call->err, ERROR_MALFORMED, "the body is no %s: %s",
                         format == DOC_YAML ? "YAML document" : "JSON document",
                         call->problems.n ? call->problems.items[0].message : "");
    *out = tree;
    return 0;
}

bool api_wants_yaml(const struct api_call *call)
{
    static const char *const names[] = {"application/yaml", "application/x-yaml", "text/yaml"};
    int json = http_request_weight(call->req, "application/json");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (http_request_weight(call->req, names[i]) > json)
            return true;
    return false;
}

int api_sandbox(struct api_call *call, struct store_sandbox *out)
{
    return store_sandbox_get(call->api->store, api_param(call, "name"), call->arena, out,
                             &call->err);
}

int api_reply(struct api_call *call, int status, json_t *body)
{
    call->status = status;
    call->body = body;
    return 0;
}

/* The answer in YAML, from a value of jansson or from JSON text. */
static void render_yaml(struct api_call *call, const json_t *value, const char *json)
{
    struct buf text = {0};
    struct doc_yaml_writer yaml;
    struct doc_writer *w = doc_yaml_writer(&yaml, &text);
    if (json)
        doc_write_json(w, json);
    else
        doc_write_jansson(w, value);
    doc_yaml_writer_end(&yaml);
    call->text = buf_take(&text);
    call->type = "application/yaml";
}

int api_reply_json(struct api_call *call, int status, char *json)
{
    if (!api_wants_yaml(call))
        return api_reply_text(call, status, "application/json", json);
    call->status = status;
    render_yaml(call, NULL, json);
    free(json);
    return 0;
}

int api_reply_text(struct api_call *call, int status, const char *type, char *text)
{
    call->status = status;
    call->type = type;
    call->text = text;
    return 0;
}

bool api_list_is_full(const struct api_call *call, const struct buf *list)
{
    return list->len >= (call->api->list_bytes ? call->api->list_bytes : API_LIST_BYTES);
}

const char *api_time(struct arena *arena, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    return ms ? arena_str(arena, clock_format(ms, text)) : NULL;
}

static void send_failure(struct api_call *call)
{
    json_t *extra = json_object();
    if (call->tree)
        policy_locate(&call->problems, call->tree);
    if (call->problems.n)
        json_object_set_new(extra, "errors", update_problems_json(&call->problems));
    if (call->body)
        json_object_update(extra, call->body);
    http_respond_problem(call->req, error_status(call->err.kind), error_word(call->err.kind), NULL,
                         call->err.text, extra);
    json_decref(extra);
}

/* Writes the answer as text, on a worker thread if possible: writing and freeing a long document
 * would block the loop. */
static void render(struct api_call *call)
{
    if (!call->status || !call->body || call->text)
        return;
    call->type = "application/json";
    if (api_wants_yaml(call))
        render_yaml(call, call->body, NULL);
    else
        call->text = json_dumps(call->body, HTTP_JSON);
    if (!call->text) {
        error_set(&call->err, ERROR_INTERNAL, "the answer cannot be written as JSON");
        call->status = 0;
        return;
    }
    json_decref(call->body);
    call->body = NULL;
}

/* What has no decision on record. */
static bool administers(const struct api_call *call)
{
    switch (call->route->permission) {
    case AUTH_SANDBOX_CREATE:
    case AUTH_SANDBOX_DELETE:
    case AUTH_PLUGIN_MANAGE:
    case AUTH_PROVIDER_MANAGE:
    case AUTH_TOKEN_MANAGE:
    case AUTH_HOST_MANAGE:
    case AUTH_CEILING_MANAGE:
        return strcmp(call->req->method, "GET") != 0 && !api_flag(call->req, "dry_run");
    case AUTH_SANDBOX_RUN:
        return call->route->ordered;
    default:
        return false;
    }
}

/* Who did what, from where. */
static void tell_administration(const struct api_call *call)
{
    const struct auth_principal *who = call->who;
    if (call->status / 100 != 2 || !administers(call))
        return;
    events_publish(call->api->events, "administration", api_param(call, "name"),
                   json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "actor", who->name, "role",
                             who->powers.role, "identity", auth_identity_word(who), "origin",
                             who->origin, "method", call->req->method, "path", call->req->path));
}

void api_finish(struct api_call *call)
{
    render(call);
    tell_administration(call);
    if (*call->etag)
        http_header(call->req, "ETag", call->etag);
    if (call->status)
        http_respond(call->req, call->status, call->type, call->text,
                     call->text ? strlen(call->text) : 0);
    else
        send_failure(call);
    api_drop(call);
}

void api_drop(struct api_call *call)
{
    json_decref(call->body);
    free(call->text);
    problems_free(&call->problems);
    if (call->secret)
        arena_wipe(call->arena);
    else
        arena_free(call->arena);
    free(call);
}

void api_keeps_secrets(struct api_call *call)
{
    call->secret = true;
}

/* Refuses the body of a route that takes none, rather than ignoring what it asks for. */
static int refuse_body(struct api_call *call)
{
    const struct doc_node *body;
    if (call->route->body || !call->req->body.len)
        return 0;
    if (api_body(call, call->req->body.len, &body) != 0)
        return -1;
    if (body->kind == DOC_NULL || (body->kind == DOC_MAP && body->n == 0))
        return 0;
    return error_set(
        &call->err, ERROR_INVALID,
        "%s %s takes no body: leave it out (a reason goes into the header Sluice-Reason)",
        call->req->method, call->req->route->pattern);
}

int api_still_asked(struct api_call *call)
{
    struct store_sandbox s;
    const struct auth_principal *who = call->who;
    if ((!who->rights && !*who->only) || !*who->asked)
        return 0;
    if (api_sandbox(call, &s) != 0)
        return -1;
    return strcmp(s.id, who->asked) == 0
               ? 0
               : error_set(&call->err, ERROR_NOT_FOUND, "sandbox '%s' not found", s.name);
}

static void run_call(void *arg)
{
    struct api_call *call = arg;
    auth_look_up_name(call->who, call->api->auth.accounts);
    if (refuse_body(call) != 0 || api_still_asked(call) != 0 || call->route->work(call) != 0)
        call->status = 0;
    else if (!call->then)
        render(call);
}

static void call_done(void *arg)
{
    struct api_call *call = arg;
    if (call->then && call->status)
        call->then(call);
    else
        api_finish(call);
}

void api_dispatch(struct http_request *req, void *ctx)
{
    struct api *api = ctx;
    if (api_authenticate_again(req, api) != 0)
        return;
    struct api_call *call = alloc_zero(1, sizeof *call);
    call->api = api;
    call->req = req;
    call->route = req->route->doc;
    call->who = req->user;
    call->arena = arena_new();
    const char *key = call->route->ordered ? http_request_param(req, "name")
                      : call->route->single ? req->route->pattern
                                            : NULL;
    jobs_run(api->jobs, key, run_call, call_done, call);
}

void api_handle(struct http_request *req, void *ctx)
{
    const struct api_route *route = req->route->doc;
    if (api_authenticate_again(req, ctx) == 0)
        route->handle(ctx, req);
}
