/* SPDX-License-Identifier: Apache-2.0 */
/* The clients of the main process's streams. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "sandbox/supervisor/process/exec.h"
#include "sandbox/supervisor/process/main_process_parts.h"

enum { LAG_MAX = OUTPUT_KEPT_MAX / 2 };

/* ---- output ---- */

/* Where output is lost, this line stands in its place. */
static void tell_lost(struct main_client *c, bool first, uint64_t lost)
{
    char *text = c->process->frame + FRAME_HEADER_SIZE;
    int len = snprintf(text, PROCESS_READ_MAX,
                       "%s[sluice: %llu bytes of output were dropped here; the newest %d KiB are "
                       "kept]\r\n",
                       first ? "" : "\r\n", (unsigned long long)lost, OUTPUT_KEPT_MAX / 1024);
    session_write(c->tunnel, c->process->frame, FRAME_STDERR, (size_t)len);
}

static void send_output(struct main_client *c)
{
    struct main_process *p = c->process;
    struct output_piece piece;
    bool first = c->position == 0;
    uint64_t lost = output_ring_skip_lost(&p->output, &c->position);
    if (lost)
        tell_lost(c, first, lost);
    while (!c->full && output_ring_read(&p->output, &c->position, PROCESS_READ_MAX, &piece)) {
        memcpy(p->frame + FRAME_HEADER_SIZE, piece.bytes, piece.len);
        c->full = !session_write(c->tunnel, p->frame, piece.type, piece.len);
    }
}

static void tell_exit(struct main_client *c, int code, const char *error)
{
    c->told = true;
    c->looks = 0;
    session_write_exit(c->tunnel, code, error);
}

static void serve(struct main_client *c)
{
    struct main_process *p = c->process;
    if (!c->tunnel || c->told || c->full)
        return;
    send_output(c);
    if (p->complete && c->position == p->output.end)
        tell_exit(c, (int)p->report.code, p->error);
}

/* A client that is this far behind would lose output. */
static bool must_wait(const struct main_process *p)
{
    for (const struct main_client *c = p->clients; c; c = c->next)
        if (c->tunnel && !c->told && !c->slow && p->output.end - c->position > LAG_MAX)
            return true;
    return false;
}

void main_process_serve_clients(struct main_process *p)
{
    for (struct main_client *c = p->clients; c; c = c->next)
        serve(c);
    if (p->io.calls)
        process_io_pause(&p->io, must_wait(p));
}

/* ---- patience ---- */

static void look_at(struct main_client *c)
{
    size_t queued = c->tunnel ? http_tunnel_queued(c->tunnel) : 0;
    bool stuck = c->full && queued == c->queued;
    c->queued = queued;
    if (!c->tunnel)
        return;
    if (c->told) {                                  /* it may take its time to read */
        if ((queued == 0 || c->process->ending) && c->looks++ > 0)
            http_tunnel_close(c->tunnel);
        return;
    }
    c->looks = stuck ? c->looks + 1 : 0;
    c->slow = c->looks >= MAIN_PATIENCE_S;
}

static void on_look(uv_timer_t *timer)
{
    struct main_process *p = timer->data;
    for (struct main_client *c = p->clients; c; c = c->next)
        look_at(c);
    main_process_serve_clients(p);
}

/* ---- input ---- */

static bool take_frame(void *ctx, const struct sandbox_frame *frame)
{
    struct main_client *c = ctx;
    struct main_process *p = c->process;
    bool tty = p->made.spec->main->tty, types = tty || p->typist == c;
    if (frame->type == FRAME_RESIZE) {
        process_io_resize(&p->io, frame->payload, frame->len, c->inside && !c->sized);
        c->sized = true;
    } else if (frame->type != FRAME_STDIN)
        return false;
    else if (frame->len == 0 && !tty && types)  /* the end of a client is no end of a terminal */
        process_io_end_input(&p->io);
    else if (frame->len > 0 && types && !process_io_write(&p->io, frame->payload, frame->len))
        http_tunnel_pause(c->tunnel);
    return true;
}

