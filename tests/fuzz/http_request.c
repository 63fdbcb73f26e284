/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the parser of requests and responses.  The first byte chooses the side, the size of the
 * cuts and whether trailers are kept.  Oracles: how the bytes are cut never changes what the parser
 * says, and no value that it accepts contains a control byte. */
#include "../unit/support/http_trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void differs(const struct buf *a, const struct buf *b, size_t cut)
{
    fprintf(stderr, "whole:  %s\ncuts of %zu: %s\n", buf_str(a), cut, buf_str(b));
    abort();
}

/* A head whose fields are replaced by the same ones says the same, twice over. */
static void check_fields(enum http_side side, const char *bytes, size_t len)
{
    struct http_parser *parser = http_parser_new(side, 16 * 1024);
    const char *body;
    size_t body_len;
    if (http_parser_next(parser, &bytes, &len, &body, &body_len) == HTTP_GOT_HEAD) {
        struct http_head *head = http_parser_take_head(parser);
        size_t n = head->n_fields, hosts = http_head_count(head, "Host");
        bool closes = http_head_lists(head, "Connection", "close");
        for (int i = 0; i < 2; i++)
            http_head_set_fields(head, head->fields, n);
        const char *host = http_head_get(head, "Host");
        if (head->n_fields != n || http_head_count(head, "Host") != hosts || !host != !hosts ||
            http_head_lists(head, "Connection", "close") != closes)
            abort();
        http_head_free(head);
    }
    http_parser_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, cuts = {0};
    if (size < 2)
        return 0;
    enum http_side side = data[0] & 1 ? HTTP_OF_SERVER : HTTP_OF_CLIENT;
    size_t cut = (size_t)(data[0] >> 1) % 16 + 1;
    const char *bytes = (const char *)data + 1;
    if (data[0] & 0x80) {
        trace_trailers_too(side, bytes, size - 1, size - 1, &whole);
        trace_trailers_too(side, bytes, size - 1, cut, &cuts);
    } else {
        trace(side, bytes, size - 1, size - 1, &whole);
        trace(side, bytes, size - 1, cut, &cuts);
    }
    if (whole.len != cuts.len || memcmp(buf_str(&whole), buf_str(&cuts), whole.len) != 0)
        differs(&whole, &cuts, cut);
    check_fields(side, bytes, size - 1);
    buf_free(&whole);
    buf_free(&cuts);
    return 0;
}
