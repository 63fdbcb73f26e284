/* SPDX-License-Identifier: Apache-2.0 */
/* What exec.c, how commands begin, and exec_session.c, how they go on and end, share. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_EXEC_PARTS_H
#define SANDBOX_SUPERVISOR_PROCESS_EXEC_PARTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "sandbox/supervisor/process/exec.h"
#include "sandbox/supervisor/process/process_io.h"
#include "sandbox/supervisor/process/session.h"

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

/* The session is a connection to a port, not a command. */
bool exec_is_tcp(const struct exec_session *s);
/* Calls on_ended if the table is ending and its last session is gone. */
void exec_table_check_ended(struct exec_table *table);
/* The last part frees the session. */
void exec_part_ended(struct exec_session *s);
/* Closes what is left once nothing runs and nobody is connected. */
void exec_wind_up(struct exec_session *s);
/* Tells the gateway how a detached command began, once.  pid 0: it did not, error says why. */
void exec_tell_detached(struct exec_session *s, pid_t pid, const char *error);
/* The command has ended; what it wrote comes before its exit. */
void exec_finish(struct exec_session *s, int code, const char *error);
void exec_on_timeout(uv_timer_t *timer);
/* One frame from the client; false: it is none that a client sends. */
bool exec_take_frame(void *ctx, const struct sandbox_frame *frame);

extern const struct process_io_calls exec_io_calls;
extern const struct http_tunnel_callbacks exec_tunnel_callbacks;

#endif
