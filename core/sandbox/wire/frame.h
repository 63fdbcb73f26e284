/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of an upgraded exec stream (Upgrade: sluice-exec), the same between client and gateway
 * and between gateway and supervisor, so that the gateway relays bytes without reading them.
 *
 *   type (1 byte) | zero (3 bytes) | payload length (4 bytes, big-endian) | payload, at most 64 KiB
 *
 * Standard input has an end of its own: a client that ends its side of the connection before the
 * exit frame is gone, and its command is ended.
 *
 * Header only, so that a client needs no library for it.  Nothing is copied or owned: a parsed
 * frame points into the bytes it was parsed from.  Any thread. */
#ifndef SANDBOX_WIRE_FRAME_H
#define SANDBOX_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SANDBOX_FRAMES(X)                                                                     \
    X(STDIN,  0)    /* to the command; length 0 closes its standard input */                  \
    X(STDOUT, 1)                                                                              \
    X(STDERR, 2)                                                                              \
    X(EXIT,   3)    /* the last frame: {"code":N}, with "error" where it could not start */   \
    X(RESIZE, 4)    /* to the command: {"cols":N,"rows":N} */

enum sandbox_frame_type {
#define X(id, number) FRAME_##id = number,
    SANDBOX_FRAMES(X)
#undef X
    FRAME_TYPE_COUNT
};

enum { FRAME_HEADER_SIZE = 8, FRAME_PAYLOAD_MAX = 65536 };

struct sandbox_frame {
    enum sandbox_frame_type type;
    const uint8_t *payload;
    size_t len;
};

static inline void sandbox_frame_header(uint8_t out[FRAME_HEADER_SIZE],
                                        enum sandbox_frame_type type, size_t len)
{
    const uint8_t header[FRAME_HEADER_SIZE] = {
        (uint8_t)type, 0, 0, 0,
        (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
    };
    for (size_t i = 0; i < FRAME_HEADER_SIZE; i++)
        out[i] = header[i];
}

/* Reads the first frame of the bytes.  Returns how many bytes it took, 0 when the frame is not
 * complete yet, -1 when no frame begins like this: the stream is then of no more use. */
static inline ssize_t sandbox_frame_next(const uint8_t *bytes, size_t len,
                                         struct sandbox_frame *out)
{
    if (len < FRAME_HEADER_SIZE)
        return 0;
    size_t size =
        (size_t)bytes[4] << 24 | (size_t)bytes[5] << 16 | (size_t)bytes[6] << 8 | bytes[7];
    if (bytes[0] >= FRAME_TYPE_COUNT || bytes[1] || bytes[2] || bytes[3] ||
        size > FRAME_PAYLOAD_MAX)
        return -1;
    if (len - FRAME_HEADER_SIZE < size)
        return 0;
    out->type = (enum sandbox_frame_type)bytes[0];
    out->payload = bytes + FRAME_HEADER_SIZE;
    out->len = size;
    return (ssize_t)(FRAME_HEADER_SIZE + size);
}

#endif
