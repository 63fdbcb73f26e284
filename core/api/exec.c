/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/exec, /attach and /main, and what supervisors connect to: their stream
 * and the sessions of commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bodies.h"
#include "api/call.h"
#include "api/main_process.h"
#include "api/routes.h"
#include "api/waiting.h"
#include "auth/lease.h"
#include "base/alloc.h"
#include "base/digest.h"
#include "http/problem.h"
#include "http/tunnel.h"
#include "net/splice.h"
#include "runtime/sessions/exec.h"

enum { COMMAND_BYTES_MAX = 1024 * 1024 };

/* For tunnels that become a stream at once. */
static const struct http_tunnel_callbacks silent = {0};

/* A missing body counts as an empty one. */
static int read_body(struct api_call *call, const struct schema *schema, void **out)
{
    static const struct doc_node nothing = {.kind = DOC_MAP, .text = "", .line = 1, .column = 1};
    const struct doc_node *tree = &nothing;
    struct problems *problems = &call->problems;
    if (call->req->body.len && api_body(call, COMMAND_BYTES_MAX, &tree) != 0)
        return -1;
    call->tree = tree;
    if (schema_decode(schema, tree, "", call->arena, out, problems) == 0)
        return 0;
    return error_set(&call->err, ERROR_INVALID, "the %s has %zu problem%s: %s%s%s", schema->name,
                     problems->n, problems->n == 1 ? "" : "s", problems->items[0].path,
                     *problems->items[0].path ? ": " : "", problems->items[0].message);
}

static int read_service(struct api_call *call, struct sandbox_exec *out)
{
    void *decoded;
    if (read_body(call, &body_tunnel_schema, &decoded) != 0)
        return -1;
    const struct body_tunnel *body = decoded;
    *out = (struct sandbox_exec){.service = body->service, .port = body->port};
    return sandbox_exec_check(out, &call->err);
}

static int read_command(struct api_call *call, struct sandbox_exec *out)
{
    void *body;
    if (read_body(call, &body_exec_schema, &body) != 0)
        return -1;
    body_exec_read(body, call->arena, out);
    return sandbox_exec_check(out, &call->err);
}

/* A client that waits for its session, and then the two, which are joined byte for byte until one
 * of them ends or the client loses the right to it. */
struct joined {
    const struct auth *auth;
    struct http_request *req;                       /* until then */
    struct net_splice *splice;
    struct auth_lease *lease;
};

static struct joined *join_later(struct api_call *call)
{
    struct joined *j = alloc_zero(1, sizeof *j);
    j->auth = &call->api->auth;
    j->req = call->req;
    return j;
}

static void joined_lost(void *arg, const struct error *why)
{
    struct joined *j = arg;
    (void)why;
    net_splice_close(j->splice);
}

static void joined_ended(void *ctx, int status)
{
    struct joined *j = ctx;
    (void)status;
    auth_lease_end(j->lease);
    free(j);
}

/* Before the upgrade, which frees the request. */
static void take_lease(struct joined *j)
{
    const struct api_route *route = j->req->route->doc;
    const struct auth_principal *who = j->req->user;
    j->lease = auth_lease_begin(j->auth->leases, who, joined_lost, j);
    auth_lease_of_sandbox(j->lease, who, route->permission, http_request_param(j->req, "name"));
}

static void exec_done(void *arg, struct net_stream *session, const struct error *err)
{
    struct joined *j = arg;
    struct http_request *req = j->req;
    if (err) {
        http_respond_error(req, err);
        free(j);
        return;
    }
    take_lease(j);
    struct http_tunnel *client = http_upgrade(req, SANDBOX_EXEC_UPGRADE, &silent, NULL);
    if (!client) {
        net_discard(session);
        joined_ended(j, 0);
        return;
    }
    http_tunnel_close_at_end(client);               /* frames have an end of input: it is gone */
    j->splice = net_splice(http_tunnel_stream(client, NULL, NULL), session, joined_ended, j);
}

static int check_upgrade(struct api_call *call, const char *what)
{
    if (http_upgrade_asked(call->req, SANDBOX_EXEC_UPGRADE))
        return 0;
    return error_set(&call->err, ERROR_MALFORMED,
                     "%s needs Connection: Upgrade and Upgrade: " SANDBOX_EXEC_UPGRADE, what);
}

/* arg: the client's call, which may be gone. */
static void detach_done(void *arg, int64_t pid, const struct error *err)
{
    struct api_call *call = arg;
    call->status = 0;
    if (err)
        call->err = *err;
    else
        api_reply(call, 200, json_pack("{s:s, s:I}", "sandbox", api_param(call, "name"), "pid",
                                       (json_int_t)pid));
    api_finish(call);
}

