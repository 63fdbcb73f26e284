/* SPDX-License-Identifier: Apache-2.0 */
/* One call, from its head to its status, for the grpc folder only.
 *
 *     head ──▶ begin ──▶ message … ──▶ half_closed      grpc_send …, grpc_end
 *                 └───────── cancelled: the client is gone, or the deadline has passed
 *
 * A method is a row of callbacks.  It ends its call with grpc_end, once, from wherever it likes;
 * after that, or after cancelled, nothing more is called and the call is not to be used.  What a
 * method keeps in state it frees before it ends the call, and in cancelled.  Loop thread only. */
#ifndef GRPC_CALL_H
#define GRPC_CALL_H

#include "grpc/frames.h"
#include "grpc/grpc.h"
#include "grpc/services.h"

enum { GRPC_QUEUE_MAX = 8 * 1024 * 1024 };

struct grpc_call {
    struct grpc *grpc;
    const struct grpc_method *method;
    struct auth_principal who;
    void *state;                                    /* of the method */
    struct auth_lease *lease;                       /* of one that lasts, while it does; or NULL */
    struct buf details; /* of a failure, if the method has some: grpc/details.h */
    /* Within call.c: */
    struct http_request *req;                       /* until the answer begins, else NULL */
    struct http_stream *stream;                     /* from then on */
    struct grpc_frames frames;
    struct buf message;                             /* of a client that does not stream */
    unsigned n_messages;
    bool half_closed, ended, full, paused;
    struct buf rest;                                /* of the body, behind what a pause stopped */
    size_t rest_at;                                 /* what of it was taken */
    bool end_waits;                                 /* behind the rest */
    unsigned parts;                                 /* timer and stream */
    uint64_t deadline_ms;                           /* of the loop; UINT64_MAX: none */
    uv_timer_t timer;
};

/* Sends the answer's head, if that is not done yet; http_header before it adds metadata. */
void grpc_send_head(struct grpc_call *call);
/* False: enough is queued, wait for drained (the message was taken nevertheless). */
bool grpc_send(struct grpc_call *call, const void *message, size_t len);
void grpc_end(struct grpc_call *call, enum grpc_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void grpc_end_error(struct grpc_call *call, const struct error *err);
/* The one message of a unary call, and OK. */
void grpc_reply(struct grpc_call *call, const void *message, size_t len);
/* No further message comes until it is resumed, and the client is slowed down.  Not to be resumed
 * from within message. */
void grpc_pause(struct grpc_call *call);
void grpc_resume(struct grpc_call *call);

#endif
