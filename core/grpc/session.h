/* SPDX-License-Identifier: Apache-2.0 */
/* A command or a service in a sandbox, and the call of its client: the frames of its session
 * (sandbox/wire/frame.h) one way, input the other way.  Within the grpc folder.
 *
 * It belongs to the loop thread but for what the work on a worker thread fills in, which is
 * command, sandbox, refused and err.  It frees itself once its call and its stream have ended. */
#ifndef GRPC_SESSION_H
#define GRPC_SESSION_H

#include "grpc/status.h"
#include "grpc/work.h"
#include "net/stream.h"
#include "runtime/sessions/exec.h"
#include "sandbox/wire/frame.h"

struct grpc_session;
struct ssh_use;

struct grpc_session_kind {
    /* Takes a frame of the session; it may end the call. */
    void (*frame)(struct grpc_session *session, const struct sandbox_frame *frame);
    /* Before it is started; -1: err says why it is not.  NULL: nothing is to be done. */
    int (*begin)(struct grpc_session *session);
    const char *lost;                               /* what the client is told when it breaks */
};

struct grpc_session {
    const struct grpc_session_kind *kind;
    struct grpc_work *work;                         /* NULL: the call has ended */
    struct net_stream *stream;                      /* NULL: not there yet, or gone */
    struct sandbox_exec command;
    const char *sandbox;                            /* its id, in the work's arena */
    bool refused;                                   /* err says why */
    struct error err;
    struct buf output;                              /* frames, of which the last one is not whole */
    struct buf input;                               /* frames that wait for the stream */
    bool input_closed;
    struct ssh_use *use;                            /* of a token; NULL: none */
    const char *token;                              /* in the work's arena */
};

/* Reads the first message, whose work ends with grpc_session_prepared; NULL: the call has ended. */
struct grpc_session *grpc_session_new(struct grpc_call *call, const struct grpc_session_kind *kind,
                                      const char *bytes, size_t len);
/* What such work returns, after it found something wrong (rc -1, work->err) or not.  It cannot fail
 * itself, because input may come meanwhile: grpc_session_run tells what is wrong. */
int grpc_session_prepared(struct grpc_work *work, int rc);
/* NULL: the call has none. */
struct grpc_session *grpc_session_of(struct grpc_call *call);
/* Input, also before the session is there. */
void grpc_session_send(struct grpc_session *session, enum sandbox_frame_type type,
                       const char *bytes, size_t len);
void grpc_session_send_stdin(struct grpc_session *session, const char *base64);
void grpc_session_close_stdin(struct grpc_session *session);
/* A message to the client; where it does not read, the session waits. */
void grpc_session_reply(struct grpc_session *session, const struct buf *message);
/* Ends the call; what is left goes with the stream. */
void grpc_session_end(struct grpc_session *session, enum grpc_code code, const char *text);
/* The client reads again: drained of a method. */
void grpc_session_drained(struct grpc_call *call);

#endif
