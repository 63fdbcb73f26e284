/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/answer/reduce.h"

#include <string.h>

#include "egress/answer/tools.h"
#include "policy/match/rpc.h"

static bool lists_tools(const struct policy_calls *calls)
{
    for (size_t i = 0; i < calls->n; i++)
        if (strcmp(calls->items[i].method, "tools/list") == 0)
            return true;
    return false;
}

/* A stream may repeat what an earlier one lost, the answer to tools/list too. */
static bool is_stream(const struct exchange *exchange)
{
    return exchange->calls.pass && exchange->calls.n == 0 && !exchange->body.len &&
           strcmp(exchange->head->method, "GET") == 0;
}

bool egress_reduce_wanted(const struct client *c)
{
    const struct exchange *exchange = &c->exchange;
    return exchange->calls.protocol && strcmp(exchange->calls.protocol, "mcp") == 0 &&
           (lists_tools(&exchange->calls) || is_stream(exchange)) &&
           policy_tools_named(&c->route.candidates, exchange->canonical.data);
}

/* By the policy of now, which may be another one than when the stream began. */
static bool is_tool_callable(void *ctx, const char *tool)
{
    const struct client *c = ctx;
    const struct policy_http_request request = egress_exchange_request(&c->exchange);
    return policy_tool_passes(&c->route.candidates, &request, tool);
}

void egress_reduce_begin(struct client *c, struct http_head *response)
{
    if (!egress_reduce_wanted(c))
        return;
    c->exchange.tools = egress_tools_new(response, is_tool_callable, c, &c->proxy->tools);
    if (c->exchange.tools)
        response->has_length = false;
}

static void frame(struct client *c, const struct buf *piece, struct buf *out)
{
    if (piece->len)
        egress_frame_body(out, c->exchange.framing.chunked, piece->data, piece->len);
}

void egress_reduce_body(struct client *c, const char *bytes, size_t len, struct buf *out)
{
    struct buf piece = {0};
    if (!c->exchange.tools) {
        egress_frame_body(out, c->exchange.framing.chunked, bytes, len);
        return;
    }
    c->proxy->tools.now = uv_now(c->proxy->loop);
    egress_tools_add(c->exchange.tools, bytes, len, &piece);
    frame(c, &piece, out);
    buf_free(&piece);
}

const struct http_head *egress_reduce_trailers(const struct client *c)
{
    const struct http_parser *responses = c->upstream.responses;
    return c->carrier && responses ? http_parser_trailers(responses) : NULL;
}

void egress_reduce_end(struct client *c, struct buf *out)
{
    struct buf piece = {0};
    c->proxy->tools.now = uv_now(c->proxy->loop);
    if (c->exchange.tools)
        egress_tools_end(c->exchange.tools, &piece);
    frame(c, &piece, out);
    buf_free(&piece);
    egress_frame_end(out, c->exchange.framing.chunked, egress_reduce_trailers(c));
}