void main_process_take_input(struct main_process *p)
{
    for (struct main_client *c = p->clients; c; c = c->next)
        if (c->tunnel && session_read(&c->received, "", 0, take_frame, c))
            http_tunnel_resume(c->tunnel);
        else if (c->tunnel)
            http_tunnel_close(c->tunnel);
}

/* ---- the life of a client ---- */

static void client_gone(struct main_client *c)
{
    struct main_process *p = c->process;
    struct main_client **at = &p->clients;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (p->typist == c) {
        p->typist = NULL;
        process_io_end_input(&p->io);
    }
    p->n_inside -= c->inside;
    if (--p->n_clients == 0)
        uv_timer_stop(&p->look);
    buf_free(&c->received);
    arena_free(c->arena);
    free(c);
    main_process_serve_clients(p);                  /* it may be that the process waited for it */
    main_process_check_ended(p);
}

static void on_tunnel_read(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len)
{
    struct main_client *c = ctx;
    if (!c->process->io.calls)                      /* frames wait until the pipes are open */
        buf_add(&c->received, bytes, len);
    else if (len > 0 && !session_read(&c->received, bytes, len, take_frame, c))
        http_tunnel_close(tunnel);
}

static void on_tunnel_drain(struct http_tunnel *tunnel, void *ctx)
{
    struct main_client *c = ctx;
    (void)tunnel;
    c->full = c->slow = false;
    main_process_serve_clients(c->process);
}

static void on_tunnel_close(void *ctx, const struct error *why)
{
    (void)why;
    client_gone(ctx);
}

static const struct http_tunnel_callbacks tunnel_callbacks = {
    .on_read = on_tunnel_read, .on_drain = on_tunnel_drain, .on_close = on_tunnel_close,
};

void main_process_take_client(struct main_client *c, struct http_tunnel *tunnel)
{
    struct main_process *p = c->process;
    c->tunnel = tunnel;
    http_tunnel_start(tunnel, &tunnel_callbacks, c);
    http_tunnel_close_at_end(tunnel);
    if (!p->io.calls)
        http_tunnel_pause(tunnel);              /* until there is somebody to give its input to */
    if (p->n_clients > MAIN_CLIENTS_MAX) {
        http_tunnel_resume(tunnel);
        tell_exit(c, EXEC_CANNOT_RUN_CODE,
                  "too many clients are attached to the main process already");
        return;
    }
    if (p->io.calls && c->attach->cols && c->attach->rows)
        process_io_redraw(&p->io, c->attach->cols, c->attach->rows);
    if (p->state == MAIN_WAITING) {
        if (!p->made.spec->main->detach && !p->made.spec->main->tty)
            p->typist = c;
        main_process_start(p);
    }
    main_process_serve_clients(p);
}

static void on_upgrade(void *ctx, const struct http_head *head, struct http_tunnel *tunnel)
{
    struct main_client *c = ctx;
    (void)head;
    c->call = NULL;
    main_process_take_client(c, tunnel);
}

static void on_response(void *ctx, const struct http_response *response)
{
    (void)response;
    client_gone(ctx);
}

static void on_error(void *ctx, const struct error *err)
{
    (void)err;
    client_gone(ctx);
}

struct main_client *main_process_add_client(struct main_process *p,
                                            const struct sandbox_attach *attach,
                                            struct arena *arena)
{
    struct main_client *c = alloc_zero(1, sizeof *c);
    struct sandbox_attach *own = arena_alloc(arena, sizeof *own);
    *own = *attach;
    *c = (struct main_client){.next = p->clients, .process = p, .arena = arena, .attach = own};
    p->clients = c;
    if (p->n_clients++ == 0)
        uv_timer_start(&p->look, on_look, SESSION_GOODBYE_MS, SESSION_GOODBYE_MS);
    return c;
}

void sandbox_main_attach(struct main_process *p, const struct sandbox_attach *attach,
                         struct arena *arena)
{
    static const struct http_call_callbacks callbacks = {
        .on_response = on_response, .on_upgrade = on_upgrade, .on_error = on_error};
    struct main_client *c = main_process_add_client(p, attach, arena);
    c->call = session_dial(p->made.loop, p->made.spec, c->attach->id, arena, &callbacks, c);
}
