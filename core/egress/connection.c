/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/connection.h"

#include "base/alloc.h"
#include "base/error.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a client may take to read the rest of its last answer, to end its side after that, and
 * how long a tunnel whose client is gone may take to be ended by the other side. */
enum { SENDING_MS = 30000, ENDING_MS = 2000, ORPHAN_MS = 30000, WATCH_MS = 1000 };

void egress_connection_handle_closed(void *owner)
{
    struct connection *c = owner;
    if (--c->handles)
        return;
    egress_flow_clear(&c->flow);
    egress_tunnel_free(c);
    http_parser_free(c->requests);
    buf_free(&c->pending);
    egress_caller_free(&c->caller);
    free(c->unidentified);
    egress_connection_gone(c);
    free(c);
}

static void timer_closed(uv_handle_t *timer)
{
    egress_connection_handle_closed(timer->data);
}

static void drop_forward(struct connection *c)
{
    http_parser_free(c->responses);
    http_head_free(c->response);
    c->responses = NULL;
    c->response = NULL;
}

void egress_connection_drop_upstream(struct connection *c)
{
    if (c->upstream)
        net_close(c->upstream);
    c->upstream = NULL;
    c->upstream_ended = c->upstream_finished = false;
    if (c->lookup)
        egress_lookup_cancel(c->lookup);
    if (c->dial)
        egress_dial_cancel(c->dial);
    c->lookup = NULL;
    c->dial = NULL;
    drop_forward(c);
}

void egress_connection_close(struct connection *c)
{
    if (c->state == CONNECTION_CLOSING)
        return;
    c->state = CONNECTION_CLOSING;
    egress_connection_drop_upstream(c);
    net_close(c->client);
    uv_close((uv_handle_t *)&c->timer, timer_closed);
}

/* Closing with unread bytes would make the kernel take the answer back, so what the client still
 * sends is read and thrown away. */
void egress_connection_end(struct connection *c)
{
    c->state = CONNECTION_ENDING;
    egress_connection_drop_upstream(c);
    buf_clear(&c->pending);
    egress_connection_expect(c, SENDING_MS);
    net_read(c->client);
    net_finish(c->client);
}

void egress_connection_refuse(struct connection *c, struct egress_refusal *refusal)
{
    struct buf answer = {0};
    egress_refusal_print(refusal, &answer);
    net_write(c->client, answer.data, answer.len);
    buf_free(&answer);
    egress_connection_end(c);
}

/* The client's kernel answers the acknowledgement of its end with a reset where no process holds the
 * socket any more: egress_callers has told it to.  So the acknowledgement is not delayed. */
static bool has_gone(const struct connection *c)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int now = 1, fd = net_fileno(c->client);
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof now);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_state == TCP_CLOSE;
}

static void look_again(uv_timer_t *timer)
{
    egress_connection_client_ended(timer->data);
}

void egress_connection_client_ended(struct connection *c)
{
    if (!has_gone(c))
        uv_timer_start(&c->timer, look_again, WATCH_MS, 0);
    else if (c->state == CONNECTION_TUNNEL)
        egress_connection_expect(c, ORPHAN_MS);
    else
        egress_connection_close(c);
}

static void head_timeout(struct connection *c)
{
    struct egress_refusal refusal;
    if (http_parser_idle(c->requests) && c->served) {
        egress_connection_close(c);                 /* between two requests: nobody asked anything */
        return;
    }
    egress_refuse(&refusal, REFUSAL_LATE, "the request did not arrive within %u ms",
                  c->proxy->limits.head_ms);
    egress_connection_refuse(c, &refusal);
}

static void timed_out(uv_timer_t *timer)
{
    struct connection *c = timer->data;
    if (c->state == CONNECTION_HEAD)
        head_timeout(c);
    else
        egress_connection_close(c);
}

void egress_connection_expect(struct connection *c, unsigned ms)
{
    if (ms)
        uv_timer_start(&c->timer, timed_out, ms, 0);
    else
        uv_timer_stop(&c->timer);
}

static int read_target(struct connection *c, struct egress_refusal *refusal)
{
    struct flow *flow = &c->flow;
    flow->connect = strcmp(flow->head->method, "CONNECT") == 0;
    if (flow->connect)
        return egress_target_authority(flow->head->target, &flow->target, refusal);
    if (egress_target_url(flow->head->target, &flow->target, &flow->path, refusal) != 0)
        return -1;
    if (http_head_lists(flow->head, "Upgrade", "websocket"))
        return egress_refuse(refusal, REFUSAL_UPGRADE, "WebSocket needs a tunnel: use CONNECT");
    if (http_head_lists(flow->head, "Connection", "Host") ||
        http_head_lists(flow->head, "Connection", "Content-Length") ||
        http_head_lists(flow->head, "Connection", "Transfer-Encoding"))
        return egress_refuse(refusal, REFUSAL_MALFORMED, "Connection names a header that the "
                             "request cannot do without");
    return 0;
}

static void have_head(struct connection *c)
{
    struct egress_refusal refusal;
    net_pause(c->client);
    c->flow.head = http_parser_take_head(c->requests);
    c->flow.caller = &c->caller;
    if (read_target(c, &refusal) == 0) {
        egress_follow_links(c);
        return;
    }
    snprintf(refusal.detail, sizeof refusal.detail, "%s", refusal.kind == REFUSAL_TARGET
             ? "request-target must be canonical" : refusal.reason);
    egress_connection_refuse(c, &refusal);
}

void egress_connection_malformed(struct connection *c)
{
    int status;
    struct egress_refusal refusal;
    const char *why = http_parser_error(c->requests, &status);
    egress_refuse(&refusal, status == 431 ? REFUSAL_LONG : REFUSAL_MALFORMED, "%s", why);
    egress_connection_refuse(c, &refusal);
}

