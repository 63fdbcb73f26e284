/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: the client's connection and the one its supervisor dials back are joined byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/alloc.h"
#include "gateway/sandbox.h"
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

static size_t read_texts(struct arena *arena, const json_t *list, const char *const **out)
{
    const char **texts = arena_zalloc(arena, (json_array_size(list) + 1) * sizeof *texts);
    size_t n = 0, i;
    json_t *item;
    json_array_foreach(list, i, item)
        texts[n++] = arena_str(arena, json_string_value(item));
    *out = texts;
    return n;
}

static size_t read_env(struct arena *arena, json_t *object, struct spec_pair **out)
{
    const char *key;
    json_t *value;
    size_t n = 0;
    *out = arena_zalloc(arena, (json_object_size(object) + 1) * sizeof **out);
    json_object_foreach(object, key, value)
        (*out)[n++] = (struct spec_pair){arena_str(arena, key), arena_str(arena, json_string_value(value))};
    return n;
}

static int invalid(struct error *err, const char *what)
{
    return error_set(err, ERROR_INVALID, "the command is {command, env, workdir, tty, cols, rows, timeout_ms}: %s", what);
}

/* Nothing that does not fit is left out or cut: the command runs as it was asked for, or not at all. */
static int check_values(const json_t *command, const json_t *env, json_int_t cols, json_int_t rows, struct error *err)
{
    const char *key;
    json_t *item;
    size_t i;
    if (!json_is_array(command))
        return invalid(err, "command is a list of texts");
    json_array_foreach(command, i, item)
        if (!json_is_string(item))
            return invalid(err, "command is a list of texts");
    if (env && !json_is_object(env))
        return invalid(err, "env is a map of texts");
    json_object_foreach((json_t *)env, key, item)
        if (!json_is_string(item))
            return invalid(err, "env is a map of texts");
    if (cols < 0 || cols > UINT16_MAX || rows < 0 || rows > UINT16_MAX)
        return invalid(err, "cols and rows are numbers from 0 to 65535");
    return 0;
}

static int read_body(struct http_request *req, struct arena *arena, json_t **out, struct error *err)
{
    enum doc_format format;
    struct doc_node *tree;
    struct problems problems = {0};
    struct buf json = {0};
    *out = NULL;
    if (api_body_format(req, &format, err) != 0)
        return -1;
    if (doc_parse(buf_str(&req->body), req->body.len, format, COMMAND_BYTES_MAX, arena, &tree, &problems) == 0) {
        doc_print(tree, DOC_JSON, &json);
        *out = json_loadb(buf_str(&json), json.len, 0, NULL);
    }
    if (!*out)
        error_set(err, ERROR_MALFORMED, "the body is no JSON or YAML document: %s", problems.n ? problems.items[0].message : "");
    buf_free(&json);
    problems_free(&problems);
    return *out ? 0 : -1;
}

/* {command, env, workdir, tty, cols, rows, timeout_ms} */
static int read_command(struct http_request *req, struct arena *arena, struct sandbox_exec *out, struct error *err)
{
    json_error_t where;
    json_t *json, *command = NULL, *env = NULL;
    const char *workdir = NULL;
    int tty = 0, rc = 0;
    json_int_t cols = 0, rows = 0, timeout = 0;
    if (read_body(req, arena, &json, err) != 0)
        return -1;
    if (json_unpack_ex(json, &where, JSON_STRICT, "{s:o, s?o, s?s, s?b, s?I, s?I, s?I}", "command", &command, "env",
                       &env, "workdir", &workdir, "tty", &tty, "cols", &cols, "rows", &rows, "timeout_ms", &timeout) != 0)
        rc = invalid(err, where.text);
    if (rc == 0)
        rc = check_values(command, env, cols, rows, err);
    if (rc == 0) {
        *out = (struct sandbox_exec){.workdir = arena_str(arena, workdir), .tty = tty, .cols = (uint16_t)cols,
                                     .rows = (uint16_t)rows, .timeout_ms = (uint64_t)timeout};
        out->n_command = read_texts(arena, command, &out->command);
        out->n_env = read_env(arena, env, &out->env);
        rc = sandbox_exec_check(out, err);
    }
    json_decref(json);
    return rc;
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
        struct error err;
        if (read_command(w->req, arena, &exec, &err) == 0)      /* it was read before */
            send_wait(w, &exec);
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

void sandbox_exec_request(struct sandboxes *all, struct http_request *req, const char *name)
{
    struct arena *arena = arena_new();
    struct sandbox *s;
    struct sandbox_exec exec;
    struct error err;
    if (check_ready(all, req, name, &s, &err) != 0 || read_command(req, arena, &exec, &err) != 0)
        http_respond_error(req, &err);
    else
        add_wait(s, req, &exec);
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
