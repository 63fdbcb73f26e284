/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "http/connection.h"
#include "http/escape.h"
#include "http/problem.h"
#include "http/router.h"
#include "net/certificate.h"

struct http_exchange *exchange_new(struct http_connection *c, struct http_head *head)
{
    struct http_exchange *x = alloc_zero(1, sizeof *x);
    x->connection = c;
    x->head = head;
    x->peer = c->peer;
    x->peer.certificate = net_certificate_ref(c->certificate);
    x->gone = c->eof;
    x->req.exchange = x;
    x->req.head = head;
    x->req.method = head ? head->method : "";
    x->req.path = "";
    x->req.peer = &x->peer;
    return x;
}

void exchange_free(struct http_exchange *x)
{
    if (x->req.free_user)
        x->req.free_user(x->req.user);
    http_head_free(x->head);
    free(x->path);
    free(x->segments);
    free(x->type);
    free(x->req.query);
    buf_free(&x->req.body);
    buf_free(&x->headers);
    net_certificate_unref(x->peer.certificate);
    free(x);
}

void exchange_peer_gone(struct http_exchange *x)
{
    bool known = x->gone;
    x->gone = true;
    if (!known && x->handed && x->req.on_gone)
        x->req.on_gone(x->req.on_gone_ctx);
}

struct http_connection *exchange_detach(struct http_exchange *x)
{
    struct http_connection *c = x->connection;
    if (!c)
        return NULL;
    /* What follows an unread body on the wire is no request. */
    if (c->body_open || (!x->handed && x->head && (x->head->chunked || x->head->length)))
        c->last = true;
    c->peer = x->peer;
    c->peer.certificate = NULL;                     /* which is that of c->certificate */
    c->exchange = NULL;
    c->server->stats.requests_running -= x->handed;
    x->connection = NULL;
    return c;
}

static bool stop(struct http_exchange *x, int status, const char *detail)
{
    x->connection->server->stats.refused++;
    http_respond_problem(&x->req, status, http_problem_word(status), NULL, detail, NULL);
    return false;
}

/* Fills path, segments and query. */
static bool split_target(struct http_exchange *x)
{
    const char *target = x->head->target, *question = strchr(target, '?');
    x->path = alloc_strn(target, question ? (size_t)(question - target) : strlen(target));
    x->req.path = x->path;
    if (*target != '/' || strchr(target, '#'))
        return stop(x, 400, "the request target is not a path: this server is no proxy");
    x->segments = http_path_split(x->path);
    if (!x->segments)
        return stop(x, 400, "the path is not percent-encoded UTF-8");
    x->req.query = http_query_parse(question ? question + 1 : "", &x->req.n_query);
    if (!x->req.query)
        return stop(x, 400, "the query is not percent-encoded UTF-8, or has too many parts");
    return true;
}

static bool no_route(struct http_exchange *x, struct buf *allow)
{
    char *detail;
    if (allow->len) {
        http_header(&x->req, "Allow", allow->data);
        detail = alloc_printf("%s allows %s, not %s", x->path, allow->data, x->req.method);
    } else {
        detail = alloc_printf("there is nothing at %s", x->path);
    }
    stop(x, allow->len ? 405 : 404, detail);
    free(detail);
    return false;
}

static bool find_route(struct http_exchange *x)
{
    struct buf allow = {0};
    x->req.route = http_router_find(x->connection->server->router, x->req.method, x->segments,
                                    x->req.params, &allow);
    bool found = x->req.route || no_route(x, &allow);
    buf_free(&allow);
    return found;
}

static const struct http_offered *find_offered(const struct http_exchange *x)
{
    const struct http_server *server = x->connection->server;
    for (size_t i = 0; i < server->n_services; i++)
        if (server->services[i].service->takes(x->head))
            return &server->services[i];
    return NULL;
}

static bool admit_body(struct http_exchange *x)
{
    struct http_server *server = x->connection->server;
    struct http_parser *parser = x->connection->parser;
    const struct http_route *route = x->req.route;
    size_t most = route->reads_body ? SIZE_MAX : server->limits.body_bytes;
    size_t max = route->max_body ? route->max_body : most;
    const char *expect = http_head_get(x->head, "Expect");
    if (expect && strcasecmp(expect, "100-continue") != 0)
        return stop(x, 417, "the only expectation understood is 100-continue");
    if (!http_parser_limit_body(parser, max))
        return stop(x, 413, http_parser_too_large(parser));
    return true;
}

bool exchange_route(struct http_exchange *x)
{
    const struct http_server *server = x->connection->server;
    x->ctx = server->ctx;
    const struct http_offered *offered = find_offered(x);
    if (offered) {
        x->req.route = &offered->service->route;
        x->ctx = offered->ctx;
        return split_target(x);
    }
    if (!split_target(x) || !find_route(x) || !admit_body(x))
        return false;
    return !server->router->before || server->router->before(&x->req, server->ctx) == 0;
}

static void put_date(struct buf *out)
{
    char text[64];
    struct tm tm;
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    buf_printf(out, "Date: %s\r\n", text);
}

void exchange_put_head(const struct http_exchange *x, const struct http_connection *c,
                       struct buf *out, int status, const char *type)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
    put_date(out);
    if (type)
        buf_printf(out, "Content-Type: %s\r\n", type);
    if (x->headers.len)
        buf_add(out, x->headers.data, x->headers.len);
    if (status == 101)
        return;
    if (c->last || c->server->draining)
        buf_puts(out, "Connection: close\r\n");
    else if (x->head && x->head->minor == 0)
        buf_puts(out, "Connection: keep-alive\r\n");
}
