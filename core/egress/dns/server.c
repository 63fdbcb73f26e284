/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "net/stream.h"

enum { WINDOW_MS = 50, BACKLOG = 64, AT_ONCE = 64 };

struct client {
    struct egress_dns *dns;
    struct client *prev, *next;
    struct net_stream *stream;
    struct buf pending;                             /* read and not answered */
    bool ended;                                     /* its side */
    bool full;                                      /* it does not read its answers */
    uint64_t heard_ms;
};

struct egress_dns {
    struct egress_dns_zone zone;
    uv_poll_t udp;
    uv_tcp_t tcp;
    uv_timer_t window, idle;
    int udp_fd;
    unsigned per_window, left;                      /* questions */
    unsigned idle_ms;
    struct client *clients;
    unsigned n_clients;                             /* those in the list */
    unsigned handles; /* open ones, clients that are being closed too */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static void release(struct egress_dns *dns)
{
    if (--dns->handles > 0)
        return;
    void (*on_closed)(void *) = dns->on_closed;
    void *ctx = dns->closed_ctx;
    close(dns->udp_fd);
    free(dns);
    if (on_closed)
        on_closed(ctx);
}

static void handle_closed(uv_handle_t *handle)
{
    release(handle->data);
}

/* --- the rate -------------------------------------------------------------------------------- */

static void on_window(uv_timer_t *timer);

/* False: no more questions are answered until the next window, which begins by itself. */
static bool spend(struct egress_dns *dns)
{
    if (!uv_is_active((uv_handle_t *)&dns->window)) {
        dns->left = dns->per_window;
        uv_timer_start(&dns->window, on_window, WINDOW_MS, 0);
    }
    if (dns->left == 0)
        return false;
    dns->left--;
    return true;
}

/* --- UDP ------------------------------------------------------------------------------------- */

/* 1: answered or not worth an answer; 0: nothing is left to read. */
static int serve_datagram(struct egress_dns *dns)
{
    uint8_t query[EGRESS_DNS_QUERY_MAX + 1], out[EGRESS_DNS_ANSWER_SIZE];
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(dns->udp_fd, query, sizeof query, MSG_DONTWAIT, (struct sockaddr *)&from,
                           &from_len);
    if (len < 0)
        return 0;
    size_t answer = egress_dns_reply(&dns->zone, query, (size_t)len, clock_mono_ms(), out);
    if (answer > 0)
        sendto(dns->udp_fd, out, answer, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from,
               from_len);
    return 1;
}

static void on_datagrams(uv_poll_t *poll, int status, int events)
{
    struct egress_dns *dns = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < AT_ONCE; i++) {
        if (!spend(dns)) {
            uv_poll_stop(poll);
            return;
        }
        if (serve_datagram(dns) == 0)
            return;
    }
}

/* --- TCP ------------------------------------------------------------------------------------- */

static void client_closed(void *owner)
{
    struct client *client = owner;
    struct egress_dns *dns = client->dns;
    buf_free(&client->pending);
    free(client);
    release(dns);
}

static void close_client(struct client *client)
{
    struct egress_dns *dns = client->dns;
    if (!client->stream)
        return;
    *(client->prev ? &client->prev->next : &dns->clients) = client->next;
    if (client->next)
        client->next->prev = client->prev;
    dns->n_clients--;
    struct net_stream *stream = client->stream;
    client->stream = NULL;
    net_close(stream);
}

static size_t pending_length(const struct client *client)
{
    const uint8_t *bytes = (const uint8_t *)client->pending.data;
    return (size_t)bytes[0] << 8 | bytes[1];
}

static void send_answer(struct client *client, const uint8_t *answer, size_t len)
{
    uint8_t out[2 + EGRESS_DNS_ANSWER_SIZE] = {(uint8_t)(len >> 8), (uint8_t)len};
    memcpy(out + 2, answer, len);
    client->full = !net_write(client->stream, out, len + 2);
}

enum step { STEP_ON, STEP_WAIT, STEP_CLOSE };

/* Answers the next message that is complete. */
static enum step serve_message(struct client *client)
{
    uint8_t out[EGRESS_DNS_ANSWER_SIZE];
    size_t len = client->pending.len < 2 ? 0 : pending_length(client);
    if (client->pending.len >= 2 && (len == 0 || len > EGRESS_DNS_QUERY_MAX))
        return STEP_CLOSE;
    if (client->pending.len < 2 || client->pending.len < 2 + len)
        return client->ended ? STEP_CLOSE : STEP_WAIT;
    if (client->full || !spend(client->dns))
        return STEP_WAIT;
    size_t answer = egress_dns_reply(&client->dns->zone, (const uint8_t *)client->pending.data + 2,
                                     len, clock_mono_ms(), out);
    buf_consume(&client->pending, 2 + len);
    if (answer == 0)
        return STEP_CLOSE;
    send_answer(client, out, answer);
    return STEP_ON;
}

/* Reads on only when what was read is answered. */
static void serve_client(struct client *client)
{
    enum step step;
    net_pause(client->stream);
    do
        step = serve_message(client);
    while (step == STEP_ON);
    if (step == STEP_CLOSE && !client->ended)
        close_client(client);
    else if (step == STEP_CLOSE && !client->full)
        net_finish(client->stream);
    else if (client->pending.len < EGRESS_DNS_QUERY_MAX + 2 && !client->ended)
        net_read(client->stream);
}

