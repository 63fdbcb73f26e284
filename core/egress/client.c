/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "egress/websocket/session.h"

/* How long a client may take to read the rest of its last answer, to end its side after that, and
 * how long a tunnel whose client is gone may take to be ended by the other side. */
enum { SENDING_MS = 30000, ENDING_MS = 2000, ORPHAN_MS = 30000, WATCH_MS = 1000 };

enum { TURN_MS = 10 };                              /* since the loop looked at its sockets */

static const struct client_state ending_state, closing_state;

static void free_hello(struct client *c)
{
    if (c->hello)
        egress_hello_free(c->hello);
    free(c->hello);
}

static void free_websocket(struct client *c)
{
    if (c->websocket)
        c->proxy->messages_memory -= c->websocket->counted;
    egress_websocket_free(c->websocket);
}

struct egress_refused_request egress_client_request(const struct client *c,
                                                    const struct policy_call *call)
{
    const struct exchange *exchange = &c->exchange;
    const struct sluice_endpoint *endpoint = exchange->rules.endpoint;
    return (struct egress_refused_request){
        .method = egress_exchange_method(exchange), .path = exchange->canonical.data,
        .protocol = endpoint ? endpoint->protocol : "rest",
        .host = c->route.target.host, .port = c->route.target.port, .binary = c->caller.binary,
        .operation = call ? policy_call_operation(call, exchange->calls.arena) : NULL,
        .field = call ? policy_call_field(call, exchange->calls.arena) : NULL,
        .rpc_method = call ? call->method : NULL, .tool = call ? call->tool : NULL};
}

void egress_client_release(void *owner)
{
    struct client *c = owner;
    if (--c->handles)
        return;
    egress_route_clear(&c->route);
    egress_exchange_clear(&c->exchange);
    free_hello(c);
    free_websocket(c);
    local_call_free(&c->proxy->local, c->local);
    free(c->generate);
    if (c->held.s_addr)
        egress_names_release(c->proxy->names, c->held, clock_mono_ms());
    http_parser_free(c->requests);
    buf_free(&c->pending);
    if (!c->carrier)                                /* else it is the carrier's */
        egress_caller_free(&c->caller);
    free(c->unidentified);
    free(c->origin);
    c->gone(c);
    if (c->carrier)
        egress_client_release(c->carrier);
    free(c);
}

static void timer_closed(uv_handle_t *timer)
{
    egress_client_release(timer->data);
}

/* ---- the upstream connection ---- */

void egress_client_set_upstream(struct client *c, struct net_stream *stream)
{
    c->upstream = (struct upstream){.stream = stream};
    c->handles++;
    net_set_owner(stream, &egress_upstream_calls, c);
}

struct upstream egress_client_give_upstream(struct client *c)
{
    struct upstream upstream = c->upstream;
    c->upstream = (struct upstream){0};
    c->handles--;                                   /* the timer has one, too */
    return upstream;
}

void egress_client_take_upstream(struct client *c, const struct upstream *upstream)
{
    egress_client_set_upstream(c, upstream->stream);
    c->upstream = *upstream;
}

void egress_client_drop_upstream(struct client *c)
{
    if (c->upstream.stream)
        net_close(c->upstream.stream);
    http_parser_free(c->upstream.responses);
    c->upstream = (struct upstream){0};
    if (c->lookup)
        egress_lookup_cancel(c->lookup);
    if (c->dial)
        egress_dial_cancel(c->dial);
    c->lookup = NULL;
    c->dial = NULL;
    if (c->dropped)
        c->dropped(c);
}

/* ---- between two requests ---- */

void egress_client_next(struct client *c)
{
    if (c->exchange.use)                            /* what was open to it may be closed now */
        c->route.generation = 0;
    egress_exchange_clear(&c->exchange);
    if (!c->inspected)
        egress_route_keep(&c->route);
    c->state = c->idle;
    c->idle->enter(c);
}

/* ---- the end ---- */

void egress_client_close(struct client *c)
{
    if (c->state == &closing_state)
        return;
    c->state = &closing_state;
    if (c->exchange.wait)
        c->exchange.wait->leave(c->exchange.wait);
    egress_exchange_leave_questions(&c->exchange);
    egress_client_drop_upstream(c);
    if (c->closing)
        c->closing(c);
    if (c->connect)
        egress_connect_answer(c->connect, -ECONNABORTED);
    c->connect = NULL;
    if (c->stream)
        net_close(c->stream);
    uv_close((uv_handle_t *)&c->timer, timer_closed);
}

/* Closing with unread bytes would make the kernel take the answer back, so what the client still
 * sends is read and thrown away. */
void egress_client_end(struct client *c)
{
    c->state = &ending_state;
    egress_client_drop_upstream(c);
    buf_clear(&c->pending);
    egress_exchange_forget_body(&c->exchange);
    egress_client_expect(c, SENDING_MS);
    net_read(c->stream);
    net_finish(c->stream);
}

bool egress_client_admit(struct client *c)
{
    struct egress_connect *connect = c->connect;
    c->connect = NULL;
    c->admitted_early = false;
    return !connect || egress_connect_answer(connect, 0);
}

