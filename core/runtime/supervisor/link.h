/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's end of a supervisor's stream: messages, one a line (sandbox/wire/protocol.h).
 *
 * Ownership: takes the stream.  A link that was not closed here ends by itself when the stream
 * does: ended is the last thing heard of it.  Loop thread only. */
#ifndef RUNTIME_SUPERVISOR_LINK_H
#define RUNTIME_SUPERVISOR_LINK_H

#include "net/stream.h"
#include "sandbox/wire/protocol.h"

enum { LINK_QUEUE_MAX = 8 * 1024 * 1024 };          /* bytes for a supervisor that does not read */

struct link;

struct link_calls {
    /* Returns true when the arena, in which the message lives, was taken over. */
    bool (*message)(void *owner, const struct sandbox_message *message, struct arena *arena);
    /* A line that cannot be read: the first of the stream. */
    void (*malformed)(void *owner, const struct error *why);
    /* From the loop, never from within a call.  why: "" where the supervisor closed it. */
    void (*ended)(void *owner, const char *why);
};

struct link *link_new(struct net_stream *stream, const struct link_calls *calls, void *owner);
/* Reads messages from now on. */
void link_read(struct link *link);
void link_send(struct link *link, const struct sandbox_message *message);
/* A message that is encoded already. */
void link_send_line(struct link *link, const struct buf *line);
/* No call comes any more. */
void link_close(struct link *link);

#endif
