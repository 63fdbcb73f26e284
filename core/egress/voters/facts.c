/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/voters/facts.h"

#include <ctype.h>
#include <string.h>

#include "egress/answer/reduce.h"
#include "egress/forward/rewrite.h"

const char *egress_facts_protocol(const struct client *c)
{
    const struct sluice_endpoint *e = c->exchange.rules.endpoint;
    e = e ? e : c->route.decision.endpoint;
    return e ? e->protocol : "";
}

static const char *rule_of(const struct client *c)
{
    const struct sluice_rule *rule = c->exchange.rules.rule;
    rule = rule ? rule : c->route.decision.rule;
    return rule ? rule->key : "";
}

/* By HTTP/2 it is that of the connection with all its streams. */
static const char *tls_of(const struct client *c)
{
    const struct client *connection = c->carrier ? c->carrier : c;
    return connection->tls ? connection->tls : "";
}

static const char *lower(const char *name, struct arena *arena)
{
    char *copy = arena_str(arena, name);
    for (char *p = copy; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

/* As rules see it; raw where it was sent before anybody was asked about it. */
static const char *path_of(const struct exchange *exchange, struct arena *arena)
{
    const char *seen = egress_exchange_seen_path(exchange);
    size_t len = strcspn(exchange->path, "?");
    if (seen)
        return arena_str(arena, seen);
    return len ? arena_strn(arena, exchange->path, len) : "/";
}

static struct sluice_header *headers_of(const struct http_head *head, const struct http_head *more,
                                        struct arena *arena)
{
    size_t n = head->n_fields, n_more = more ? more->n_fields : 0;
    struct sluice_header *headers = arena_alloc(arena, (n + n_more + 1) * sizeof *headers);
    for (size_t i = 0; i < n + n_more; i++) {
        const struct http_field *field = i < n ? &head->fields[i] : &more->fields[i - n];
        headers[i] = (struct sluice_header){lower(field->name, arena), field->value};
    }
    return headers;
}

/* As the origin gets them: it is always asked for the host that was judged. */
static const struct sluice_header *headers_of_request(const struct client *c, struct arena *arena)
{
    const struct http_head *head = c->exchange.head;
    struct sluice_header *headers = headers_of(head, NULL, arena);
    struct buf host = {0};
    egress_rewrite_host(&c->route.target, c->inspected == INSPECTED_TLS ? 443 : 80, &host);
    for (size_t i = 0; i < head->n_fields; i++)
        if (strcmp(headers[i].name, "host") == 0)
            headers[i].value = arena_str(arena, buf_str(&host));
    buf_free(&host);
    return headers;
}

static const char *query_of(const struct exchange *exchange)
{
    const char *mark = strchr(exchange->path, '?');
    return mark ? mark + 1 : "";
}

static void add_call(const struct exchange *exchange, size_t i, struct arena *arena,
                     struct sluice_request *r)
{
    const struct policy_calls *calls = &exchange->calls;
    if (i >= calls->n)
        return;
    const struct policy_call *call = &calls->items[i];
    r->operation = arena_str(arena, *call->method ? call->method
                                                  : policy_call_operation(call, arena));
    r->tool = arena_str(arena, call->tool);
}

static bool has_body(const struct http_head *head)
{
    return head->chunked || head->length > 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct sluice_request *egress_facts_request(const struct client *c, size_t max, size_t call,
                                            struct arena *arena)
{
    const struct exchange *exchange = &c->exchange;
    const struct http_head *head = exchange->head;
    struct sluice_request *r = arena_alloc(arena, sizeof *r);
    bool whole = exchange->request_done || !has_body(head);
    *r = (struct sluice_request){
        .size = sizeof *r, .sandbox = c->proxy->sandbox, .binary = c->caller.binary,
        .ancestors = (const char *const *)c->caller.ancestors,
        .n_ancestors = c->caller.n_ancestors, .host = c->route.target.host,
        .port = c->route.target.port, .rule = arena_str(arena, rule_of(c)),
        .protocol = arena_str(arena, egress_facts_protocol(c)),
        .method = head->method, .path = path_of(exchange, arena), .query = query_of(exchange),
        .headers = headers_of_request(c, arena), .n_headers = head->n_fields,
        .body = buf_str(&exchange->body), .body_len = least(exchange->body.len, max),
        .body_complete = whole && exchange->body.len <= max, .operation = "", .tool = "",
        .message = "", .tls = tls_of(c)};
    add_call(exchange, call, arena, r);
    return r;
}

static const char *kind_of(const struct egress_message *message)
{
    return message->binary ? "binary" : "text";
}

const struct sluice_request *egress_facts_message(const struct client *c,
                                                  const struct egress_message *message, size_t max,
                                                  struct arena *arena)
{
    struct sluice_request *r = egress_facts_request(c, 0, 0, arena);
    r->message = kind_of(message);
    r->body = message->bytes;
    r->body_len = least(message->len, max);
    r->body_complete = message->len <= max;
    return r;
}

const struct sluice_request *egress_facts_server_message(const struct client *c,
                                                         const struct egress_message *message,
                                                         size_t max, struct arena *arena)
{
    enum { SWITCHING_PROTOCOLS = 101 };
    struct sluice_request *r = egress_facts_request(c, 0, 0, arena);
    struct sluice_response *response = arena_zalloc(arena, sizeof *response);
    r->message = kind_of(message);
    r->operation = r->tool = "";                    /* those of a message of the client */
    *response = (struct sluice_response){
        .size = sizeof *response, .status = SWITCHING_PROTOCOLS,
        .headers = arena_zalloc(arena, sizeof *response->headers),
        .body = message->bytes, .body_len = least(message->len, max),
        .body_complete = message->len <= max};
    r->response = response;
    return r;
}

const struct sluice_response *egress_facts_response(const struct client *c, const struct buf *body,
                                                    size_t max, bool complete,
                                                    struct arena *arena)
{
    const struct http_head *head = c->exchange.response, *trailers = egress_reduce_trailers(c);
    struct sluice_response *r = arena_alloc(arena, sizeof *r);
    *r = (struct sluice_response){.size = sizeof *r, .status = (uint16_t)head->status,
                                  .headers = headers_of(head, trailers, arena),
                                  .n_headers = head->n_fields + (trailers ? trailers->n_fields : 0),
                                  .body = buf_str(body), .body_len = least(body->len, max),
                                  .body_complete = complete && body->len <= max};
    return r;
}
