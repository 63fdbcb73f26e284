/* SPDX-License-Identifier: Apache-2.0 */
/* How a command's session goes on and ends. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/container/container.h"
#include "sandbox/supervisor/process/exec_parts.h"

bool exec_is_tcp(const struct exec_session *s)
{
    return s->exec->service && strcmp(s->exec->service, SANDBOX_SERVICE_TCP) == 0;
}

/* --- the life of a session ------------------------------------------------------------------- */

void exec_table_check_ended(struct exec_table *table)
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
    exec_table_check_ended(table);
}

void exec_part_ended(struct exec_session *s)
{
    if (--s->parts == 0)
        session_free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
    exec_part_ended(handle->data);
}

/* Nothing is left to wait for but handles that close. */
void exec_wind_up(struct exec_session *s)
{
    if (s->running || s->tunnel || s->call || uv_is_closing((uv_handle_t *)&s->timer))
        return;
    process_io_close(&s->io);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

/* --- detached commands ----------------------------------------------------------------------- */

void exec_tell_detached(struct exec_session *s, pid_t pid, const char *error)
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

void exec_finish(struct exec_session *s, int code, const char *error)
{
    s->finished = true;
    s->code = s->timed_out ? EXEC_TIMEOUT_CODE : code;
    snprintf(s->error, sizeof s->error, "%s", error);
    s->error[text_utf8_valid(s->error, strlen(s->error))] = '\0';
    uv_timer_stop(&s->timer);
    if (s->exec->detach)
        exec_tell_detached(s, 0, *s->error ? s->error : "it ended before it ran");
    else if (s->tunnel && !process_io_ended(&s->io))
        uv_timer_start(&s->timer, on_linger, EXEC_LINGER_MS, 0);
    else
        send_exit(s);
    exec_wind_up(s);
}

static void on_kill(uv_timer_t *timer)
{
    struct exec_session *s = timer->data;
    if (s->running)
        container_kill(s->table->made.container, s->id, SIGKILL);
}

static void terminate(struct exec_session *s)
{
    if (exec_is_tcp(s)) {
        sandbox_execs_exited(s->table, s->id, 0, "");
        return;
    }
    container_kill(s->table->made.container, s->id, SIGTERM);
    container_kill(s->table->made.container, s->id, SIGCONT);
    uv_timer_start(&s->timer, on_kill, EXEC_KILL_GRACE_MS, 0);
}

void exec_on_timeout(uv_timer_t *timer)
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
    if (s->running && exec_is_tcp(s)) {
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
    exec_part_ended(owner);
}

const struct process_io_calls exec_io_calls = {on_output, on_output_ended, on_input_taken,
                                                 on_io_closed};

/* --- the tunnel ------------------------------------------------------------------------------ */

bool exec_take_frame(void *ctx, const struct sandbox_frame *frame)
{
    struct exec_session *s = ctx;
    if (frame->type == FRAME_RESIZE)
        process_io_resize(&s->io, frame->payload, frame->len, false);
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
    else if (!session_read(&s->received, bytes, len, exec_take_frame, s))
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
    exec_wind_up(s);
    exec_part_ended(s);
}

const struct http_tunnel_callbacks exec_tunnel_callbacks = {
    .on_read = on_tunnel_read, .on_drain = on_tunnel_drain, .on_close = on_tunnel_close,
};
