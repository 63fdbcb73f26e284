/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/sandboxes/{name}/exec, and what supervisors connect to: their stream and the sessions of
 * commands. */
#include <stdio.h>
#include <string.h>

#include "api/bodies.h"
#include "api/call.h"
#include "api/routes.h"
#include "base/digest.h"
#include "http/problem.h"
#include "http/tunnel.h"
#include "net/splice.h"
#include "runtime/exec.h"

enum { COMMAND_BYTES_MAX = 1024 * 1024 };

/* For tunnels that become a stream at once. */
static const struct http_tunnel_callbacks silent = {0};

static int read_body(struct api_call *call, const struct schema *schema, const void **out)
{
    const struct doc_node *tree;
    struct problems *problems = &call->problems;
    void *decoded;
    if (api_body(call, COMMAND_BYTES_MAX, &tree) != 0)
        return -1;
    if (schema_decode(schema, tree, "", call->arena, &decoded, problems) != 0)
        return error_set(&call->err, ERROR_INVALID, "the %s has %zu problem%s: %s%s%s",
                         schema->name, problems->n, problems->n == 1 ? "" : "s",
                         problems->items[0].path, *problems->items[0].path ? ": " : "",
                         problems->items[0].message);
    *out = decoded;
    return 0;
}

static int read_service(struct api_call *call, struct sandbox_exec *out)
{
    const void *decoded;
    if (read_body(call, &body_tunnel_schema, &decoded) != 0)
        return -1;
    const struct body_tunnel *body = decoded;
    *out = (struct sandbox_exec){.service = body->service, .port = body->port};
    return sandbox_exec_check(out, &call->err);
}

static int read_command(struct api_call *call, struct sandbox_exec *out)
{
    const void *decoded;
    if (read_body(call, &body_exec_schema, &decoded) != 0)
        return -1;
    const struct body_exec *body = decoded;
    struct spec_pair *env = arena_alloc(call->arena, (body->n_env + 1) * sizeof *env);
    for (size_t i = 0; i < body->n_env; i++)
        env[i] = (struct spec_pair){body->env[2 * i], body->env[2 * i + 1]};
    *out = (struct sandbox_exec){
        .command = body->command,
        .n_command = body->n_command,
        .env = env,
        .n_env = body->n_env,
        .workdir = *body->workdir ? body->workdir : NULL,
        .tty = body->tty,
        .cols = body->cols,
        .rows = body->rows,
        .timeout_ms = (uint64_t)body->timeout_ms,
    };
    return sandbox_exec_check(out, &call->err);
}

/* arg: the client's request.  The two connections are joined byte for byte. */
static void exec_done(void *arg, struct net_stream *session, const struct error *err)
{
    struct http_request *req = arg;
    if (err) {
        http_respond_error(req, err);
        return;
    }
    struct http_tunnel *client = http_upgrade(req, SANDBOX_EXEC_UPGRADE, &silent, NULL);
    if (!client) {
        net_discard(session);
        return;
    }
    http_tunnel_close_at_end(client);               /* frames have an end of input: it is gone */
    net_splice(http_tunnel_stream(client, NULL, NULL), session, NULL, NULL);
}

static int run_command(struct api_call *call)
{
    struct runtime *runtime = call->api->runtime;
    const char *name = api_param(call, "name");
    struct sandbox_exec command;
    if (runtime_exec_check(runtime, name, &call->err) != 0)
        return -1;
    if (!http_upgrade_asked(call->req, SANDBOX_EXEC_UPGRADE))
        return error_set(
            &call->err, ERROR_MALFORMED,
            "running a command needs Connection: Upgrade and Upgrade: " SANDBOX_EXEC_UPGRADE);
    int (*read)(struct api_call *call, struct sandbox_exec *out) =
        call->route->body == &body_tunnel_schema ? read_service : read_command;
    if (read(call, &command) != 0)
        return -1;
    return runtime_exec(runtime, name, &command, exec_done, call->req, &call->err);
}

static void exec_begin(struct api_call *call)
{
    if (run_command(call) == 0) {
        api_drop(call);
        return;
    }
    call->status = 0;
    api_finish(call);
}

/* Who runs a command counts as having asked for what it is denied, so that is recorded first. */
int route_exec(struct api_call *call)
{
    struct store_sandbox s;
    const struct store_user user = {call->who->name, call->who->account};
    if (api_sandbox(call, &s) != 0 ||
        runtime_exec_note(call->api->store, s.id, &user, &call->err) != 0)
        return -1;
    log_info(call->api->log, "sandbox %s: %s %s", s.name, user.name,
             call->route->body == &body_tunnel_schema ? "connects" : "runs a command");
    call->then = exec_begin;
    call->status = 101;
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
