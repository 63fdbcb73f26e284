/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between the gateway and a voter's process: four bytes of length, big-endian, and as many
 * bytes of JSON (include/WIRE.md).
 *
 * Ownership: buffers are the caller's.  Any thread; frame_send and frame_receive block until their
 * deadline (of CLOCK_MONOTONIC in ns; FRAME_FOREVER: none). */
#ifndef CHAIN_PROCESS_FRAME_H
#define CHAIN_PROCESS_FRAME_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define FRAME_FOREVER UINT64_MAX

enum {
    FRAME_HEADER = 4,
    FRAME_MAX = 8 * 1024 * 1024,                    /* bytes of JSON, to a voter */
    FRAME_ANSWER_MAX = 256 * 1024,                  /* and from it, but for its answer to open */
    FRAME_AHEAD = 16 * 1024,                        /* read at once where several may follow */
};

/* Begins a frame at the end of the buffer; what is appended until frame_end is its JSON. */
size_t frame_begin(struct buf *out);
void frame_end(struct buf *out, size_t begin);

/* Without waiting: as much as fits, and what has come, behind what earlier calls sent and read.  1:
 * all was sent; in holds a whole frame, header included.  0: there is more to do. */
int frame_write(int fd, const struct buf *frames, size_t *sent, struct error *err);
int frame_read(int fd, size_t max, struct buf *in, struct error *err);
/* All four: -1 with err, ERROR_TIMEOUT when the deadline passed, ERROR_UPSTREAM when the other side
 * is gone, ERROR_TOO_LARGE for a frame of more than max bytes. */
int frame_send(int fd, const struct buf *frames, uint64_t deadline_ns, struct error *err);
int frame_receive(int fd, size_t max, uint64_t deadline_ns, struct buf *json, struct error *err);
/* Whether in begins with a whole frame: 1 with the bytes of its JSON, 0: not yet, -1: too large. */
int frame_whole(const struct buf *in, size_t max, size_t *len);
/* For the side that has nothing else to do: waits for a frame at the beginning of in, with what
 * came behind it; the caller consumes header and JSON, of len bytes.  -1: the end, or too large. */
int frame_next(int fd, size_t max, struct buf *in, size_t *len);

#endif
