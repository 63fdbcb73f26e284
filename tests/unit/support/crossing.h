/* SPDX-License-Identifier: Apache-2.0 */
/* A client in memory whose tunnel is inspected, and an origin that the proxy connects to as often
 * as it likes.  The origin is the test: it reads and writes bytes, frames of HTTP/2 mostly.  For
 * programs that have entered a network of their own (network.h). */
#ifndef TESTS_SUPPORT_CROSSING_H
#define TESTS_SUPPORT_CROSSING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "net/tls.h"
#include "support/http2_scene.h"
#include "support/http2_wire.h"
#include "support/network.h"
#include "support/trust.h"

enum { CROSSING_ORIGINS = 16, CROSSING_PATIENCE_MS = 20000 };

/* A connection to the origin. */
struct crossing_origin {
    struct far_end end;
    bool ended;
    struct buf frames;                              /* what wire_print says of it */
};

struct crossing {
    struct memory_scene scene;
    struct pair *user;                              /* a client of HTTP/2, or NULL */
    uint16_t port;
    uv_tcp_t listener;
    uv_timer_t patience;
    bool timed_out;
    struct crossing_origin origins[CROSSING_ORIGINS];
    unsigned n_origins;
    const char *spoken;                             /* by the origin within TLS, as ALPN has it */
    struct egress_authority *authority, *authority_of_origins;
};

#define CROSS(x, condition)                                                                      \
    do {                                                                                         \
        (x)->timed_out = false;                                                                  \
        uv_timer_start(&(x)->patience, crossing_give_up, CROSSING_PATIENCE_MS, 0);               \
        while (!(condition) && !(x)->timed_out)                                                  \
            uv_run(&(x)->scene.loop, UV_RUN_ONCE);                                               \
        uv_timer_stop(&(x)->patience);                                                           \
        if ((x)->timed_out)                                                                      \
            fail_msg("never came: %s; %u origins, the user has: %s", #condition, (x)->n_origins, \
                     buf_str(&(x)->scene.user.in));                                              \
    } while (0)

static inline void crossing_give_up(uv_timer_t *timer)
{
    ((struct crossing *)timer->data)->timed_out = true;
}

/* ---- the origin ---- */

static inline void crossing_read(void *owner, const char *bytes, ssize_t n)
{
    struct crossing_origin *origin = owner;
    origin->ended |= n < 0;
    far_read(&origin->end, bytes, n);
}

static inline void crossing_closed(void *owner)
{
    far_closed(&((struct crossing_origin *)owner)->end);
}

static const struct net_calls crossing_calls = {.read = crossing_read, .closed = crossing_closed};

static inline void crossing_accept(uv_stream_t *listener, int status)
{
    struct crossing *x = listener->data;
    assert_int_equal(status, 0);
    assert_true(x->n_origins < CROSSING_ORIGINS);
    struct crossing_origin *origin = &x->origins[x->n_origins++];
    struct net_stream *stream = net_socket_new(&x->scene.loop, NET_TCP, &crossing_calls, origin);
    assert_int_equal(net_accept(stream, listener), 0);
    if (x->spoken)
        stream =
            net_tls_new(stream, trust_origin(x->authority_of_origins, "origin.test", x->spoken),
                        NULL, 0, &crossing_calls, origin);
    origin->end.stream = stream;
    origin->end.open = &x->scene.open;
    x->scene.open++;
    net_read(stream);
}

/* Takes the frames. */
static inline void origin_send(struct crossing_origin *origin, struct buf *frames)
{
    net_write(origin->end.stream, frames->data, frames->len);
    buf_free(frames);
}

static inline void origin_say(struct crossing_origin *origin, const char *text)
{
    net_write(origin->end.stream, text, strlen(text));
}

static inline void origin_set(struct crossing_origin *origin, uint16_t setting, uint32_t value)
{
    struct buf frames = {0}, payload = {0};
    wire_number(&payload, setting, 2);
    wire_number(&payload, value, 4);
    wire_frame(&frames, NGHTTP2_SETTINGS, 0, 0, payload.data, payload.len);
    buf_free(&payload);
    origin_send(origin, &frames);
}

/* It acknowledges those of the proxy, too. */
static inline void origin_settle(struct crossing_origin *origin)
{
    struct buf frames = {0};
    origin_set(origin, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100);
    wire_frame(&frames, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "", 0);
    origin_send(origin, &frames);
}

