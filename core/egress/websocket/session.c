/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/session.h"

#include <stdlib.h>

#include "base/alloc.h"

struct egress_websocket *egress_websocket_new(bool deflate, bool context)
{
    struct egress_websocket *w = alloc_zero(1, sizeof *w);
    messages_begin(&w->client.messages, FRAME_OF_CLIENT, deflate);
    messages_begin(&w->server.messages, FRAME_OF_SERVER, deflate);
    w->server.messages.context = context;
    return w;
}

void egress_websocket_free(struct egress_websocket *w)
{
    if (!w)
        return;
    messages_free(&w->client.messages);
    messages_free(&w->server.messages);
    buf_free(&w->pending);
    free(w->reason);
    free(w);
}

static size_t memory_of(const struct messages *m)
{
    return m->held.cap + m->inflated.cap;
}

size_t egress_websocket_memory(const struct egress_websocket *w)
{
    return memory_of(&w->client.messages) + memory_of(&w->server.messages);
}

size_t egress_websocket_track(struct egress_websocket *w, const char *bytes, size_t len, bool stop)
{
    const char *at = bytes, *piece;
    size_t left = len, piece_len;
    enum frame_event event;
    do
        event = websocket_frame_next(&w->server.messages.frames, &at, &left, &piece, &piece_len);
    while (event != FRAME_MORE && event != FRAME_BAD && !(stop && event == FRAME_ENDS));
    return (size_t)(at - bytes);
}

bool egress_websocket_at_border(const struct egress_websocket *w)
{
    return w->judges_server || frame_at_border(&w->server.messages.frames);
}
