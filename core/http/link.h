/* SPDX-License-Identifier: Apache-2.0 */
/* One connected socket on the loop, whoever it serves at the moment.
 *
 * A connection, a client call and a tunnel each own a link, and an upgrade hands it from one to
 * the next: http_link_read gives it its new owner.  For the http folder; loop thread only. */
#ifndef HTTP_LINK_H
#define HTTP_LINK_H

#include "base/buf.h"
#include "http/address.h"

#include <uv.h>

struct http_link {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    void *owner;
    /* n bytes, or a libuv error (UV_EOF: the peer ended its side). */
    void (*on_read)(void *owner, const char *bytes, ssize_t n);
    void (*on_closed)(void *owner);
    char scratch[16 * 1024];
};

typedef void http_link_done(void *owner, int status);

struct http_link *http_link_new(uv_loop_t *loop, enum http_address_kind kind);
/* Reads for owner from now on.  A libuv error or 0. */
int http_link_read(struct http_link *link, void (*on_read)(void *, const char *, ssize_t),
                   void *owner);
void http_link_read_stop(struct http_link *link);
/* How many of the bytes the kernel takes at once; 0 while others are queued. */
size_t http_link_try(struct http_link *link, const char *bytes, size_t len);
/* Takes the bytes (the buffer is empty afterwards).  done (NULL: nobody asks) is called with owner
 * from the loop, unless a libuv error is returned. */
int http_link_write(struct http_link *link, struct buf *bytes, http_link_done *done, void *owner);
int http_link_shutdown(struct http_link *link, http_link_done *done, void *owner);
size_t http_link_queued(const struct http_link *link);
/* Frees the link, then calls on_closed.  Writes under way are cancelled: their done comes first. */
void http_link_close(struct http_link *link, void (*on_closed)(void *owner), void *owner);

#endif
