/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/drafts and /v1/drafts. */
#include <stdlib.h>
#include <string.h>

#include "api/bodies.h"
#include "api/change.h"
#include "api/grants.h"
#include "api/parameters.h"
#include "api/routes.h"
#include "http/problem.h"
#include "update/askers.h"

enum {
    HISTORY_MAX = 10000,                            /* events at once */
};

static json_t *parsed(const char *json)
{
    json_t *value = json && *json ? json_loads(json, 0, NULL) : NULL;
    return value ? value : json_null();
}

static void add_preview(json_t *json, const struct drafts_view *v)
{
    if (v->previewed) {
        json_t *preview = update_document(&v->preview);
        static const char *const shown[] = {"votes", "warnings", "diff", "effect",
                                            "findings"};
        for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
            json_object_set(json, shown[i], json_object_get(preview, shown[i]));
        json_object_set(json, "would_be", json_object_get(preview, "outcome"));
        json_decref(preview);
    } else if (v->preview_error) {
        json_object_set_new(json, "error", json_string(v->preview_error));
    }
}

static json_t *encode_askers(const struct store_draft *d, struct arena *arena)
{
    struct askers askers = askers_decode(d->asked_by_json, arena);
    json_t *list = json_array();
    size_t n;
    const char *const *names = askers_names(&askers, arena, &n);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

static void add_vote(json_t *json, const char *vote)
{
    const char *colon = strchr(vote, ':');
    size_t len = colon ? (size_t)(colon - vote) : strlen(vote);
    json_object_set_new(json, "voter", json_stringn(vote, len));
    json_object_set_new(json, "code", json_string(colon ? colon + 1 : ""));
}

static json_t *encode_view(struct arena *arena, const struct drafts_view *v)
{
    const struct store_draft *d = &v->draft;
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, "
        "s:s?, s:s?, s:s, s:f, s:s, s:s, s:s, s:s?, s:s, s:s}",
        "id", d->id, "sandbox", v->sandbox, "status", d->status, "source", d->source, "rule_name",
        d->rule_name, "rule", parsed(d->rule_json), "host", d->host, "port", (int)d->port, "binary",
        d->binary, "method", d->method, "path", d->path, "operation", d->operation, "field",
        d->field, "rpc_method", d->rpc_method, "tool", d->tool, "hits", (json_int_t)d->hits,
        "first_seen", api_time(arena, d->first_seen_ms), "last_seen",
        api_time(arena, d->last_seen_ms), "rationale", d->rationale, "confidence", d->confidence,
        "security_notes", d->security_notes, "review_token", v->review_token, "decided_by",
        d->decided_by, "decided_at", api_time(arena, d->decided_at_ms), "reason", d->reason,
        "author", d->author);
    if (*d->held_kind)
        json_object_set_new(json, "held_kind", json_string(d->held_kind));
    if (drafts_is_request(d))
        add_vote(json, drafts_vote_of(d));
    if (*d->takes_back)
        json_object_set_new(json, "takes_back", json_string(d->takes_back));
    json_object_set_new(json, "grant",
                        api_grant_json(arena, policy_grant_parse(d->grant_json, arena),
                                       d->grant_ended));
    json_object_set_new(json, "approvals", parsed(d->approvals_json));
    json_object_set_new(json, "asked_by", encode_askers(d, arena));
    json_object_set_new(json, "addresses",
                        *d->addresses_json ? parsed(d->addresses_json) : json_array());
    json_object_set_new(json, "waiting", json_integer(v->waiting));
    add_preview(json, v);
    return json;
}

static bool is_status(const char *word)
{
    int i = 0;
    while (i < STORE_DRAFT_STATUS_COUNT && strcmp(word, store_draft_status_word(i)) != 0)
        i++;
    return i < STORE_DRAFT_STATUS_COUNT;
}

