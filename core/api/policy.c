/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/policy and /revisions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/change.h"
#include "api/routes.h"
#include "base/alloc.h"

int route_policy_put(struct api_call *call)
{
    const struct doc_node *document;
    struct update_request request;
    if (api_body(call, POLICY_BYTES_MAX, &document) != 0 ||
        api_update_begin(call, SLUICE_REPLACE, &request) != 0)
        return -1;
    request.document = document;
    return api_update(call, &request);
}

int route_policy_patch(struct api_call *call)
{
    const struct doc_node *body;
    struct policy_operations operations;
    struct update_request request;
    if (api_body(call, 2 * POLICY_BYTES_MAX, &body) != 0 ||
        api_update_begin(call, SLUICE_MERGE, &request) != 0)
        return -1;
    if (policy_operations_decode(body, call->arena, &operations, &call->problems) != 0)
        return error_set(&call->err, ERROR_INVALID, "the operations have %zu problem%s",
                         call->problems.n, call->problems.n == 1 ? "" : "s");
    request.operations = &operations;
    call->tree = body;
    return api_update(call, &request);
}

/* {revision} of the path. */
static int read_number(struct api_call *call, uint64_t *out)
{
    char *end;
    const char *text = api_param(call, "revision");
    *out = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && *out > 0 && *out <= INT64_MAX)
        return 0;
    return error_set(&call->err, ERROR_MALFORMED, "a revision is a number from 1, not '%s'", text);
}

int route_rollback(struct api_call *call)
{
    struct update_request request;
    if (api_update_begin(call, SLUICE_ROLLBACK, &request) != 0 || read_number(call, &request.to_revision) != 0)
        return -1;
    return api_update(call, &request);
}

static json_t *load_document(const struct store_revision *r)
{
    json_t *document = json_loads(r->policy_json, 0, NULL);
    return document ? document : json_object();
}

/* The bare YAML document, for Accept: application/yaml. */
static int reply_yaml(struct api_call *call, const struct store_revision *r)
{
    struct policy *policy = policy_parse(r->policy_json, strlen(r->policy_json), DOC_JSON, &call->problems);
    if (!policy)
        return error_set(&call->err, ERROR_INTERNAL, "revision %lu in the store cannot be read",
                         (unsigned long)r->revision);
    struct buf text = {0};
    policy_print(policy, DOC_YAML, &text);
    policy_unref(policy);
    return api_reply_text(call, 200, "application/yaml", buf_take(&text));
}

int route_policy_get(struct api_call *call)
{
    struct store_sandbox sandbox;
    struct store_revision r;
    uint64_t number;
    if (api_sandbox(call, &sandbox) != 0 ||
        api_query_number(call, "revision", 0, INT64_MAX, &number) != 0 ||
        store_revision_get(call->api->store, sandbox.id, number, call->arena, &r, &call->err) != 0)
        return -1;
    snprintf(call->etag, sizeof call->etag, "\"%lu\"", (unsigned long)r.revision);
    if (api_wants_yaml(call))
        return reply_yaml(call, &r);
    return api_reply(call, 200,
                     json_pack("{s:s, s:I, s:I, s:s, s:s, s:o}", "sandbox", sandbox.name, "revision",
                               (json_int_t)r.revision, "loaded_revision",
                               (json_int_t)sandbox.loaded_revision, "hash", r.hash, "status",
                               r.status, "policy", load_document(&r)));
}

static json_t *encode_revision(struct api_call *call, const struct store_revision *r)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?}", "revision",
                     (json_int_t)r->revision, "hash", r->hash, "status", r->status, "kind", r->kind,
                     "actor", r->actor, "reason", r->reason, "decision", r->decision_id,
                     "created_at", api_time(call->arena, r->created_at_ms), "loaded_at",
                     api_time(call->arena, r->loaded_at_ms), "error", *r->error ? r->error : NULL);
}

int route_revision_list(struct api_call *call)
{
    struct store_sandbox sandbox;
    struct store_revision *items;
    size_t n;
    uint64_t limit;
    if (api_sandbox(call, &sandbox) != 0 || api_query_number(call, "limit", 0, 1000000, &limit) != 0 ||
        store_revision_list(call->api->store, sandbox.id, limit, call->arena, &items, &n, &call->err) != 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, encode_revision(call, &items[i]));
    return api_reply(call, 200, json_pack("{s:o}", "revisions", list));
}

