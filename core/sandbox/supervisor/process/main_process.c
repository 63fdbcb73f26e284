/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/main_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "sandbox/container/container.h"
#include "sandbox/mounts/mount_plan.h"
#include "sandbox/supervisor/process/command.h"
#include "sandbox/supervisor/process/exec.h"
#include "sandbox/supervisor/process/main_process_parts.h"

/* ---- its end ---- */

void main_process_part_closed(struct main_process *p)
{
    if (--p->parts > 0 || !p->on_ended)
        return;
    void (*on_ended)(void *ctx) = p->on_ended;
    p->on_ended = NULL;
    on_ended(p->ended_ctx);
}

static void on_timer_closed(uv_handle_t *timer)
{
    main_process_part_closed(timer->data);
}

void main_process_check_ended(struct main_process *p)
{
    if (!p->ending || p->clients || uv_is_closing((uv_handle_t *)&p->timer))
        return;
    process_io_close(&p->io);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
    uv_close((uv_handle_t *)&p->look, on_timer_closed);
}

static void be_complete(struct main_process *p)
{
    p->complete = true;
    main_process_serve_clients(p);
}

static void on_linger(uv_timer_t *timer)
{
    be_complete(timer->data);
}

/* What it left behind may go on and write: its pipes stay open. */
void sandbox_main_exited(struct main_process *p, int code, const char *error)
{
    if (p->state == MAIN_ENDED)
        return;
    p->state = MAIN_ENDED;
    snprintf(p->error, sizeof p->error, "%s", error);
    p->error[text_utf8_valid(p->error, strlen(p->error))] = '\0';
    p->report.ended_ms = clock_now_ms();
    p->report.code = code;
    p->made.on_change(p->made.ctx, &p->report);
    uv_timer_stop(&p->timer);
    if (process_io_ended(&p->io))
        be_complete(p);
    else
        uv_timer_start(&p->timer, on_linger, MAIN_LINGER_MS, 0);
}

void sandbox_main_end(struct main_process *p, const char *why, void (*on_ended)(void *ctx),
                      void *ctx)
{
    p->ending = true;
    p->on_ended = on_ended;
    p->ended_ctx = ctx;
    if (p->state == MAIN_RUNNING)
        sandbox_main_exited(p, 128 + SIGKILL, why);
    p->state = MAIN_ENDED;
    uv_timer_stop(&p->timer);
    main_process_stop_listening(p);
    be_complete(p);
    main_process_check_ended(p);
}

/* ---- its streams ---- */

static void on_output(void *owner, enum sandbox_frame_type type, char *frame, size_t len)
{
    struct main_process *p = owner;
    output_ring_add(&p->output, type, frame + FRAME_HEADER_SIZE, len);
    main_process_serve_clients(p);
}

static void on_output_ended(void *owner)
{
    struct main_process *p = owner;
    if (p->state == MAIN_ENDED && process_io_ended(&p->io))
        be_complete(p);
}

static void on_input_taken(void *owner)
{
    main_process_take_input(owner);
}

static void on_io_closed(void *owner)
{
    main_process_part_closed(owner);
}

static const struct process_io_calls io_calls = {on_output, on_output_ended, on_input_taken,
                                                 on_io_closed};

void sandbox_main_started(struct main_process *p, const int *fds, size_t n_fds)
{
    const struct sandbox_exec *exec = p->made.spec->main;
    if (n_fds == 0) {                               /* they came, and there was no room for them */
        container_kill(p->made.container, MAIN_PROCESS_ID, SIGKILL);
        sandbox_main_exited(p, EXEC_CANNOT_RUN_CODE, EXEC_NO_ROOM);
        return;
    }
    p->parts++;
    process_io_open(&p->io, p->made.loop, fds, n_fds, &io_calls, p);
    if (!exec->tty && !p->typist)
        process_io_end_input(&p->io);
    main_process_take_input(p);
}

/* ---- its start ---- */

static int run(struct main_process *p, struct arena *arena, struct error *err)
{
    const struct sandbox_exec *exec = p->made.spec->main;
    const struct sandbox_attach *first = p->clients ? p->clients->attach : NULL;
    bool sized = first && first->cols && first->rows;
    struct container_command command = {
        .argv = exec->command,
        .n_argv = exec->n_command,
        .streams = exec->tty ? EXEC_TERMINAL : EXEC_PIPES,
        .cols = sized ? first->cols : exec->cols,
        .rows = sized ? first->rows : exec->rows,
        .folder = exec->workdir && *exec->workdir ? exec->workdir : SANDBOX_WORKDIR};
    if (sandbox_exec_check(exec, err) != 0)
        return -1;
    command.env = sandbox_env_make(p->made.spec, exec, p->credentials, arena, &command.n_env);
    return container_run(p->made.container, MAIN_PROCESS_ID, &command, err);
}

void main_process_start(struct main_process *p)
{
    struct arena *arena = arena_new();
    struct error err;
    if (p->state == MAIN_RUNNING || p->state == MAIN_ENDED)
        return;
    uv_timer_stop(&p->timer);
    p->state = MAIN_RUNNING;
    p->report.started_ms = clock_now_ms();
    if (run(p, arena, &err) != 0)
        sandbox_main_exited(p, EXEC_CANNOT_RUN_CODE, err.text);
    else
        p->made.on_change(p->made.ctx, &p->report);
    arena_free(arena);
}

static void on_no_client(uv_timer_t *timer)
{
    main_process_start(timer->data);
}

void sandbox_main_begin(struct main_process *p, const struct secret_credentials *credentials)
{
    p->credentials = credentials;
    if (p->state != MAIN_UNEQUIPPED)
        return;
    p->state = MAIN_WAITING;
    if (p->made.spec->main_waits)
        uv_timer_start(&p->timer, on_no_client, MAIN_FIRST_CLIENT_MS, 0);
    else
        main_process_start(p);
}

const struct sandbox_main *sandbox_main_report(const struct main_process *p)
{
    return &p->report;
}

struct main_process *sandbox_main_new(const struct main_process_request *request)
{
    struct main_process *p = alloc_zero(1, sizeof *p);
    p->made = *request;
    p->report.error = p->error;
    uv_timer_init(request->loop, &p->timer);
    uv_timer_init(request->loop, &p->look);
    p->timer.data = p->look.data = p;
    p->parts = 2;
    return p;
}

void sandbox_main_free(struct main_process *p)
{
    if (!p)
        return;
    output_ring_free(&p->output);
    free(p);
}
