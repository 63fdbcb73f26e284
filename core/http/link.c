/* SPDX-License-Identifier: Apache-2.0 */
#include "http/link.h"

#include "base/alloc.h"

#include <stdlib.h>

struct http_link *http_link_new(uv_loop_t *loop, enum http_address_kind kind)
{
    struct http_link *link = alloc_zero(1, sizeof *link);
    if (kind == HTTP_UNIX)
        uv_pipe_init(loop, &link->uv.pipe, 0);
    else
        uv_tcp_init(loop, &link->uv.tcp);
    link->uv.handle.data = link;
    return link;
}

static void give_scratch(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct http_link *link = handle->data;
    *out = uv_buf_init(link->scratch, sizeof link->scratch);
}

static void have_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct http_link *link = stream->data;
    if (n != 0)
        link->on_read(link->owner, buf->base, n);
}

int http_link_read(struct http_link *link, void (*on_read)(void *, const char *, ssize_t),
                   void *owner)
{
    link->on_read = on_read;
    link->owner = owner;
    int rc = uv_read_start(&link->uv.stream, give_scratch, have_read);
    return rc == UV_EALREADY ? 0 : rc;
}

void http_link_read_stop(struct http_link *link)
{
    uv_read_stop(&link->uv.stream);
}

size_t http_link_try(struct http_link *link, const char *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
    int taken = uv_try_write(&link->uv.stream, &buf, 1);
    return taken > 0 ? (size_t)taken : 0;
}

struct writing {
    uv_write_t req;
    char *bytes;
    http_link_done *done;
    void *owner;
};

static void written(uv_write_t *req, int status)
{
    struct writing *w = (struct writing *)req;
    if (w->done)
        w->done(w->owner, status);
    free(w->bytes);
    free(w);
}

int http_link_write(struct http_link *link, struct buf *bytes, http_link_done *done, void *owner)
{
    struct writing *w = alloc_zero(1, sizeof *w);
    uv_buf_t buf = uv_buf_init(NULL, (unsigned)bytes->len);
    w->bytes = buf.base = buf_take(bytes);
    w->done = done;
    w->owner = owner;
    int rc = uv_write(&w->req, &link->uv.stream, &buf, 1, written);
    if (rc != 0) {
        free(w->bytes);
        free(w);
    }
    return rc;
}

struct ending {
    uv_shutdown_t req;
    http_link_done *done;
    void *owner;
};

static void ended(uv_shutdown_t *req, int status)
{
    struct ending *e = (struct ending *)req;
    e->done(e->owner, status);
    free(e);
}

int http_link_shutdown(struct http_link *link, http_link_done *done, void *owner)
{
    struct ending *e = alloc_zero(1, sizeof *e);
    e->done = done;
    e->owner = owner;
    int rc = uv_shutdown(&e->req, &link->uv.stream, ended);
    if (rc != 0)
        free(e);
    return rc;
}

size_t http_link_queued(const struct http_link *link)
{
    return uv_stream_get_write_queue_size(&link->uv.stream);
}

static void closed(uv_handle_t *handle)
{
    struct http_link *link = handle->data;
    void (*on_closed)(void *) = link->on_closed;
    void *owner = link->owner;
    free(link);
    on_closed(owner);
}

void http_link_close(struct http_link *link, void (*on_closed)(void *owner), void *owner)
{
    link->on_closed = on_closed;
    link->owner = owner;
    uv_close(&link->uv.handle, closed);
}