/* Writes a list while reading it, so that only one chunk is in memory at a time. */
static int write_view(void *ctx, const struct drafts_view *view, struct arena *arena,
                      struct error *err)
{
    struct buf *text = ctx;
    json_t *json = encode_view(arena, view);
    char *one = json_dumps(json, HTTP_JSON);
    json_decref(json);
    if (!one)
        return error_set(err, ERROR_INTERNAL, "chunk '%s' cannot be written as JSON",
                         view->draft.id);
    if (buf_str(text)[text->len - 1] != '[')
        buf_putc(text, ',');
    buf_puts(text, one);
    free(one);
    return text->len >= API_LIST_BYTES;
}

static int reply_list(struct api_call *call, const char *sandbox)
{
    const char *status = api_query(call, "status");
    struct buf text = {0};
    uint64_t after;
    if (api_query_number(call, "after", 0, INT64_MAX, &after) != 0)
        return -1;
    if (status && !is_status(status))
        return error_set(&call->err, ERROR_MALFORMED,
                         "there is no status '%s', there is" STORE_DRAFT_STATUSES(STORE_EACH_WORD),
                         status);
    buf_puts(&text, "{\"chunks\":[");
    if (drafts_each(call->api->drafts, sandbox, status, &after, write_view, &text, &call->err) !=
        0) {
        buf_free(&text);
        return -1;
    }
    if (after)
        buf_printf(&text, "],\"next\":%lu}", (unsigned long)after);
    else
        buf_puts(&text, "]}");
    return api_reply_json(call, 200, buf_take(&text));
}

int route_draft_list(struct api_call *call)
{
    return reply_list(call, api_param(call, "name"));
}

int route_draft_list_all(struct api_call *call)
{
    return reply_list(call, NULL);
}

static int reply_draft(struct api_call *call, const char *id)
{
    struct drafts_view view;
    if (drafts_get(call->api->drafts, api_param(call, "name"), id, call->arena, &view,
                   &call->err) != 0)
        return -1;
    return api_reply(call, 200, encode_view(call->arena, &view));
}

int route_draft_get(struct api_call *call)
{
    return reply_draft(call, api_param(call, "id"));
}

/* reason: from the body, which overrides the header; NULL or "": none. */
static int begin(struct api_call *call, const char *reason, struct drafts_call *out)
{
    *out = (struct drafts_call){
        .sandbox = api_param(call, "name"),
        .id = api_param(call, "id"),
        .actor = auth_actor(call->who),
        .account = call->who->account,
    };
    if (api_reason(call, &out->reason) != 0 || api_override(call, &out->override) != 0)
        return -1;
    if (reason && *reason)
        out->reason = reason;
    return 0;
}

/* A missing body counts as an empty one. */
static int decode_body(struct api_call *call, const struct schema *schema, size_t max_bytes,
                       void **out)
{
    static const struct doc_node nothing = {.kind = DOC_MAP, .text = "", .line = 1, .column = 1};
    const struct doc_node *body = &nothing;
    if (call->req->body.len && api_body(call, max_bytes, &body) != 0)
        return -1;
    call->tree = body;
    if (schema_decode(schema, body, "", call->arena, out, &call->problems) != 0)
        return error_set(&call->err, ERROR_INVALID, "the request has %zu problem%s",
                         call->problems.n, call->problems.n == 1 ? "" : "s");
    return 0;
}

/* A process is meant as it runs now: by its number alone it might be another one later.  NULL: err
 * says that there is none. */
static const struct policy_grant *bind_process(struct api_call *call,
                                               const struct policy_grant *grant)
{
    struct policy_grant *bound = arena_alloc(call->arena, sizeof *bound);
    struct store_sandbox sandbox;
    *bound = *grant;
    if (!grant->pid)
        return grant;
    return api_sandbox(call, &sandbox) == 0 &&
                   runtime_find_process(call->api->runtime, sandbox.id, bound->pid,
                                        &bound->host_pid, &bound->started, &call->err) == 0
               ? bound
               : NULL;
}