static inline void origin_begin_answer(struct crossing_origin *origin, uint32_t stream)
{
    struct buf frames = {0};
    wire_headers(&frames, NGHTTP2_FLAG_END_HEADERS, stream,
                 (const char *const[]){":status", "200", NULL});
    origin_send(origin, &frames);
}

static inline void origin_add(struct crossing_origin *origin, uint32_t stream, const char *text,
                              bool last)
{
    struct buf frames = {0};
    wire_frame(&frames, NGHTTP2_DATA, last ? NGHTTP2_FLAG_END_STREAM : 0, stream, text,
               strlen(text));
    origin_send(origin, &frames);
}

static inline void origin_answer(struct crossing_origin *origin, uint32_t stream, const char *text)
{
    origin_begin_answer(origin, stream);
    origin_add(origin, stream, text, true);
}

static inline void origin_reset(struct crossing_origin *origin, uint32_t stream, uint32_t code)
{
    struct buf frames = {0}, payload = {0};
    wire_number(&payload, code, 4);
    wire_frame(&frames, NGHTTP2_RST_STREAM, 0, stream, payload.data, payload.len);
    buf_free(&payload);
    origin_send(origin, &frames);
}

static inline void origin_leave(struct crossing_origin *origin, uint32_t last_stream)
{
    struct buf frames = {0}, payload = {0};
    wire_number(&payload, last_stream, 4);
    wire_number(&payload, NGHTTP2_NO_ERROR, 4);
    wire_frame(&frames, NGHTTP2_GOAWAY, 0, 0, payload.data, payload.len);
    buf_free(&payload);
    origin_send(origin, &frames);
}

static inline void origin_close(struct crossing_origin *origin)
{
    net_close(origin->end.stream);
}

/* Bytes that are no frames, too. */
static inline bool origin_got(const struct crossing_origin *origin, const char *text)
{
    return origin->end.in.len &&
           memmem(origin->end.in.data, origin->end.in.len, text, strlen(text)) != NULL;
}

/* The first of its frames with this text, or NULL. */
static inline const char *origin_saw(struct crossing_origin *origin, const char *text)
{
    const size_t magic = strlen(NGHTTP2_CLIENT_MAGIC);
    const struct buf *in = &origin->end.in;
    buf_clear(&origin->frames);
    if (in->len > magic)
        wire_print(&(struct buf){.data = in->data + magic, .len = in->len - magic},
                   &origin->frames);
    return strstr(buf_str(&origin->frames), text);
}

/* The stream that asks for the path; 0: none yet. */
static inline uint32_t origin_asked(struct crossing_origin *origin, const char *path)
{
    char text[80];
    snprintf(text, sizeof text, " :path=%s", path);
    const char *at = origin_saw(origin, text);
    while (at && at > origin->frames.data && at[-1] != '\n')
        at--;
    return at ? (uint32_t)strtoul(at + strlen("HEADERS "), NULL, 10) : 0;
}

/* ---- the beginning ---- */

static inline struct policy *crossing_policy(const struct crossing *x, const char *rules)
{
    char *text = alloc_printf("version: 1\nnetwork_policies:\n  api:\n"
                              "    binaries: [{path: /bin/curl}]\n"
                              "    endpoints: [{host: origin.test, port: %u, protocol: rest, "
                              "enforcement: enforce, allowed_ips: [10.77.0.0/24], %s}]\n",
                              x->port, rules);
    struct policy *policy = memory_policy(text);
    free(text);
    return policy;
}

static inline void crossing_set(struct crossing *x, const char *rules)
{
    struct policy *policy = crossing_policy(x, rules);
    egress_set_policy(&x->scene.proxy, policy);
    policy_unref(policy);
}

static inline void crossing_listen(struct crossing *x)
{
    int fd = network_listen(ORIGIN_ADDRESS, &x->port);
    uv_tcp_init(&x->scene.loop, &x->listener);
    uv_tcp_open(&x->listener, fd);
    x->listener.data = x;
    assert_int_equal(uv_listen((uv_stream_t *)&x->listener, 16, crossing_accept), 0);
    uv_timer_init(&x->scene.loop, &x->patience);
    x->patience.data = x;
}

