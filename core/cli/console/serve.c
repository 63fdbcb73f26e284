/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a browser: its request is read whole, admitted, and sent to the gateway with
 * the header fields that the console needs; the answer goes back as it comes, for as long as it
 * does. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "cli/connection/wire.h"
#include "cli/console/relay.h"
#include "http/diag.h"
#include "http/parser.h"
#include "http/problem.h"

enum {
    HEAD_MAX = 32 * 1024, BODY_MAX = 1024 * 1024, STEP = 64 * 1024,
    REQUEST_MS = 15000, REFUSED_MS = 1000,          /* the latter for who is refused anyway */
};

struct connection {
    const struct relay *relay;
    int client;
    struct http_parser *parser;
    struct http_head *head;
    struct buf body;
    struct wire wire;
};

/* ---- the browser's side ---- */

/* False: it is gone, or takes nothing for too long. */
static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        struct pollfd p = {fd, POLLOUT, 0};
        ssize_t n = poll(&p, 1, 30000) > 0 ? send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
        if (n <= 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n <= 0 && !(p.revents & POLLOUT))
            return false;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void answer(const struct connection *c, const struct relay_answer *a)
{
    struct buf out = {0};
    const char *text = a->text ? a->text : "";
    buf_printf(&out, "HTTP/1.1 %d %s\r\n", a->status, http_reason(a->status));
    if (a->location)
        buf_printf(&out, "Location: %s\r\n", a->location);
    if (a->sets_cookie)
        buf_printf(&out, "Set-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Strict\r\n",
                   c->relay->cookie_name, c->relay->cookie);
    buf_printf(&out,
               "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
               "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
               "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
               "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
               "Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n%s",
               *text ? strlen(text) + 1 : 0, text);
    if (*text)
        buf_puts(&out, "\n");
    send_all(c->client, out.data, out.len);
    buf_free(&out);
}

static void refuse(const struct connection *c, int status, const char *text)
{
    answer(c, &(struct relay_answer){.status = status, .text = text});
}

/* Takes what came of the request.  False: it cannot be read, which was answered. */
static bool take(struct connection *c, const char *bytes, size_t len, bool *complete)
{
    const char *body;
    size_t body_len;
    int status = 400;
    enum http_event event;
    while ((event = http_parser_next(c->parser, &bytes, &len, &body, &body_len)) != HTTP_MORE) {
        if (event == HTTP_GOT_HEAD) {
            c->head = http_parser_take_head(c->parser);
            http_parser_limit_body(c->parser, BODY_MAX);
        } else if (event == HTTP_GOT_BODY) {
            buf_add(&c->body, body, body_len);
        } else if (event == HTTP_GOT_END) {
            *complete = true;
            return true;
        } else {
            const char *why = http_parser_error(c->parser, &status);
            refuse(c, status, why);
            return false;
        }
    }
    return true;
}

static bool read_request(struct connection *c, int patience_ms)
{
    char bytes[16 * 1024];
    bool complete = false;
    int64_t until = clock_boot_ms() + patience_ms;
    while (!complete) {
        struct pollfd p = {c->client, POLLIN, 0};
        int64_t left = until - clock_boot_ms();
        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            return false;
        ssize_t n = recv(c->client, bytes, sizeof bytes, 0);
        if (n <= 0 || !take(c, bytes, (size_t)n, &complete))
            return false;
    }
    return true;
}

uid_t relay_peer(int client)
{
    struct sockaddr_storage own, other;
    socklen_t own_len = sizeof own, other_len = sizeof other;
    struct http_tcp_socket found;
    if (getsockname(client, (struct sockaddr *)&own, &own_len) != 0 ||
        getpeername(client, (struct sockaddr *)&other, &other_len) != 0 ||
        !http_diag_find(&other, &own, &found) || found.listening || !found.inode)
        return (uid_t)-1;
    return found.uid;
}

/* ---- the gateway's side ---- */

/* Fields of the browser that mean something to the API.  Host, Origin and Cookie were for us. */
static void write_request(const struct connection *c, struct buf *out)
{
    static const char *const passed[] = {"Accept",        "Content-Type",   "If-Match",
                                         "If-None-Match", "Last-Event-ID",  "Sec-Fetch-Site",
                                         "Sluice-Reason", "Sluice-Override", NULL};
    wire_request(c->relay->cli, out, c->head->method, c->head->target);
    for (size_t i = 0; i < c->head->n_fields; i++)
        if (http_field_in(&c->head->fields[i], passed))
            buf_printf(out, "%s: %s\r\n", c->head->fields[i].name, c->head->fields[i].value);
    if (c->body.len || strcmp(c->head->method, "GET") != 0)
        buf_printf(out, "Content-Length: %zu\r\n", c->body.len);
    buf_puts(out, "Connection: close\r\n\r\n");
    if (c->body.len)
        buf_add(out, c->body.data, c->body.len);
}

/* Until the gateway may go on, or the browser has gone. */
static bool wait_gateway(const struct connection *c)
{
    struct pollfd p[2] = {{c->wire.fd, c->wire.events, 0}, {c->client, POLLRDHUP, 0}};
    return poll(p, 2, -1) > 0 && !p[1].revents;
}

static bool send_request(struct connection *c)
{
    struct buf out = {0};
    bool going = true;
    write_request(c, &out);
    while (going && out.len) {
        ssize_t n = wire_send(&c->wire, out.data, out.len);
        if (n > 0)
            buf_consume(&out, (size_t)n);
        else
            going = n == WIRE_AGAIN && wait_gateway(c);
    }
    buf_free(&out);
    return going;
}

static void send_back(struct connection *c)
{
    char *bytes = malloc(STEP);
    for (bool going = bytes; going;) {
        ssize_t n = wire_receive(&c->wire, bytes, STEP);
        if (n == WIRE_AGAIN)
            going = wait_gateway(c);
        else
            going = n > 0 && send_all(c->client, bytes, (size_t)n);
    }
    free(bytes);
}

static void forward(struct connection *c)
{
    if (wire_open(c->relay->cli, &c->wire) < 0 && send_request(c))
        send_back(c);
    else
        refuse(c, 502, "The gateway cannot be reached: 'sluice console' says why.");
    wire_close(&c->wire);
}

void relay_serve(const struct relay *relay, int client, uid_t uid)
{
    bool refused = relay_is_redeemed(relay) && uid != relay->session->uid;
    struct connection c = {.relay = relay, .client = client, .wire.fd = -1};
    struct relay_answer a;
    c.parser = http_parser_new(HTTP_OF_CLIENT, HEAD_MAX);
    if (read_request(&c, refused ? REFUSED_MS : REQUEST_MS)) {
        relay_admit(relay, c.head, uid, clock_boot_ms(), &a);
        if (a.status)
            answer(&c, &a);
        else
            forward(&c);
    }
    http_head_free(c.head);
    http_parser_free(c.parser);
    buf_free(&c.body);
}
