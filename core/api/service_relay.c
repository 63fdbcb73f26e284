/* SPDX-License-Identifier: Apache-2.0 */
#include "api/service_relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/lease.h"
#include "base/alloc.h"
#include "base/error.h"
#include "http/parser.h"
#include "http/stream.h"
#include "http/tunnel.h"
#include "net/splice.h"

enum { HEAD_MAX = 64 * 1024, QUEUE_HIGH = 256 * 1024 };

struct service_relay {
    struct api *api;
    struct http_request *req;                       /* until the answer begins */
    struct http_stream *stream;                     /* the answer; NULL: none, or ended */
    struct net_stream *port;                        /* NULL: not there yet, or closed */
    struct net_splice *splice;                      /* after a switch of protocols */
    struct auth_lease *lease;
    struct http_parser *parser;
    struct http_head *head;                         /* of the answer */
    uv_timer_t timer;
    unsigned parts;                                 /* request or stream, port, timer */
    struct buf early;                               /* of the body, before the port is there */
    bool chunked;                                   /* the request's body is */
    bool upgrade;                                   /* it asks for another protocol */
    bool ending;
    struct error why;                               /* the request is answered with; if ending */
};

/* ---- the end ---- */

static void drop_parts(struct service_relay *r, unsigned n)
{
    r->parts -= n;
    if (r->parts)
        return;
    auth_lease_end(r->lease);
    http_parser_free(r->parser);
    http_head_free(r->head);
    buf_free(&r->early);
    free(r);
}

/* A request whose client is gone is answered here, as it must not be from within on_gone. */
static void timer_closed(uv_handle_t *timer)
{
    struct service_relay *r = timer->data;
    unsigned n = 1;
    if (r->req) {
        http_respond_error(r->req, &r->why);
        r->req = NULL;
        n++;
    }
    drop_parts(r, n);
}

/* why: what the client is told, if no answer has begun; "": the answer was complete. */
static void end(struct service_relay *r, enum error_kind kind, const char *why)
{
    if (r->ending)
        return;
    r->ending = true;
    error_set(&r->why, kind, "%s", why);
    if (r->splice)
        net_splice_close(r->splice);
    else if (r->port)
        net_close(r->port);
    if (r->stream && *why)
        http_stream_break(r->stream, why);
    else if (r->stream)
        http_stream_close(r->stream);
    uv_close((uv_handle_t *)&r->timer, timer_closed);
}

static void lease_lost(void *arg, const struct error *why)
{
    end(arg, why->kind, why->text);
}

static void client_gone(void *ctx)
{
    end(ctx, ERROR_UPSTREAM, "nobody waits for the answer");
}

static void stream_closed(void *ctx, const struct error *why)
{
    struct service_relay *r = ctx;
    (void)why;
    r->stream = NULL;
    end(r, ERROR_UPSTREAM, "");
    drop_parts(r, 1);
}

static void on_silence(uv_timer_t *timer)
{
    end(timer->data, ERROR_TIMEOUT, "the service did not answer in time");
}

/* ---- the request ---- */

/* Of one connection, or about who asks. */
static bool is_for_the_gateway(const struct http_head *head, const struct http_field *f)
{
    static const char *const names[] = {"Connection", "Keep-Alive", "Proxy-Connection", "TE",
                                        "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
                                        "Authorization", "Proxy-Authorization", "Content-Length",
                                        "HTTP2-Settings", NULL};
    return http_field_in(f, names) || http_head_lists(head, "Connection", f->name);
}

static void put_request(struct service_relay *r, struct buf *out)
{
    const struct http_head *head = r->req->head;
    buf_printf(out, "%s %s HTTP/1.1\r\n", head->method, head->target);
    for (size_t i = 0; i < head->n_fields; i++)
        if (!is_for_the_gateway(head, &head->fields[i]))
            buf_printf(out, "%s: %s\r\n", head->fields[i].name, head->fields[i].value);
    if (r->upgrade)
        buf_printf(out, "Connection: upgrade\r\nUpgrade: %s\r\n", http_head_get(head, "Upgrade"));
    else
        buf_puts(out, "Connection: close\r\n");
    if (r->chunked)
        buf_puts(out, "Transfer-Encoding: chunked\r\n");
    else if (head->has_length)
        buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)head->length);
    buf_puts(out, "\r\n");
}