static inline void crossing_pin(struct crossing *x)
{
    static const char *const addresses[] = {ORIGIN_ADDRESS};
    const struct egress_pin pin = {.host = "origin.test", .addresses = addresses,
                                   .n_addresses = 1};
    struct error err;
    struct egress_proxy *proxy = &x->scene.proxy;
    proxy->resolver.loop = proxy->dialer.loop = &x->scene.loop;
    proxy->dialer.dial_ms = CROSSING_PATIENCE_MS;
    assert_int_equal(egress_resolver_pin(&proxy->resolver, &pin, 1, &err), 0);
}

/* The tunnel is open; the origin's first connection is accepted. */
static inline void crossing_connect(struct crossing *x)
{
    char *text = alloc_printf("CONNECT origin.test:%u HTTP/1.1\r\nHost: origin.test:%u\r\n\r\n",
                              x->port, x->port);
    net_write(x->scene.user.stream, text, strlen(text));
    free(text);
    CROSS(x, x->n_origins == 1 && x->scene.user.in.len);
    assert_string_equal(x->scene.user.in.data, "HTTP/1.1 200 Connection Established\r\n\r\n");
    buf_clear(&x->scene.user.in);
}

/* spoken: what the origin speaks within TLS; NULL: there is none. */
static inline void crossing_open(struct crossing *x, const char *rules, const char *spoken)
{
    struct error err;
    signal(SIGPIPE, SIG_IGN);
    *x = (struct crossing){.spoken = spoken};
    struct policy *none = memory_policy("version: 1\n");
    memory_begin(&x->scene, none);
    policy_unref(none);
    crossing_listen(x);
    crossing_pin(x);
    crossing_set(x, rules);
    x->authority = egress_authority_new(&err);
    x->authority_of_origins = egress_authority_new(&err);
    x->scene.proxy.inspection = (struct egress_inspection){
        .authority = x->authority, .trust = trust_in(x->authority_of_origins)};
    crossing_connect(x);
}

/* TLS of the client, which speaks one protocol. */
static inline void crossing_secure(struct crossing *x, const char *alpn)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    SSL_set_connect_state(ssl);
    SSL_set_tlsext_host_name(ssl, "origin.test");
    SSL_CTX_free(ctx);
    struct far_end *user = &x->scene.user;
    user->stream = net_tls_new(user->stream, ssl, NULL, 0, &far_calls, user);
    net_read(user->stream);
}

/* The client speaks HTTP/2 from here on. */
static inline void crossing_multiplex(struct crossing *x)
{
    if (x->spoken)
        crossing_secure(x, "\x02h2");
    x->user = alloc_zero(1, sizeof *x->user);
    pair_of_user(x->user, &x->scene, x->spoken != NULL);
}

static inline void crossing_begin(struct crossing *x, const char *rules, const char *spoken)
{
    crossing_open(x, rules, spoken);
    crossing_multiplex(x);
}

/* A stream of the client, with a request of HTTP/1.1: %s is the Host field. */
static inline struct pair_end *crossing_ask(struct crossing *x, const char *request)
{
    const char *at = strstr(request, "%s");
    struct pair_end *end = pair_open(x->user);
    char *text = alloc_printf("%.*sHost: origin.test:%u\r\n%s", (int)(at - request), request,
                              x->port, at + 2);
    end_write(end, text);
    free(text);
    return end;
}

static inline struct pair_end *crossing_get(struct crossing *x, const char *path)
{
    char *text = alloc_printf("GET %s HTTP/1.1\r\n%%s\r\n", path);
    struct pair_end *end = crossing_ask(x, text);
    free(text);
    return end;
}

static inline bool end_got(const struct pair_end *end, const char *text)
{
    return strstr(buf_str(&end->in), text) != NULL;
}

static inline void crossing_end(struct crossing *x)
{
    if (x->user)
        pair_leave_scene(x->user);
    for (unsigned i = 0; i < x->n_origins; i++)
        if (x->origins[i].end.stream)
            origin_close(&x->origins[i]);
    if (!uv_is_closing((uv_handle_t *)&x->listener))
        uv_close((uv_handle_t *)&x->listener, NULL);
    uv_close((uv_handle_t *)&x->patience, NULL);
    memory_finish(&x->scene);
    for (unsigned i = 0; i < x->n_origins; i++) {
        buf_free(&x->origins[i].end.in);
        buf_free(&x->origins[i].frames);
    }
    egress_resolver_free_pins(&x->scene.proxy.resolver);
    egress_trust_free(x->scene.proxy.inspection.trust);
    egress_authority_free(x->authority);
    egress_authority_free(x->authority_of_origins);
}

#endif
