/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves out of an MCP server's lists of tools those that may not be called, so that a program does
 * not try them.  It is a convenience: the wall is the decision about tools/call.  So what cannot be
 * read passes as it came: encoded, longer than EGRESS_TOOLS_MAX, or no JSON-RPC.
 *
 * An answer is JSON, which is kept until it is whole, or a stream of server-sent events, of which
 * each passes as soon as it is whole.  Events and answers without such a tool keep their bytes.
 * Pure, any thread. */
#ifndef EGRESS_ANSWER_TOOLS_H
#define EGRESS_ANSWER_TOOLS_H

#include <stdint.h>

#include "base/buf.h"
#include "http/parser.h"

enum {
    EGRESS_TOOLS_MAX = 4 * 1024 * 1024,             /* bytes of a JSON answer or of one event */
    EGRESS_TOOLS_HELD_MAX = 64 * 1024 * 1024,       /* of all that are not whole yet */
    EGRESS_TOOLS_READ_MAX = 256 * 1024,             /* at a time; one alone may be longer */
};

struct egress_tools;

/* What the answers of a proxy share.  What exceeds it passes as it came. */
struct egress_tools_room {
    uint64_t now;                                   /* set by the caller: the loop's time */
    uint64_t read_at;
    size_t read;                                    /* bytes, at that time */
    size_t held;
};

/* Whether the tool is left in. */
typedef bool egress_tools_ask(void *ctx, const char *tool);

/* NULL: the answer holds no list that could be read. */
struct egress_tools *egress_tools_new(const struct http_head *response, egress_tools_ask *ask,
                                      void *ctx, struct egress_tools_room *room);
void egress_tools_free(struct egress_tools *tools); /* NULL is fine */

/* The next piece of the body; out gets what may pass by now. */
void egress_tools_add(struct egress_tools *tools, const char *bytes, size_t len, struct buf *out);
/* The body is whole. */
void egress_tools_end(struct egress_tools *tools, struct buf *out);

#endif
