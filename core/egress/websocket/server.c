/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/server.h"

#include "egress/voters/message.h"
#include "egress/websocket/closing.h"
#include "egress/websocket/limits.h"
#include "egress/websocket/turns.h"

/* ---- what passes unjudged ---- */

static void send_on(struct client *c, const char *bytes, size_t len)
{
    if (len)
        c->websocket->server.blocked = !net_write(c->stream, bytes, len);
    if (c->websocket->server.blocked)
        net_pause(c->upstream.stream);
}

/* Up to the end of the message that has begun. */
static size_t track_message(struct egress_websocket *w, const char *bytes, size_t len)
{
    size_t n = 0;
    while (n < len && !frame_at_message_border(&w->server.messages.frames))
        n += egress_websocket_track(w, bytes + n, len - n, true);
    return n;
}

static void set_judging(struct egress_websocket *w, bool judges)
{
    struct messages *m = &w->server.messages;
    w->judges_server = m->hold_text = m->hold_binary = m->frames.strict = judges;
}

/* Returns how many bytes have passed, as nobody judges them. */
static size_t pass_unjudged(struct client *c, const char *bytes, size_t len)
{
    struct egress_websocket *w = c->websocket;
    bool watched = egress_message_is_watched(c, MESSAGE_OF_SERVER);
    size_t n = 0;
    if (!watched && w->judges_server && frame_at_message_border(&w->server.messages.frames))
        set_judging(w, false);
    if (w->judges_server)
        return 0;
    n = watched ? track_message(w, bytes, len) : egress_websocket_track(w, bytes, len, false);
    send_on(c, bytes, n);
    if (watched && frame_at_message_border(&w->server.messages.frames))
        set_judging(w, true);
    return n;
}

/* ---- what is judged ---- */

static void on_answer(struct client *c, const struct egress_message_verdict *verdict,
                      const char *reason)
{
    struct websocket_side *server = &c->websocket->server;
    struct buf out = {0};
    server->voting = false;
    if (verdict->answer != MESSAGE_PASSES) {
        egress_websocket_close(c, CLOSE_POLICY, reason);
        return;
    }
    messages_pass(&server->messages, &out);
    send_on(c, buf_str(&out), out.len);
    buf_free(&out);
    server->late = server->blocked;
    if (!server->blocked)
        egress_websocket_server_go_on(c);
}

static enum egress_message_answer judge_held(struct client *c, struct buf *out,
                                             struct buf *reason)
{
    struct websocket_side *server = &c->websocket->server;
    struct egress_message message = {.side = MESSAGE_OF_SERVER,
                                     .binary = messages_is_binary(&server->messages)};
    struct egress_message_verdict verdict;
    message.bytes = messages_payload(&server->messages, &message.len);
    egress_message_ask(c, &message, reason, on_answer, &verdict);
    server->voting = verdict.answer == MESSAGE_LATER;
    if (verdict.answer == MESSAGE_PASSES)
        messages_pass(&server->messages, out);
    return verdict.answer;
}

/* What follows waits in pending. */
static void keep(struct client *c, const char *bytes, size_t len)
{
    buf_add(&c->websocket->pending, bytes, len);
    net_pause(c->upstream.stream);
}

static void wait_for_turn(struct client *c, const char *bytes, size_t len)
{
    keep(c, bytes, len);
    c->websocket->server.late = true;
    if (!c->websocket->server.blocked)
        egress_websocket_take_turn(c);
}

static void take(struct client *c, const char *bytes, size_t len)
{
    struct websocket_side *server = &c->websocket->server;
    struct buf out = {0}, reason = {0};
    enum message_event event;
    enum egress_message_answer answer = MESSAGE_PASSES;
    bool judged = false, late = false;
    while (!late &&
           (event = messages_next(&server->messages, &bytes, &len, &out)) == MESSAGE_WHOLE &&
           (answer = judge_held(c, &out, &reason)) == MESSAGE_PASSES) {
        judged = true;
        late = len && egress_client_turn_is_over(c);
    }
    bool room = egress_websocket_has_memory(c);
    send_on(c, buf_str(&out), out.len);
    if (answer == MESSAGE_LATER) {
        keep(c, bytes, len);
        egress_websocket_wait(c, server);
    } else if (late) {
        wait_for_turn(c, bytes, len);
    } else if (event == MESSAGE_WHOLE) {
        egress_websocket_close(c, CLOSE_POLICY, buf_str(&reason));
    } else if (event == MESSAGE_BAD) {
        egress_websocket_end(c, server->messages.status, server->messages.problem);
    } else if (!room) {
        egress_websocket_end(c, CLOSE_TRY_LATER, EGRESS_WEBSOCKET_CROWDED);
    } else if (!c->ended) {
        egress_websocket_expect(c, server, judged);
    }
    buf_free(&out);
    buf_free(&reason);
}

/* ---- what happens ---- */

void egress_websocket_server_sent(struct client *c, const char *bytes, size_t len)
{
    const struct websocket_side *server = &c->websocket->server;
    if (server->voting || server->late) {
        keep(c, bytes, len);
        return;
    }
    size_t passed = pass_unjudged(c, bytes, len);
    if (passed < len)
        take(c, bytes + passed, len - passed);
}

void egress_websocket_server_go_on(struct client *c)
{
    struct egress_websocket *w = c->websocket;
    struct buf pending = w->pending;
    w->pending = (struct buf){0};
    w->server.late = false;
    egress_websocket_read_server(c);
    egress_websocket_server_sent(c, buf_str(&pending), pending.len);
    buf_free(&pending);
}

void egress_websocket_read_server(struct client *c)
{
    const struct websocket_side *server = &c->websocket->server;
    if (!c->upstream.ended && !server->voting && !server->late && !server->blocked)
        net_read(c->upstream.stream);
}
