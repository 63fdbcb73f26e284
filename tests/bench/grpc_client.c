/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"

enum { WINDOW = 4 << 20 };

static void fail(const char *what)
{
    fprintf(stderr, "bench_grpc: %s\n", what);
    exit(1);
}

/* ---- what comes ---- */

static size_t take_prefix(struct grpc_stream *s, const uint8_t *data, size_t len)
{
    size_t n = 5 - s->prefix < len ? 5 - s->prefix : len;
    memcpy(s->head + s->prefix, data, n);
    s->prefix += n;
    if (s->prefix == 5)
        s->left = (size_t)s->head[1] << 24 | (size_t)s->head[2] << 16 | (size_t)s->head[3] << 8 |
                  s->head[4];
    return n;
}

static int have_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                     size_t len, void *user)
{
    struct grpc_stream *s = nghttp2_session_get_stream_user_data(session, id);
    (void)flags, (void)user;
    if (!s)
        return 0;
    s->answer_bytes += len;
    for (size_t n; len || (s->prefix == 5 && !s->left); data += n, len -= n) {
        if (s->prefix < 5) {
            n = take_prefix(s, data, len);
        } else {
            n = s->left < len ? s->left : len;
            s->left -= n;
        }
        if (s->prefix == 5 && !s->left) {
            s->messages++;
            s->last_ns = now_ns();
            s->prefix = 0;
        }
    }
    return 0;
}

static int have_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                      size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                      void *user)
{
    struct grpc_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags, (void)user, (void)value_len;
    if (s && name_len == 11 && memcmp(name, "grpc-status", 11) == 0)
        s->status = atoi((const char *)value);
    return 0;
}

static int have_end(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    struct grpc_stream *s = nghttp2_session_get_stream_user_data(session, id);
    (void)error, (void)user;
    if (s)
        s->ended = 1;
    return 0;
}

/* ---- what goes ---- */

static ssize_t give_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct grpc_stream *s = source->ptr;
    size_t left = s->request_len - s->sent, n = left < room ? left : room;
    (void)session, (void)id, (void)user;
    memcpy(out, s->request + s->sent, n);
    s->sent += n;
    if (s->sent == s->request_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static void flush(struct grpc_client *c)
{
    const uint8_t *bytes;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(c->session, &bytes)) > 0)
        send_all(c->fd, (const char *)bytes, (size_t)n);
}

void grpc_client_open(struct grpc_client *c, const char *socket_path)
{
    const nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW};
    nghttp2_session_callbacks *calls;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, have_data);
    nghttp2_session_callbacks_set_on_header_callback(calls, have_field);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, have_end);
    c->fd = connect_unix(socket_path);
    if (c->fd < 0 || nghttp2_session_client_new(&c->session, calls, c) != 0)
        fail("cannot connect");
    nghttp2_session_callbacks_del(calls);
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, &settings, 1);
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW);
    flush(c);
}

void grpc_client_close(struct grpc_client *c)
{
    nghttp2_session_del(c->session);
    close(c->fd);
}

#define FIELD(name, value)                                                                  \
    {(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1,         \
     strlen(value), NGHTTP2_NV_FLAG_NONE}

void grpc_begin(struct grpc_client *c, const char *method, struct grpc_stream *stream)
{
    char path[128];
    snprintf(path, sizeof path, "/openshell.v1.OpenShell/%s", method);
    const nghttp2_nv fields[] = {
        FIELD(":method", "POST"),       FIELD(":scheme", "http"),
        FIELD(":path", path),           FIELD(":authority", "localhost"),
        FIELD("te", "trailers"),        FIELD("content-type", "application/grpc"),
    };
    const nghttp2_data_provider body = {.source.ptr = stream, .read_callback = give_body};
    stream->status = -1;
    if (nghttp2_submit_request(c->session, NULL, fields, sizeof fields / sizeof *fields, &body,
                               stream) < 0)
        fail("cannot begin a call");
    flush(c);
}

void grpc_read(struct grpc_client *c)
{
    uint8_t bytes[65536];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n <= 0 || nghttp2_session_mem_recv(c->session, bytes, (size_t)n) < 0)
        fail("the gateway has closed the connection");
    flush(c);
}

void grpc_call(struct grpc_client *c, const char *method, const char *request, size_t len)
{
    struct grpc_stream stream = {.request = request, .request_len = len};
    grpc_begin(c, method, &stream);
    while (!stream.ended)
        grpc_read(c);
    if (stream.status == 0 && stream.messages == 1)
        return;
    fprintf(stderr, "bench_grpc: %s ended with status %d and %u messages\n", method,
            stream.status, stream.messages);
    exit(1);
}
