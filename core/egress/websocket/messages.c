/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/messages.h"

#include <string.h>

#include "egress/websocket/inflate.h"
#include "policy/match/http.h"

void messages_begin(struct messages *m, enum frame_side side, bool deflate)
{
    *m = (struct messages){.frames = {.side = side, .deflate = deflate},
                           .hold_text = side == FRAME_OF_CLIENT};
}

void messages_free(struct messages *m)
{
    buf_free(&m->control);
    buf_free(&m->held);
    buf_free(&m->inflated);
}

static bool fail(struct messages *m, unsigned status, const char *problem)
{
    m->status = status;
    m->problem = problem;
    return false;
}

/* ---- frames ---- */

static bool refuse_binary(struct messages *m)
{
    m->holding = true;                              /* no part of it has passed */
    return fail(m, CLOSE_POLICY, POLICY_BINARY_REFUSED);
}

static bool check_size(struct messages *m)
{
    uint64_t length = m->frames.frame.length;
    if (++m->fragments > MESSAGE_FRAGMENTS_MAX)
        return fail(m, CLOSE_PROTOCOL, "a message has more than 4096 fragments");
    if (!m->holding)
        return length <= MESSAGE_BINARY_MAX ||
               fail(m, CLOSE_PROTOCOL, "a binary frame is longer than 16 MiB");
    if (m->opcode == FRAME_BINARY)
        return length <= MESSAGE_BINARY_MAX - m->held.len ||
               fail(m, CLOSE_TOO_BIG, "a binary message is longer than 16 MiB");
    return length <= MESSAGE_TEXT_MAX - m->held.len ||
           fail(m, CLOSE_TOO_BIG, "a text message is longer than 4 MiB");
}

static bool begin_message(struct messages *m)
{
    const struct frame *frame = &m->frames.frame;
    if (frame->opcode == FRAME_BINARY && m->only_text)
        return refuse_binary(m);
    if (frame->opcode != FRAME_CONTINUATION) {
        m->opcode = frame->opcode;
        m->compressed = frame->compressed;
        m->holding = messages_is_binary(m) ? m->hold_binary : m->hold_text;
        m->fragments = 0;
        memcpy(m->key, frame->key, sizeof m->key);
    }
    return check_size(m);
}

static bool begin_frame(struct messages *m, struct buf *out)
{
    const struct frame *frame = &m->frames.frame;
    if (m->closed)
        return fail(m, CLOSE_PROTOCOL, m->frames.side == FRAME_OF_CLIENT
                                           ? "a frame follows the client's Close"
                                           : "a frame follows the server's Close");
    if (frame_is_control(frame))
        return true;
    if (!begin_message(m))
        return false;
    if (!m->holding)
        buf_add(out, frame->head, frame->n_head);
    return true;
}

static void unmask(const struct messages *m, char *bytes, size_t len, uint64_t offset)
{
    if (m->frames.side == FRAME_OF_CLIENT)
        frame_mask((uint8_t *)bytes, len, m->frames.frame.key, offset);
}

static void take_piece(struct messages *m, const char *piece, size_t len, struct buf *out)
{
    const struct frame *frame = &m->frames.frame;
    uint64_t offset = frame->length - m->frames.left - len;
    if (frame_is_control(frame)) {
        buf_add(&m->control, piece, len);
    } else if (!m->holding) {
        buf_add(out, piece, len);
    } else {
        buf_add(&m->held, piece, len);
        unmask(m, m->held.data + m->held.len - len, len, offset);
    }
}

static bool check_close(struct messages *m)
{
    char payload[FRAME_CONTROL_MAX];
    const char *problem;
    size_t len = m->control.len;
    if (len)
        memcpy(payload, m->control.data, len);
    unmask(m, payload, len, 0);
    unsigned status = frame_check_close(payload, len, &problem);
    return status == 0 || fail(m, status, problem);
}

static bool end_control(struct messages *m, struct buf *out)
{
    const struct frame *frame = &m->frames.frame;
    if (frame->opcode == FRAME_CLOSE && !check_close(m))
        return false;
    m->closed = frame->opcode == FRAME_CLOSE;
    buf_add(out, frame->head, frame->n_head);
    buf_add(out, m->control.data, m->control.len);
    buf_clear(&m->control);
    return true;
}

