/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/limits.h"

#include "egress/record.h"
#include "egress/websocket/closing.h"

/* Of all messages that are held at a time. */
enum { MEMORY_MAX = 64 * 1024 * 1024 };

bool egress_websocket_has_memory(struct client *c)
{
    struct egress_websocket *w = c->websocket;
    size_t now = egress_websocket_memory(w);
    bool holding = messages_is_holding(&w->client.messages) ||
                   messages_is_holding(&w->server.messages);
    c->proxy->messages_memory += now - w->counted;
    w->counted = now;
    return !holding || c->proxy->messages_memory <= MEMORY_MAX;
}

/* ---- time ---- */

bool egress_websocket_wants_turn(const struct client *c)
{
    const struct egress_websocket *w = c->websocket;
    return (w->client.late && !w->client.blocked) || (w->server.late && !w->server.blocked);
}

void egress_websocket_set_timer(struct client *c)
{
    const struct egress_websocket *w = c->websocket;
    uint64_t now = uv_now(c->proxy->loop), due = w->client.due_ms;
    if (egress_websocket_wants_turn(c))
        return;
    if (!due || (w->server.due_ms && w->server.due_ms < due))
        due = w->server.due_ms;
    egress_client_expect(c, !due ? 0 : due > now ? (unsigned)(due - now) : 1);
}

/* What the side has for its message. */
static unsigned left_for(const struct client *c, const struct websocket_side *side)
{
    const struct egress_limits *limits = &c->proxy->limits;
    uint64_t spent = uv_now(c->proxy->loop) - side->began_ms;
    unsigned left = spent < limits->message_ms ? limits->message_ms - (unsigned)spent : 1;
    return left < limits->message_idle_ms ? left : limits->message_idle_ms;
}

void egress_websocket_expect(struct client *c, struct websocket_side *side, bool fresh)
{
    uint64_t now = uv_now(c->proxy->loop);
    bool holding = messages_is_holding(&side->messages);
    if (fresh || !holding)
        side->began_ms = now;
    side->due_ms = holding && !side->blocked ? now + left_for(c, side) : 0;
    if (side->blocked && side == &c->websocket->client)
        side->due_ms = now + c->proxy->limits.blocked_ms;
    egress_websocket_set_timer(c);
}

void egress_websocket_wait(struct client *c, struct websocket_side *side)
{
    side->due_ms = 0;
    egress_websocket_set_timer(c);
}

/* ---- the end ---- */

void egress_websocket_end(struct client *c, unsigned status, const char *reason)
{
    egress_record_ended(c, EGRESS_ENGINE_MESSAGE, reason, false);
    egress_websocket_close(c, status, reason);
}

static bool is_due(const struct client *c, const struct websocket_side *side)
{
    return side->due_ms && side->due_ms <= uv_now(c->proxy->loop);
}

static const char *name(const struct messages *m)
{
    return messages_is_binary(m) ? "a binary message took too long to arrive"
                                 : "a text message took too long to arrive";
}

void egress_websocket_timed_out(struct client *c)
{
    const struct egress_websocket *w = c->websocket;
    if (c->ended)                                   /* its program is gone, and the server silent */
        egress_client_close(c);
    else if (!is_due(c, &w->client))
        egress_websocket_end(c, CLOSE_PROTOCOL, "a message of the server took too long to arrive");
    else if (w->client.blocked)
        egress_websocket_end(c, CLOSE_TRY_LATER, "the server does not take messages");
    else
        egress_websocket_end(c, CLOSE_PROTOCOL, name(&w->client.messages));
}