static void pause_body(struct service_relay *r, bool pause)
{
    if (r->stream)
        (pause ? http_stream_pause : http_stream_resume)(r->stream);
    else if (r->req)
        (pause ? http_request_pause : http_request_resume)(r->req);
}

/* len 0 is the end. */
static void take_body(void *ctx, const char *bytes, size_t len)
{
    struct service_relay *r = ctx;
    struct buf out = {0};
    if (r->ending || r->splice)
        return;
    if (r->chunked)
        buf_printf(&out, "%zx\r\n", len);
    buf_add(&out, bytes, len);
    if (r->chunked)
        buf_puts(&out, "\r\n");
    if (!r->port)
        buf_add(&r->early, out.data, out.len);
    else if (!net_write(r->port, out.data, out.len))
        pause_body(r, true);
    buf_free(&out);
}

static void port_drained(void *owner, int status)
{
    struct service_relay *r = owner;
    if (status == 0 && !r->ending)
        pause_body(r, false);
}

/* ---- the answer ---- */

/* A cookie for other hosts would reach services of other sandboxes. */
static bool is_wide_cookie(const struct http_field *f)
{
    return http_field_is(f, "Set-Cookie") && strcasestr(f->value, "domain");
}

static bool is_kept(const struct http_head *head, const struct http_field *f)
{
    static const char *const names[] = {"Connection", "Keep-Alive", "Proxy-Authenticate",
                                        "Proxy-Authentication-Info", "Trailer",
                                        "Transfer-Encoding", "Upgrade", "Content-Length",
                                        "Content-Type", "Date", "Alt-Svc",
                                        "Strict-Transport-Security", NULL};
    return !http_field_in(f, names) && !http_head_lists(head, "Connection", f->name) &&
           !is_wide_cookie(f);
}

static void put_fields(const struct service_relay *r)
{
    for (size_t i = 0; i < r->head->n_fields; i++)
        if (is_kept(r->head, &r->head->fields[i]))
            http_header(r->req, r->head->fields[i].name, r->head->fields[i].value);
}

static void stream_drained(void *ctx)
{
    struct service_relay *r = ctx;
    if (r->port && !r->ending)
        net_read(r->port);
}

static void splice_ended(void *ctx, int status)
{
    struct service_relay *r = ctx;
    (void)status;
    r->splice = NULL;
    end(r, ERROR_UPSTREAM, "");
    drop_parts(r, 1);
}

/* Both connections are the splice's from here on: the parts of the two become one. */
static void switch_protocols(struct service_relay *r, const char *rest, size_t len)
{
    static const struct http_tunnel_callbacks silent = {0};
    struct http_request *req = r->req;
    const char *protocol = http_head_get(r->head, "Upgrade");
    struct net_stream *port = r->port;
    if (!r->upgrade || !protocol || !http_upgrade_asked(req, protocol)) {
        end(r, ERROR_UPSTREAM, "the service switched protocols without being asked to");
        return;
    }
    put_fields(r);
    r->req = NULL;
    struct http_tunnel *tunnel = http_upgrade(req, protocol, &silent, NULL);
    if (!tunnel) {
        end(r, ERROR_UPSTREAM, "");
        drop_parts(r, 1);
        return;
    }
    if (len)
        http_tunnel_write(tunnel, rest, len);
    uv_timer_stop(&r->timer);
    r->parts--;
    r->port = NULL;
    r->splice = net_splice(http_tunnel_stream(tunnel, NULL, NULL), port, splice_ended, r);
}

static void begin_answer(struct service_relay *r)
{
    struct http_request *req = r->req;
    const char *type = http_head_get(r->head, "Content-Type");
    int status = r->head->status;
    uv_timer_stop(&r->timer);
    put_fields(r);
    r->req = NULL;
    if (status == 204 || status == 304) {
        http_respond(req, status, type, NULL, 0);
    } else {
        r->stream = http_stream_begin(req, status, type, stream_closed, r);
        if (r->stream) {
            http_stream_on_drain(r->stream, stream_drained);
            return;
        }
    }
    end(r, ERROR_UPSTREAM, "");
    drop_parts(r, 1);
}

