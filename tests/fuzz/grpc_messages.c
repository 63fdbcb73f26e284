/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the messages of a gRPC body.  The first byte says how they may be compressed and in how
 * big pieces they come.  Oracles: the pieces do not matter, no message is larger than it may be,
 * what is refused has a code and a reason. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX = 4096 };

struct outcome {
    struct buf said;                                /* each message behind its length */
    enum grpc_event event;
    enum grpc_code code;
    struct error why;
    bool idle;
};

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static void read_all(const char *bytes, size_t len, size_t piece, enum grpc_encoding encoding,
                     struct outcome *out)
{
    struct grpc_frames frames = {.max = MAX, .encoding = encoding};
    struct buf message = {0};
    *out = (struct outcome){.event = GRPC_MORE};
    for (size_t at = 0; at < len && out->event != GRPC_BAD; at += piece) {
        const char *from = bytes + at;
        size_t n = piece < len - at ? piece : len - at;
        while ((out->event = grpc_frames_next(&frames, &from, &n, &message, &out->code,
                                              &out->why)) == GRPC_MESSAGE) {
            if (message.len > MAX)
                wrong("a message is larger than it may be");
            grpc_frames_put(&out->said, buf_str(&message), message.len);
        }
        if (out->event == GRPC_MORE && n)
            wrong("bytes were left");
    }
    if (out->event == GRPC_BAD && (out->code == GRPC_OK || !*out->why.text))
        wrong("refused without a code or a reason");
    out->idle = grpc_frames_idle(&frames);
    grpc_frames_free(&frames);
    buf_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, pieces, again;
    if (!size)
        return 0;
    enum grpc_encoding encoding = (enum grpc_encoding)(data[0] % 3);
    const char *bytes = (const char *)data + 1;
    read_all(bytes, size - 1, size, encoding, &whole);
    read_all(bytes, size - 1, data[0] / 3 % 16 + 1, encoding, &pieces);
    if (whole.event != pieces.event || whole.said.len != pieces.said.len ||
        memcmp(buf_str(&whole.said), buf_str(&pieces.said), whole.said.len) != 0)
        wrong("the pieces matter");
    if (whole.event == GRPC_BAD && strcmp(whole.why.text, pieces.why.text) != 0)
        wrong("why it is bad depends on the pieces");
    if (whole.event != GRPC_BAD && whole.idle != pieces.idle)
        wrong("the pieces matter to the end");
    read_all(buf_str(&whole.said), whole.said.len, size, GRPC_IDENTITY, &again);
    if (again.event == GRPC_BAD || !again.idle || again.said.len != whole.said.len ||
        memcmp(buf_str(&again.said), buf_str(&whole.said), whole.said.len) != 0)
        wrong("what is written reads as something else");
    buf_free(&whole.said);
    buf_free(&pieces.said);
    buf_free(&again.said);
    return 0;
}
