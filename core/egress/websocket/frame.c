/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/frame.h"

#include <string.h>

#include "base/text.h"

enum {
    FIN = 0x80, RSV1 = 0x40, RSV23 = 0x30, OPCODE = 0x0f, MASKED = 0x80, SHORT = 0x7f,
    LENGTH_16 = 126, LENGTH_64 = 127,
};

/* ---- heads ---- */

static bool is_masked(const struct frame *frame)
{
    return frame->head[1] & MASKED;
}

static size_t length_size(const struct frame *frame)
{
    unsigned small = frame->head[1] & SHORT;
    return small == LENGTH_64 ? 8 : small == LENGTH_16 ? 2 : 0;
}

/* How many bytes of the head are needed, as far as is known. */
static size_t head_size(const struct frame *frame)
{
    return frame->n_head < 2
               ? 2
               : 2 + length_size(frame) + (is_masked(frame) ? (size_t)FRAME_KEY_SIZE : 0);
}

static bool is_known(unsigned opcode)
{
    return opcode <= FRAME_BINARY || (opcode >= FRAME_CLOSE && opcode <= FRAME_PONG);
}

/* NULL, or what is wrong with the first two bytes. */
static const char *check_begin(const struct frame_reader *r)
{
    const uint8_t *head = r->frame.head;
    unsigned opcode = head[0] & OPCODE;
    bool control = opcode >= FRAME_CLOSE, first = opcode == FRAME_TEXT || opcode == FRAME_BINARY;
    if (!is_known(opcode))
        return "a frame has a reserved opcode";
    if ((head[0] & RSV23) || ((head[0] & RSV1) && !(r->deflate && first)))
        return "a frame has reserved bits set";
    if (is_masked(&r->frame) != (r->side == FRAME_OF_CLIENT))
        return r->side == FRAME_OF_CLIENT ? "a client's frame is not masked"
                                          : "a server's frame is masked";
    if (control && !(head[0] & FIN))
        return "a control frame is fragmented";
    if (control && (head[1] & SHORT) > FRAME_CONTROL_MAX)
        return "a control frame is longer than 125 bytes";
    if (first && r->in_message)
        return "a new message begins within a fragmented one";
    if (opcode == FRAME_CONTINUATION && !r->in_message)
        return "a continuation frame continues no message";
    return NULL;
}

static const char *check_length(const struct frame *frame)
{
    size_t size = length_size(frame);
    if (size == 8 && frame->length >> 63)
        return "a frame's length has its highest bit set";
    if ((size == 2 && frame->length < LENGTH_16) || (size == 8 && frame->length <= UINT16_MAX))
        return "a frame's length is not written in its shortest form";
    return NULL;
}

static void read_head(struct frame *frame)
{
    const uint8_t *head = frame->head;
    size_t size = length_size(frame);
    frame->opcode = head[0] & OPCODE;
    frame->last = head[0] & FIN;
    frame->compressed = head[0] & RSV1;
    frame->length = size ? 0 : head[1] & SHORT;
    for (size_t i = 0; i < size; i++)
        frame->length = frame->length << 8 | head[2 + i];
    if (is_masked(frame))
        memcpy(frame->key, head + 2 + size, FRAME_KEY_SIZE);
}

static bool is_strict(const struct frame_reader *r)
{
    return r->strict || r->side == FRAME_OF_CLIENT;
}

static enum frame_event bad(struct frame_reader *r, const char *problem)
{
    r->problem = problem;
    return FRAME_BAD;
}

static enum frame_event begin(struct frame_reader *r)
{
    struct frame *frame = &r->frame;
    read_head(frame);
    const char *problem = is_strict(r) ? check_length(frame) : NULL;
    if (problem)
        return bad(r, problem);
    if (!frame_is_control(frame))
        r->in_message = !frame->last;
    r->left = frame->length;
    r->in_head = false;
    r->within = true;
    return FRAME_BEGINS;
}

static enum frame_event take_head(struct frame_reader *r, const char **bytes, size_t *len)
{
    struct frame *frame = &r->frame;
    if (*len && !r->in_head)
        frame->n_head = 0;
    while (*len) {
        r->in_head = true;
        frame->head[frame->n_head++] = (uint8_t)*(*bytes)++;
        --*len;
        if (frame->n_head == 2 && is_strict(r)) {
            const char *problem = check_begin(r);
            if (problem)
                return bad(r, problem);
        }
        if (frame->n_head == head_size(frame))
            return begin(r);
    }
    return FRAME_MORE;
}

