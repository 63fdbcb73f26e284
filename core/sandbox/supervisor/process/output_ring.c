/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/process/output_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* ---- the bytes ---- */

/* Where a position is, and how many bytes follow it without a break. */
static char *place(const struct output_ring *ring, uint64_t position, size_t *run)
{
    size_t at = position & (ring->size - 1);
    *run = ring->size - at;
    return ring->bytes + at;
}

static void put(struct output_ring *ring, uint64_t position, const char *bytes, size_t len)
{
    for (size_t n, room; len > 0; position += n, bytes += n, len -= n) {
        char *to = place(ring, position, &room);
        n = len < room ? len : room;
        memcpy(to, bytes, n);
    }
}

static void grow_bytes(struct output_ring *ring, size_t needed)
{
    struct output_ring larger = *ring;
    larger.size = larger.size ? larger.size : OUTPUT_KEPT_MIN;
    while (larger.size < needed && larger.size < OUTPUT_KEPT_MAX)
        larger.size *= 2;
    if (larger.size == ring->size)
        return;
    larger.bytes = alloc_bytes(larger.size);
    for (uint64_t at = ring->start; at < ring->end;) {
        size_t n;
        const char *from = place(ring, at, &n);
        n = ring->end - at < n ? (size_t)(ring->end - at) : n;
        put(&larger, at, from, n);
        at += n;
    }
    free(ring->bytes);
    *ring = larger;
}

/* ---- the runs ---- */

static struct output_run *run_at(const struct output_ring *ring, uint64_t number)
{
    return &ring->runs[number & (ring->runs_size - 1)];
}

static void grow_runs(struct output_ring *ring)
{
    struct output_ring larger = *ring;
    larger.runs_size = ring->runs_size ? ring->runs_size * 2 : OUTPUT_RUNS_MIN;
    larger.runs = alloc_zero(larger.runs_size, sizeof *larger.runs);
    for (uint64_t i = ring->first_run; i < ring->next_run; i++)
        *run_at(&larger, i) = *run_at(ring, i);
    free(ring->runs);
    *ring = larger;
}

static void drop_first_run(struct output_ring *ring)
{
    ring->first_run++;
    ring->start = run_at(ring, ring->first_run)->at;
}

static void begin_run(struct output_ring *ring, enum sandbox_frame_type type)
{
    if (ring->next_run > ring->first_run && run_at(ring, ring->next_run - 1)->type == type)
        return;
    if (ring->next_run - ring->first_run == ring->runs_size) {
        if (ring->runs_size < OUTPUT_RUNS_MAX)
            grow_runs(ring);
        else
            drop_first_run(ring);
    }
    *run_at(ring, ring->next_run++) = (struct output_run){ring->end, type};
}

/* Runs that end at or before the start are gone. */
static void forget_before(struct output_ring *ring, uint64_t start)
{
    if (start <= ring->start)
        return;
    ring->start = start;
    while (ring->first_run + 1 < ring->next_run && run_at(ring, ring->first_run + 1)->at <= start)
        ring->first_run++;
}

/* The number of the run that has the position. */
static uint64_t find_run(const struct output_ring *ring, uint64_t position)
{
    uint64_t low = ring->first_run, high = ring->next_run;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (run_at(ring, middle)->at <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- what is called ---- */

void output_ring_add(struct output_ring *ring, enum sandbox_frame_type type, const char *bytes,
                     size_t len)
{
    if (len == 0)
        return;
    begin_run(ring, type);
    grow_bytes(ring, (size_t)(ring->end - ring->start) + len);
    size_t skipped = len > ring->size ? len - ring->size : 0;
    put(ring, ring->end + skipped, bytes + skipped, len - skipped);
    ring->end += len;
    if (ring->end > ring->size)
        forget_before(ring, ring->end - ring->size);
}

static uint64_t first_line(const struct output_ring *ring)
{
    for (uint64_t at = ring->start; at < ring->end && at < ring->start + OUTPUT_LINE_MAX; at++) {
        size_t run;
        if (*place(ring, at, &run) == '\n')
            return at + 1;
    }
    return ring->start;
}

uint64_t output_ring_skip_lost(const struct output_ring *ring, uint64_t *position)
{
    uint64_t from = *position;
    if (from >= ring->start)
        return 0;
    *position = first_line(ring);
    return *position - from;
}

bool output_ring_read(const struct output_ring *ring, uint64_t *position, size_t max,
                      struct output_piece *out)
{
    size_t len;
    if (*position >= ring->end)
        return false;
    uint64_t number = find_run(ring, *position);
    uint64_t run_end = number + 1 < ring->next_run ? run_at(ring, number + 1)->at : ring->end;
    out->type = run_at(ring, number)->type;
    out->bytes = place(ring, *position, &len);
    len = run_end - *position < len ? (size_t)(run_end - *position) : len;
    out->len = len < max ? len : max;
    *position += out->len;
    return true;
}

void output_ring_free(struct output_ring *ring)
{
    free(ring->bytes);
    free(ring->runs);
    *ring = (struct output_ring){0};
}
