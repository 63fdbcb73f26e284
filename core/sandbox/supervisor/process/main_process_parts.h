/* SPDX-License-Identifier: Apache-2.0 */
/* Inside main_process*.c: the process, and the clients of its streams. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_MAIN_PROCESS_PARTS_H
#define SANDBOX_SUPERVISOR_PROCESS_MAIN_PROCESS_PARTS_H

#include "sandbox/supervisor/process/main_process.h"
#include "sandbox/supervisor/process/output_ring.h"
#include "sandbox/supervisor/process/process_io.h"
#include "sandbox/supervisor/process/session.h"

struct main_client {
    struct main_client *next;
    struct main_process *process;
    struct arena *arena;
    const struct sandbox_attach *attach;
    struct http_call *call;                         /* until the tunnel, or the error */
    struct http_tunnel *tunnel;
    struct buf received;                            /* an incomplete frame */
    uint64_t position;                              /* in the output */
    size_t queued;                                  /* at the last look */
    unsigned looks;                                 /* without progress, or since the exit frame */
    bool full;                                      /* waits for on_drain */
    bool slow;                                      /* the process waits for it no longer */
    bool told;                                      /* the exit frame is sent */
    bool inside, sized;                             /* within the sandbox; told its size */
};

struct main_process {
    struct main_process_request made;
    const struct secret_credentials *credentials;
    enum { MAIN_UNEQUIPPED, MAIN_WAITING, MAIN_RUNNING, MAIN_ENDED } state;
    struct process_io io;
    struct output_ring output;
    struct main_client *clients;
    size_t n_clients, n_inside;
    uv_pipe_t listener;                             /* for those within the sandbox */
    bool listens;
    struct main_client *typist;                     /* who writes to its pipe; NULL: nobody */
    bool complete;                                  /* ended, and clients need wait for no output */
    struct sandbox_main report;
    char error[512];                                /* of the report */
    unsigned parts;                                 /* open handles: the timers and io */
    uv_timer_t timer;                               /* the first client's time, then the linger */
    uv_timer_t look;                                /* at the clients; each second while any are */
    bool ending;
    void (*on_ended)(void *ctx);
    void *ended_ctx;
    char frame[FRAME_HEADER_SIZE + PROCESS_READ_MAX];       /* room to make one */
};

/* main_process.c */
void main_process_start(struct main_process *p);
void main_process_check_ended(struct main_process *p);
void main_process_part_closed(struct main_process *p);

/* main_process_clients.c */
/* Clients get what there is for them; the process waits for those that are behind. */
void main_process_serve_clients(struct main_process *p);
/* One more, whose tunnel or call is still to come. */
struct main_client *main_process_add_client(struct main_process *p,
                                            const struct sandbox_attach *attach,
                                            struct arena *arena);
void main_process_take_client(struct main_client *c, struct http_tunnel *tunnel);
/* There is room for what they type. */
void main_process_take_input(struct main_process *p);

/* main_process_inside.c */
void main_process_stop_listening(struct main_process *p);

#endif