/* ---- messages ---- */

const char *messages_payload(const struct messages *m, size_t *len)
{
    const struct buf *payload = m->compressed ? &m->inflated : &m->held;
    *len = payload->len;
    return buf_str(payload);
}

bool messages_is_binary(const struct messages *m)
{
    return m->opcode == FRAME_BINARY;
}

static bool inflate_held(struct messages *m)
{
    if (m->context)
        return fail(m, CLOSE_POLICY, "the server compresses its messages with parts of earlier "
                                     "ones, so they cannot be judged");
    switch (inflate_message(m->held.data, m->held.len, MESSAGE_TEXT_MAX, &m->inflated)) {
    case INFLATE_TOO_LONG:
        return fail(m, CLOSE_TOO_BIG, messages_is_binary(m)
                                          ? "a compressed binary message is longer than 4 MiB"
                                          : "a compressed text message is longer than 4 MiB");
    case INFLATE_BAD:
        return fail(m, CLOSE_NOT_UTF8, messages_is_binary(m)
                                           ? "a compressed binary message cannot be read"
                                           : "a compressed text message cannot be read");
    case INFLATE_DONE:
        break;
    }
    return true;
}

static bool end_held(struct messages *m)
{
    size_t len;
    if (m->compressed && !inflate_held(m))
        return false;
    const char *payload = messages_payload(m, &len);
    return messages_is_binary(m) || frame_is_utf8(payload, len) ||
           fail(m, CLOSE_NOT_UTF8, "a text message is not UTF-8");
}

/* A frame has ended. */
static enum message_event end_frame(struct messages *m, struct buf *out)
{
    const struct frame *frame = &m->frames.frame;
    if (frame_is_control(frame))
        return end_control(m, out) ? MESSAGE_MORE : MESSAGE_BAD;
    if (!m->holding || !frame->last)
        return MESSAGE_MORE;
    return end_held(m) ? MESSAGE_WHOLE : MESSAGE_BAD;
}

enum message_event messages_next(struct messages *m, const char **bytes, size_t *len,
                                 struct buf *out)
{
    const char *piece = NULL;
    size_t piece_len = 0;
    enum message_event event = m->problem ? MESSAGE_BAD : MESSAGE_MORE;
    while (event == MESSAGE_MORE) {
        switch (websocket_frame_next(&m->frames, bytes, len, &piece, &piece_len)) {
        case FRAME_MORE:
            return MESSAGE_MORE;
        case FRAME_BEGINS:
            event = begin_frame(m, out) ? MESSAGE_MORE : MESSAGE_BAD;
            break;
        case FRAME_PAYLOAD:
            take_piece(m, piece, piece_len, out);
            break;
        case FRAME_ENDS:
            event = end_frame(m, out);
            break;
        case FRAME_BAD:
            fail(m, CLOSE_PROTOCOL, m->frames.problem);
            event = MESSAGE_BAD;
            break;
        }
    }
    return event;
}

/* Memory that a long message took is not kept for the next one. */
static void empty(struct buf *buf)
{
    enum { KEPT_MAX = 64 * 1024 };
    if (buf->cap > KEPT_MAX)
        buf_free(buf);
    else
        buf_clear(buf);
}

void messages_replace(struct messages *m, const char *payload, size_t len)
{
    buf_clear(&m->held);
    buf_add(&m->held, payload, len);
    m->compressed = false;
    m->secret = true;
}

void messages_pass(struct messages *m, struct buf *out)
{
    frame_print(out, m->opcode, m->compressed, m->held.data, m->held.len,
                m->frames.side == FRAME_OF_CLIENT ? m->key : NULL);
    if (m->secret)
        buf_wipe(&m->held);
    m->secret = false;
    empty(&m->held);
    empty(&m->inflated);
    m->holding = false;
}

bool messages_is_holding(const struct messages *m)
{
    return m->holding;
}

bool messages_at_border(const struct messages *m)
{
    return !m->frames.within || frame_is_control(&m->frames.frame) || m->holding;
}