static void client_read(void *owner, const char *bytes, ssize_t n)
{
    struct client *client = owner;
    client->heard_ms = clock_mono_ms();
    client->ended = n == UV_EOF;
    if (n < 0 && n != UV_EOF) {
        close_client(client);
        return;
    }
    if (n > 0)
        buf_add(&client->pending, bytes, (size_t)n);
    serve_client(client);
}

static void client_drained(void *owner, int status)
{
    struct client *client = owner;
    client->full = false;
    if (!client->stream)
        return;
    if (status != 0)
        close_client(client);
    else
        serve_client(client);
}

static void client_finished(void *owner, int status)
{
    (void)status;
    close_client(owner);
}

static void on_window(uv_timer_t *timer)
{
    struct egress_dns *dns = timer->data;
    uv_poll_start(&dns->udp, UV_READABLE, on_datagrams);
    for (struct client *client = dns->clients, *next; client; client = next) {
        next = client->next;
        if (client->pending.len > 0)
            serve_client(client);
    }
}

static struct client *most_silent(const struct egress_dns *dns)
{
    struct client *found = dns->clients;
    for (struct client *client = dns->clients; client; client = client->next)
        if (client->heard_ms < found->heard_ms)
            found = client;
    return found;
}

static void on_idle(uv_timer_t *timer)
{
    struct egress_dns *dns = timer->data;
    uint64_t now_ms = clock_mono_ms();
    for (struct client *client = dns->clients, *next; client; client = next) {
        next = client->next;
        if (now_ms - client->heard_ms >= dns->idle_ms)
            close_client(client);
    }
    if (dns->n_clients == 0)
        uv_timer_stop(timer);
}

static void add_client(struct egress_dns *dns, struct client *client)
{
    if (dns->n_clients == EGRESS_DNS_CLIENTS_MAX)
        close_client(most_silent(dns));
    client->next = dns->clients;
    if (client->next)
        client->next->prev = client;
    dns->clients = client;
    dns->n_clients++;
    if (!uv_is_active((uv_handle_t *)&dns->idle))
        uv_timer_start(&dns->idle, on_idle, dns->idle_ms / 4, dns->idle_ms / 4);
}

static void on_client(uv_stream_t *listener, int status)
{
    static const struct net_calls calls = {client_read, client_drained, client_finished, NULL,
                                           client_closed};
    struct egress_dns *dns = listener->data;
    if (status != 0)
        return;
    struct client *client = alloc_zero(1, sizeof *client);
    client->dns = dns;
    client->heard_ms = clock_mono_ms();
    client->stream = net_socket_new(listener->loop, NET_TCP, &calls, client);
    dns->handles++;
    add_client(dns, client);
    if (net_accept(client->stream, listener) == 0)
        net_read(client->stream);
    else
        close_client(client);
}

/* --- the server ------------------------------------------------------------------------------ */

static int open_sockets(struct egress_dns *dns, uv_loop_t *loop,
                        const struct egress_dns_config *config)
{
    int rc = uv_poll_init(loop, &dns->udp, config->udp);
    if (rc != 0) {
        close(config->udp);
        close(config->tcp);
        return rc;
    }
    dns->handles = 4;
    uv_tcp_init(loop, &dns->tcp);
    uv_timer_init(loop, &dns->window);
    uv_timer_init(loop, &dns->idle);
    dns->udp.data = dns->tcp.data = dns->window.data = dns->idle.data = dns;
    rc = uv_tcp_open(&dns->tcp, config->tcp);
    if (rc != 0)
        close(config->tcp);
    else
        rc = uv_listen((uv_stream_t *)&dns->tcp, BACKLOG, on_client);
    if (rc == 0)
        rc = uv_poll_start(&dns->udp, UV_READABLE, on_datagrams);
    return rc;
}

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

struct egress_dns *egress_dns_new(uv_loop_t *loop, const struct egress_dns_config *config,
                                  struct error *err)
{
    struct egress_dns *dns = alloc_zero(1, sizeof *dns);
    dns->zone.names = config->names;
    dns->udp_fd = config->udp;
    dns->idle_ms = or_default(config->idle_ms, EGRESS_DNS_IDLE_MS);
    dns->per_window = or_default(config->rate, EGRESS_DNS_RATE) * WINDOW_MS / 1000;
    /* A host name that no DNS name can be is asked for by nobody. */
    if (ipaddr_canonical_host(config->own_host, strlen(config->own_host), dns->zone.own_host) != 0)
        dns->zone.own_host[0] = '\0';
    int rc = open_sockets(dns, loop, config);
    if (rc == 0)
        return dns;
    error_set(err, ERROR_INTERNAL, "the sandbox's resolver cannot listen: %s", uv_strerror(rc));
    if (dns->handles == 0)
        free(dns);
    else
        egress_dns_close(dns, NULL, NULL);
    return NULL;
}

void egress_dns_close(struct egress_dns *dns, void (*on_closed)(void *ctx), void *ctx)
{
    dns->on_closed = on_closed;
    dns->closed_ctx = ctx;
    while (dns->clients)
        close_client(dns->clients);
    uv_close((uv_handle_t *)&dns->udp, handle_closed);
    uv_close((uv_handle_t *)&dns->tcp, handle_closed);
    uv_close((uv_handle_t *)&dns->window, handle_closed);
    uv_close((uv_handle_t *)&dns->idle, handle_closed);
}