/* Answers below 200 announce another one, but for the switch of protocols. */
static void got_head(struct service_relay *r)
{
    http_head_free(r->head);
    r->head = http_parser_take_head(r->parser);
    if (r->head->status < 200 && r->head->status != 101)
        return;
    if (strcmp(r->req->method, "HEAD") == 0)
        http_parser_no_body(r->parser);
    if (r->head->status != 101)
        begin_answer(r);
}

static void put_body(struct service_relay *r, const char *bytes, size_t len)
{
    http_stream_write(r->stream, bytes, len);
    if (r->stream && http_stream_queued(r->stream) > QUEUE_HIGH)
        net_pause(r->port);
}

static void feed(struct service_relay *r, const char *bytes, size_t len)
{
    const char *body;
    size_t body_len;
    int status;
    while (!r->ending && !r->splice) {
        switch (http_parser_next(r->parser, &bytes, &len, &body, &body_len)) {
        case HTTP_GOT_HEAD:
            got_head(r);
            break;
        case HTTP_GOT_BODY:
            if (r->stream)
                put_body(r, body, body_len);
            break;
        case HTTP_GOT_END:
            if (r->head->status == 101)
                switch_protocols(r, bytes, len);
            else if (r->head->status >= 200)
                end(r, ERROR_UPSTREAM, "");
            break;
        case HTTP_BAD:
            end(r, ERROR_UPSTREAM, http_parser_error(r->parser, &status));
            break;
        case HTTP_MORE:
            return;
        }
    }
}

static void port_read(void *owner, const char *bytes, ssize_t n)
{
    struct service_relay *r = owner;
    if (r->ending)
        return;
    if (n >= 0)
        feed(r, bytes, (size_t)n);
    else if (n == UV_ECONNREFUSED)
        end(r, ERROR_UPSTREAM, "nothing listens on the port of the service in the sandbox");
    else if (r->stream && n == UV_EOF && http_parser_eof(r->parser) == HTTP_GOT_END)
        end(r, ERROR_UPSTREAM, "");
    else
        end(r, ERROR_UPSTREAM, "the service ended the connection before its answer was complete");
}

static void port_closed(void *owner)
{
    struct service_relay *r = owner;
    r->port = NULL;
    drop_parts(r, 1);
}

/* ---- the beginning ---- */

struct service_relay *service_relay_new(struct api *api, struct http_request *req,
                                        const char *sandbox)
{
    struct service_relay *r = alloc_zero(1, sizeof *r);
    const char *protocol = http_request_header(req, "Upgrade");
    r->api = api;
    r->req = req;
    r->parts = 2;                                   /* the request and the timer */
    r->chunked = req->head->chunked;
    r->upgrade = protocol && http_upgrade_asked(req, protocol);
    r->parser = http_parser_new(HTTP_OF_SERVER, HEAD_MAX);
    uv_timer_init(api->loop, &r->timer);
    r->timer.data = r;
    r->lease = auth_lease_begin(api->auth.leases, req->user, lease_lost, r);
    auth_lease_of_sandbox(r->lease, req->user, AUTH_SANDBOX_RUN, sandbox);
    req->on_body = take_body;
    req->on_body_ctx = r;
    req->on_gone = client_gone;
    req->on_gone_ctx = r;
    http_request_pause(req);
    r->parts++;                                     /* service_relay_run */
    return r;
}

void service_relay_run(struct service_relay *r, struct net_stream *port, const struct error *err)
{
    static const struct net_calls calls = {
        .read = port_read, .drained = port_drained, .closed = port_closed};
    struct buf request = {0};
    if (!port || r->ending) {
        if (port)
            net_discard(port);
        if (err)
            end(r, err->kind, err->text);
        drop_parts(r, 1);
        return;
    }
    r->port = port;                                 /* its part is the one of service_relay_run */
    net_set_owner(port, &calls, r);
    put_request(r, &request);
    buf_add(&request, r->early.data, r->early.len);
    net_send(port, &request);
    net_read(port);
    uv_timer_start(&r->timer, on_silence, SERVICE_ANSWER_MS, 0);
    http_request_resume(r->req);
}
