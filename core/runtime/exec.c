/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: the client's connection and the one its supervisor dials back are joined byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/bodies.h"
#include "base/alloc.h"
#include "runtime/sandbox.h"
#include "http/request.h"

enum { COMMAND_BYTES_MAX = 1024 * 1024 };

static void free_wait(uv_handle_t *timer)
{
    free(timer->data);
}

/* Takes it out of the sandbox's list; the request is the caller's then. */
static struct http_request *take_wait(struct exec_wait *w)
{
    struct exec_wait **at = &w->sandbox->execs;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    uv_close((uv_handle_t *)&w->timer, free_wait);
    return w->req;
}

static void fail(struct http_request *req, enum error_kind kind, const char *name, const char *why)
{
    struct error err;
    error_set(&err, kind, "the command was not run in sandbox '%s': %s", name, why);
    http_respond_error(req, &err);
}

void sandbox_exec_fail_all(struct sandbox *s, const char *why)
{
    while (s->execs)
        fail(take_wait(s->execs), ERROR_UPSTREAM, s->name, why);
}

static void on_timeout(uv_timer_t *timer)
{
    struct exec_wait *w = timer->data;
    const char *name = w->sandbox->name;
    fail(take_wait(w), ERROR_TIMEOUT, name, "its supervisor did not answer in time");
}

/* The request's body; what is wrong with it goes into problems too. */
static int read_command(struct http_request *req, struct arena *arena, struct sandbox_exec *out,
                        struct problems *problems, struct error *err)
{
    enum doc_format format;
    struct doc_node *tree;
    void *decoded;
    if (api_body_format(req, &format, err) != 0)
        return -1;
    if (doc_parse(buf_str(&req->body), req->body.len, format, COMMAND_BYTES_MAX, arena, &tree, problems) != 0)
        return error_set(err, ERROR_MALFORMED, "the body is no JSON or YAML document: %s", problems->items[0].message);
    if (schema_decode(&body_exec_schema, tree, "", arena, &decoded, problems) != 0)
        return error_set(err, ERROR_INVALID, "the command has %zu problem%s: %s%s%s", problems->n, problems->n == 1 ? "" : "s",
                         problems->items[0].path, *problems->items[0].path ? ": " : "", problems->items[0].message);
    const struct body_exec *body = decoded;
    struct spec_pair *env = arena_alloc(arena, (body->n_env + 1) * sizeof *env);
    for (size_t i = 0; i < body->n_env; i++)
        env[i] = (struct spec_pair){body->env[2 * i], body->env[2 * i + 1]};
    *out = (struct sandbox_exec){
        .command = body->command, .n_command = body->n_command, .env = env, .n_env = body->n_env,
        .workdir = *body->workdir ? body->workdir : NULL, .tty = body->tty, .cols = body->cols, .rows = body->rows,
        .timeout_ms = (uint64_t)body->timeout_ms,
    };
    return sandbox_exec_check(out, err);
}

static const char *phase_word(const struct sandbox *s)
{
    switch (s->state) {
    case SANDBOX_STARTING:
        return "starting";
    case SANDBOX_STOPPING:
        return "stopping";
    default:
        return "stopped";
    }
}

static int check_ready(struct sandboxes *all, struct http_request *req, const char *name, struct sandbox **out,
                       struct error *err)
{
    *out = sandbox_by_name(all, name);
    if (!*out)
        return error_set(err, ERROR_NOT_FOUND, "sandbox '%s' not found", name);
    if (!(*out)->ready && (*out)->state != SANDBOX_UP)
        return error_set(err, ERROR_STATE, "sandbox '%s' is not ready (it is %s): start it, or wait for it", name,
                         phase_word(*out));
    if (!http_upgrade_asked(req, SANDBOX_EXEC_UPGRADE))
        return error_set(err, ERROR_MALFORMED, "running a command needs Connection: Upgrade and Upgrade: " SANDBOX_EXEC_UPGRADE);
    return 0;
}

static void send_wait(struct exec_wait *w, struct sandbox_exec *exec)
{
    exec->id = w->id;
    sandbox_send(w->sandbox, &(struct sandbox_message){.type = MESSAGE_EXEC, .exec = *exec});
}

void sandbox_exec_send_all(struct sandbox *s)
{
    for (struct exec_wait *w = s->execs; w; w = w->next) {
        struct arena *arena = arena_new();
        struct sandbox_exec exec;
        struct problems problems = {0};
        struct error err;
        if (read_command(w->req, arena, &exec, &problems, &err) == 0)      /* it was read before */
            send_wait(w, &exec);
        problems_free(&problems);
        arena_free(arena);
    }
}

static void add_wait(struct sandbox *s, struct http_request *req, struct sandbox_exec *exec)
{
    struct exec_wait *w = alloc_zero(1, sizeof *w);
    w->sandbox = s;
    w->req = req;
    digest_secret(w->id);
    uv_timer_init(s->all->setup.loop, &w->timer);
    w->timer.data = w;
    uv_timer_start(&w->timer, on_timeout, EXEC_TIMEOUT_MS, 0);
    w->next = s->execs;
    s->execs = w;
    if (s->ready)
        send_wait(w, exec);
    else
        log_info(s->all->setup.log, "sandbox %s: a command waits for the supervisor to come back", s->name);
}

static void refuse(struct http_request *req, const struct problems *problems, const struct error *err)
{
    json_t *extra = problems->n ? json_pack("{s:o}", "errors", update_problems_json(problems)) : NULL;
    http_respond_problem(req, error_status(err->kind), error_word(err->kind), NULL, err->text, extra);
    json_decref(extra);
}

void sandbox_exec_request(struct sandboxes *all, struct http_request *req, const char *name)
{
    struct arena *arena = arena_new();
    struct sandbox *s;
    struct sandbox_exec exec;
    struct problems problems = {0};
    struct error err;
    if (check_ready(all, req, name, &s, &err) != 0 || read_command(req, arena, &exec, &problems, &err) != 0)
        refuse(req, &problems, &err);
    else
        add_wait(s, req, &exec);
    problems_free(&problems);
    arena_free(arena);
}

static struct exec_wait *find_wait(struct sandbox *s, const char *id)
{
    for (struct exec_wait *w = s ? s->execs : NULL; w; w = w->next)
        if (strcmp(w->id, id) == 0)
            return w;
    return NULL;
}

void sandbox_exec_answer(struct sandbox *s, struct http_request *req, const char *exec_id)
{
    static const struct http_tunnel_callbacks silent = {0};
    struct exec_wait *w = find_wait(s, exec_id);
    if (!w || !http_upgrade_asked(req, SANDBOX_EXEC_UPGRADE)) {
        http_respond_problem(req, 404, "not-found", NULL, "no command waits under this id", NULL);
        return;
    }
    struct http_tunnel *client = http_upgrade(take_wait(w), SANDBOX_EXEC_UPGRADE, &silent, NULL);
    struct http_tunnel *supervisor = http_upgrade(req, SANDBOX_EXEC_UPGRADE, &silent, NULL);
    if (client && supervisor) {
        http_tunnel_splice(client, supervisor, NULL, NULL);
        http_tunnel_close_at_end(client);
        return;
    }
    if (client)
        http_tunnel_close(client);
    if (supervisor)
        http_tunnel_close(supervisor);
}
