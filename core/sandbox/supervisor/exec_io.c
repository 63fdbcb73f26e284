/* SPDX-License-Identifier: Apache-2.0 */
/* The pipes or the terminal of a command. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sandbox/supervisor/exec_parts.h"

enum { END_OF_TRANSMISSION = 4 };                   /* what a terminal takes for the end of input */

static void on_pipe_closed(uv_handle_t *handle)
{
    sandbox_exec_part_ended(handle->data);
}

static void on_output_closed(uv_handle_t *handle)
{
    struct exec_output *out = handle->data;
    sandbox_exec_part_ended(out->session);
}

static void close_output(struct exec_output *out)
{
    if (!out->open)
        return;
    out->open = false;
    uv_close((uv_handle_t *)&out->pipe, on_output_closed);
}

static void close_input(struct exec_session *s)
{
    if (s->input_open && s->input_own)
        uv_close((uv_handle_t *)&s->input, on_pipe_closed);
    s->input_open = false;
}

void sandbox_exec_close_io(struct exec_session *s)
{
    close_input(s);
    close_output(&s->outputs[0]);
    close_output(&s->outputs[1]);
}

/* --- output ---------------------------------------------------------------------------------- */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct exec_output *out = handle->data;
    (void)suggested;
    *buf = uv_buf_init(out->buffer + FRAME_HEADER_SIZE, STREAM_BUFFER_SIZE);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct exec_output *out = stream->data;
    (void)buf;
    if (n > 0) {
        sandbox_exec_write(out->session, out->buffer, out->type, (size_t)n);
    } else if (n < 0) {
        /* A terminal ends with an error, EIO, once nobody has it open any more. */
        uv_read_stop(stream);
        out->ended = true;
        sandbox_exec_output_ended(out->session);
    }
}

void sandbox_exec_pause_outputs(struct exec_session *s, bool pause)
{
    for (size_t i = 0; i < 2; i++) {
        struct exec_output *out = &s->outputs[i];
        if (!out->open || out->ended)
            continue;
        if (pause)
            uv_read_stop((uv_stream_t *)&out->pipe);
        else
            uv_read_start((uv_stream_t *)&out->pipe, give_buffer, on_output);
    }
}

bool sandbox_exec_outputs_ended(const struct exec_session *s)
{
    return (!s->outputs[0].open || s->outputs[0].ended) &&
           (!s->outputs[1].open || s->outputs[1].ended);
}

/* --- input ----------------------------------------------------------------------------------- */

struct input_write {
    uv_write_t request;
    struct exec_session *session;
    size_t len;
    char bytes[];
};

static uv_stream_t *input_stream(struct exec_session *s)
{
    return (uv_stream_t *)(s->input_own ? &s->input : &s->outputs[0].pipe);
}

static void on_input_written(uv_write_t *request, int status)
{
    struct input_write *w = request->data;
    struct exec_session *s = w->session;
    s->input_queued -= w->len;
    free(w);
    if (status == 0 && s->input_ended && s->input_queued == 0)
        close_input(s);
    else if (status != 0 && status != UV_ECANCELED)
        close_input(s);                             /* the command does not read any more */
    if (s->tunnel && s->input_queued < STDIN_QUEUE_LOW)
        http_tunnel_resume(s->tunnel);
    sandbox_exec_part_ended(s);
}

static void write_input(struct exec_session *s, const void *bytes, size_t len)
{
    if (!s->input_open)
        return;
    struct input_write *w = alloc_bytes(sizeof *w + len);
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)len);
    w->session = s;
    w->len = len;
    w->request.data = w;
    memcpy(w->bytes, bytes, len);
    if (uv_write(&w->request, input_stream(s), &buf, 1, on_input_written) != 0) {
        free(w);
        close_input(s);
        return;
    }
    s->parts++;
    s->input_queued += len;
    if (s->input_queued > STDIN_QUEUE_HIGH)
        http_tunnel_pause(s->tunnel);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
    (void)status;
    sandbox_exec_part_ended(request->data);
}

/* After what is still queued; what the other end sends goes on. */
static void shut_down(struct exec_session *s)
{
    s->shutdown.data = s;
    if (s->input_open && uv_shutdown(&s->shutdown, input_stream(s), on_shut_down) == 0)
        s->parts++;
    s->input_open = false;
}

static void end_input(struct exec_session *s)
{
    const char end = END_OF_TRANSMISSION;
    if (s->input_ended)
        return;
    s->input_ended = true;
    if (sandbox_exec_is_tcp(s))
        shut_down(s);
    else if (!s->input_own)
        write_input(s, &end, 1);
    else if (s->input_queued == 0)
        close_input(s);
}

static void resize(struct exec_session *s, const struct sandbox_frame *frame)
{
    int cols = 0, rows = 0;
    uv_os_fd_t master;
    json_t *root = json_loadb((const char *)frame->payload, frame->len, 0, NULL);
    bool known = root && json_unpack(root, "{s:i, s:i}", "cols", &cols, "rows", &rows) == 0 &&
                 cols > 0 && cols <= UINT16_MAX && rows > 0 && rows <= UINT16_MAX;
    json_decref(root);
    if (!known || s->input_own || !s->outputs[0].open ||
        uv_fileno((uv_handle_t *)&s->outputs[0].pipe, &master) != 0)
        return;
    struct winsize size = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
    ioctl(master, TIOCSWINSZ, &size);
}

static bool take_frame(struct exec_session *s, const struct sandbox_frame *frame)
{
    if (frame->type == FRAME_RESIZE) {
        resize(s, frame);
        return true;
    }
    if (frame->type != FRAME_STDIN)
        return false;
    if (frame->len == 0)
        end_input(s);
    else if (!s->input_ended)
        write_input(s, frame->payload, frame->len);
    return true;
}

bool sandbox_exec_take_frames(struct exec_session *s, const char *bytes, size_t len)
{
    struct sandbox_frame frame;
    ssize_t taken;
    size_t at = 0;
    buf_add(&s->received, bytes, len);
    if (!s->outputs[0].session)                     /* not open yet */
        return true;
    while ((taken = sandbox_frame_next((const uint8_t *)s->received.data + at, s->received.len - at,
                                       &frame)) > 0) {
        if (!take_frame(s, &frame))
            return false;
        at += (size_t)taken;
    }
    buf_consume(&s->received, at);
    return taken == 0;
}

/* --- open ------------------------------------------------------------------------------------ */

static void open_output(struct exec_session *s, struct exec_output *out, int fd,
                        enum sandbox_frame_type type)
{
    uv_loop_t *loop = s->timer.loop;
    out->session = s;
    out->type = type;
    uv_pipe_init(loop, &out->pipe, 0);
    out->pipe.data = out;
    s->parts++;
    out->open = true;
    if (uv_pipe_open(&out->pipe, fd) != 0) {
        close(fd);
        out->ended = true;
    }
}

void sandbox_exec_open_io(struct exec_session *s, const int *fds, size_t n_fds)
{
    if (n_fds == 1) {
        open_output(s, &s->outputs[0], fds[0], FRAME_STDOUT);
        s->input_open = true;
    } else {
        uv_pipe_init(s->timer.loop, &s->input, 0);
        s->input.data = s;
        s->parts++;
        s->input_own = s->input_open = true;
        if (uv_pipe_open(&s->input, fds[0]) != 0) {
            close(fds[0]);
            close_input(s);
        }
        open_output(s, &s->outputs[0], fds[1], FRAME_STDOUT);
        open_output(s, &s->outputs[1], fds[2], FRAME_STDERR);
    }
    sandbox_exec_pause_outputs(s, false);
}
