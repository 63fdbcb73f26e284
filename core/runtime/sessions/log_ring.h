/* SPDX-License-Identifier: Apache-2.0 */
/* The newest log lines of one sandbox, in memory and in a file of its folder.
 *
 * Ownership: the ring owns its lines; a zeroed ring with a folder (borrowed; NULL: no file) is
 * ready. Threads: one at a time. */
#ifndef RUNTIME_SESSIONS_LOG_RING_H
#define RUNTIME_SESSIONS_LOG_RING_H

#include "base/log.h"

/* What is kept of a sandbox's log fits a stream, which a reader gets in one go.  Its file, from
 * which a gateway that is started anew reads it, may be longer. */
enum { LOG_LINES_KEPT = 2000, LOG_BYTES_KEPT = 512 * 1024, LOG_FILE_MAX = 2 * LOG_BYTES_KEPT };

struct log_ring {
    const char *folder;
    char **lines;                                   /* from first on, each with its line end */
    enum log_kind *kinds;                           /* of each of them */
    size_t n, first, bytes, kind_bytes[LOG_KIND_COUNT];
    struct log file;                                /* fd 0: not open */
};

/* Returns the line as readers see it, which lives until the next call. */
const char *log_ring_add(struct log_ring *ring, const struct log_line *line);
/* The i-th line, the oldest first. */
const char *log_ring_line(const struct log_ring *ring, size_t i);
/* Reads what an earlier gateway kept.  Blocks. */
void log_ring_load(struct log_ring *ring);
void log_ring_free(struct log_ring *ring);

#endif
