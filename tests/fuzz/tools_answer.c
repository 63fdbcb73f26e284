/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reduction of lists of tools: a first byte that says how, then the body of an answer.
 * Oracles: the pieces in which a body comes do not matter, what leaves everything in changes
 * nothing, and an answer that was reduced once is not reduced again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egress/answer/tools.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static bool leave_in_all(void *ctx, const char *tool)
{
    (void)ctx, (void)tool;
    return true;
}

static bool leave_in_some(void *ctx, const char *tool)
{
    (void)ctx;
    return *tool == 'r';
}

static struct buf passed(bool events, egress_tools_ask *ask, const char *body, size_t len,
                         size_t piece)
{
    static char name[] = "Content-Type", json[] = "application/json", sse[] = "text/event-stream";
    struct http_field field = {name, events ? sse : json};
    const struct http_head head = {.status = 200, .fields = &field, .n_fields = 1};
    struct egress_tools_room room = {0};
    struct egress_tools *tools = egress_tools_new(&head, ask, NULL, &room);
    struct buf out = {0};
    for (size_t i = 0; i < len; i += piece)
        egress_tools_add(tools, body + i, len - i < piece ? len - i : piece, &out);
    egress_tools_end(tools, &out);
    egress_tools_free(tools);
    return out;
}

static void check_same(const struct buf *a, const char *bytes, size_t len, const char *what)
{
    if (a->len != len || (len && memcmp(a->data, bytes, len) != 0))
        wrong(what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *body = (const char *)data + 1;
    bool events = data[0] & 1;
    size_t len = size - 1, piece = 1 + (data[0] >> 1) % 16;
    struct buf all = passed(events, leave_in_all, body, len, piece);
    struct buf some = passed(events, leave_in_some, body, len, len ? len : 1);
    struct buf pieces = passed(events, leave_in_some, body, len, piece);
    struct buf again = passed(events, leave_in_some, buf_str(&some), some.len, piece);
    check_same(&all, body, len, "what leaves everything in changes something");
    check_same(&pieces, buf_str(&some), some.len, "the pieces matter");
    check_same(&again, buf_str(&some), some.len, "a reduced answer is reduced again");
    buf_free(&all);
    buf_free(&some);
    buf_free(&pieces);
    buf_free(&again);
    return 0;
}
