/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/host/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "net/splice.h"
#include "net/tls.h"

enum { BACKLOG = 1024, WHY_SIZE = 256 };

struct host_relay {
    uv_loop_t *loop;
    uv_pipe_t listener;
    struct host_gateways *gateways;
    const struct log *log;
    struct relayed *list;
    size_t n;
    bool open, gone;                                /* gone: the listener is closed */
    char told[WHY_SIZE];                            /* the last failure that was logged */
};

/* One connection: accepted, dialled, joined. */
struct relayed {
    struct relayed *next;
    struct host_relay *relay;
    const struct host_gateway *to;
    struct net_stream *near, *far;                  /* NULL: closed, or the splice's */
    struct net_splice *splice;                      /* NULL: not joined yet */
    uv_getaddrinfo_t resolving;
    bool is_resolving, ending;
    uv_timer_t deadline;
    unsigned open_parts;                            /* near, far, deadline, resolving */
};

static void part_closed(struct relayed *r)
{
    struct host_relay *relay = r->relay;
    struct relayed **at = &relay->list;
    if (--r->open_parts > 0)
        return;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    relay->n--;
    free(r);
    if (relay->gone && !relay->list)
        free(relay);
}

static void deadline_closed(uv_handle_t *timer)
{
    part_closed(timer->data);
}

static void end(struct relayed *r)
{
    if (r->ending)
        return;
    r->ending = true;
    uv_close((uv_handle_t *)&r->deadline, deadline_closed);
    if (r->splice)
        net_splice_close(r->splice);
    if (r->near)
        net_close(r->near);
    if (r->far)
        net_close(r->far);
    if (r->is_resolving)
        uv_cancel((uv_req_t *)&r->resolving);
}

/* Once for each reason, as supervisors try again and again. */
static void fail(struct relayed *r, const char *why)
{
    struct host_relay *relay = r->relay;
    char text[WHY_SIZE];
    snprintf(text, sizeof text, "%s cannot be reached: %s", r->to->url, why);
    if (!r->ending && strcmp(text, relay->told) != 0)
        log_warn(relay->log, "%s", text);
    memcpy(relay->told, text, sizeof text);
    end(r);
}

static void on_deadline(uv_timer_t *timer)
{
    fail(timer->data, "no answer in time");
}

/* ---- joined ---- */

static void on_spliced_end(void *ctx, int status)
{
    struct relayed *r = ctx;
    (void)status;
    r->splice = NULL;
    r->open_parts--;                                /* near and far were two parts */
    if (!r->ending) {
        r->ending = true;
        uv_close((uv_handle_t *)&r->deadline, deadline_closed);
    }
    part_closed(r);
}

static void join(struct relayed *r)
{
    struct net_stream *near = r->near, *far = r->far;
    r->near = r->far = NULL;
    r->relay->told[0] = '\0';
    uv_timer_stop(&r->deadline);
    r->splice = net_splice(near, far, on_spliced_end, r);
}

/* ---- dialling ---- */

static void unread(void *owner, const char *bytes, ssize_t n)
{
    (void)owner, (void)bytes, (void)n;              /* neither side is read before both are there */
}

static void near_closed(void *owner)
{
    struct relayed *r = owner;
    r->near = NULL;
    part_closed(r);
}

static void far_closed(void *owner)
{
    struct relayed *r = owner;
    r->far = NULL;
    part_closed(r);
}

static void tls_connected(void *owner, int status)
{
    struct relayed *r = owner;
    if (r->ending)
        return;
    if (status == 0)
        join(r);
    else
        fail(r, *net_tls_problem(r->far) ? net_tls_problem(r->far) : uv_strerror(status));
}

