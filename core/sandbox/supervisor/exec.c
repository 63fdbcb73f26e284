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
#include "sandbox/supervisor/exec_tcp.h"
#include "sandbox/supervisor/process_io.h"
#include "sandbox/supervisor/session.h"
#include "sandbox/supervisor/ssh.h"

#define NO_SSH_SERVER                                                                            \
    "there is no " SANDBOX_SSH_SERVER " in the sandbox: install openssh-server on the gateway's "  \
    "machine (it needs no configuration and no running service)"

/* It counts what keeps it alive (parts) and is gone when the last part has ended. */
struct exec_session {
    struct exec_session *next;
    struct exec_table *table;
    struct arena *arena;
    const struct sandbox_exec *exec;
    uint32_t id;
    unsigned parts; /* the pipes, the tunnel or its call, the command, the timer */
    struct http_call *call;                         /* until the tunnel, or the error */
    struct http_tunnel *tunnel;
    bool tunnel_full;                               /* outputs wait for on_drain */
    struct buf received;                            /* an incomplete frame */
    struct process_io io;
    uv_timer_t timer;                            /* timeout, then kill, then linger, then goodbye */
    bool running, finished, timed_out;
    bool told;                /* the exit frame is sent; detached: the gateway knows how it began */
    bool given_way;                                 /* another has its place */
    int code;
    char error[512];
};

struct exec_table {
    struct exec_table_request made;
    const struct secret_credentials *credentials;   /* NULL: none */
    struct exec_session *sessions;
    size_t n_sessions;
    uint32_t last_id;
    bool ending;
    void (*on_ended)(void *ctx);
    void *ended_ctx;
};

static bool is_tcp(const struct exec_session *s)
{
    return s->exec->service && strcmp(s->exec->service, SANDBOX_SERVICE_TCP) == 0;
}

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

static void part_ended(struct exec_session *s)
{
    if (--s->parts == 0)
        session_free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
    part_ended(handle->data);
}