/* Of a chunk that proposes a process, that process has to run still. */
static int check_proposed(struct api_call *call, const struct drafts_call *what)
{
    struct store_sandbox sandbox;
    struct store_draft draft;
    if (api_sandbox(call, &sandbox) != 0 || store_draft_get(call->api->store, sandbox.id, what->id,
                                                            call->arena, &draft, &call->err) != 0)
        return -1;
    const struct policy_grant *wish = policy_grant_parse(draft.grant_json, call->arena);
    const struct policy_grant *now = wish ? bind_process(call, wish) : NULL;
    if (!wish || (now && now->host_pid == wish->host_pid && now->started == wish->started))
        return 0;
    return error_set(&call->err, ERROR_STATE,
                     "process %lld, which chunk '%s' is proposed for, has ended: approve it with "
                     "another end",
                     (long long)wish->pid, what->id);
}

static int choose_end(struct api_call *call, const struct body_approve *approve,
                      struct drafts_call *what)
{
    what->ends = approve->grant || approve->no_end;
    if (!what->ends)
        return check_proposed(call, what);
    what->grant = approve->grant ? bind_process(call, approve->grant) : NULL;
    return approve->grant && !what->grant ? -1 : 0;
}

int route_draft_approve(struct api_call *call)
{
    void *body;
    struct drafts_call what;
    struct update_result result = {0};
    if (decode_body(call, &body_approve_schema, POLICY_BYTES_MAX, &body) != 0)
        return -1;
    const struct body_approve *approve = body;
    const char *token = approve->review_token;
    if (!*token)
        token = http_request_header(call->req, "Sluice-Review-Token");
    if (begin(call, NULL, &what) != 0 || choose_end(call, approve, &what) != 0)
        return -1;
    if (drafts_approve(call->api->drafts, &what, token, call->arena, &result, &call->problems,
                       &call->err) != 0) {
        struct drafts_view view;
        struct error ignored;
        if ((call->err.kind == ERROR_MOVED || call->err.kind == ERROR_TOKEN) &&
            drafts_get(call->api->drafts, what.sandbox, what.id, call->arena, &view, &ignored) == 0)
            call->body = encode_view(call->arena, &view);  /* the new token and the new diff */
        return -1;
    }
    return api_update_reply(call, &result);
}

int route_draft_reject(struct api_call *call)
{
    void *body;
    struct drafts_call what;
    struct update_result result = {0};
    bool changed = false;
    if (decode_body(call, &body_reject_schema, POLICY_BYTES_MAX, &body) != 0)
        return -1;
    if (begin(call, ((const struct body_reject *)body)->reason, &what) != 0 ||
        drafts_reject(call->api->drafts, &what, call->arena, &result, &changed, &call->problems,
                      &call->err) != 0)
        return -1;
    if (changed && result.outcome != CHAIN_ALLOWED)
        return api_update_reply(call, &result);
    if (reply_draft(call, what.id) != 0)
        return -1;
    if (changed)
        json_object_set_new(call->body, "update", update_document(&result));
    return 0;
}

int route_draft_undo(struct api_call *call)
{
    struct drafts_call what;
    struct update_result result = {0};
    if (begin(call, NULL, &what) != 0 || drafts_undo(call->api->drafts, &what, call->arena, &result,
                                                     &call->problems, &call->err) != 0)
        return -1;
    return api_update_reply(call, &result);
}

int route_draft_edit(struct api_call *call)
{
    void *body;
    struct drafts_call what;
    struct drafts_view view;
    if (decode_body(call, &body_edit_schema, POLICY_BYTES_MAX, &body) != 0 ||
        begin(call, NULL, &what) != 0 ||
        drafts_edit(call->api->drafts, &what, ((const struct body_edit *)body)->rule, call->arena,
                    &view, &call->problems, &call->err) != 0)
        return -1;
    return api_reply(call, 200, encode_view(call->arena, &view));
}