static void tcp_connected(void *owner, int status)
{
    static const struct net_calls calls = {
        .read = unread, .connected = tls_connected, .closed = far_closed};
    struct relayed *r = owner;
    if (r->ending)
        return;
    if (status != 0) {
        fail(r, uv_strerror(status));
        return;
    }
    if (!r->to->tls) {
        join(r);
        return;
    }
    SSL *ssl = host_gateway_ssl(r->relay->gateways, r->to);
    if (ssl)
        r->far = net_tls_new(r->far, ssl, NULL, 0, &calls, r);
    else
        fail(r, "TLS cannot be set up");
}

static void connect_to(struct relayed *r, const struct sockaddr *ip)
{
    static const struct net_calls calls = {
        .read = unread, .connected = tcp_connected, .closed = far_closed};
    r->far = net_socket_new(r->relay->loop, NET_TCP, &calls, r);
    r->open_parts++;
    int rc = net_connect_tcp(r->far, ip);
    if (rc != 0)
        fail(r, uv_strerror(rc));
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct relayed *r = req->data;
    r->is_resolving = false;
    if (!r->ending && status == 0)
        connect_to(r, found->ai_addr);
    else if (!r->ending)
        fail(r, uv_strerror(status));
    uv_freeaddrinfo(found);
    part_closed(r);
}

static void dial(struct relayed *r)
{
    char port[8];
    const struct http_address *a = &r->to->address;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (a->resolved) {
        connect_to(r, (const struct sockaddr *)&a->ip);
        return;
    }
    snprintf(port, sizeof port, "%u", a->port);
    r->resolving.data = r;
    int rc = uv_getaddrinfo(r->relay->loop, &r->resolving, on_resolved, a->host, port, &hints);
    if (rc != 0) {
        fail(r, uv_strerror(rc));
        return;
    }
    r->is_resolving = true;
    r->open_parts++;
}

static void on_connection(uv_stream_t *listener, int status)
{
    static const struct net_calls calls = {.read = unread, .closed = near_closed};
    struct host_relay *relay = listener->data;
    if (status != 0)
        return;
    struct relayed *r = alloc_zero(1, sizeof *r);
    *r = (struct relayed){.next = relay->list, .relay = relay,
                          .to = &relay->gateways->list[relay->gateways->current],
                          .open_parts = 2};
    relay->list = r;
    relay->n++;
    uv_timer_init(relay->loop, &r->deadline);
    r->deadline.data = r;
    r->near = net_socket_new(relay->loop, NET_PIPE, &calls, r);
    if (net_accept(r->near, listener) != 0 || !relay->open || relay->n > RELAY_MAX) {
        end(r);
        return;
    }
    uv_timer_start(&r->deadline, on_deadline, RELAY_DIAL_MS, 0);
    dial(r);
}

/* ---- */

struct host_relay *host_relay_new(uv_loop_t *loop, const char *path, struct host_gateways *gateways,
                                  const struct log *log, struct error *err)
{
    struct host_relay *relay = alloc_zero(1, sizeof *relay);
    *relay = (struct host_relay){.loop = loop, .gateways = gateways, .log = log};
    uv_pipe_init(loop, &relay->listener, 0);
    relay->listener.data = relay;
    unlink(path);
    int rc =
        strlen(path) >= HTTP_PATH_SIZE ? UV_ENAMETOOLONG : uv_pipe_bind(&relay->listener, path);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&relay->listener, BACKLOG, on_connection);
    if (rc == 0)
        return relay;
    error_set(err, ERROR_IO, "cannot listen on %s: %s", path, uv_strerror(rc));
    host_relay_close(relay);
    return NULL;
}

void host_relay_open(struct host_relay *relay)
{
    relay->open = true;
}

void host_relay_shut(struct host_relay *relay)
{
    relay->open = false;
    for (struct relayed *r = relay->list; r; r = r->next)
        end(r);
}

static void listener_closed(uv_handle_t *listener)
{
    struct host_relay *relay = listener->data;
    relay->gone = true;
    if (!relay->list)
        free(relay);
}

void host_relay_close(struct host_relay *relay)
{
    host_relay_shut(relay);
    uv_close((uv_handle_t *)&relay->listener, listener_closed);
}
