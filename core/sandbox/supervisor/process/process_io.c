/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/process_io.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"

enum { END_OF_TRANSMISSION = 4 };                   /* what a terminal takes for the end of input */

static void part_ended(struct process_io *io)
{
    if (--io->parts == 0)
        io->calls->closed(io->owner);
}

static void on_input_closed(uv_handle_t *handle)
{
    part_ended(handle->data);
}

static void on_output_closed(uv_handle_t *handle)
{
    struct process_output *out = handle->data;
    part_ended(out->io);
}

static void close_output(struct process_output *out)
{
    if (!out->open)
        return;
    out->open = false;
    uv_close((uv_handle_t *)&out->pipe, on_output_closed);
}

static void close_input(struct process_io *io)
{
    if (io->input_open && io->input_own)
        uv_close((uv_handle_t *)&io->input, on_input_closed);
    io->input_open = false;
}

void process_io_close(struct process_io *io)
{
    close_input(io);
    close_output(&io->outputs[0]);
    close_output(&io->outputs[1]);
}

/* --- output ---------------------------------------------------------------------------------- */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct process_output *out = handle->data;
    (void)suggested;
    *buf = uv_buf_init(out->buffer + FRAME_HEADER_SIZE, PROCESS_READ_MAX);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct process_output *out = stream->data;
    (void)buf;
    if (n > 0) {
        out->io->calls->output(out->io->owner, out->type, out->buffer, (size_t)n);
    } else if (n < 0) {
        /* A terminal ends with an error, EIO, once nobody has it open any more. */
        uv_read_stop(stream);
        out->ended = true;
        out->io->calls->output_ended(out->io->owner);
    }
}

void process_io_pause(struct process_io *io, bool pause)
{
    for (size_t i = 0; i < 2; i++) {
        struct process_output *out = &io->outputs[i];
        if (!out->open || out->ended)
            continue;
        if (pause)
            uv_read_stop((uv_stream_t *)&out->pipe);
        else
            uv_read_start((uv_stream_t *)&out->pipe, give_buffer, on_output);
    }
}

bool process_io_ended(const struct process_io *io)
{
    return (!io->outputs[0].open || io->outputs[0].ended) &&
           (!io->outputs[1].open || io->outputs[1].ended);
}

/* --- input ----------------------------------------------------------------------------------- */

struct input_write {
    uv_write_t request;
    struct process_io *io;
    size_t len;
    char bytes[];
};

static uv_stream_t *input_stream(struct process_io *io)
{
    return (uv_stream_t *)(io->input_own ? &io->input : &io->outputs[0].pipe);
}

static void on_input_written(uv_write_t *request, int status)
{
    struct input_write *w = request->data;
    struct process_io *io = w->io;
    io->input_queued -= w->len;
    free(w);
    if (status == 0 && io->input_ended && io->input_queued == 0)
        close_input(io);
    else if (status != 0 && status != UV_ECANCELED)
        close_input(io);                            /* the process does not read any more */
    if (io->input_queued < STDIN_QUEUE_LOW)
        io->calls->input_taken(io->owner);
    part_ended(io);
}

static void queue_input(struct process_io *io, const void *bytes, size_t len)
{
    if (!io->input_open)
        return;
    struct input_write *w = alloc_bytes(sizeof *w + len);
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)len);
    w->io = io;
    w->len = len;
    w->request.data = w;
    memcpy(w->bytes, bytes, len);
    if (uv_write(&w->request, input_stream(io), &buf, 1, on_input_written) != 0) {
        free(w);
        close_input(io);
        return;
    }
    io->parts++;
    io->input_queued += len;
}

bool process_io_write(struct process_io *io, const void *bytes, size_t len)
{
    if (!io->input_ended)
        queue_input(io, bytes, len);
    return io->input_queued <= STDIN_QUEUE_HIGH;
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
    (void)status;
    part_ended(request->data);
}

/* After what is still queued; what the other end sends goes on. */
static void shut_down(struct process_io *io)
{
    io->shutdown.data = io;
    if (io->input_open && uv_shutdown(&io->shutdown, input_stream(io), on_shut_down) == 0)
        io->parts++;
    io->input_open = false;
}

void process_io_end_input(struct process_io *io)
{
    const char end = END_OF_TRANSMISSION;
    if (io->input_ended)
        return;
    io->input_ended = true;
    if (io->socket)
        shut_down(io);
    else if (!io->input_own)
        queue_input(io, &end, 1);
    else if (io->input_queued == 0)
        close_input(io);
}

/* --- the size of a terminal ------------------------------------------------------------------ */

static void set_size(struct process_io *io, int cols, int rows)
{
    uv_os_fd_t master;
    struct winsize size = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
    if (!io->input_own && io->outputs[0].open &&
        uv_fileno((uv_handle_t *)&io->outputs[0].pipe, &master) == 0)
        ioctl(master, TIOCSWINSZ, &size);
}

void process_io_redraw(struct process_io *io, uint16_t cols, uint16_t rows)
{
    set_size(io, cols, rows < UINT16_MAX ? rows + 1 : rows - 1);
    set_size(io, cols, rows);
}

void process_io_resize(struct process_io *io, const void *json, size_t len, bool redraw)
{
    int cols = 0, rows = 0;
    json_t *root = json_loadb(json, len, 0, NULL);
    bool known = root && json_unpack(root, "{s:i, s:i}", "cols", &cols, "rows", &rows) == 0 &&
                 cols > 0 && cols <= UINT16_MAX && rows > 0 && rows <= UINT16_MAX;
    json_decref(root);
    if (known && redraw)
        process_io_redraw(io, (uint16_t)cols, (uint16_t)rows);
    else if (known)
        set_size(io, cols, rows);
}

/* --- open ------------------------------------------------------------------------------------ */

static void open_output(struct process_io *io, struct process_output *out, int fd,
                        enum sandbox_frame_type type)
{
    out->io = io;
    out->type = type;
    uv_pipe_init(io->loop, &out->pipe, 0);
    out->pipe.data = out;
    io->parts++;
    out->open = true;
    if (uv_pipe_open(&out->pipe, fd) != 0) {
        close(fd);
        out->ended = true;
    }
}

static void open_input(struct process_io *io, int fd)
{
    uv_pipe_init(io->loop, &io->input, 0);
    io->input.data = io;
    io->parts++;
    io->input_own = io->input_open = true;
    if (uv_pipe_open(&io->input, fd) != 0) {
        close(fd);
        close_input(io);
    }
}

void process_io_open(struct process_io *io, uv_loop_t *loop, const int *fds, size_t n_fds,
                     const struct process_io_calls *calls, void *owner)
{
    io->calls = calls;
    io->owner = owner;
    io->loop = loop;
    if (n_fds == 1) {
        open_output(io, &io->outputs[0], fds[0], FRAME_STDOUT);
        io->input_open = true;
    } else {
        open_input(io, fds[0]);
        open_output(io, &io->outputs[0], fds[1], FRAME_STDOUT);
        open_output(io, &io->outputs[1], fds[2], FRAME_STDERR);
    }
    if (io->input_ended && io->input_own)           /* before it was there */
        close_input(io);
    process_io_pause(io, false);
}
