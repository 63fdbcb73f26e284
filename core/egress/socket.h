/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP socket whose writer knows when to stop: bytes that the kernel does not take at once are
 * queued, and whoever produces them pauses until they are gone.  So what is queued is bounded by
 * what one read brings.
 *
 * Ownership: the maker owns it until egress_socket_close, which frees it and calls closed(owner)
 * from the loop, the last thing heard of it.  Loop thread only. */
#ifndef EGRESS_SOCKET_H
#define EGRESS_SOCKET_H

#include "base/buf.h"
#include "base/ipaddr.h"

#include <stdbool.h>
#include <uv.h>

enum { EGRESS_READ_MAX = 64 * 1024 };

struct egress_socket_calls {
    /* n bytes, or a libuv error (UV_EOF: the peer has ended its side). */
    void (*read)(void *owner, const char *bytes, ssize_t n);
    /* Nothing is queued any more, or status is the libuv error that broke the socket. */
    void (*drained)(void *owner, int status);
    void (*finished)(void *owner);                  /* our side is ended, all bytes are sent */
    void (*connected)(void *owner, int status);
    void (*closed)(void *owner);
};

struct egress_socket;

/* scratch: EGRESS_READ_MAX bytes, shared by all sockets of a loop: reads never overlap. */
struct egress_socket *egress_socket_new(uv_loop_t *loop, char *scratch,
                                        const struct egress_socket_calls *calls, void *owner);
int egress_socket_accept(struct egress_socket *s, uv_stream_t *listener);   /* libuv error or 0 */
/* Without delay, and asked for a sign of life: a listener for all that it accepts.  Connected ones are. */
void egress_socket_tune(uv_tcp_t *tcp);
int egress_socket_fileno(const struct egress_socket *s);
/* A libuv error at once, or 0 and connected is called. */
int egress_socket_connect(struct egress_socket *s, const struct ipaddr *to, uint16_t port);
/* From now on it has another owner and calls. */
void egress_socket_give(struct egress_socket *s, const struct egress_socket_calls *calls, void *owner);

void egress_socket_read(struct egress_socket *s);   /* until paused */
void egress_socket_pause(struct egress_socket *s);
/* True: the kernel has them all.  False: pause the source until drained. */
bool egress_socket_write(struct egress_socket *s, const char *bytes, size_t len);
void egress_socket_finish(struct egress_socket *s); /* ends our side once everything is sent */
void egress_socket_close(struct egress_socket *s);

#endif