static void look_for_head(struct connection *c)
{
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len;
    if (!len)
        return;
    if (http_parser_idle(c->requests))
        egress_connection_expect(c, c->proxy->limits.head_ms);
    enum http_event event = http_parser_next(c->requests, &bytes, &len, &body, &body_len);
    buf_consume(&c->pending, c->pending.len - len);
    if (event == HTTP_GOT_HEAD)
        have_head(c);
    else if (event == HTTP_BAD)
        egress_connection_malformed(c);
}

void egress_connection_next_request(struct connection *c)
{
    egress_flow_clear(&c->flow);
    egress_connection_drop_upstream(c);
    c->state = CONNECTION_HEAD;
    c->request_done = c->response_done = false;
    c->served = true;
    egress_connection_expect(c, c->proxy->limits.idle_ms);
    look_for_head(c);
    if (c->state != CONNECTION_HEAD)
        return;
    if (c->client_ended)
        egress_connection_close(c);
    else
        net_read(c->client);
}

static void head_read(struct connection *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        look_for_head(c);
    } else if (n == UV_EOF && !http_parser_idle(c->requests)) {
        http_parser_eof(c->requests);
        egress_connection_malformed(c);
    } else {
        egress_connection_close(c);
    }
}

static void ending_read_end(struct connection *c, ssize_t n)
{
    c->client_ended = true;
    if (n != UV_EOF || c->client_finished)
        egress_connection_close(c);
}

static void client_read(void *owner, const char *bytes, ssize_t n)
{
    struct connection *c = owner;
    if (c->state == CONNECTION_HEAD)
        head_read(c, bytes, n);
    else if (c->state == CONNECTION_RESOLVING || c->state == CONNECTION_DIALLING)
        egress_reach_client_read(c, bytes, n);
    else if (c->state == CONNECTION_TUNNEL)
        egress_tunnel_read(c, true, bytes, n);
    else if (c->state == CONNECTION_FORWARD)
        egress_forward_client_read(c, bytes, n);
    else if (c->state == CONNECTION_ENDING && n < 0)
        ending_read_end(c, n);
    if (c->state == CONNECTION_TUNNEL && n == UV_EOF)
        egress_connection_client_ended(c);
}

static void upstream_read(void *owner, const char *bytes, ssize_t n)
{
    struct connection *c = owner;
    if (c->state == CONNECTION_TUNNEL)
        egress_tunnel_read(c, false, bytes, n);
    else if (c->state == CONNECTION_FORWARD)
        egress_forward_upstream_read(c, bytes, n);
}

static void drained(struct connection *c, bool client, int status)
{
    if (c->state == CONNECTION_TUNNEL)
        egress_tunnel_drained(c, client, status);
    else if (c->state == CONNECTION_FORWARD)
        egress_forward_drained(c, client, status);
    else if (client && status != 0)
        egress_connection_close(c);
}

static void client_drained(void *owner, int status)
{
    drained(owner, true, status);
}

static void upstream_drained(void *owner, int status)
{
    drained(owner, false, status);
}

static void client_finished(void *owner, int status)
{
    struct connection *c = owner;
    (void)status;                                   /* a peer that is gone wants no end either */
    c->client_finished = true;
    if (c->state == CONNECTION_TUNNEL)
        egress_tunnel_finished(c);
    else if (c->state == CONNECTION_ENDING && c->client_ended)
        egress_connection_close(c);
    else if (c->state == CONNECTION_ENDING)
        egress_connection_expect(c, ENDING_MS);
}

static void upstream_finished(void *owner, int status)
{
    struct connection *c = owner;
    (void)status;
    c->upstream_finished = true;
    if (c->state == CONNECTION_TUNNEL)
        egress_tunnel_finished(c);
}

const struct net_calls egress_connection_upstream_calls = {
    upstream_read, upstream_drained, upstream_finished, NULL, egress_connection_handle_closed};

static const struct net_calls client_calls = {
    client_read, client_drained, client_finished, NULL, egress_connection_handle_closed};

static void too_many(struct connection *c)
{
    struct egress_refusal refusal;
    c->refused = true;
    c->proxy->n_refused++;
    egress_refuse(&refusal, REFUSAL_BUSY, "the sandbox has %u connections open already: close "
                  "some of them", c->proxy->limits.max_connections);
    egress_connection_refuse(c, &refusal);
}

/* The record is taken at once, as it holds the client's socket. */
static int take_client(struct connection *c)
{
    struct error err;
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (net_accept(c->client, (uv_stream_t *)&c->proxy->listener) != 0 ||
        getpeername(net_fileno(c->client), (struct sockaddr *)&address, &len) != 0)
        return -1;
    if (egress_callers_take(c->proxy->callers, &address, &c->caller, &err) != 0) {
        c->unidentified = alloc_str(err.text);
        c->caller.binary = alloc_str("");
    }
    return 0;
}

void egress_connection_new(struct egress_proxy *proxy)
{
    struct connection *c = alloc_zero(1, sizeof *c);
    c->proxy = proxy;
    c->client = net_socket_new(proxy->loop, NET_TCP, &client_calls, c);
    c->requests = http_parser_new(HTTP_OF_CLIENT, EGRESS_HEAD_MAX);
    uv_timer_init(proxy->loop, &c->timer);
    c->timer.data = c;
    c->handles = 2;
    c->next = proxy->connections;
    if (c->next)
        c->next->prev = c;
    proxy->connections = c;
    proxy->n_connections++;
    if (take_client(c) != 0) {
        egress_connection_close(c);
    } else if (proxy->n_connections - proxy->n_refused > proxy->limits.max_connections) {
        too_many(c);
    } else {
        egress_connection_expect(c, proxy->limits.head_ms);
        net_read(c->client);
    }
}
