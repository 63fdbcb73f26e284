/* SPDX-License-Identifier: Apache-2.0 */
/* One byte stream, whatever carries it: TCP, a Unix socket, or a pair in memory for tests.
 *
 * A stream has one owner at a time, which hears of it through its callbacks.  Bytes that the
 * transport does not take at once are queued without a limit of the stream's own: the owner stops
 * its source when net_write returns false, or closes the stream when net_queued grows too large.
 *
 * Ownership: the maker owns the stream until net_close, which frees it and calls closed(owner) from
 * the loop; that is the last callback.  net_set_owner hands a stream on.
 * Threads: the loop's thread only; callbacks come from the loop.  Errors are libuv's negative
 * numbers. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"

enum { NET_READ_MAX = 64 * 1024 }; /* bytes that one read callback brings at most */

struct net_stream;

/* Members that the owner does not need may be NULL, except read and closed. */
struct net_calls {
    /* n bytes, valid until the callback returns; or UV_EOF, once, when the peer has ended its side;
     * or the error that broke the stream.  After an error or the end no more is read. */
    void (*read)(void *owner, const char *bytes, ssize_t n);
    /* The transport has taken everything that was queued, or status is the error that broke the
     * stream; what is queued is dropped then. */
    void (*drained)(void *owner, int status);
    /* The answer to net_finish: our side has ended, everything is sent. */
    void (*finished)(void *owner, int status);
    /* The answer to net_connect_*. */
    void (*connected)(void *owner, int status);
    void (*closed)(void *owner);
};

enum net_kind { NET_TCP, NET_PIPE };

/* A stream that is neither connected nor accepted yet. */
struct net_stream *net_socket_new(uv_loop_t *loop, enum net_kind kind,
                                  const struct net_calls *calls, void *owner);
/* Takes a connection that waits at the listener, of the same kind. */
int net_accept(struct net_stream *stream, uv_stream_t *listener);
/* 0: connected follows.  An error: it does not. */
int net_connect_tcp(struct net_stream *stream, const struct sockaddr *to);
int net_connect_unix(struct net_stream *stream, const char *path);
/* Two connected streams without a socket. */
void net_memory_pair(uv_loop_t *loop, struct net_stream *pair[2], const struct net_calls *calls,
                     void *owner_0, void *owner_1);

/* Sends no delayed segments and probes a silent peer: for a listener, all that it accepts. */
void net_tune_tcp(uv_tcp_t *tcp);

/* From now on the callbacks go to the new owner.  Reading is paused. */
void net_set_owner(struct net_stream *stream, const struct net_calls *calls, void *owner);

/* Calls read until net_pause. */
void net_read(struct net_stream *stream);
void net_pause(struct net_stream *stream);
/* True: the transport has taken all bytes, and drained is not called for them.  False: the rest is
 * queued (copied) and drained follows.  Bytes for a broken stream are dropped: true. */
bool net_write(struct net_stream *stream, const void *bytes, size_t len);
/* Queues the bytes (the buffer is empty afterwards); drained always follows, from the loop. */
void net_send(struct net_stream *stream, struct buf *bytes);
size_t net_queued(const struct net_stream *stream);
/* Ends our side once everything queued is sent; reading goes on. */
void net_finish(struct net_stream *stream);
/* Closes at once; what is queued is lost. */
void net_close(struct net_stream *stream);
/* The same for a stream that nobody is to hear of any more. */
void net_discard(struct net_stream *stream);
/* The descriptor, for asking the kernel about the peer; -1 where there is none. */
int net_fileno(const struct net_stream *stream);
uv_loop_t *net_loop(const struct net_stream *stream);

#endif