/* Nothing is left to wait for but handles that close. */
static void wind_up(struct exec_session *s)
{
    if (s->running || s->tunnel || s->call || uv_is_closing((uv_handle_t *)&s->timer))
        return;
    process_io_close(&s->io);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

/* --- detached commands ----------------------------------------------------------------------- */

static void tell_detached(struct exec_session *s, pid_t pid, const char *error)
{
    const struct exec_table_request *made = &s->table->made;
    if (!s->told)
        made->tell(made->ctx, &(struct sandbox_detached){s->exec->id, pid, error});
    s->told = true;
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
        uv_timer_start(timer, on_goodbye, SESSION_GOODBYE_MS, 0);
    else if (s->tunnel)
        http_tunnel_close(s->tunnel);
}

static void send_exit(struct exec_session *s)
{
    if (s->told || !s->tunnel)
        return;
    s->told = true;
    session_write_exit(s->tunnel, s->code, s->error);
    uv_timer_start(&s->timer, on_goodbye, SESSION_GOODBYE_MS, 0);
}

static void on_linger(uv_timer_t *timer)
{
    struct exec_session *s = timer->data;
    if (s->tunnel_full && still_reads(s)) {
        uv_timer_start(timer, on_linger, EXEC_LINGER_MS, 0);
        return;
    }
    process_io_close(&s->io);
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
    if (s->exec->detach)
        tell_detached(s, 0, *s->error ? s->error : "it ended before it ran");
    else if (s->tunnel && !process_io_ended(&s->io))
        uv_timer_start(&s->timer, on_linger, EXEC_LINGER_MS, 0);
    else
        send_exit(s);
    wind_up(s);
}

static void on_kill(uv_timer_t *timer)
{
    struct exec_session *s = timer->data;
    if (s->running)
        container_kill(s->table->made.container, s->id, SIGKILL);
}

static void terminate(struct exec_session *s)
{
    if (is_tcp(s)) {
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

/* --- the pipes of the command ---------------------------------------------------------------- */

static void on_output(void *owner, enum sandbox_frame_type type, char *frame, size_t len)
{
    struct exec_session *s = owner;
    if (s->tunnel && !session_write(s->tunnel, frame, type, len)) {
        s->tunnel_full = true;
        process_io_pause(&s->io, true);
    }
}

static void on_output_ended(void *owner)
{
    struct exec_session *s = owner;
    if (s->running && is_tcp(s)) {
        sandbox_execs_exited(s->table, s->id, 0, "");
    } else if (!s->running && process_io_ended(&s->io)) {
        uv_timer_stop(&s->timer);
        send_exit(s);
    }
}

static void on_input_taken(void *owner)
{
    struct exec_session *s = owner;
    if (s->tunnel)
        http_tunnel_resume(s->tunnel);
}

static void on_io_closed(void *owner)
{
    part_ended(owner);
}

static const struct process_io_calls io_calls = {on_output, on_output_ended, on_input_taken,
                                                 on_io_closed};

/* --- the tunnel ------------------------------------------------------------------------------ */

static bool take_frame(void *ctx, const struct sandbox_frame *frame)
{
    struct exec_session *s = ctx;
    if (frame->type == FRAME_RESIZE)
        process_io_resize(&s->io, frame->payload, frame->len);
    else if (frame->type != FRAME_STDIN)
        return false;
    else if (frame->len == 0)
        process_io_end_input(&s->io);
    else if (!process_io_write(&s->io, frame->payload, frame->len) && s->tunnel)
        http_tunnel_pause(s->tunnel);
    return true;
}

static void on_tunnel_drain(struct http_tunnel *tunnel, void *ctx)
{
    struct exec_session *s = ctx;
    (void)tunnel;
    if (!s->tunnel_full)
        return;
    s->tunnel_full = false;
    process_io_pause(&s->io, false);
}

static void on_tunnel_read(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len)
{
    struct exec_session *s = ctx;
    if (len == 0)
        return;
    if (!s->io.calls)                               /* frames wait until the pipes are open */
        buf_add(&s->received, bytes, len);
    else if (!session_read(&s->received, bytes, len, take_frame, s))
        http_tunnel_close(tunnel);
}

static void on_tunnel_close(void *ctx, const struct error *why)
{
    struct exec_session *s = ctx;
    (void)why;
    s->tunnel = NULL;
    process_io_close(&s->io);
    if (s->running)
        terminate(s);
    wind_up(s);
    part_ended(s);
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
        if (is_tcp(s))
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
        n += is_tcp(other);
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
    if (is_tcp(s))
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

static void begin_detached(struct exec_session *s)
{
    struct error err;
    if (run(s, &err) != 0) {
        finish_session(s, EXEC_CANNOT_RUN_CODE, err.text);
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
    http_tunnel_start(tunnel, &tunnel_callbacks, s);
    http_tunnel_close_at_end(tunnel);             /* frames have an end of input: it is gone */
    http_tunnel_pause(tunnel);                    /* until there is somebody to give its input to */
    if (run(s, &err) != 0) {
        http_tunnel_resume(tunnel);
        s->io.input_ended = true;
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
    part_ended(s);
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
    if (is_tcp(s)) {
        socket = sandbox_tcp_connect(s->exec->port, fds, n_fds, &err);
        if (socket < 0) {
            sandbox_execs_exited(s->table, s->id, EXEC_CANNOT_RUN_CODE, err.text);
            return -1;
        }
        fds = &socket;
        n_fds = 1;
    }
    s->io.socket = is_tcp(s);
    s->parts++;
    process_io_open(&s->io, s->table->made.loop, fds, n_fds, &io_calls, s);
    return 0;
}

void sandbox_execs_started(struct exec_table *table, uint32_t id, pid_t pid, const int *fds,
                           size_t n_fds)
{
    struct exec_session *s = find(table, id);
    if (s && s->exec->detach) {
        tell_detached(s, pid, "");
        if (s->exec->timeout_ms > 0)
            uv_timer_start(&s->timer, on_timeout, s->exec->timeout_ms, 0);
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
        uv_timer_start(&s->timer, on_timeout, s->exec->timeout_ms, 0);
    if (session_read(&s->received, "", 0, take_frame, s))
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
    part_ended(s);
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