/* 1: the call is answered later. */
static int run_command(struct api_call *call)
{
    struct runtime *runtime = call->api->runtime;
    const char *id = call->who->asked;
    struct sandbox_exec command;
    if (runtime_exec_check(runtime, id, &call->err) != 0)
        return -1;
    int (*read)(struct api_call *call, struct sandbox_exec *out) =
        call->route->body == &body_tunnel_schema ? read_service : read_command;
    if (read(call, &command) != 0)
        return -1;
    if (command.detach)
        return runtime_detach(runtime, id, call->who, &command, detach_done, call, &call->err) == 0
                   ? 1
                   : -1;
    if (check_upgrade(call, "running a command") != 0)
        return -1;
    struct joined *j = join_later(call);
    int rc = runtime_exec(runtime, id, call->who, &command, exec_done, j, &call->err);
    if (rc != 0)
        free(j);
    return rc;
}

/* After what a work function began. */
static void go_on(struct api_call *call, int begun)
{
    if (begun == 0) {
        api_drop(call);
    } else if (begun < 0) {
        call->status = 0;
        api_finish(call);
    }
}

static void exec_begin(struct api_call *call)
{
    go_on(call, run_command(call));
}

static int note_user(struct api_call *call, const char *what)
{
    struct store_sandbox s;
    const struct store_user user = {call->who->name, call->who->account};
    if (api_sandbox(call, &s) != 0 ||
        runtime_exec_note(call->api->store, s.id, &user, &call->err) != 0)
        return -1;
    log_info(call->api->log, "sandbox %s: %s %s", s.name, user.name, what);
    call->status = 101;
    return 0;
}

/* Who runs a command counts as having asked for what it is denied, so that is recorded first. */
int route_exec(struct api_call *call)
{
    call->then = exec_begin;
    return note_user(call, call->route->body == &body_tunnel_schema ? "connects"
                                                                    : "runs a command");
}

/* ---- the main process ---- */

static int attach(struct api_call *call)
{
    void *decoded;
    if (check_upgrade(call, "attaching to the main process") != 0 ||
        read_body(call, &body_attach_schema, &decoded) != 0)
        return -1;
    const struct body_attach *body = decoded;
    const struct sandbox_attach client = {.cols = body->cols, .rows = body->rows};
    struct joined *j = join_later(call);
    int rc = runtime_attach(call->api->runtime, call->who->asked, call->who, &client, exec_done,
                            j, &call->err);
    if (rc != 0)
        free(j);
    return rc;
}

static void attach_begin(struct api_call *call)
{
    go_on(call, attach(call));
}

int route_attach(struct api_call *call)
{
    call->then = attach_begin;
    return note_user(call, "attaches to the main process");
}

static int read_main(struct api_call *call)
{
    struct store_sandbox s;
    if (api_sandbox(call, &s) != 0)
        return -1;
    if (!*s.main_json)
        return runtime_no_main(s.name, &call->err);
    json_t *body = api_main_json(call, &s);
    json_object_set_new(body, "sandbox", json_string(s.name));
    return api_reply(call, 200, body);
}

int route_main_get(struct api_call *call)
{
    struct record_wait_for *what = api_wait_for(call, record_wait_main);
    if (!what || read_main(call) != 0)
        return -1;
    if (json_is_null(json_object_get(call->body, "exit_code")))
        api_wait(call, what, read_main);
    return 0;
}

/* ---- supervisors ---- */

void handle_supervisor_stream(struct api *api, struct http_request *req)
{
    const struct auth_principal *who = req->user;
    char id[sizeof who->sandbox_id];
    if (!http_upgrade_asked(req, SANDBOX_STREAM_UPGRADE)) {
        http_respond_problem(req, 426, "upgrade-required", NULL,
                             "this is a supervisor's stream: Upgrade: " SANDBOX_STREAM_UPGRADE,
                             NULL);
        return;
    }
    snprintf(id, sizeof id, "%s", who->sandbox_id);
    struct http_tunnel *tunnel = http_upgrade(req, SANDBOX_STREAM_UPGRADE, &silent, NULL);
    if (tunnel)
        runtime_connect(api->runtime, id, http_tunnel_stream(tunnel, NULL, NULL));
}

void handle_supervisor_exec(struct api *api, struct http_request *req)
{
    const struct auth_principal *who = req->user;
    struct exec_wait *wait =
        runtime_exec_find(api->runtime, who->sandbox_id, http_request_param(req, "id"));
    if (!wait || !http_upgrade_asked(req, SANDBOX_EXEC_UPGRADE)) {
        http_respond_problem(req, 404, "not-found", NULL, "no command waits under this id", NULL);
        return;
    }
    struct http_tunnel *tunnel = http_upgrade(req, SANDBOX_EXEC_UPGRADE, &silent, NULL);
    if (tunnel)
        runtime_exec_connect(wait, http_tunnel_stream(tunnel, NULL, NULL));
}
