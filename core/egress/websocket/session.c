/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/session.h"

#include <stdlib.h>

#include "base/alloc.h"

struct egress_websocket *egress_websocket_new(bool deflate)
{
    struct egress_websocket *w = alloc_zero(1, sizeof *w);
    messages_begin(&w->messages, deflate);
    w->server.side = FRAME_OF_SERVER;
    return w;
}

void egress_websocket_free(struct egress_websocket *w)
{
    if (!w)
        return;
    messages_free(&w->messages);
    free(w->reason);
    free(w);
}

size_t egress_websocket_memory(const struct egress_websocket *w)
{
    return w->messages.held.cap + w->messages.inflated.cap;
}

size_t egress_websocket_track(struct egress_websocket *w, const char *bytes, size_t len, bool stop)
{
    const char *at = bytes, *piece;
    size_t left = len, piece_len;
    enum frame_event event;
    do
        event = websocket_frame_next(&w->server, &at, &left, &piece, &piece_len);
    while (event != FRAME_MORE && !(stop && event == FRAME_ENDS));
    return (size_t)(at - bytes);
}
