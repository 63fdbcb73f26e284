/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes: records, and their life by way of the runtime. */
#include <stdlib.h>
#include <string.h>

#include "api/bodies.h"
#include "api/change.h"
#include "api/grants.h"
#include "api/limits.h"
#include "api/main_process.h"
#include "api/routes.h"
#include "auth/holders.h"
#include "runtime/hosts/hosts.h"
#include "runtime/record.h"
#include "runtime/sessions/exec.h"

enum { SETTINGS_BYTES_MAX = 1024 * 1024 };

static void add_home(struct api_call *call, const struct store_sandbox *s, json_t *encoded)
{
    struct runtime_home home = runtime_home_of(call->api->runtime, s, call->arena);
    json_object_set_new(encoded, "gateway",
                        *home.gateway ? json_string(home.gateway) : json_null());
    json_object_set_new(encoded, "gateway_here", json_boolean(home.here));
    json_object_set_new(encoded, "gateway_alive", json_boolean(home.alive));
}

static json_t *encode_sandbox(struct api_call *call, const struct store_sandbox *s)
{
    struct store_revision r;
    struct error ignored;
    char *owner = auth_holders_owner(s->holders_json);
    bool known =
        store_revision_get(call->api->store, s->id, s->revision, call->arena, &r, &ignored) == 0;
    json_t *encoded =
           json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:s, s:s?, s:s, s:I, s:b, s:b, s:o, s:o, "
                     "s:s?, s:o, s:o, s:s, s:o, s:s}",
                     "name", s->name, "id", s->id, "phase", s->phase, "network", s->network,
                     "labels", json_loads(s->labels_json, 0, NULL), "policy_revision",
                     (json_int_t)s->revision, "loaded_revision", (json_int_t)s->loaded_revision,
                     "policy_hash", known ? r.hash : "", "created_at",
                     api_time(call->arena, s->created_at_ms), "approval_mode", s->approval_mode,
                     "hold_ms", (json_int_t)s->hold_ms, "agent_proposals", s->agent_proposals,
                     "observe", s->observe,
                     "grants", known ? api_grants_json(call, s, &r) : json_array(), "limits",
                     api_limits_json(call, s), "error", *s->error ? s->error : NULL,
                     "exit_code",
                     s->main_ended_ms ? json_integer((json_int_t)s->main_code) : json_null(),
                     "main", api_main_json(call, s), "owner", owner, "shares",
                     auth_holders_shares(s->holders_json), "host", s->host);
    free(owner);
    add_home(call, s, encoded);
    return encoded;
}

int route_sandbox_get(struct api_call *call)
{
    struct store_sandbox s;
    if (api_sandbox(call, &s) != 0)
        return -1;
    return api_reply(call, 200, encode_sandbox(call, &s));
}

/* ?label=k=v; if repeated, all must match. */
static int check_labels(struct api_call *call)
{
    for (size_t i = 0; i < call->req->n_query; i++) {
        const char *value = call->req->query[i].value;
        if (strcmp(call->req->query[i].name, "label") == 0 &&
            (*value == '=' || !strchr(value, '=')))
            return error_set(&call->err, ERROR_MALFORMED,
                             "query parameter label is KEY=VALUE, not '%s'", value);
    }
    return 0;
}

static bool has_label(const struct store_sandbox *s, const char *wanted)
{
    const char *equals = strchr(wanted, '=');
    json_t *labels = json_loads(s->labels_json, 0, NULL);
    char *key = strndup(wanted, (size_t)(equals - wanted));
    const char *value = json_string_value(json_object_get(labels, key));
    bool has = value && strcmp(value, equals + 1) == 0;
    free(key);
    json_decref(labels);
    return has;
}

static bool selected(const struct api_call *call, const struct store_sandbox *s)
{
    for (size_t i = 0; i < call->req->n_query; i++)
        if (strcmp(call->req->query[i].name, "label") == 0 &&
            !has_label(s, call->req->query[i].value))
            return false;
    return true;
}

int route_sandbox_list(struct api_call *call)
{
    struct store_sandbox *items;
    size_t n;
    if (check_labels(call) != 0 ||
        store_sandbox_list(call->api->store, call->arena, &items, &n, &call->err) != 0)
        return -1;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (selected(call, &items[i]))
            json_array_append_new(list, encode_sandbox(call, &items[i]));
    return api_reply(call, 200, json_pack("{s:o}", "sandboxes", list));
}

/* ---- POST /v1/sandboxes ---- */

/* Adds the problems of the policy to those of a request for which no update is run. */
static void check_policy(struct api_call *call, const struct doc_node *document)
{
    struct problems warnings = {0};
    policy_unref(update_read_document(document, "policy", NULL, &call->problems, &warnings));
    problems_free(&warnings);
}

