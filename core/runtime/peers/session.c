/* SPDX-License-Identifier: Apache-2.0 */
/* The asking end of a session.  Frames are passed on whole, so that one can follow those of a home
 * that was lost in the middle of one: no more than a frame is kept. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/transport.h"
#include "runtime/peers/connections.h"
#include "runtime/peers/peers.h"
#include "sandbox/wire/frame.h"

enum { LOST_CODE = 255 };                           /* as ssh's, for a connection that broke */

struct peer_session {
    struct net_stream stream;                       /* for the owner */
    struct peer_session *next;
    struct peers *peers;
    struct net_stream *far;
    struct buf received;                            /* not yet passed on */
    uv_timer_t soon;                                /* what is received is passed on */
    char *sandbox_id, *name;
    char *home, *home_name;                         /* of the gateway that has it */
    bool reading, exited, far_ended, ended;         /* ended: the owner was told */
    unsigned open_parts;                            /* far, soon */
};

static struct peer_session *session_of(const struct net_stream *stream)
{
    return (struct peer_session *)stream;
}

struct peer_session *peer_session_next(const struct peer_session *session)
{
    return session->next;
}

/* ---- to the owner ---- */

static void pass_on(struct peer_session *s)
{
    struct sandbox_frame frame;
    ssize_t used = 0;
    size_t at = 0;
    while (s->reading && !s->exited &&
           (used = sandbox_frame_next((const uint8_t *)s->received.data + at,
                                      s->received.len - at, &frame)) > 0) {
        s->exited = frame.type == FRAME_EXIT;
        net_tell_read(&s->stream, s->received.data + at, used);
        at += (size_t)used;
    }
    buf_consume(&s->received, at);
    if (used < 0)
        peer_session_break(s, "it sent what is no frame");
    if (!s->reading || s->ended || !(s->exited || (s->far_ended && used == 0)))
        return;
    s->ended = true;
    net_tell_read(&s->stream, NULL, UV_EOF);
}

static void on_soon(uv_timer_t *timer)
{
    pass_on(timer->data);
}

static void pass_on_soon(struct peer_session *s)
{
    if (!uv_is_closing((uv_handle_t *)&s->soon))
        uv_timer_start(&s->soon, on_soon, 0, 0);
}

/* What is behind the last whole frame.  Returns whether an EXIT waits to be passed on. */
static bool drop_partial(struct peer_session *s)
{
    struct sandbox_frame frame;
    ssize_t used;
    size_t at = 0;
    bool exits = false;
    while ((used = sandbox_frame_next((const uint8_t *)s->received.data + at,
                                      s->received.len - at, &frame)) > 0) {
        exits |= frame.type == FRAME_EXIT;
        at += (size_t)used;
    }
    s->received.len = at;
    return exits;
}

static void add_exit(struct peer_session *s, const char *why)
{
    uint8_t header[FRAME_HEADER_SIZE];
    char *text = alloc_printf("the gateway %s, where sandbox '%s' runs, was lost: %s",
                              s->home_name, s->name, why);
    json_t *exit = json_pack("{s:i, s:s}", "code", LOST_CODE, "error", text);
    char *json = json_dumps(exit, JSON_COMPACT);
    sandbox_frame_header(header, FRAME_EXIT, strlen(json));
    buf_add(&s->received, header, sizeof header);
    buf_puts(&s->received, json);
    free(json);
    json_decref(exit);
    free(text);
}

void peer_session_break(struct peer_session *s, const char *why)
{
    if (s->far_ended)
        return;
    s->far_ended = true;
    net_pause(s->far);
    if (!drop_partial(s) && !s->exited)
        add_exit(s, why);
    pass_on_soon(s);
}

/* ---- from the home ---- */

static void far_read(void *owner, const char *bytes, ssize_t n)
{
    struct peer_session *s = owner;
    if (n < 0) {
        peer_session_break(s, n == UV_EOF ? "it ended the connection" : uv_strerror((int)n));
        return;
    }
    buf_add(&s->received, bytes, (size_t)n);
    pass_on(s);
}

