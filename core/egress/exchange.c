/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "egress/answer/tools.h"

void egress_route_open_all(struct route *route)
{
    for (size_t i = 0; i < route->n_closed; i++)
        free(route->closed[i]);
    free(route->closed);
    route->closed = NULL;
    route->n_closed = 0;
}

void egress_route_close(struct route *route, const char *rule)
{
    route->closed = alloc_resize(route->closed, route->n_closed + 1, sizeof *route->closed);
    route->closed[route->n_closed++] = alloc_str(rule);
}

void egress_route_clear(struct route *route)
{
    egress_route_open_all(route);
    egress_links_free(&route->links);
    buf_free(&route->hint);
    policy_candidates_free(&route->candidates);
    egress_addresses_free(&route->addresses);
    *route = (struct route){0};
}

static void *copy_of(const void *items, size_t n, size_t size)
{
    void *copy = n ? alloc_zero(n, size) : NULL;
    if (n)
        memcpy(copy, items, n * size);
    return copy;
}

void egress_route_copy(struct route *to, const struct route *from)
{
    *to = (struct route){.target = from->target,
                         .generation = from->generation,
                         .decision = from->decision,
                         .use = from->use,
                         .candidates.n = from->candidates.n,
                         .addresses.n = from->addresses.n};
    to->candidates.items = copy_of(from->candidates.items, from->candidates.n,
                                   sizeof *from->candidates.items);
    to->addresses.items = copy_of(from->addresses.items, from->addresses.n,
                                  sizeof *from->addresses.items);
}

void egress_route_keep(struct route *route)
{
    if (!route->decision.allowed || route->links.asked)
        egress_route_clear(route);
    else
        egress_addresses_free(&route->addresses);
}

void egress_exchange_clear(struct exchange *exchange)
{
    http_head_free(exchange->head);
    http_head_free(exchange->response);
    buf_free(&exchange->canonical);
    buf_free(&exchange->shown);
    buf_free(&exchange->body);
    buf_free(&exchange->refused.body);
    free(exchange->refused.policy);
    egress_tools_free(exchange->tools);
    if (exchange->wait)
        exchange->wait->free(exchange->wait);
    if (exchange->question)
        exchange->question->free(exchange->question);
    if (exchange->server_question)
        exchange->server_question->free(exchange->server_question);
    policy_calls_free(&exchange->calls);
    *exchange = (struct exchange){.query = ""};
}

void egress_exchange_leave_questions(struct exchange *exchange)
{
    if (exchange->question)
        exchange->question->leave(exchange->question);
    if (exchange->server_question)
        exchange->server_question->leave(exchange->server_question);
}

void egress_exchange_forget_body(struct exchange *exchange)
{
    buf_free(&exchange->body);
    policy_calls_free(&exchange->calls);
    exchange->rules.call = NULL;
}

struct policy_request egress_route_request(const struct route *route,
                                           const struct egress_caller *caller)
{
    return (struct policy_request){
        .host = route->target.host, .port = route->target.port, .binary = caller->binary,
        .ancestors = (const char *const *)caller->ancestors, .n_ancestors = caller->n_ancestors,
        .links = route->links.items, .n_links = route->links.n,
        .closed = (const char *const *)route->closed, .n_closed = route->n_closed};
}

static bool is_form(const struct http_head *head)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type = http_head_get(head, "Content-Type");
    return type && strncasecmp(type, form, sizeof form - 1) == 0;
}

struct policy_http_request egress_exchange_request(const struct exchange *exchange)
{
    return (struct policy_http_request){
        .method = exchange->head->method, .path = exchange->canonical.data,
        .query = exchange->query, .websocket = exchange->websocket,
        .accept = http_head_get(exchange->head, "Accept"), .form = is_form(exchange->head),
        .calls = exchange->calls.protocol ? &exchange->calls : NULL};
}

struct policy_http_request egress_exchange_message(const struct exchange *exchange)
{
    return (struct policy_http_request){
        .method = POLICY_WEBSOCKET_TEXT, .path = exchange->canonical.data,
        .query = exchange->query, .websocket = true, .message = true,
        .calls = exchange->calls.protocol ? &exchange->calls : NULL};
}

struct policy_http_request egress_exchange_judged(const struct exchange *exchange)
{
    return exchange->message ? egress_exchange_message(exchange)
                             : egress_exchange_request(exchange);
}

const char *egress_exchange_method(const struct exchange *exchange)
{
    const char *asked = exchange->override ? exchange->override : exchange->head->method;
    return exchange->message ? exchange->message : asked;
}

bool egress_exchange_is_judged(const struct exchange *exchange)
{
    return exchange->canonical.len > 0;
}

const char *egress_exchange_seen_path(const struct exchange *exchange)
{
    if (egress_exchange_is_judged(exchange))
        return exchange->canonical.data;
    return exchange->shown.len ? exchange->shown.data : NULL;
}