/* ---- GET …/revisions/{revision}?wait_ms=M answers when it leaves pending ---- */

struct wait {
    struct api_call *call;
    struct events_subscriber *subscriber;
    uv_timer_t timer;
    bool reading;                                   /* a read is under way */
    bool again;                                     /* something happened during it */
    bool settled;                                   /* the read's: it has left pending, or cannot be read */
    bool over;                                      /* no more waiting: the next read is the answer */
};

static int read_revision(struct api_call *call, struct store_revision *r)
{
    struct store_sandbox sandbox;
    uint64_t number;
    if (read_number(call, &number) != 0 || api_sandbox(call, &sandbox) != 0 ||
        store_revision_get(call->api->store, sandbox.id, number, call->arena, r, &call->err) != 0)
        return -1;
    json_t *body = encode_revision(call, r);
    json_object_set_new(body, "sandbox", json_string(sandbox.name));
    json_object_set_new(body, "loaded_revision", json_integer((json_int_t)sandbox.loaded_revision));
    json_object_set_new(body, "policy", load_document(r));
    json_decref(call->body);
    return api_reply(call, 200, body);
}

static void wait_read(void *arg)
{
    struct wait *w = arg;
    struct store_revision r;
    if (read_revision(w->call, &r) == 0) {
        w->settled = strcmp(r.status, "pending") != 0;
    } else {
        w->call->status = 0;
        w->settled = true;
    }
}

static void wait_closed(uv_handle_t *timer)
{
    free(timer->data);
}

static void wait_end(struct wait *w)
{
    events_unsubscribe(w->call->api->events, w->subscriber);
    api_finish(w->call);
    uv_close((uv_handle_t *)&w->timer, wait_closed);
}

static void wait_look(struct wait *w);

static void wait_was_read(void *arg)
{
    struct wait *w = arg;
    w->reading = false;
    if (w->settled || w->over || http_request_gone(w->call->req))
        wait_end(w);
    else if (w->again)
        wait_look(w);
}

static void wait_look(struct wait *w)
{
    w->again = w->reading;
    if (w->reading)
        return;
    w->reading = true;
    jobs_run(w->call->api->jobs, NULL, wait_read, wait_was_read, w);
}

static void wait_over(struct wait *w)
{
    w->over = true;
    if (!w->reading)
        wait_end(w);
}

static void wait_event(void *ctx, const struct event *event)
{
    struct wait *w = ctx;
    if (w->call->api->draining)
        wait_over(w);                               /* a gateway that stops answers with what it knows */
    else if (strcmp(event->sandbox, api_param(w->call, "name")) == 0 &&
             (strcmp(event->type, "revision") == 0 || strcmp(event->type, "sandbox") == 0))
        wait_look(w);
}

static void wait_timeout(uv_timer_t *timer)
{
    wait_over(timer->data);
}

/* From within the connection: what is left is done by the loop's next turn. */
static void wait_for_nobody(void *ctx)
{
    struct wait *w = ctx;
    uv_timer_start(&w->timer, wait_timeout, 0, 0);
}

static void wait_begin(struct api_call *call)
{
    struct wait *w = alloc_zero(1, sizeof *w);
    uint64_t ms = *(uint64_t *)call->then_arg;
    w->call = call;
    w->over = call->api->draining;
    uv_timer_init(call->api->loop, &w->timer);
    w->timer.data = w;
    w->subscriber = events_subscribe(call->api->events, NULL, wait_event, w);
    uv_timer_start(&w->timer, wait_timeout, ms, 0);
    call->req->on_gone_ctx = w;
    call->req->on_gone = wait_for_nobody;
    wait_look(w);                                   /* it may have moved before we subscribed */
}

int route_revision_get(struct api_call *call)
{
    struct store_revision r;
    uint64_t *wait_ms = arena_alloc(call->arena, sizeof *wait_ms);
    if (api_query_number(call, "wait_ms", 0, 3600000, wait_ms) != 0 || read_revision(call, &r) != 0)
        return -1;
    if (*wait_ms && strcmp(r.status, "pending") == 0) {
        call->then = wait_begin;
        call->then_arg = wait_ms;
    }
    return 0;
}
