/* SPDX-License-Identifier: Apache-2.0 */
/* Inside exec*.c: one command, its pipes and its tunnel.
 *
 * A session counts what keeps it alive (parts); it is gone when the last part has ended. */
#ifndef SANDBOX_SUPERVISOR_EXEC_PARTS_H
#define SANDBOX_SUPERVISOR_EXEC_PARTS_H

#include "base/buf.h"
#include "http/client.h"
#include "sandbox/supervisor/exec.h"
#include "sandbox/wire/frame.h"

struct exec_session;

enum { STREAM_BUFFER_SIZE = 32 * 1024, STDIN_QUEUE_HIGH = 256 * 1024, STDIN_QUEUE_LOW = 64 * 1024 };

struct exec_output {
    uv_pipe_t pipe;
    struct exec_session *session;
    enum sandbox_frame_type type;
    bool open, ended;
    /* Room for the frame's header comes before what is read. */
    char buffer[FRAME_HEADER_SIZE + STREAM_BUFFER_SIZE];
};

struct exec_session {
    struct exec_session *next;
    struct exec_table *table;
    struct arena *arena;
    const struct sandbox_exec *exec;
    uint32_t id;
    unsigned parts;                          /* open handles, the tunnel or its call, the command */
    struct http_call *call;                         /* until the tunnel, or the error */
    struct http_tunnel *tunnel;
    bool tunnel_full;                               /* outputs wait for on_drain */
    struct buf received;                            /* an incomplete frame */
    struct exec_output outputs[2];                  /* a terminal has one, and writes to it too */
    uv_pipe_t input;
    bool input_open, input_own, input_ended;        /* own: not the terminal or socket */
    uv_shutdown_t shutdown;                         /* of a socket, after its input's end */
    size_t input_queued;                            /* bytes on their way to the command */
    uv_timer_t timer;                            /* timeout, then kill, then linger, then goodbye */
    bool running, finished, told, timed_out;        /* told: the exit frame is sent */
    bool given_way;                                 /* another has its place */
    int code;
    char error[512];
};

/* exec_io.c */
void sandbox_exec_open_io(struct exec_session *s, const int *fds, size_t n_fds);
/* Frames wait until the pipes are open.  False: no frame of ours, the stream is of no more use. */
bool sandbox_exec_take_frames(struct exec_session *s, const char *bytes, size_t len);
void sandbox_exec_pause_outputs(struct exec_session *s, bool pause);
bool sandbox_exec_outputs_ended(const struct exec_session *s);
void sandbox_exec_close_io(struct exec_session *s);

/* exec_tcp.c */
bool sandbox_exec_is_tcp(const struct exec_session *s);
/* Takes the sockets, and returns the one that reaches the port; -1: err says why none does. */
int sandbox_exec_connect(const struct exec_session *s, const int *fds, size_t n_fds,
                         struct error *err);

/* exec.c */
void sandbox_exec_part_ended(struct exec_session *s);
void sandbox_exec_write(struct exec_session *s, char *frame, enum sandbox_frame_type type,
                        size_t len);
void sandbox_exec_output_ended(struct exec_session *s);

#endif