static void far_drained(void *owner, int status)
{
    struct peer_session *s = owner;
    if (status < 0)
        peer_session_break(s, uv_strerror(status));
    else
        net_tell_drained(&s->stream, 0);
}

static void far_finished(void *owner, int status)
{
    struct peer_session *s = owner;
    net_tell_finished(&s->stream, status);
}

static void part_closed(struct peer_session *s)
{
    struct peers *peers = s->peers;
    struct peer_session **at = &peers->sessions;
    if (--s->open_parts)
        return;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    s->stream.calls->closed(s->stream.owner);
    buf_free(&s->received);
    free(s->sandbox_id);
    free(s->name);
    free(s->home);
    free(s->home_name);
    free(s);
    peers_release(peers);
}

static void far_closed(void *owner)
{
    part_closed(owner);
}

static void soon_closed(uv_handle_t *timer)
{
    part_closed(timer->data);
}

/* ---- as a stream ---- */

static void session_read(struct net_stream *stream)
{
    struct peer_session *s = session_of(stream);
    s->reading = true;
    if (s->received.len || s->far_ended)
        pass_on_soon(s);
    if (!s->far_ended)
        net_read(s->far);
}

static void session_pause(struct net_stream *stream)
{
    struct peer_session *s = session_of(stream);
    s->reading = false;
    if (!s->far_ended)
        net_pause(s->far);
}

static bool session_write(struct net_stream *stream, const void *bytes, size_t len)
{
    struct peer_session *s = session_of(stream);
    return s->far_ended || net_write(s->far, bytes, len);
}

static void session_send(struct net_stream *stream, struct buf *bytes)
{
    net_send(session_of(stream)->far, bytes);
}

static size_t session_queued(const struct net_stream *stream)
{
    return net_queued(session_of(stream)->far);
}

static void session_finish(struct net_stream *stream)
{
    net_finish(session_of(stream)->far);
}

static void session_close(struct net_stream *stream)
{
    struct peer_session *s = session_of(stream);
    s->far_ended = true;
    s->reading = false;
    net_close(s->far);
    uv_close((uv_handle_t *)&s->soon, soon_closed);
}

static int session_fileno(const struct net_stream *stream)
{
    return net_fileno(session_of(stream)->far);
}

struct net_stream *peer_session_new(struct peers *peers, struct net_stream *far,
                                    struct buf *received, const struct peer_home *home)
{
    static const struct net_transport transport = {
        .read = session_read,
        .pause = session_pause,
        .write = session_write,
        .send = session_send,
        .queued = session_queued,
        .finish = session_finish,
        .close = session_close,
        .fileno = session_fileno,
    };
    static const struct net_calls calls = {
        .read = far_read,
        .drained = far_drained,
        .finished = far_finished,
        .closed = far_closed,
    };
    struct peer_session *s = alloc_zero(1, sizeof *s);
    s->stream = (struct net_stream){.transport = &transport, .loop = net_loop(far)};
    s->peers = peers;
    s->next = peers->sessions;
    peers->sessions = s;
    s->far = far;
    s->received = *received;
    *received = (struct buf){0};
    s->sandbox_id = alloc_str(home->sandbox_id);
    s->name = alloc_str(home->sandbox);
    s->home = alloc_str(home->gateway.id);
    s->home_name = alloc_str(home->gateway.name);
    s->open_parts = 2;
    uv_timer_init(net_loop(far), &s->soon);
    s->soon.data = s;
    net_set_owner(far, &calls, s);
    return &s->stream;
}

/* ---- whether the home is still the home ---- */

void peer_sessions_check(struct peers *peers)
{
    for (struct peer_session *s = peers->sessions, *next; s; s = next) {
        next = s->next;
        const struct sandbox *box = sandbox_find(peers->all, s->sandbox_id);
        if (!box)
            peer_session_break(s, "the sandbox was deleted");
        else if (strcmp(box->home, s->home) != 0)
            peer_session_break(s, "the sandbox is another gateway's now");
        else if (!runtime_gateway_lives(peers->all, s->home))
            peer_session_break(s, "it has been silent for too long");
    }
}
