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
    buf_free(&whole);
    buf_free(&cuts);
    return 0;
}
