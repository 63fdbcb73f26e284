/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines that a workload causes, for the supervisor's log and the gateway.
 *
 * The first LINES_ALIKE refusals of the same program, host, port and reason have a line each.
 * Later ones are counted, and one line every LINES_REPEAT_MS gives their number.  The log gets all
 * of these lines, before the loop waits again.  The gateway gets at most LINES_PER_SECOND of each
 * kind, and as many as it reads; one line says how many of which kind were dropped, and when. While
 * there is no gateway, the first LINES_KEPT_MAX of each kind wait.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_LINES_H
#define SANDBOX_SUPERVISOR_LINES_H

#include <stddef.h>
#include <uv.h>

#include "base/log.h"
#include "egress/proxy.h"

struct gateway_link;
struct lines;

enum {
    LINES_PER_SECOND = 200,
    LINES_KEPT_MAX = 32,
    LINES_ALIKE = 50,
    LINES_REPEATS = 512, /* different refusals that are counted at a time */
    LINES_REPEAT_MS = 10000,
};

struct lines *sandbox_lines_new(uv_loop_t *loop, const struct log *log);
/* The link, which outlives the lines, has sent hello: sends what waits. */
void sandbox_lines_connect(struct lines *lines, struct gateway_link *link);
void sandbox_lines_add(struct lines *lines, enum log_level level, enum log_kind kind,
                       const char *text);
void sandbox_lines_add_decision(struct lines *lines, const struct egress_line *line);
/* Reports what was counted.  Freed once its handles have closed. */
void sandbox_lines_close(struct lines *lines);

#endif