/* Within the restrictive default there is nothing to observe. */
static void check_ceiling(struct api_call *call, const struct doc_node *body,
                          const struct sandbox_wanted *wanted)
{
    if (wanted->observe && !doc_get(body, "policy"))
        problems_add(&call->problems, "observe", 0, 0,
                     "a sandbox is observed within a ceiling: give it as policy");
}

static void read_main(struct api_call *call, struct body_create *body)
{
    struct sandbox_exec *main = arena_alloc(call->arena, sizeof *main);
    if (!body->main)
        return;
    body_exec_read(body->main, call->arena, main);
    body->wanted.main = main;
}

/* Reports all problems of the request at once. */
static int read_create(struct api_call *call, const struct doc_node *body,
                       struct store_sandbox *out)
{
    void *decoded;
    /* What another host cannot limit it says itself. */
    static const struct runtime_host anywhere = {.cgroup = "none"};
    bool read =
        schema_decode(&body_create_schema, body, "", call->arena, &decoded, &call->problems) == 0;
    if (!read)
        decoded = schema_decode_sound(&body_create_schema, body, "", call->arena);
    if (decoded) {
        struct body_create *wanted = decoded;
        read_main(call, wanted);
        bool hosted = wanted->wanted.host && *wanted->wanted.host;
        sandbox_record_make(&wanted->wanted, hosted ? &anywhere : &call->api->host, call->arena,
                            out, &call->problems);
        check_ceiling(call, body, &wanted->wanted);
    }
    if (!call->problems.n)
        return 0;
    if (decoded && doc_get(body, "policy"))
        check_policy(call, doc_get(body, "policy"));
    if (read && call->problems.n == 1)
        return error_set(&call->err, ERROR_INVALID, "%s", call->problems.items[0].message);
    return error_set(&call->err, ERROR_INVALID, "the request for a sandbox has %zu problem%s",
                     call->problems.n, call->problems.n == 1 ? "" : "s");
}

static void created_read(void *arg)
{
    struct api_call *call = arg;
    struct store_sandbox s;
    json_t *more = call->body;                      /* update and warnings */
    call->body = NULL;
    call->status = 0;
    if (store_sandbox_by_id(call->api->store, call->then_arg, call->arena, &s, &call->err) == 0) {
        json_t *body = encode_sandbox(call, &s);
        json_object_update(body, more);
        api_reply(call, 201, body);
    }
    json_decref(more);
}

static void created_send(void *arg)
{
    struct api_call *call = arg;
    call->etag[0] = '\0';
    api_finish(call);
}

static void create_started(void *arg, const struct error *err)
{
    struct api_call *call = arg;
    if (!err) {
        json_t *warnings = runtime_warnings(call->api->runtime, call->then_arg);
        call->body = json_pack("{s:o, s:o}", "update", call->body, "warnings", warnings);
        jobs_run(call->api->jobs, NULL, created_read, created_send, call);
        return;
    }
    json_decref(call->body);
    call->body = NULL;
    call->err = *err;
    call->status = 0;
    api_finish(call);
}

static void create_start(struct api_call *call)
{
    runtime_create(call->api->runtime, call->then_arg, create_started, call);
}

/* call->err says why. */
static void create_undone(void *arg, const struct error *ignored)
{
    struct api_call *call = arg;
    (void)ignored;
    json_decref(call->body);
    call->body = NULL;
    call->status = 0;
    api_finish(call);
}

static void create_undo(struct api_call *call)
{
    runtime_delete(call->api->runtime, call->then_arg, create_undone, call);
}

/* Whoever makes it runs its main process. */
static int note_user(struct api_call *call, const struct store_sandbox *record)
{
    const struct store_user user = {call->who->name, call->who->account};
    if (!*record->main_json)
        return 0;
    return runtime_exec_note(call->api->store, record->id, &user, &call->err);
}

static void set_owner(struct api_call *call, struct store_sandbox *record)
{
    char *holders = auth_holders_new(call->who);
    record->holders_json = arena_str(call->arena, holders);
    free(holders);
}

/* A held creation is refused: without a sandbox there is no queue in which it could wait. */
static int refuse_held(struct api_call *call, const char *name)
{
    call->status = 0;
    return error_set(
        &call->err, ERROR_DENIED,
        "sandbox '%s' was not made: its policy was %s, and a sandbox that does not exist cannot "
        "wait for "
        "an approval: make it with less (without a policy it gets the restrictive default), then "
        "ask for "
        "the rest with 'sluice policy set %s', which waits as a chunk for somebody else's approval",
        name, json_string_value(json_object_get(call->body, "summary")), name);
}

