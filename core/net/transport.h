/* SPDX-License-Identifier: Apache-2.0 */
/* What carries a stream.  For transports only; a transport embeds struct net_stream as its first
 * member and fills the table.  Each function has the meaning of the net_ function of its name. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include "net/stream.h"

struct net_transport {
    void (*read)(struct net_stream *stream);
    void (*pause)(struct net_stream *stream);
    bool (*write)(struct net_stream *stream, const void *bytes, size_t len);
    void (*send)(struct net_stream *stream, struct buf *bytes);
    size_t (*queued)(const struct net_stream *stream);
    void (*finish)(struct net_stream *stream);
    void (*close)(struct net_stream *stream);
    int (*fileno)(const struct net_stream *stream);
};

struct net_stream {
    const struct net_transport *transport;
    uv_loop_t *loop;
    const struct net_calls *calls;
    void *owner;
    bool closing;
};

/* The callbacks, left out where the owner does not want them or the stream is closing. */
void net_tell_read(struct net_stream *stream, const char *bytes, ssize_t n);
void net_tell_drained(struct net_stream *stream, int status);
void net_tell_finished(struct net_stream *stream, int status);
void net_tell_connected(struct net_stream *stream, int status);

#endif
