/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/policy and /revisions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/change.h"
#include "api/grants.h"
#include "api/parameters.h"
#include "api/routes.h"
#include "api/waiting.h"
#include "http/problem.h"

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
    if (api_update_begin(call, SLUICE_ROLLBACK, &request) != 0 ||
        read_number(call, &request.to_revision) != 0)
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
    struct policy *policy =
        policy_parse(r->policy_json, strlen(r->policy_json), DOC_JSON, &call->problems);
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
                     json_pack("{s:s, s:I, s:I, s:s, s:s, s:o, s:o}", "sandbox", sandbox.name,
                               "revision", (json_int_t)r.revision, "loaded_revision",
                               (json_int_t)sandbox.loaded_revision, "hash", r.hash, "status",
                               r.status, "grants", api_grants_json(call, &sandbox, &r), "policy",
                               load_document(&r)));
}

static json_t *encode_revision(struct api_call *call, const struct store_revision *r)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?}", "revision",
                     (json_int_t)r->revision, "hash", r->hash, "status", r->status, "kind", r->kind,
                     "actor", r->actor, "identity", r->identity, "origin", r->origin, "reason",
                     r->reason, "decision", r->decision_id,
                     "created_at", api_time(call->arena, r->created_at_ms), "loaded_at",
                     api_time(call->arena, r->loaded_at_ms), "error", *r->error ? r->error : NULL);
}

static int add_revision(struct api_call *call, const struct store_revision *r, struct buf *out)
{
    json_t *json = encode_revision(call, r);
    char *text = json_dumps(json, HTTP_JSON);
    json_decref(json);
    if (!text)
        return error_set(&call->err, ERROR_INTERNAL, "revision %lu cannot be written as JSON",
                         (unsigned long)r->revision);
    if (buf_str(out)[out->len - 1] != '[')
        buf_putc(out, ',');
    buf_puts(out, text);
    free(text);
    return 0;
}

/* Writes a list while reading it; *before: where it goes on, 0: it is complete. */
static int add_revisions(struct api_call *call, const char *id, uint64_t limit, uint64_t *before,
                         struct buf *out)
{
    enum { PORTION = 256 };
    uint64_t left = limit ? limit : UINT64_MAX, wanted;
    struct store_revision *items;
    size_t n = 0;
    int rc;
    do {
        struct arena *arena = arena_new();
        wanted = left < PORTION ? left : PORTION;
        rc = store_revision_list(call->api->store, id, *before, wanted, arena, &items, &n,
                                 &call->err);
        for (size_t i = 0; rc == 0 && i < n; i++)
            rc = add_revision(call, &items[i], out);
        *before = rc == 0 && n ? items[n - 1].revision : *before;
        arena_free(arena);
        left -= rc == 0 ? n : 0;
    } while (rc == 0 && left && n == wanted && !api_list_is_full(call, out));
    *before = rc == 0 && left && n == wanted ? *before : 0;
    return rc;
}

int route_revision_list(struct api_call *call)
{
    struct store_sandbox sandbox;
    struct buf out = {0};
    uint64_t limit, before;
    if (api_sandbox(call, &sandbox) != 0 ||
        api_query_number(call, "limit", 0, 1000000, &limit) != 0 ||
        api_query_number(call, "before", 0, INT64_MAX, &before) != 0)
        return -1;
    buf_puts(&out, "{\"revisions\":[");
    if (add_revisions(call, sandbox.id, limit, &before, &out) != 0) {
        buf_free(&out);
        return -1;
    }
    if (before)
        buf_printf(&out, "],\"next\":%lu}", (unsigned long)before);
    else
        buf_puts(&out, "]}");
    return api_reply_json(call, 200, buf_take(&out));
}

/* ---- GET …/revisions/{revision}?wait_ms=M answers when it leaves pending ---- */

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
    json_object_set_new(body, "grants", api_grants_json(call, &sandbox, r));
    json_object_set_new(body, "policy", load_document(r));
    json_decref(call->body);
    return api_reply(call, 200, body);
}

static int read_again(struct api_call *call)
{
    struct store_revision r;
    return read_revision(call, &r);
}

int route_revision_get(struct api_call *call)
{
    struct store_revision r;
    struct record_wait_for *what = api_wait_for(call, record_wait_revision);
    if (!what || read_revision(call, &r) != 0)
        return -1;
    what->revision = r.revision;
    if (strcmp(r.status, "pending") == 0)
        api_wait(call, what, read_again);
    return 0;
}
