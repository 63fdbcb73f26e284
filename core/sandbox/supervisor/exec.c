/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/exec.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "sandbox/container/container.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/supervisor/command.h"
#include "sandbox/supervisor/exec_parts.h"
#include "sandbox/supervisor/ssh.h"

#define NO_SSH_SERVER                                                                            \
    "there is no " SANDBOX_SSH_SERVER " in the sandbox: install openssh-server on the gateway's "  \
    "machine (it needs no configuration and no running service)"

struct exec_table {
    struct exec_table_request made;
    const struct secret_credentials *credentials;   /* NULL: none */
    struct exec_session *sessions;
    size_t n_sessions;
    uint32_t last_id;
    char *authorization;
    bool ending;
    void (*on_ended)(void *ctx);
    void *ended_ctx;
};

/* --- the life of a session ------------------------------------------------------------------- */

static void table_check_ended(struct exec_table *table)
{
    void (*on_ended)(void *ctx) = table->on_ended;
    if (!table->ending || table->n_sessions > 0 || !on_ended)
        return;
    table->on_ended = NULL;
    on_ended(table->ended_ctx);
}

static void session_free(struct exec_session *s)
{
    struct exec_table *table = s->table;
    for (struct exec_session **at = &table->sessions; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    table->n_sessions--;
    buf_free(&s->received);
    arena_free(s->arena);
    free(s);
    table_check_ended(table);
}

void sandbox_exec_part_ended(struct exec_session *s)
{
    if (--s->parts == 0)
        session_free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
    sandbox_exec_part_ended(handle->data);
}

/* Nothing is left to wait for but handles that close. */
static void wind_up(struct exec_session *s)
{
    if (s->running || s->tunnel || s->call || uv_is_closing((uv_handle_t *)&s->timer))
        return;
    sandbox_exec_close_io(s);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

/* --- the end of a command -------------------------------------------------------------------- */

/* A client may take its time to read, unless the sandbox ends. */
static bool still_reads(const struct exec_session *s)
{
    return s->tunnel && http_tunnel_queued(s->tunnel) > 0 && !s->table->ending;
}

static void on_goodbye(uv_timer_t *timer)
{
    struct exec_session *s = timer->data;
    if (still_reads(s))
        uv_timer_start(timer, on_goodbye, EXEC_GOODBYE_MS, 0);
    else if (s->tunnel)
        http_tunnel_close(s->tunnel);
}

static void send_exit(struct exec_session *s)
{
    char frame[FRAME_HEADER_SIZE + 6 * sizeof s->error + 64];    /* \u00NN for each byte at worst */
    if (s->told || !s->tunnel)
        return;
    s->told = true;
    json_t *root = s->error[0] ? json_pack("{s:i, s:s}", "code", s->code, "error", s->error)
                               : json_pack("{s:i}", "code", s->code);
    size_t len = json_dumpb(root, frame + FRAME_HEADER_SIZE, sizeof frame - FRAME_HEADER_SIZE,
                            JSON_COMPACT);
    json_decref(root);
    sandbox_exec_write(s, frame, FRAME_EXIT, len);
    http_tunnel_shutdown(s->tunnel);
    uv_timer_start(&s->timer, on_goodbye, EXEC_GOODBYE_MS, 0);
}

static void on_linger(uv_timer_t *timer)
{
    struct exec_session *s = timer->data;
    if (s->tunnel_full && still_reads(s)) {
        uv_timer_start(timer, on_linger, EXEC_LINGER_MS, 0);
        return;
    }
    sandbox_exec_close_io(s);
    send_exit(s);
}

/* The command has ended; what it wrote comes before its exit. */
static void finish_session(struct exec_session *s, int code, const char *error)
{
    s->finished = true;
    s->code = s->timed_out ? EXEC_TIMEOUT_CODE : code;
    snprintf(s->error, sizeof s->error, "%s", error);
    s->error[text_utf8_valid(s->error, strlen(s->error))] = '\0';
    uv_timer_stop(&s->timer);
    if (s->tunnel && !sandbox_exec_outputs_ended(s))
        uv_timer_start(&s->timer, on_linger, EXEC_LINGER_MS, 0);
    else
        send_exit(s);
    wind_up(s);
}

void sandbox_exec_output_ended(struct exec_session *s)
{
    if (s->running && sandbox_exec_is_tcp(s))
        sandbox_execs_exited(s->table, s->id, 0, "");
    else if (!s->running && sandbox_exec_outputs_ended(s)) {
        uv_timer_stop(&s->timer);
        send_exit(s);
    }
}

static void on_kill(uv_timer_t *timer)
{
    struct exec_session *s = timer->data;
    if (s->running)
        container_kill(s->table->made.container, s->id, SIGKILL);
}

static void terminate(struct exec_session *s)
{
    if (sandbox_exec_is_tcp(s)) {
        sandbox_execs_exited(s->table, s->id, 0, "");
        return;
    }
    container_kill(s->table->made.container, s->id, SIGTERM);
    container_kill(s->table->made.container, s->id, SIGCONT);
    uv_timer_start(&s->timer, on_kill, EXEC_KILL_GRACE_MS, 0);
}

static void on_timeout(uv_timer_t *timer)
{
    struct exec_session *s = timer->data;
    s->timed_out = true;
    terminate(s);
}

/* --- the tunnel ------------------------------------------------------------------------------ */

void sandbox_exec_write(struct exec_session *s, char *frame, enum sandbox_frame_type type,
                        size_t len)
{
    if (!s->tunnel)
        return;
    sandbox_frame_header((uint8_t *)frame, type, len);
    if (!http_tunnel_write(s->tunnel, frame, FRAME_HEADER_SIZE + len)) {
        s->tunnel_full = true;
        sandbox_exec_pause_outputs(s, true);
    }
}

static void on_tunnel_drain(struct http_tunnel *tunnel, void *ctx)
{
    struct exec_session *s = ctx;
    (void)tunnel;
    if (!s->tunnel_full)
        return;
    s->tunnel_full = false;
    sandbox_exec_pause_outputs(s, false);
}

static void on_tunnel_read(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len)
{
    if (len > 0 && !sandbox_exec_take_frames(ctx, bytes, len))
        http_tunnel_close(tunnel);
}

static void on_tunnel_close(void *ctx, const struct error *why)
{
    struct exec_session *s = ctx;
    (void)why;
    s->tunnel = NULL;
    sandbox_exec_close_io(s);
    if (s->running)
        terminate(s);
    wind_up(s);
    sandbox_exec_part_ended(s);
}

static const struct http_tunnel_callbacks tunnel_callbacks = {
    .on_read = on_tunnel_read, .on_drain = on_tunnel_drain, .on_close = on_tunnel_close,
};

/* Commands that run have a place each; the oldest that has only something left to say gives way. */
static bool make_room(struct exec_table *table)
{
    struct exec_session *oldest = NULL;
    size_t n = 0, running = 0;
    for (struct exec_session *s = table->sessions; s; s = s->next) {
        if (sandbox_exec_is_tcp(s))
            continue;
        n += !s->given_way;
        running += !s->finished;
        if (s->finished && s->tunnel && !s->given_way)
            oldest = s;
    }
    if (running > EXEC_SESSIONS_MAX)
        return false;
    if (n > EXEC_SESSIONS_MAX && oldest) {
        oldest->given_way = true;
        http_tunnel_close(oldest->tunnel);
    }
    return true;
}

static int open_port(struct exec_session *s, struct error *err)
{
    size_t n = 0;
    for (const struct exec_session *other = s->table->sessions; other; other = other->next)
        n += sandbox_exec_is_tcp(other);
    if (n > EXEC_CONNECTIONS_MAX)
        return error_set(err, ERROR_LIMIT,
                         "%d connections to ports of this sandbox are open already",
                         EXEC_CONNECTIONS_MAX);
    return container_open_sockets(s->table->made.container, s->id, err);
}

static int run(struct exec_session *s, struct error *err)
{
    const struct sandbox_exec *exec = s->exec;
    struct container_command command = {.argv = exec->command,
                                   .n_argv = exec->n_command,
                                   .tty = exec->tty,
                                   .cols = exec->cols,
                                   .rows = exec->rows,
                                   .folder = exec->workdir && *exec->workdir ? exec->workdir
                                                                             : SANDBOX_WORKDIR};
    if (sandbox_exec_check(exec, err) != 0)
        return -1;
    if (s->table->ending)
        return error_set(err, ERROR_STATE, "the sandbox is stopping");
    if (sandbox_exec_is_tcp(s))
        return open_port(s, err);
    if (!make_room(s->table))
        return error_set(err, ERROR_LIMIT, "%d commands run in this sandbox already",
                         EXEC_SESSIONS_MAX);
    command.env = sandbox_env_make(s->table->made.spec, exec, s->table->credentials, s->arena,
                                   &command.n_env);
    if (exec->service)
        command.argv =
            sandbox_ssh_command(command.env, command.n_env, s->arena, &command.n_argv);
    return container_run(s->table->made.container, s->id, &command, err);
}

static void on_upgrade(void *ctx, const struct http_head *head, struct http_tunnel *tunnel)
{
    struct exec_session *s = ctx;
    struct error err;
    (void)head;
    s->call = NULL;
    s->tunnel = tunnel;
    http_tunnel_start(tunnel, &tunnel_callbacks, s);
    http_tunnel_close_at_end(tunnel);             /* frames have an end of input: it is gone */
    http_tunnel_pause(tunnel);                    /* until there is somebody to give its input to */
    if (run(s, &err) != 0) {
        http_tunnel_resume(tunnel);
        s->input_ended = true;
        finish_session(s, EXEC_CANNOT_RUN_CODE, err.text);
        return;
    }
    s->running = true;
    s->parts++;
}

static void call_failed(struct exec_session *s, const char *why)
{
    char text[512];
    snprintf(text, sizeof text, "exec %s: the gateway does not take the call: %s", s->exec->id,
             why);
    log_write_line(s->table->made.log,
                   &(struct log_line){.level = LOG_WARN, .kind = LOG_KIND_EXEC, .text = text});
    s->call = NULL;
    wind_up(s);
    sandbox_exec_part_ended(s);
}

static void on_response(void *ctx, const struct http_response *response)
{
    char text[64];
    snprintf(text, sizeof text, "HTTP status %d", response->head->status);
    call_failed(ctx, text);
}

static void on_error(void *ctx, const struct error *err)
{
    call_failed(ctx, err->text);
}

static const struct http_call_callbacks call_callbacks = {
    .on_response = on_response, .on_upgrade = on_upgrade, .on_error = on_error,
};

static void dial(struct exec_session *s)
{
    const struct sandbox_spec *spec = s->table->made.spec;
    struct http_field authorization = {"Authorization", s->table->authorization};
    struct http_call_request request = {
        .address = spec->gateway, .method = "GET", .upgrade = SANDBOX_EXEC_UPGRADE,
        .path = arena_printf(s->arena, SANDBOX_EXEC_PATH "%s", s->exec->id),
        .headers = &authorization, .n_headers = 1};
    s->call = http_client_send(s->table->made.loop, &request, &call_callbacks, s);
}

/* --- the table ------------------------------------------------------------------------------- */

struct exec_table *sandbox_execs_new(const struct exec_table_request *request)
{
    struct exec_table *table = alloc_zero(1, sizeof *table);
    table->made = *request;
    table->authorization = alloc_printf("Bearer %s", request->spec->token);
    return table;
}

void sandbox_execs_set_credentials(struct exec_table *table,
                                   const struct secret_credentials *credentials)
{
    table->credentials = credentials;
}

void sandbox_execs_free(struct exec_table *table)
{
    if (!table)
        return;
    free(table->authorization);
    free(table);
}

void sandbox_execs_begin(struct exec_table *table, const struct sandbox_exec *exec,
                         struct arena *arena)
{
    struct exec_session *s = alloc_zero(1, sizeof *s);
    struct sandbox_exec *own = arena_alloc(arena, sizeof *own);
    *own = *exec;
    s->table = table;
    s->arena = arena;
    s->exec = own;
    s->id = ++table->last_id;
    s->next = table->sessions;
    table->sessions = s;
    table->n_sessions++;
    uv_timer_init(table->made.loop, &s->timer);
    s->timer.data = s;
    s->parts = 2;                                   /* the timer and the call or tunnel */
    dial(s);
}

static struct exec_session *find(const struct exec_table *table, uint32_t id)
{
    struct exec_session *s = table->sessions;
    while (s && s->id != id)
        s = s->next;
    return s;
}

static int connect_port(struct exec_session *s, const int *fds, size_t n_fds)
{
    struct error err;
    int fd = sandbox_exec_connect(s, fds, n_fds, &err);
    if (fd >= 0)
        sandbox_exec_open_io(s, &fd, 1);
    else
        sandbox_execs_exited(s->table, s->id, EXEC_CANNOT_RUN_CODE, err.text);
    return fd >= 0 ? 0 : -1;
}

void sandbox_execs_started(struct exec_table *table, uint32_t id, const int *fds, size_t n_fds)
{
    struct exec_session *s = find(table, id);
    if (!s || !s->tunnel) {
        for (size_t i = 0; i < n_fds; i++)
            close(fds[i]);
        return;
    }
    if (n_fds == 0) {                               /* they came, and there was no room for them */
        container_kill(table->made.container, id, SIGKILL);
        sandbox_execs_exited(table, id, EXEC_CANNOT_RUN_CODE,
                             "the sandbox's supervisor has no room for more open files "
                             "(RLIMIT_NOFILE): end other commands first");
        return;
    }
    if (sandbox_exec_is_tcp(s)) {
        if (connect_port(s, fds, n_fds) != 0)
            return;
    } else {
        sandbox_exec_open_io(s, fds, n_fds);
    }
    if (s->exec->timeout_ms > 0)
        uv_timer_start(&s->timer, on_timeout, s->exec->timeout_ms, 0);
    if (sandbox_exec_take_frames(s, "", 0))
        http_tunnel_resume(s->tunnel);
    else
        http_tunnel_close(s->tunnel);
}

void sandbox_execs_exited(struct exec_table *table, uint32_t id, int code, const char *error)
{
    struct exec_session *s = find(table, id);
    if (!s || !s->running)
        return;
    s->running = false;
    if (s->exec->service && code == EXEC_NOT_FOUND_CODE && *error)
        error = NO_SSH_SERVER;
    finish_session(s, code, error);
    sandbox_exec_part_ended(s);
}

void sandbox_execs_end(struct exec_table *table, const char *why, void (*on_ended)(void *ctx),
                       void *ctx)
{
    table->ending = true;
    table->on_ended = on_ended;
    table->ended_ctx = ctx;
    for (struct exec_session *s = table->sessions, *next; s; s = next) {
        next = s->next;
        if (s->running)
            sandbox_execs_exited(table, s->id, 128 + SIGKILL, why);
        else if (s->call) {
            http_client_cancel(s->call);
            call_failed(s, why);
        }
    }
    table_check_ended(table);
}
