/* SPDX-License-Identifier: Apache-2.0 */
/* The main process of a sandbox, which needs no client: it starts with the sandbox, goes on without
 * a gateway, and clients attach to its streams and leave.
 *
 * Its output is kept, bounded (output_ring.h), whether anybody is attached or not; a client first
 * gets what is kept, then what comes.  The process waits for a client that reads more slowly than
 * it writes, but no longer than MAIN_PATIENCE_S without progress: then that client loses output,
 * and a line says how much.
 *
 * Input: to a terminal from every client; to a pipe from the client that the start waited for, and
 * from nobody else.  A client that goes never ends the process.
 *
 * Ownership: borrows what it is made with.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_MAIN_PROCESS_H
#define SANDBOX_SUPERVISOR_PROCESS_MAIN_PROCESS_H

#include <sys/types.h>
#include <uv.h>

#include "sandbox/wire/protocol.h"

struct arena;
struct container;
struct main_process;
struct secret_credentials;

/* Of the container's commands too: what brings the socket. */
#define MAIN_LISTENER_ID UINT32_MAX

enum {
    MAIN_PROCESS_ID = 0,                        /* of the container's commands; no other has it */
    MAIN_CLIENTS_MAX = 16,
    MAIN_INSIDE_MAX = 8, /* of these, from within the sandbox, where anything may connect */
    MAIN_PATIENCE_S = 10,
    MAIN_FIRST_CLIENT_MS = 5000,                    /* the start waits so long for its client */
    MAIN_LINGER_MS = 200,                     /* for the output of what the process left behind */
};

struct main_process_request {
    uv_loop_t *loop;
    struct container *container;
    const struct sandbox_spec *spec;                /* has a main process */
    /* It has started or ended. */
    void (*on_change)(void *ctx, const struct sandbox_main *report);
    void *ctx;
};

struct main_process *sandbox_main_new(const struct main_process_request *request);
/* Starts it, or waits for its first client, unless that was done already.  credentials: needed
 * until the next call, NULL for none; the process has the placeholders of when it starts. */
void sandbox_main_begin(struct main_process *process,
                        const struct secret_credentials *credentials);
/* Dials the gateway; copies attach and takes the arena of what it points to. */
void sandbox_main_attach(struct main_process *process, const struct sandbox_attach *attach,
                         struct arena *arena);
/* From now on clients within the sandbox attach to the socket too, as sluice-attach does.  Takes
 * the descriptor. */
void sandbox_main_listen(struct main_process *process, int fd);
/* How it stands. */
const struct sandbox_main *sandbox_main_report(const struct main_process *process);

/* Events of the container. */
void sandbox_main_started(struct main_process *process, const int *fds, size_t n_fds);
void sandbox_main_exited(struct main_process *process, int code, const char *error);
/* The sandbox is gone: clients hear how it ended.  on_ended may be called before this returns. */
void sandbox_main_end(struct main_process *process, const char *why, void (*on_ended)(void *ctx),
                      void *ctx);
/* It has ended.  NULL is fine. */
void sandbox_main_free(struct main_process *process);

#endif
