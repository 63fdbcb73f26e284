/* SPDX-License-Identifier: Apache-2.0 */
/* What one side sends after the upgrade, as messages.  A message that is to be judged is held until
 * all of it is here; then it goes on as one frame.  Everything else goes on as it came, and so does
 * what stands between the frames of a message: control frames as soon as they are complete, another
 * message as its bytes come.
 *
 * A reader pulls: feed it bytes until it wants more.  Pure. */
#ifndef EGRESS_WEBSOCKET_MESSAGES_H
#define EGRESS_WEBSOCKET_MESSAGES_H

#include "egress/websocket/frame.h"

enum {
    MESSAGE_TEXT_MAX = 4 * 1024 * 1024,             /* compressed, and as it was before */
    MESSAGE_BINARY_MAX = 16 * 1024 * 1024,          /* one that is held; else a frame of it */
    MESSAGE_FRAGMENTS_MAX = 4096,
};

/* Statuses of Close frames (RFC 6455, section 7.4.1). */
enum {
    CLOSE_PROTOCOL = 1002,
    CLOSE_NOT_UTF8 = 1007,
    CLOSE_POLICY = 1008,
    CLOSE_TOO_BIG = 1009,
    CLOSE_RESTART = 1012,
    CLOSE_TRY_LATER = 1013,
};

enum message_event {
    MESSAGE_MORE,                                   /* every byte was taken; feed more */
    MESSAGE_WHOLE,                                  /* one waits for messages_pass */
    MESSAGE_BAD,                                    /* final: status and problem say why */
};

struct messages {
    struct frame_reader frames;
    struct buf control;                             /* payload of a control frame, masked */
    struct buf held;                                /* payload of a message, as it was sent */
    struct buf inflated;                            /* of a compressed one */
    enum frame_opcode opcode;                       /* of the message under way */
    bool compressed;                                /* the message under way */
    bool hold_text, hold_binary;                    /* from the next message on */
    bool holding;                                   /* a message that is held has begun */
    bool context; /* compressed messages cannot be read one by one */
    bool secret;                                    /* credentials were put into the held one */
    bool only_text;                                 /* binary messages are not taken */
    uint8_t key[FRAME_KEY_SIZE];                    /* of its first frame */
    unsigned fragments;                             /* of the message under way */
    bool closed;                                    /* a Close frame has passed */
    unsigned status;
    const char *problem;
};

/* A client's texts are held, nothing else until hold_text and hold_binary say so.  deflate:
 * permessage-deflate is in use. */
void messages_begin(struct messages *m, enum frame_side side, bool deflate);
void messages_free(struct messages *m);

/* Advances *bytes and *len past what was taken, appends to out what goes on. */
enum message_event messages_next(struct messages *m, const char **bytes, size_t *len,
                                 struct buf *out);
/* After MESSAGE_WHOLE: what the message says. */
const char *messages_payload(const struct messages *m, size_t *len);
bool messages_is_binary(const struct messages *m);
/* After MESSAGE_WHOLE: it says this from now on, and is not compressed. */
void messages_replace(struct messages *m, const char *payload, size_t len);
/* After MESSAGE_WHOLE: appends the message to out. */
void messages_pass(struct messages *m, struct buf *out);

/* A message that is held has begun and has not passed. */
bool messages_is_holding(const struct messages *m);
/* What was appended to out so far ends with a whole frame. */
bool messages_at_border(const struct messages *m);

#endif