/* A program that knows no proxy does not read an answer. */
static void fail_connect(struct client *c, const struct egress_refusal *refusal)
{
    const struct linger reset = {.l_onoff = 1};
    if (c->connect)
        egress_connect_answer(c->connect, egress_refusal_errno(refusal));
    else
        setsockopt(net_fileno(c->stream), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    c->connect = NULL;
    egress_client_close(c);
}

void egress_client_answer(struct client *c, const struct buf *answer)
{
    net_write(c->stream, answer->data, answer->len);
    egress_client_end(c);
}

void egress_client_refuse(struct client *c, const struct egress_refusal *refusal)
{
    struct buf answer = {0};
    if (c->connect || c->admitted_early) {
        fail_connect(c, refusal);
        return;
    }
    egress_refusal_print(refusal, c->proxy->settings.agent_proposals, &answer);
    egress_client_answer(c, &answer);
    buf_free(&answer);
}

/* The client's kernel answers the acknowledgement of its end with a reset where no process holds
 * the socket any more: egress_callers has told it to.  So the acknowledgement is not delayed. */
static bool has_gone(const struct client *c)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int now = 1, fd = net_fileno(c->stream);
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof now);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_state == TCP_CLOSE;
}

static void watch_again(uv_timer_t *timer)
{
    egress_client_has_ended(timer->data);
}

void egress_client_has_ended(struct client *c)
{
    if (c->carrier)
        return;                                     /* a reset would tell */
    if (!has_gone(c))
        uv_timer_start(&c->timer, watch_again, WATCH_MS, 0);
    else if (c->state->outlives_client)
        egress_client_expect(c, ORPHAN_MS);
    else
        egress_client_close(c);
}

static void ending_client_read(struct client *c, const char *bytes, ssize_t n)
{
    (void)bytes;
    if (n >= 0)
        return;
    c->ended = true;
    if (n != UV_EOF || c->finished)
        egress_client_close(c);
}

static void ending_client_finished(struct client *c)
{
    if (c->ended)
        egress_client_close(c);
    else
        egress_client_expect(c, ENDING_MS);
}

static const struct client_state ending_state = {
    .client_read = ending_client_read, .client_finished = ending_client_finished};
static const struct client_state closing_state = {0};

/* ---- what happens ---- */

static void timed_out(uv_timer_t *timer)
{
    struct client *c = timer->data;
    if (c->state->timed_out)
        c->state->timed_out(c);
    else
        egress_client_close(c);
}

void egress_client_expect(struct client *c, unsigned ms)
{
    if (ms)
        uv_timer_start(&c->timer, timed_out, ms, 0);
    else
        uv_timer_stop(&c->timer);
}

bool egress_client_turn_is_over(const struct client *c)
{
    return uv_hrtime() / 1000000 >= uv_now(c->proxy->loop) + TURN_MS;
}

static void take_turn_again(uv_timer_t *timer)
{
    struct client *c = timer->data;
    egress_client_take_turn(c, c->turn);
}

void egress_client_take_turn(struct client *c, void (*work)(struct client *c))
{
    c->turn = work;
    if (egress_client_turn_is_over(c))
        uv_timer_start(&c->timer, take_turn_again, 1, 0);
    else
        work(c);
}

bool egress_client_has_room(const struct client *c)
{
    return c->pending.len < NET_READ_MAX;
}

static void client_read(void *owner, const char *bytes, ssize_t n)
{
    struct client *c = owner;
    if (c->state->client_read)
        c->state->client_read(c, bytes, n);
}

static void client_drained(void *owner, int status)
{
    struct client *c = owner;
    if (c->state->client_drained)
        c->state->client_drained(c, status);
    else if (status != 0)
        egress_client_close(c);
}

static void client_finished(void *owner, int status)
{
    struct client *c = owner;
    (void)status;                                   /* a peer that is gone wants no end either */
    c->finished = true;
    if (c->state->client_finished)
        c->state->client_finished(c);
}

static void client_secured(void *owner, int status)
{
    struct client *c = owner;
    if (c->state->client_secured)
        c->state->client_secured(c, status);
    else if (status != 0)
        egress_client_close(c);
}

static void upstream_read(void *owner, const char *bytes, ssize_t n)
{
    struct client *c = owner;
    if (c->state->upstream_read)
        c->state->upstream_read(c, bytes, n);
}

static void upstream_drained(void *owner, int status)
{
    struct client *c = owner;
    if (c->state->upstream_drained)
        c->state->upstream_drained(c, status);
}

static void upstream_finished(void *owner, int status)
{
    struct client *c = owner;
    (void)status;
    c->upstream.finished = true;
    if (c->state->upstream_finished)
        c->state->upstream_finished(c);
}

static void upstream_secured(void *owner, int status)
{
    struct client *c = owner;
    c->upstream.secured = status == 0;
    if (c->state->upstream_secured)
        c->state->upstream_secured(c, status);
    else if (status != 0)
        egress_client_drop_upstream(c);
}

const struct net_calls egress_client_calls = {
    client_read, client_drained, client_finished, client_secured, egress_client_release};
const struct net_calls egress_upstream_calls = {
    upstream_read, upstream_drained, upstream_finished, upstream_secured, egress_client_release};

/* ---- the beginning ---- */

static void enlist(struct client *c)
{
    struct egress_proxy *proxy = c->proxy;
    c->next = proxy->clients;
    if (c->next)
        c->next->prev = c;
    proxy->clients = c;
    proxy->n_clients++;
}

struct client *egress_client_new(struct egress_proxy *proxy, const struct client_state *idle,
                                 void (*gone)(struct client *c))
{
    struct client *c = alloc_zero(1, sizeof *c);
    c->proxy = proxy;
    c->gone = gone;
    c->state = c->idle = idle;
    c->requests = http_parser_new(HTTP_OF_CLIENT, EGRESS_HEAD_MAX);
    c->exchange.query = "";
    uv_timer_init(proxy->loop, &c->timer);
    c->timer.data = c;
    c->handles = 1;
    enlist(c);
    return c;
}

void egress_client_attach(struct client *c, struct net_stream *stream)
{
    c->stream = stream;
    c->handles++;
    net_set_owner(stream, &egress_client_calls, c);
}
