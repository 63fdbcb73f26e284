/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's end of a session with a client: a tunnel to the gateway with the frames of
 * sandbox/wire/frame.h.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_SESSION_H
#define SANDBOX_SUPERVISOR_PROCESS_SESSION_H

#include "base/buf.h"
#include "http/client.h"
#include "sandbox/wire/frame.h"
#include "sandbox/wire/spec.h"

struct arena;

enum { SESSION_GOODBYE_MS = 1000 };         /* for a client to hang up after the exit frame */

/* Dials the gateway for the session with this id. */
struct http_call *session_dial(uv_loop_t *loop, const struct sandbox_spec *spec, const char *id,
                               struct arena *arena, const struct http_call_callbacks *callbacks,
                               void *ctx);
/* frame: room for the header, then len bytes.  False: wait for the tunnel's on_drain. */
bool session_write(struct http_tunnel *tunnel, char *frame, enum sandbox_frame_type type,
                   size_t len);
/* The last frame; then our side ends.  error: UTF-8, "" for none. */
void session_write_exit(struct http_tunnel *tunnel, int code, const char *error);
/* Calls take with each whole frame of what was received before and of bytes; what is left stays in
 * received.  False: no frame of ours, or take refused one: the session is of no more use. */
bool session_read(struct buf *received, const char *bytes, size_t len,
                  bool (*take)(void *ctx, const struct sandbox_frame *frame), void *ctx);

#endif
