/* SPDX-License-Identifier: Apache-2.0 */
/* The pipes or the terminal of a process in the sandbox, or a socket.
 *
 * Ownership: part of its owner, and zero until it is opened.  Once it was opened, the owner lives
 * until closed was called.  Calls come from the loop, never from inside one of these functions.
 * Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_PROCESS_IO_H
#define SANDBOX_SUPERVISOR_PROCESS_PROCESS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "sandbox/wire/frame.h"

enum { PROCESS_READ_MAX = 32 * 1024, STDIN_QUEUE_HIGH = 256 * 1024, STDIN_QUEUE_LOW = 64 * 1024 };

struct process_io;

struct process_io_calls {
    /* len bytes of output, FRAME_HEADER_SIZE behind the begin of frame. */
    void (*output)(void *owner, enum sandbox_frame_type type, char *frame, size_t len);
    void (*output_ended)(void *owner);              /* one of them */
    void (*input_taken)(void *owner);               /* STDIN_QUEUE_LOW bytes or fewer are queued */
    void (*closed)(void *owner);                    /* no further call comes */
};

struct process_output {
    uv_pipe_t pipe;
    struct process_io *io;
    enum sandbox_frame_type type;
    bool open, ended;
    /* Room for the frame's header comes before what is read. */
    char buffer[FRAME_HEADER_SIZE + PROCESS_READ_MAX];
};

struct process_io {
    const struct process_io_calls *calls;           /* NULL: not opened yet */
    void *owner;
    uv_loop_t *loop;
    unsigned parts;                                 /* open handles and writes under way */
    struct process_output outputs[2];               /* a terminal has one, and reads from it too */
    uv_pipe_t input;
    bool socket;                                    /* set by the owner: it is none of these */
    bool input_open, input_own, input_ended;        /* own: not the terminal or socket */
    uv_shutdown_t shutdown;                         /* of a socket, after its input's end */
    size_t input_queued;                            /* bytes on their way to the process */
};

/* Takes the descriptors of container_callbacks.on_started and reads the outputs. */
void process_io_open(struct process_io *io, uv_loop_t *loop, const int *fds, size_t n_fds,
                     const struct process_io_calls *calls, void *owner);
void process_io_pause(struct process_io *io, bool pause);       /* stops reading the outputs */
bool process_io_ended(const struct process_io *io);             /* no output is left to read */
/* False: STDIN_QUEUE_HIGH is queued, wait for input_taken. */
bool process_io_write(struct process_io *io, const void *bytes, size_t len);
/* Standard input ends behind what is queued.  A terminal gets the character that says so. */
void process_io_end_input(struct process_io *io);
/* Sets the size of a terminal; the payload of a resize frame.  redraw: its programs hear of it also
 * if they have that size. */
void process_io_resize(struct process_io *io, const void *json, size_t len, bool redraw);
void process_io_redraw(struct process_io *io, uint16_t cols, uint16_t rows);
void process_io_close(struct process_io *io);

#endif
