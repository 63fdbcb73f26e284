/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on their way to the gateway.
 *
 * The workload causes them, so there are at most LINES_PER_SECOND, and as many as the gateway reads;
 * what is more is counted and told in one line.  While there is no gateway the first LINES_KEPT_MAX
 * wait.  Loop thread only. */
#ifndef SANDBOX_LINES_H
#define SANDBOX_LINES_H

#include "base/log.h"

#include <stddef.h>
#include <uv.h>

struct gateway_link;

enum { LINES_PER_SECOND = 500, LINES_KEPT_MAX = 64 };

struct lines {                                      /* {.loop = loop} is an empty one */
    uv_loop_t *loop;
    struct kept_line {
        enum log_level level;
        char *text;
    } kept[LINES_KEPT_MAX];
    size_t n_kept;
    uint64_t second;                                /* of the loop's clock, with sent in it */
    unsigned sent, left_out;
};

/* link NULL: the gateway is away. */
void sandbox_lines_add(struct lines *lines, struct gateway_link *link, enum log_level level,
                       const char *text);
/* The gateway is back. */
void sandbox_lines_flush(struct lines *lines, struct gateway_link *link);
void sandbox_lines_free(struct lines *lines);

#endif
