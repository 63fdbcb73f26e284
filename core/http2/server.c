/* SPDX-License-Identifier: Apache-2.0 */
#include "http2/server.h"

#include <nghttp2/nghttp2.h>

#include "http2/http2.h"

static void have_request(void *carrier, struct net_stream *stream)
{
    http_carrier_request(carrier, stream);
}

static void ended(void *carrier, const char *why)
{
    (void)why;
    http_carrier_ended(carrier);
}

static void closed(void *carrier)
{
    http_carrier_closed(carrier);
}

static void *begin(struct http_connection *carrier, struct net_stream *socket,
                   const struct buf *first, bool secure, const struct http_limits *limits)
{
    static const struct http2_calls calls = {
        .request = have_request, .ended = ended, .closed = closed};
    const struct http2_limits own = {.head_bytes = (unsigned)limits->head_bytes,
                                     .idle_ms = limits->idle_ms};
    return http2_server_new(socket, first->data, first->len, secure, &own, &calls, carrier);
}

static void leave(void *session)
{
    http2_leave(session);
}

static void close_session(void *session)
{
    http2_close(session);
}

const struct http_protocol http2_protocol = {
    .preface = NGHTTP2_CLIENT_MAGIC,
    .n_preface = NGHTTP2_CLIENT_MAGIC_LEN,
    .begin = begin,
    .leave = leave,
    .close = close_session,
};
