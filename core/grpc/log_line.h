/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a sandbox's log as OpenShell's messages have them.  Any thread. */
#ifndef GRPC_LOG_LINE_H
#define GRPC_LOG_LINE_H

#include "grpc/work.h"

struct grpc_log_line {
    int64_t at_ms;
    const char *level; /* ERROR, WARN, INFO or DEBUG */
    const char *text;
    size_t len;
};

/* Which lines a request asks for. */
struct grpc_log_filter {
    int64_t since_ms;
    unsigned least;                                 /* rank of the least level, 0: all */
    bool nothing;                                   /* it names other sources than sandboxes have */
};

/* Of the fields log_sources or sources, and log_min_level or min_level. */
struct grpc_log_filter grpc_log_filter(const struct grpc_work *work, const char *sources,
                                       const char *min_level, int64_t since_ms);
/* A line as readers of the log see it, without its end.  False: the filter leaves it out. */
bool grpc_log_line_read(const struct grpc_log_filter *filter, const char *line, size_t len,
                        struct grpc_log_line *out);
/* The fields of a SandboxLogLine. */
void grpc_log_line_put(struct doc_writer *w, const char *sandbox_id,
                       const struct grpc_log_line *line, struct arena *arena);

#endif