int route_draft_approve_all(struct api_call *call)
{
    void *body;
    struct drafts_call what;
    struct update_result result = {0};
    struct drafts_skip *skipped;
    size_t approved, n_skipped;
    if (decode_body(call, &body_approve_all_schema, POLICY_BYTES_MAX, &body) != 0)
        return -1;
    if (begin(call, NULL, &what) != 0 ||
        drafts_approve_all(call->api->drafts, &what,
                           ((const struct body_approve_all *)body)->include_security_flagged,
                           call->arena, &result, &approved, &skipped, &n_skipped, &call->problems,
                           &call->err) != 0 ||
        api_update_body(call, &result) != 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < n_skipped; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "id", skipped[i].id, "why", skipped[i].why));
    json_object_set_new(call->body, "approved", json_integer((json_int_t)approved));
    json_object_set_new(call->body, "skipped", list);
    return 0;
}

int route_draft_clear(struct api_call *call)
{
    struct drafts_call what;
    uint64_t cleared;
    if (begin(call, NULL, &what) != 0 ||
        drafts_clear(call->api->drafts, &what, &cleared, &call->err) != 0)
        return -1;
    return api_reply(call, 200, json_pack("{s:I}", "cleared", (json_int_t)cleared));
}

int route_draft_history(struct api_call *call)
{
    struct store_draft_event *items;
    size_t n;
    uint64_t limit;
    if (api_query_number(call, "limit", 1000, HISTORY_MAX, &limit) != 0 ||
        drafts_history(call->api->drafts, api_param(call, "name"), limit ? limit : HISTORY_MAX,
                       call->arena, &items, &n, &call->err) != 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s?, s:s, s:s, s:s, s:s, s:s, s:s}", "at",
                                              api_time(call->arena, items[i].at_ms), "event",
                                              items[i].event, "id", items[i].draft_id, "actor",
                                              items[i].actor, "identity", items[i].identity,
                                              "origin", items[i].origin, "text", items[i].text));
    return api_reply(call, 200, json_pack("{s:o}", "history", list));
}

/* ---- POST …/drafts ---- */

static json_t *submitted_chunk(struct api_call *call, const char *id)
{
    struct arena *scratch = arena_new();
    struct drafts_view view;
    json_t *json = NULL;
    if (drafts_get(call->api->drafts, api_param(call, "name"), id, scratch, &view, &call->err) == 0)
        json = encode_view(scratch, &view);
    arena_free(scratch);
    return json;
}

static int reply_submitted(struct api_call *call, const char *const *ids, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *chunk = submitted_chunk(call, ids[i]);
        if (!chunk) {
            json_decref(list);
            return -1;
        }
        json_array_append_new(list, chunk);
    }
    return api_reply(call, 201, json_pack("{s:o}", "chunks", list));
}

int route_draft_submit(struct api_call *call)
{
    void *decoded;
    if (decode_body(call, &body_proposals_schema, 2 * POLICY_BYTES_MAX, &decoded) != 0)
        return -1;
    const struct body_proposals *body = decoded;
    if (body->n == 0) {
        problems_add(&call->problems, "", 1, 1, "the field \"proposals\" is missing");
        return error_set(
            &call->err, ERROR_INVALID,
            "the body is {\"proposals\": [{\"rule_name\": …, \"rule\": {…}, \"rationale\": …}]}");
    }
    struct drafts_proposal *items = arena_zalloc(call->arena, body->n * sizeof *items);
    const char **ids = arena_zalloc(call->arena, body->n * sizeof *ids);
    for (size_t i = 0; i < body->n; i++) {
        const struct body_proposal *p = body->items[i];
        items[i] = (struct drafts_proposal){
            .rule_name = p->rule_name,
            .rule = p->rule,
            .rationale = p->rationale,
            .confidence = p->confidence,
            .account = call->who->account,
            .grant = p->grant ? bind_process(call, p->grant) : NULL,
        };
        if (p->grant && !items[i].grant)
            return -1;
    }
    const struct sluice_actor actor = auth_actor(call->who);
    if (drafts_submit(call->api->drafts, api_param(call, "name"), &actor, body->source, items,
                      body->n, call->arena, ids, &call->problems, &call->err) != 0)
        return -1;
    return reply_submitted(call, ids, body->n);
}
