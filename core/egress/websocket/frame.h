/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of WebSocket (RFC 6455, section 5) from bytes, and to bytes.
 *
 * A reader pulls: feed it bytes until it wants more.  It keeps no pointer into what it was fed and
 * hands payloads out as slices of it, masked as they came.  A strict reader, as is that of a
 * client's frames: what the RFC forbids is an error as soon as the bytes that say it are here.
 * Another reader knows where each frame ends, and judges nothing.  Pure. */
#ifndef EGRESS_WEBSOCKET_FRAME_H
#define EGRESS_WEBSOCKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { FRAME_HEAD_MAX = 14, FRAME_CONTROL_MAX = 125, FRAME_KEY_SIZE = 4 };

enum frame_opcode {
    FRAME_CONTINUATION = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10,
};

enum frame_side { FRAME_OF_CLIENT, FRAME_OF_SERVER };

struct frame {
    enum frame_opcode opcode;
    bool last;                                      /* FIN: of its message */
    bool compressed;                                /* RSV1: its message */
    uint64_t length;
    uint8_t key[FRAME_KEY_SIZE];
    uint8_t head[FRAME_HEAD_MAX];                   /* as it came */
    size_t n_head;
};

enum frame_event {
    FRAME_MORE,                                     /* every byte was taken; feed more */
    FRAME_BEGINS,                                   /* the reader's frame has its head */
    FRAME_PAYLOAD,                                  /* the slice is in *piece, *piece_len */
    FRAME_ENDS,
    FRAME_BAD,                                      /* final: the reader's problem says why */
};

struct frame_reader {
    enum frame_side side;
    bool strict;                                    /* that of a client always is */
    bool deflate;                                   /* permessage-deflate: RSV1 is allowed */
    struct frame frame;                             /* valid until the next one's head comes */
    bool in_head;                                   /* its head has begun, and is not complete */
    uint64_t left;                                  /* of its payload */
    bool within;                                    /* its head is complete, its payload is not */
    bool in_message;                                /* a data message that more frames follow */
    const char *problem;
};

static inline bool frame_is_control(const struct frame *frame)
{
    return frame->opcode >= FRAME_CLOSE;
}

/* Advances *bytes and *len past what was taken and says what happened. */
enum frame_event websocket_frame_next(struct frame_reader *r, const char **bytes, size_t *len,
                            const char **piece, size_t *piece_len);
/* No byte of a frame has come. */
bool frame_at_border(const struct frame_reader *r);
/* Nor one of a message: the next frame that is not a control frame begins one. */
bool frame_at_message_border(const struct frame_reader *r);

/* Masks or unmasks n bytes, the first of which stands at offset in the payload. */
void frame_mask(uint8_t *bytes, size_t n, const uint8_t key[FRAME_KEY_SIZE], uint64_t offset);
/* Appends a whole frame; key NULL: not masked. */
void frame_print(struct buf *out, enum frame_opcode opcode, bool compressed, const char *payload,
                 size_t len, const uint8_t *key);
/* Appends a Close frame.  The reason is cut to what fits, in whole characters. */
void frame_print_close(struct buf *out, unsigned status, const char *reason, const uint8_t *key);

/* Text of a frame, in which NUL is a character like any other. */
bool frame_is_utf8(const char *text, size_t len);
/* A Close frame's payload: 0, or the status it is to be answered with and *problem says why. */
unsigned frame_check_close(const char *payload, size_t len, const char **problem);

#endif
