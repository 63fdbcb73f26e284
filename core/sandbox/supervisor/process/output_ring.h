/* SPDX-License-Identifier: Apache-2.0 */
/* The newest output of a process, in order, of both of its streams.
 *
 * Every byte has a position: how many bytes came before it.  Readers have positions of their own.
 * What is kept is bounded, OUTPUT_KEPT_MAX bytes in at most OUTPUT_RUNS_MAX runs of one stream;
 * memory grows as it is needed.  Zeroed it is empty.  Not thread-safe, any one thread. */
#ifndef SANDBOX_SUPERVISOR_PROCESS_OUTPUT_RING_H
#define SANDBOX_SUPERVISOR_PROCESS_OUTPUT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/wire/frame.h"

enum {
    OUTPUT_KEPT_MAX = 1024 * 1024,                  /* powers of two, as all sizes here */
    OUTPUT_KEPT_MIN = 4096,
    OUTPUT_RUNS_MAX = 16 * 1024,
    OUTPUT_RUNS_MIN = 64,
    OUTPUT_LINE_MAX = 4096,
};

struct output_run {
    uint64_t at;                                    /* position of its first byte */
    enum sandbox_frame_type type;
};

struct output_ring {
    char *bytes;
    size_t size;
    struct output_run *runs;
    size_t runs_size;
    uint64_t first_run, next_run;                   /* numbers of runs; those between are kept */
    uint64_t start, end;                            /* positions */
};

struct output_piece {
    enum sandbox_frame_type type;
    const char *bytes;                              /* until the next output_ring_add */
    size_t len;
};

void output_ring_add(struct output_ring *ring, enum sandbox_frame_type type, const char *bytes,
                     size_t len);
/* The bytes between *position and what is kept: so many are lost.  *position moves to the first
 * line that begins in what is kept, unless its first OUTPUT_LINE_MAX bytes have no line end. */
uint64_t output_ring_skip_lost(const struct output_ring *ring, uint64_t *position);
/* At most max bytes of one stream from *position on, which moves behind them.  Nothing is lost
 * before it.  False: the reader has everything. */
bool output_ring_read(const struct output_ring *ring, uint64_t *position, size_t max,
                      struct output_piece *out);
void output_ring_free(struct output_ring *ring);

#endif
