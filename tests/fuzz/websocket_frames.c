/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a client sends after its upgrade.  The first byte says whether messages may be
 * compressed (its highest bit) and in how big steps the rest comes.  Oracles: what goes on does not
 * depend on the steps; a strict reader of its own finds whole frames in it; these carry the texts
 * that were judged, in their order, and nothing else that is text. */
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
    struct buf out, texts;
    unsigned status;
    bool at_border;
};

static void run(const uint8_t *data, size_t size, size_t step, bool deflate, struct outcome *o)
{
    struct messages m;
    enum message_event event = MESSAGE_MORE;
    *o = (struct outcome){0};
    messages_begin(&m, deflate);
    for (size_t at = 0; at < size && event != MESSAGE_BAD; at += step) {
        const char *bytes = (const char *)data + at;
        size_t len = size - at < step ? size - at : step;
        while ((event = messages_next(&m, &bytes, &len, &o->out)) == MESSAGE_TEXT) {
            size_t n;
            const char *text = messages_text(&m, &n);
            if (!frame_is_utf8(text, n) || n > MESSAGE_TEXT_MAX)
                wrong("this text should not be judged");
            buf_add(&o->texts, &n, sizeof n);
            buf_add(&o->texts, text, n);
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
    const char *text, *text_end;                    /* texts that were judged */
    bool deflate, in_binary, closed;
};

static uint64_t number(const uint8_t *at, size_t n)
{
    uint64_t value = 0;
    while (n--)
        value = value << 8 | *at++;
    return value;
}

static void check_text(struct reader *r, const uint8_t *payload, size_t len, const uint8_t *key,
                       bool compressed)
{
    struct buf plain = {0}, text = {0};
    size_t n;
    for (size_t i = 0; i < len; i++)
        buf_putc(&plain, (char)(payload[i] ^ key[i % 4]));
    if (compressed && inflate_message(plain.data, plain.len, MESSAGE_TEXT_MAX, &text))
        wrong("a compressed text that cannot be read has passed");
    const struct buf *said = compressed ? &text : &plain;
    if ((size_t)(r->text_end - r->text) < sizeof n)
        wrong("a text has passed that was not judged");
    memcpy(&n, r->text, sizeof n);
    if (n != said->len || (n && memcmp(r->text + sizeof n, said->data, n) != 0))
        wrong("another text has passed than was judged");
    r->text += sizeof n + n;
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
    if (opcode < 8 && (opcode > 2 || (opcode == 0) != r->in_binary || (opcode == 1 && !fin)))
        wrong("a fragment is out of place");
    if (left - head < len)
        return false;
    if (opcode == 1)
        check_text(r, p + head, (size_t)len, p + head - 4, rsv1);
    r->in_binary = opcode < 8 ? !fin : r->in_binary;
    r->closed = opcode == 8;
    r->at += head + len;
    return true;
}

static void check(const struct outcome *o, bool deflate)
{
    const char *texts = buf_str(&o->texts);
    const uint8_t *out = (const uint8_t *)buf_str(&o->out);
    struct reader r = {out, out + o->out.len, texts, texts + o->texts.len, deflate, false, false};
    while (read_frame(&r))
        ;
    if (r.text != r.text_end)
        wrong("a text was judged and has not passed");
    if (o->at_border && r.at != r.end)
        wrong("a part of a frame has passed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, stepped;
    if (!size)
        return 0;
    bool deflate = *data & 128;
    run(data + 1, size - 1, size, deflate, &whole);
    run(data + 1, size - 1, *data % 16 + 1, deflate, &stepped);
    if (whole.status != stepped.status || whole.out.len != stepped.out.len ||
        (whole.out.len && memcmp(whole.out.data, stepped.out.data, whole.out.len) != 0))
        wrong("how the bytes come makes a difference");
    check(&whole, deflate);
    buf_free(&whole.out);
    buf_free(&whole.texts);
    buf_free(&stepped.out);
    buf_free(&stepped.texts);
    return 0;
}
