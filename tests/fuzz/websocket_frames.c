/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a client sends after its upgrade.  The first byte says whether messages may be
 * compressed (its highest bit), whether binary ones are judged as well (the next one) and in how
 * big steps the rest comes.  Oracles: what goes on does not depend on the steps; a strict reader of
 * its own finds whole frames in it; these carry the messages that were judged, in their order, and
 * nothing else of their kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egress/websocket/inflate.h"
#include "egress/websocket/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

struct outcome {
    struct buf out, judged;
    unsigned status;
    bool at_border;
};

enum { DEFLATE = 128, BINARY = 64, ONLY_TEXT = 32, REPLACE = 16 };

static void run(const uint8_t *data, size_t size, size_t step, unsigned flags, struct outcome *o)
{
    struct messages m;
    enum message_event event = MESSAGE_MORE;
    *o = (struct outcome){0};
    messages_begin(&m, FRAME_OF_CLIENT, flags & DEFLATE);
    m.hold_binary = flags & BINARY;
    m.only_text = flags & ONLY_TEXT && !(flags & BINARY);
    for (size_t at = 0; at < size && event != MESSAGE_BAD; at += step) {
        const char *bytes = (const char *)data + at;
        size_t len = size - at < step ? size - at : step;
        while ((event = messages_next(&m, &bytes, &len, &o->out)) == MESSAGE_WHOLE) {
            size_t n;
            const char *said = messages_payload(&m, &n);
            if (n > MESSAGE_TEXT_MAX || (!messages_is_binary(&m) && !frame_is_utf8(said, n)))
                wrong("this message should not be judged");
            buf_add(&o->judged, &n, sizeof n);
            buf_add(&o->judged, said, n);
            messages_pass(&m, &o->out);
        }
        if (event == MESSAGE_MORE && len)
            wrong("bytes were left");
    }
    o->status = m.status;
    o->at_border = messages_at_border(&m);
    messages_free(&m);
}

/* ---- a reader of its own ---- */

struct reader {
    const uint8_t *at, *end;
    const char *judged, *judged_end;
    bool deflate, binary;                           /* what was asked for */
    bool in_binary, closed;
};

static uint64_t number(const uint8_t *at, size_t n)
{
    uint64_t value = 0;
    while (n--)
        value = value << 8 | *at++;
    return value;
}

static void check_judged(struct reader *r, const uint8_t *payload, size_t len, const uint8_t *key,
                       bool compressed)
{
    struct buf plain = {0}, text = {0};
    size_t n;
    for (size_t i = 0; i < len; i++)
        buf_putc(&plain, (char)(payload[i] ^ key[i % 4]));
    if (compressed && inflate_message(plain.data, plain.len, MESSAGE_TEXT_MAX, &text))
        wrong("a compressed message that cannot be read has passed");
    const struct buf *said = compressed ? &text : &plain;
    if ((size_t)(r->judged_end - r->judged) < sizeof n)
        wrong("a message has passed that was not judged");
    memcpy(&n, r->judged, sizeof n);
    if (n != said->len || (n && memcmp(r->judged + sizeof n, said->data, n) != 0))
        wrong("another message has passed than was judged");
    r->judged += sizeof n + n;
    buf_free(&plain);
    buf_free(&text);
}

/* False: the rest is not complete. */
static bool read_frame(struct reader *r)
{
    const uint8_t *p = r->at;
    size_t left = (size_t)(r->end - p);
    if (left < 2)
        return false;
    unsigned opcode = p[0] & 15, small = p[1] & 127;
    bool fin = p[0] & 128, rsv1 = p[0] & 64;
    size_t extra = small == 127 ? 8 : small == 126 ? 2 : 0, head = 2 + extra + 4;
    if (!(p[1] & 128) || (p[0] & 48) || (rsv1 && !r->deflate) || r->closed)
        wrong("a frame that is not allowed has passed");
    if (left < head)
        return false;
    uint64_t len = extra ? number(p + 2, extra) : small;
    if (opcode >= 8 && (opcode > 10 || !fin || len > 125 || rsv1))
        wrong("a control frame that is not allowed has passed");
    bool held = opcode == 1 || (opcode == 2 && r->binary);
    if (opcode < 8 && (opcode > 2 || (opcode == 0) != r->in_binary || (held && !fin)))
        wrong("a fragment is out of place");
    if (left - head < len)
        return false;
    if (held)
        check_judged(r, p + head, (size_t)len, p + head - 4, rsv1);
    r->in_binary = opcode < 8 ? !fin : r->in_binary;
    r->closed = opcode == 8;
    r->at += head + len;
    return true;
}

static void check(const struct outcome *o, unsigned flags)
{
    const char *judged = buf_str(&o->judged);
    const uint8_t *out = (const uint8_t *)buf_str(&o->out);
    struct reader r = {.at = out, .end = out + o->out.len, .judged = judged,
                       .judged_end = judged + o->judged.len, .deflate = flags & DEFLATE,
                       .binary = flags & BINARY};
    while (read_frame(&r))
        ;
    if (r.judged != r.judged_end)
        wrong("a message was judged and has not passed");
    if (o->at_border && r.at != r.end)
        wrong("a part of a frame has passed");
}

/* What is said in place of a message is what passes, and a message of the server has no key. */
static void replace_all(const uint8_t *data, size_t size, unsigned flags)
{
    struct messages m;
    struct buf out = {0};
    const char *bytes = (const char *)data;
    enum message_event event;
    messages_begin(&m, flags & BINARY ? FRAME_OF_SERVER : FRAME_OF_CLIENT, flags & DEFLATE);
    m.hold_binary = true;
    m.context = flags & ONLY_TEXT;
    while ((event = messages_next(&m, &bytes, &size, &out)) == MESSAGE_WHOLE) {
        size_t before = out.len;
        if (!messages_is_holding(&m))
            wrong("a message is not held");
        messages_replace(&m, "said", 4);
        messages_pass(&m, &out);
        if (out.len - before != (m.frames.side == FRAME_OF_CLIENT ? 10 : 6))
            wrong("something else has passed");
    }
    if (event == MESSAGE_BAD && !m.problem)
        wrong("it is refused without a reason");
    buf_free(&out);
    messages_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, stepped;
    if (!size)
        return 0;
    unsigned flags = *data;
    run(data + 1, size - 1, size, flags, &whole);
    run(data + 1, size - 1, *data % 16 + 1, flags, &stepped);
    if (whole.status != stepped.status || whole.out.len != stepped.out.len ||
        (whole.out.len && memcmp(whole.out.data, stepped.out.data, whole.out.len) != 0))
        wrong("how the bytes come makes a difference");
    check(&whole, flags);
    if (flags & REPLACE)
        replace_all(data + 1, size - 1, flags);
    buf_free(&whole.out);
    buf_free(&whole.judged);
    buf_free(&stepped.out);
    buf_free(&stepped.judged);
    return 0;
}