/* ---- payloads ---- */

static enum frame_event take_payload(struct frame_reader *r, const char **bytes, size_t *len,
                                     const char **piece, size_t *piece_len)
{
    if (!r->left) {
        r->within = false;
        return FRAME_ENDS;
    }
    *piece = *bytes;
    *piece_len = *len < r->left ? *len : (size_t)r->left;
    *bytes += *piece_len;
    *len -= *piece_len;
    r->left -= *piece_len;
    return *piece_len ? FRAME_PAYLOAD : FRAME_MORE;
}

enum frame_event websocket_frame_next(struct frame_reader *r, const char **bytes, size_t *len,
                            const char **piece, size_t *piece_len)
{
    if (r->problem)
        return FRAME_BAD;
    return r->within ? take_payload(r, bytes, len, piece, piece_len) : take_head(r, bytes, len);
}

bool frame_at_border(const struct frame_reader *r)
{
    return !r->within && !r->in_head;
}

bool frame_at_message_border(const struct frame_reader *r)
{
    return frame_at_border(r) && !r->in_message;
}

/* Eight bytes at a time, as messages may be long. */
void frame_mask(uint8_t *bytes, size_t n, const uint8_t key[FRAME_KEY_SIZE], uint64_t offset)
{
    uint8_t turned[8];
    uint64_t word, keys;
    size_t i = 0;
    for (size_t k = 0; k < sizeof turned; k++)
        turned[k] = key[(offset + k) % FRAME_KEY_SIZE];
    memcpy(&keys, turned, sizeof keys);
    for (; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        word ^= keys;
        memcpy(bytes + i, &word, sizeof word);
    }
    for (size_t k = 0; i < n; i++, k++)
        bytes[i] ^= turned[k];
}

/* ---- to bytes ---- */

static void print_length(struct buf *out, unsigned masked, uint64_t len)
{
    size_t size = len <= FRAME_CONTROL_MAX ? 0 : len <= UINT16_MAX ? 2 : 8;
    unsigned small = size == 8 ? LENGTH_64 : size == 2 ? LENGTH_16 : (unsigned)len;
    buf_putc(out, (char)(masked | small));
    while (size)
        buf_putc(out, (char)(len >> 8 * --size));
}

void frame_print(struct buf *out, enum frame_opcode opcode, bool compressed, const char *payload,
                 size_t len, const uint8_t *key)
{
    buf_reserve(out, FRAME_HEAD_MAX + len);
    buf_putc(out, (char)(FIN | (compressed ? RSV1 : 0) | opcode));
    print_length(out, key ? MASKED : 0, len);
    if (key)
        buf_add(out, key, FRAME_KEY_SIZE);
    size_t at = out->len;
    buf_add(out, payload, len);
    if (key && len)
        frame_mask((uint8_t *)out->data + at, len, key, 0);
}

void frame_print_close(struct buf *out, unsigned status, const char *reason, const uint8_t *key)
{
    char payload[FRAME_CONTROL_MAX] = {(char)(status >> 8), (char)status};
    size_t max = sizeof payload - 2, len = strlen(reason), n = len < max ? len : max;
    n = text_utf8_valid(reason, n);
    memcpy(payload + 2, reason, n);
    frame_print(out, FRAME_CLOSE, false, payload, 2 + n, key);
}

/* ---- Close ---- */

static bool is_status(unsigned status)
{
    return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) ||
           (status >= 3000 && status <= 4999);
}

bool frame_is_utf8(const char *text, size_t len)
{
    for (size_t n; len; text += n, len -= n) {
        n = text_utf8_valid(text, len);
        if (n < len && text[n] == '\0')
            n++;
        if (!n)
            return false;
    }
    return true;
}

unsigned frame_check_close(const char *payload, size_t len, const char **problem)
{
    unsigned status = len < 2 ? 0 : (unsigned)(uint8_t)payload[0] << 8 | (uint8_t)payload[1];
    *problem = NULL;
    if (len && !is_status(status)) {
        *problem = "a Close frame has no valid status";
        return 1002;
    }
    if (len && !frame_is_utf8(payload + 2, len - 2)) {
        *problem = "the reason of a Close frame is not UTF-8";
        return 1007;
    }
    return 0;
}
