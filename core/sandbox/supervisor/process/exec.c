/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/exec.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "sandbox/container/container.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/supervisor/process/command.h"
#include "sandbox/supervisor/process/exec_parts.h"
#include "sandbox/supervisor/process/exec_tcp.h"
#include "sandbox/supervisor/process/ssh.h"

#define NO_SSH_SERVER                                                                            \
    "there is no " SANDBOX_SSH_SERVER " in the sandbox: install openssh-server on the gateway's "  \
    "machine (it needs no configuration and no running service)"

/* Commands that run have a place each; the oldest that has only something left to say gives way. */
static bool make_room(struct exec_table *table)
{
    struct exec_session *oldest = NULL;
    size_t n = 0, running = 0;
    for (struct exec_session *s = table->sessions; s; s = s->next) {
        if (exec_is_tcp(s))
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
        n += exec_is_tcp(other);
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
                                   .streams = exec->detach ? EXEC_NO_STREAMS
                                   : exec->tty    ? EXEC_TERMINAL
                                                  : EXEC_PIPES,
                                   .cols = exec->cols,
                                   .rows = exec->rows,
                                   .folder = exec->workdir && *exec->workdir ? exec->workdir
                                                                             : SANDBOX_WORKDIR};
    if (sandbox_exec_check(exec, err) != 0)
        return -1;
    if (s->table->ending)
        return error_set(err, ERROR_STATE, "the sandbox is stopping");
    if (exec_is_tcp(s))
        return open_port(s, err);
    if (!make_room(s->table))
        return error_set(err, ERROR_LIMIT, "%d commands run in this sandbox already",
                         EXEC_SESSIONS_MAX);
    command.env = sandbox_env_make(s->table->made.spec, exec, s->table->credentials, s->arena,
                                   &command.n_env);
    if (exec->service)
        command.argv =
            sandbox_ssh_command(command.env, command.n_env, s->table->made.spec->main, s->arena,
                                &command.n_argv);
    return container_run(s->table->made.container, s->id, &command, err);
}

static void begin_detached(struct exec_session *s)
{
    struct error err;
    if (run(s, &err) != 0) {
        exec_finish(s, EXEC_CANNOT_RUN_CODE, err.text);
        return;
    }
    s->running = true;
    s->parts++;
}

static void on_upgrade(void *ctx, const struct http_head *head, struct http_tunnel *tunnel)
{
    struct exec_session *s = ctx;
    struct error err;
    (void)head;
    s->call = NULL;
    s->tunnel = tunnel;
    http_tunnel_start(tunnel, &exec_tunnel_callbacks, s);
    http_tunnel_close_at_end(tunnel);             /* frames have an end of input: it is gone */
    http_tunnel_pause(tunnel);                    /* until there is somebody to give its input to */
    if (run(s, &err) != 0) {
        http_tunnel_resume(tunnel);
        s->io.input_ended = true;
        exec_finish(s, EXEC_CANNOT_RUN_CODE, err.text);
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
    exec_wind_up(s);
    exec_part_ended(s);
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

/* --- the table ------------------------------------------------------------------------------- */

struct exec_table *sandbox_execs_new(const struct exec_table_request *request)
{
    struct exec_table *table = alloc_zero(1, sizeof *table);
    table->made = *request;
    return table;
}

void sandbox_execs_set_credentials(struct exec_table *table,
                                   const struct secret_credentials *credentials)
{
    table->credentials = credentials;
}

void sandbox_execs_free(struct exec_table *table)
{
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
    s->parts = 1;                                   /* the timer */
    if (own->detach) {
        begin_detached(s);
        return;
    }
    s->parts++;                                     /* the call or tunnel */
    s->call = session_dial(table->made.loop, table->made.spec, own->id, arena, &call_callbacks, s);
}

static struct exec_session *find(const struct exec_table *table, uint32_t id)
{
    struct exec_session *s = table->sessions;
    while (s && s->id != id)
        s = s->next;
    return s;
}

/* A socket is read and written like a terminal. */
static int open_io(struct exec_session *s, const int *fds, size_t n_fds)
{
    struct error err;
    int socket = -1;
    if (exec_is_tcp(s)) {
        socket = sandbox_tcp_connect(s->exec->port, fds, n_fds, &err);
        if (socket < 0) {
            sandbox_execs_exited(s->table, s->id, EXEC_CANNOT_RUN_CODE, err.text);
            return -1;
        }
        fds = &socket;
        n_fds = 1;
    }
    s->io.socket = exec_is_tcp(s);
    s->parts++;
    process_io_open(&s->io, s->table->made.loop, fds, n_fds, &exec_io_calls, s);
    return 0;
}

void sandbox_execs_started(struct exec_table *table, uint32_t id, pid_t pid, const int *fds,
                           size_t n_fds)
{
    struct exec_session *s = find(table, id);
    if (s && s->exec->detach) {
        exec_tell_detached(s, pid, "");
        if (s->exec->timeout_ms > 0)
            uv_timer_start(&s->timer, exec_on_timeout, s->exec->timeout_ms, 0);
        return;
    }
    if (!s || !s->tunnel) {
        for (size_t i = 0; i < n_fds; i++)
            close(fds[i]);
        return;
    }
    if (n_fds == 0) {                               /* they came, and there was no room for them */
        container_kill(table->made.container, id, SIGKILL);
        sandbox_execs_exited(table, id, EXEC_CANNOT_RUN_CODE, EXEC_NO_ROOM);
        return;
    }
    if (open_io(s, fds, n_fds) != 0)
        return;
    if (s->exec->timeout_ms > 0)
        uv_timer_start(&s->timer, exec_on_timeout, s->exec->timeout_ms, 0);
    if (session_read(&s->received, "", 0, exec_take_frame, s))
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
    exec_finish(s, code, error);
    exec_part_ended(s);
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
    exec_table_check_ended(table);
}