/* Its own, where nothing else is asked for. */
static int pick_host(struct api_call *call, const struct doc_node *body,
                     struct store_sandbox *record)
{
    const struct doc_node *host = doc_get(body, "host");
    const char *wanted = host && host->kind == DOC_SCALAR ? host->text : "";
    return runtime_pick_host(call->api->runtime, wanted, call->arena, &record->host, &call->err);
}

int route_sandbox_create(struct api_call *call)
{
    const struct doc_node *body;
    struct store_sandbox record;
    struct update_request request;
    struct update_result result;
    if (api_body(call, 2 * POLICY_BYTES_MAX, &body) != 0)
        return -1;
    call->tree = body;
    if (read_create(call, body, &record) != 0 || pick_host(call, body, &record) != 0 ||
        api_update_begin(call, SLUICE_CREATE, &request) != 0)
        return -1;
    set_owner(call, &record);
    request.sandbox = record.name;
    request.create = &record;
    request.document = doc_get(body, "policy");
    request.document_path = "policy";
    if (update_run(call->api->updates, &request, call->arena, &result, &call->problems,
                   &call->err) != 0 ||
        api_update_body(call, &result) != 0)
        return -1;
    if (request.dry_run)
        return 0;
    if (call->status == 202)
        return refuse_held(call, record.name);
    call->then = note_user(call, &record) == 0 ? create_start : create_undo;
    call->then_arg = (void *)record.id;
    return 0;
}

/* ---- stop, start, delete ---- */

static void changed_read(void *arg)
{
    struct api_call *call = arg;
    struct store_sandbox s;
    call->status = 0;
    if (store_sandbox_by_id(call->api->store, call->then_arg, call->arena, &s, &call->err) == 0)
        api_reply(call, 200, encode_sandbox(call, &s));
}

static void changed_send(void *arg)
{
    api_finish(arg);
}

static void changed(void *arg, const struct error *err)
{
    struct api_call *call = arg;
    if (!err) {
        jobs_run(call->api->jobs, NULL, changed_read, changed_send, call);
        return;
    }
    call->err = *err;
    call->status = 0;
    api_finish(call);
}

static void begin_stop(struct api_call *call)
{
    runtime_stop(call->api->runtime, call->then_arg, changed, call);
}

static void begin_start(struct api_call *call)
{
    runtime_start(call->api->runtime, call->then_arg, changed, call);
}

static void begin_remove(struct api_call *call)
{
    runtime_delete(call->api->runtime, call->then_arg, changed, call);
}

static int change_life(struct api_call *call, void (*begin)(struct api_call *))
{
    struct store_sandbox s;
    if (api_sandbox(call, &s) != 0)
        return -1;
    call->then = begin;
    call->then_arg = (void *)s.id;
    call->status = 200;
    return 0;
}

int route_sandbox_stop(struct api_call *call)
{
    return change_life(call, begin_stop);
}

int route_sandbox_start(struct api_call *call)
{
    return change_life(call, begin_start);
}

int route_sandbox_delete(struct api_call *call)
{
    return change_life(call, begin_remove);
}

/* ---- PATCH /v1/sandboxes/{name} ---- */

static int read_changes(struct api_call *call, const struct sandbox_changes **out)
{
    const struct doc_node *body;
    void *decoded;
    if (api_body(call, SETTINGS_BYTES_MAX, &body) != 0)
        return -1;
    call->tree = body;
    if (schema_decode(&body_settings_schema, body, "", call->arena, &decoded, &call->problems) != 0)
        return error_set(&call->err, ERROR_INVALID, "%s", call->problems.items[0].message);
    struct sandbox_changes *changes = decoded;
    changes->has_hold = doc_get(body, "hold_ms");
    changes->has_proposals = doc_get(body, "agent_proposals");
    *out = changes;
    return 0;
}

static void settings_changed(void *arg, const struct error *err)
{
    struct api_call *call = arg;
    const struct settings_change *change = call->then_arg;
    call->status = 0;
    if (err)
        call->err = *err;
    else
        api_reply(call, 200, encode_sandbox(call, &change->record));
    api_finish(call);
}

static void change_settings(struct api_call *call)
{
    runtime_set_settings(call->api->runtime, call->then_arg, settings_changed, call);
}

int route_sandbox_set(struct api_call *call)
{
    struct store_sandbox s;
    struct settings_change *change = arena_zalloc(call->arena, sizeof *change);
    *change = (struct settings_change){.sandbox = api_param(call, "name"),
                                       .actor = call->who->name,
                                       .may_leave_ceilings =
                                           auth_may(call->who, AUTH_CEILING_MANAGE, NULL),
                                       .arena = call->arena,
                                       .problems = &call->problems};
    if (api_sandbox(call, &s) != 0 || read_changes(call, &change->changes) != 0)
        return -1;
    call->then = change_settings;
    call->then_arg = change;
    call->status = 200;
    return 0;
}
