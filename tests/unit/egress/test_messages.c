/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and messages of a WebSocket client, cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "egress/websocket/inflate.h"
#include "egress/websocket/messages.h"

/* A literal with its length: frames have NULs. */
#define BYTES(text) text, sizeof text - 1

/* A frame's head with the key 0 0 0 0, which leaves the payload readable. */
#define KEY "\0\0\0\0"

struct outcome {
    struct buf out, texts;                          /* texts: each with a '|' behind */
    enum message_event last;
    unsigned status;
    const char *problem;
};

static void feed(struct messages *m, const char *bytes, size_t len, struct outcome *o)
{
    while ((o->last = messages_next(m, &bytes, &len, &o->out)) == MESSAGE_WHOLE) {
        size_t n;
        const char *text = messages_payload(m, &n);
        buf_add(&o->texts, text, n);
        buf_putc(&o->texts, '|');
        messages_pass(m, &o->out);
    }
    o->status = m->status;
    o->problem = m->problem;
    if (o->last == MESSAGE_MORE)
        assert_int_equal(len, 0);
}

static void forget(struct outcome *o)
{
    buf_free(&o->out);
    buf_free(&o->texts);
}

/* The bytes in pieces that end at cut, or each byte alone (cut 0). */
static void feed_cut(const char *bytes, size_t len, size_t cut, bool deflate, struct outcome *o)
{
    struct messages m;
    *o = (struct outcome){0};
    messages_begin(&m, FRAME_OF_CLIENT, deflate);
    if (cut)
        feed(&m, bytes, cut, o);
    for (size_t i = cut, step = cut ? len - cut : 1; i < len && o->last != MESSAGE_BAD; i += step)
        feed(&m, bytes + i, step, o);
    messages_free(&m);
}

/* ---- what passes ---- */

static const struct {
    const char *name, *in;
    size_t n_in;
    const char *out;                                /* NULL: as it came */
    size_t n_out;
    const char *texts;
} good[] = {
    {"a text", BYTES("\x81\x85" KEY "hello"), NULL, 0, "hello|"},
    {"an empty text", BYTES("\x81\x80" KEY), NULL, 0, "|"},
    {"a masked text (RFC 6455, 5.7)", BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), NULL,
     0, "Hello|"},
    {"two texts", BYTES("\x81\x81" KEY "a\x81\x82" KEY "bc"), NULL, 0, "a|bc|"},
    {"a text with a NUL", BYTES("\x81\x83" KEY "a\0b"), NULL, 0, NULL},
    {"UTF-8", BYTES("\x81\x84" KEY "\xf0\x9f\x98\x80"), NULL, 0, "\xf0\x9f\x98\x80|"},
    {"fragments become one frame", BYTES("\x01\x83" KEY "hel\x00\x80" KEY "\x80\x82" KEY "lo"),
     BYTES("\x81\x85" KEY "hello"), "hello|"},
    {"a character may be cut", BYTES("\x01\x81" KEY "\xc3\x80\x81" KEY "\xa4"),
     BYTES("\x81\x82" KEY "\xc3\xa4"), "\xc3\xa4|"},
    {"each fragment has a key of its own",
     BYTES("\x01\x83\x01\x02\x03\x04\x69\x67\x6f\x80\x82\xff\xff\xff\xff\x93\x90"),
     BYTES("\x81\x85\x01\x02\x03\x04\x69\x67\x6f\x68\x6e"), "hello|"},
    {"a ping overtakes a fragmented text",
     BYTES("\x01\x83" KEY "hel\x89\x82" KEY "hi\x80\x82" KEY "lo"),
     BYTES("\x89\x82" KEY "hi\x81\x85" KEY "hello"), "hello|"},
    {"a pong without a ping", BYTES("\x8a\x80" KEY), NULL, 0, ""},
    {"a binary message", BYTES("\x82\x83" KEY "\xff\0\x01"), NULL, 0, ""},
    {"a fragmented binary message with a ping",
     BYTES("\x02\x82" KEY "\xff\xfe\x89\x80" KEY "\x80\x81" KEY "\xfd"), NULL, 0, ""},
    {"a Close", BYTES("\x88\x80" KEY), NULL, 0, ""},
    {"a Close with a status", BYTES("\x88\x82" KEY "\x03\xe8"), NULL, 0, ""},
    {"a Close with a reason",
     BYTES("\x88\x85" KEY "\x0f\xa0"
           "bye"),
     NULL, 0, ""},
};

static void check_good(size_t i, size_t cut)
{
    struct outcome o;
    feed_cut(good[i].in, good[i].n_in, cut, false, &o);
    const char *out = good[i].out ? good[i].out : good[i].in;
    size_t n_out = good[i].out ? good[i].n_out : good[i].n_in;
    if (o.last != MESSAGE_MORE || o.out.len != n_out || memcmp(o.out.data, out, n_out) != 0)
        fail_msg("%s, cut at %zu: %s", good[i].name, cut, o.problem ? o.problem : "other bytes");
    if (good[i].texts)
        assert_string_equal(buf_str(&o.texts), good[i].texts);
    forget(&o);
}

static void what_is_allowed_passes_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        for (size_t cut = 0; cut < good[i].n_in; cut++)
            check_good(i, cut);
}

/* ---- what does not ---- */

static const struct {
    const char *in;
    size_t n_in;
    unsigned status;
    const char *problem;
    size_t passes;                                  /* bytes that go on before */
} bad[] = {
    {BYTES("\x81\x05hello"), 1002, "a client's frame is not masked", 0},
    {BYTES("\x8a\x00"), 1002, "a client's frame is not masked", 0},
    {BYTES("\xc1\x85" KEY "hello"), 1002, "a frame has reserved bits set", 0},
    {BYTES("\xa1\x85" KEY "hello"), 1002, "a frame has reserved bits set", 0},
    {BYTES("\x91\x85" KEY "hello"), 1002, "a frame has reserved bits set", 0},
    {BYTES("\xc9\x80" KEY), 1002, "a frame has reserved bits set", 0},
    {BYTES("\x83\x80" KEY), 1002, "a frame has a reserved opcode", 0},
    {BYTES("\x87\x80" KEY), 1002, "a frame has a reserved opcode", 0},
    {BYTES("\x8b\x80" KEY), 1002, "a frame has a reserved opcode", 0},
    {BYTES("\x8f\x80" KEY), 1002, "a frame has a reserved opcode", 0},
    {BYTES("\x09\x80" KEY), 1002, "a control frame is fragmented", 0},
    {BYTES("\x08\x80" KEY), 1002, "a control frame is fragmented", 0},
    {BYTES("\x89\xfe\x00\x7e" KEY), 1002, "a control frame is longer than 125 bytes", 0},
    {BYTES("\x88\xff\0\0\0\0\0\1\0\0" KEY), 1002, "a control frame is longer than 125 bytes", 0},
    {BYTES("\x81\xfe\x00\x7d" KEY), 1002, "a frame's length is not written in its shortest form",
     0},
    {BYTES("\x82\xfe\x00\x00" KEY), 1002, "a frame's length is not written in its shortest form",
     0},
    {BYTES("\x82\xff\0\0\0\0\0\0\xff\xff" KEY), 1002,
     "a frame's length is not written in its shortest form", 0},
    {BYTES("\x82\xff\x80\0\0\0\0\1\0\0" KEY), 1002, "a frame's length has its highest bit set", 0},
    {BYTES("\x80\x80" KEY), 1002, "a continuation frame continues no message", 0},
    {BYTES("\x82\x80" KEY "\x80\x80" KEY), 1002, "a continuation frame continues no message", 6},
    {BYTES("\x01\x80" KEY "\x81\x80" KEY), 1002, "a new message begins within a fragmented one", 0},
    {BYTES("\x02\x80" KEY "\x81\x80" KEY), 1002, "a new message begins within a fragmented one", 6},
    {BYTES("\x01\x80" KEY "\x02\x80" KEY), 1002, "a new message begins within a fragmented one", 0},
    {BYTES("\x88\x80" KEY "\x89\x80" KEY), 1002, "a frame follows the client's Close", 6},
    {BYTES("\x88\x80" KEY "\x81\x80" KEY), 1002, "a frame follows the client's Close", 6},
    {BYTES("\x88\x81" KEY "\x03"), 1002, "a Close frame has no valid status", 0},
    {BYTES("\x88\x82" KEY "\x03\xe7"), 1002, "a Close frame has no valid status", 0},
    {BYTES("\x88\x82" KEY "\x03\xec"), 1002, "a Close frame has no valid status", 0},   /* 1004 */
    {BYTES("\x88\x82" KEY "\x03\xed"), 1002, "a Close frame has no valid status", 0},   /* 1005 */
    {BYTES("\x88\x82" KEY "\x03\xee"), 1002, "a Close frame has no valid status", 0},   /* 1006 */
    {BYTES("\x88\x82" KEY "\x03\xf7"), 1002, "a Close frame has no valid status", 0},   /* 1015 */
    {BYTES("\x88\x82" KEY "\x0b\xb7"), 1002, "a Close frame has no valid status", 0},   /* 2999 */
    {BYTES("\x88\x82" KEY "\x13\x88"), 1002, "a Close frame has no valid status", 0},   /* 5000 */
    {BYTES("\x88\x83" KEY "\x03\xe8\xff"), 1007, "the reason of a Close frame is not UTF-8", 0},
    {BYTES("\x88\x84" KEY "\x03\xe8\xc3\x28"), 1007, "the reason of a Close frame is not UTF-8",
     0},
    {BYTES("\x81\x82" KEY "a\xff"), 1007, "a text message is not UTF-8", 0},
    {BYTES("\x81\x82" KEY "a\xc3"), 1007, "a text message is not UTF-8", 0},
    {BYTES("\x81\x83" KEY "\xed\xa0\x80"), 1007, "a text message is not UTF-8", 0},
    {BYTES("\x81\x82" KEY "\xc0\xaf"), 1007, "a text message is not UTF-8", 0},
    {BYTES("\x01\x81" KEY "a\x80\x81" KEY "\xff"), 1007, "a text message is not UTF-8", 0},
    {BYTES("\x81\xff\0\0\0\0\0\x40\0\1" KEY), 1009, "a text message is longer than 4 MiB", 0},
    {BYTES("\x01\x81" KEY "a\x80\xff\0\0\0\0\0\x40\0\0" KEY), 1009,
     "a text message is longer than 4 MiB", 0},
    {BYTES("\x82\xff\0\0\0\0\1\0\0\1" KEY), 1002, "a binary frame is longer than 16 MiB", 0},
    {BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" KEY), 1002,
     "a binary frame is longer than 16 MiB", 0},
};

static void what_is_not_allowed_is_named_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t cut = 0; cut < bad[i].n_in; cut++) {
            struct outcome o;
            feed_cut(bad[i].in, bad[i].n_in, cut, false, &o);
            if (o.last != MESSAGE_BAD || o.status != bad[i].status ||
                strcmp(o.problem, bad[i].problem) != 0 || o.out.len != bad[i].passes)
                fail_msg("%s, cut at %zu: got %u %s, %zu bytes passed", bad[i].problem, cut,
                         o.status, o.problem ? o.problem : "nothing", o.out.len);
            forget(&o);
        }
}

/* ---- limits ---- */

static void feed_repeated(struct messages *m, const char *bytes, size_t len, size_t n,
                          struct outcome *o)
{
    for (size_t i = 0; i < n; i++)
        feed(m, bytes, len, o);
}

static void fragments_are_counted(void **state)
{
    static const char *const first[] = {"\x01\x81" KEY "a", "\x02\x81" KEY "a"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct messages m;
        struct outcome o = {0};
        messages_begin(&m, FRAME_OF_CLIENT, false);
        feed(&m, first[i], 7, &o);
        feed_repeated(&m, BYTES("\x00\x80" KEY), 4094, &o);
        assert_int_equal(o.last, MESSAGE_MORE);
        feed_repeated(&m, BYTES("\x89\x80" KEY), 2, &o);    /* is none */
        feed(&m, BYTES("\x80\x80" KEY), &o);
        assert_int_equal(o.last, MESSAGE_MORE);             /* the 4096th, and the last */
        feed(&m, first[i], 7, &o);
        feed_repeated(&m, BYTES("\x00\x80" KEY), 4096, &o);
        assert_int_equal(o.status, 1002);
        assert_string_equal(o.problem, "a message has more than 4096 fragments");
        messages_free(&m);
        forget(&o);
    }
}

static void a_text_of_4_mib_passes(void **state)
{
    struct messages m;
    struct outcome o = {0};
    struct buf text = {0}, frame = {0};
    (void)state;
    buf_reserve(&text, MESSAGE_TEXT_MAX);
    memset(text.data, 'x', MESSAGE_TEXT_MAX);
    text.len = MESSAGE_TEXT_MAX;
    frame_print(&frame, FRAME_TEXT, false, text.data, text.len, (const uint8_t *)"abcd");
    messages_begin(&m, FRAME_OF_CLIENT, false);
    for (size_t at = 0; at < frame.len; at += 65521)
        feed(&m, frame.data + at, frame.len - at < 65521 ? frame.len - at : 65521, &o);
    assert_int_equal(o.texts.len, MESSAGE_TEXT_MAX + 1);
    assert_int_equal(o.out.len, frame.len);
    assert_memory_equal(o.out.data, frame.data, frame.len);
    assert_memory_equal(o.texts.data, text.data, text.len);
    assert_true(m.held.cap < MESSAGE_TEXT_MAX);             /* it is not kept */
    messages_free(&m);
    buf_free(&text);
    buf_free(&frame);
    forget(&o);
}

/* ---- compressed messages ---- */

/* As a sender does (RFC 7692, 7.2.1), without the tail. */
static struct buf deflated(const char *text, size_t len)
{
    struct buf out = {0};
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    buf_reserve(&out, deflateBound(&z, len) + 64);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)len;
    z.next_out = (unsigned char *)out.data;
    z.avail_out = (unsigned)(deflateBound(&z, len) + 64);
    assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    out.len = z.total_out - 4;
    deflateEnd(&z);
    return out;
}

static void a_compressed_text_is_judged_and_passes_as_it_came(void **state)
{
    (void)state;
    static const char hello[] = "\xc1\x87" KEY "\xf2\x48\xcd\xc9\xc9\x07\x00";
    static const char parts[] =
        "\x41\x83" KEY "\xf2\x48\xcd\x89\x80" KEY "\x80\x84" KEY "\xc9\xc9\x07\x00";
    struct outcome o;
    for (size_t cut = 0; cut < sizeof hello - 1; cut++) {
        feed_cut(BYTES(hello), cut, true, &o);
        assert_string_equal(buf_str(&o.texts), "Hello|");
        assert_int_equal(o.out.len, sizeof hello - 1);
        assert_memory_equal(o.out.data, hello, sizeof hello - 1);
        forget(&o);
    }
    for (size_t cut = 0; cut < sizeof parts - 1; cut++) {
        feed_cut(BYTES(parts), cut, true, &o);
        assert_string_equal(buf_str(&o.texts), "Hello|");
        assert_memory_equal(o.out.data + 6, hello, sizeof hello - 1);
        forget(&o);
    }
}

/* Where deflate is in use, a message may still be sent without; binary ones are not looked into. */
static void not_every_message_is_compressed(void **state)
{
    struct outcome o;
    (void)state;
    feed_cut(BYTES("\x81\x82" KEY "ab\xc2\x83" KEY "zzz"), 0, true, &o);
    assert_int_equal(o.last, MESSAGE_MORE);
    assert_string_equal(buf_str(&o.texts), "ab|");
    assert_int_equal(o.out.len, 17);
    forget(&o);
}

static const struct {
    const char *bytes;
    size_t n;
    enum inflate_result result;
    const char *text;
} streams[] = {
    {BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00"), INFLATE_DONE, "Hello"},
    {BYTES("\x00"), INFLATE_DONE, ""},
    {BYTES("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), INFLATE_DONE, "Hello"},
    {BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), INFLATE_DONE, "Hello"},     /* a final block */
    {BYTES("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), INFLATE_DONE, "Hello"},
    {BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00"), INFLATE_BAD, NULL},         /* without its padding */
    {BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00\x01"), INFLATE_BAD, NULL},
    {BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x48\xcd\xc9\xc9\x07\x00"), INFLATE_BAD, NULL},
    {BYTES("\xf2\x48\xcd\xc9\xc9"), INFLATE_BAD, NULL},                 /* cut off */
    {BYTES("\x00\x05\x00\xfa\xff\x48\x65"), INFLATE_BAD, NULL},
    {BYTES("\x07"), INFLATE_BAD, NULL},                                 /* a reserved block */
    {BYTES(""), INFLATE_BAD, NULL},
    {BYTES("\xf2\x48\xcd\xc9\xc9\x07\x82\x00"), INFLATE_BAD, NULL},     /* before its beginning */
};

static void a_stream_has_one_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct buf out = {0};
        enum inflate_result result =
            inflate_message(streams[i].bytes, streams[i].n, 100, &out);
        if (result != streams[i].result)
            fail_msg("stream %zu: %d", i, result);
        if (streams[i].text) {
            assert_int_equal(out.len, strlen(streams[i].text));
            assert_memory_equal(buf_str(&out), streams[i].text, out.len);
        }
        buf_free(&out);
    }
}

static void what_inflates_too_far_is_too_big(void **state)
{
    struct buf zeros = {0}, out = {0}, frame = {0};
    struct outcome o;
    (void)state;
    buf_reserve(&zeros, MESSAGE_TEXT_MAX + 1);
    memset(zeros.data, 'a', MESSAGE_TEXT_MAX + 1);
    struct buf fits = deflated(zeros.data, MESSAGE_TEXT_MAX),
               bomb = deflated(zeros.data, MESSAGE_TEXT_MAX + 1);
    assert_int_equal(inflate_message(fits.data, fits.len, MESSAGE_TEXT_MAX, &out), INFLATE_DONE);
    assert_int_equal(out.len, MESSAGE_TEXT_MAX);
    frame_print(&frame, FRAME_TEXT, true, bomb.data, bomb.len, (const uint8_t *)KEY);
    feed_cut(frame.data, frame.len, 20, true, &o);
    assert_int_equal(o.status, 1009);
    assert_int_equal(o.out.len, 0);
    forget(&o);
    buf_free(&zeros);
    buf_free(&fits);
    buf_free(&bomb);
    buf_free(&out);
    buf_free(&frame);
}

static void a_compressed_text_that_cannot_be_read_is_refused(void **state)
{
    struct outcome o;
    (void)state;
    feed_cut(BYTES("\xc1\x81" KEY "\x07"), 0, true, &o);
    assert_int_equal(o.status, 1007);
    assert_string_equal(o.problem, "a compressed text message cannot be read");
    forget(&o);
}

/* ---- to bytes ---- */

static void a_reason_is_cut_in_whole_characters(void **state)
{
    struct buf out = {0}, reason = {0};
    (void)state;
    for (size_t i = 0; i < 62; i++)
        buf_puts(&reason, "\xc3\xa4");                      /* 124 bytes; 123 fit */
    frame_print_close(&out, CLOSE_POLICY, reason.data, NULL);
    assert_int_equal(out.len, 2 + 2 + 122);
    assert_memory_equal(out.data, "\x88\x7c\x03\xf0\xc3\xa4", 6);
    buf_clear(&out);
    frame_print_close(&out, CLOSE_RESTART, "", (const uint8_t *)"\xff\xff\xff\xff");
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, "\x88\x82\xff\xff\xff\xff\xfc\x0b", 8);
    buf_free(&out);
    buf_free(&reason);
}

static void masks_begin_anywhere(void **state)
{
    (void)state;
    for (size_t offset = 0; offset < 9; offset++)
        for (size_t n = 0; n < 40; n++) {
            uint8_t bytes[40];
            for (size_t i = 0; i < n; i++)
                bytes[i] = (uint8_t)(i * 7);
            frame_mask(bytes, n, (const uint8_t *)"\x01\x20\x83\xf4", offset);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(bytes[i], (uint8_t)(i * 7) ^
                                 (uint8_t)"\x01\x20\x83\xf4"[(offset + i) % 4]);
        }
}

static void a_servers_frames_end_where_they_end(void **state)
{
    static const char bytes[] = "\x81\x02hi\x82\x7e\x00\x03xyz\x8a\x00\x03\x81" KEY "q";
    static const size_t ends[] = {4, 11, 13, 20};
    (void)state;
    for (size_t step = 1; step < sizeof bytes - 1; step++) {
        struct frame_reader r = {.side = FRAME_OF_SERVER};
        size_t n = 0;
        for (size_t at = 0; at < sizeof bytes - 1; at += step) {
            size_t len = sizeof bytes - 1 - at < step ? sizeof bytes - 1 - at : step, piece_len;
            const char *p = bytes + at, *piece;
            for (enum frame_event e; (e = websocket_frame_next(&r, &p, &len, &piece, &piece_len));)
                if (e == FRAME_ENDS)
                    assert_int_equal(p - bytes, ends[n++]);
        }
        assert_int_equal(n, 4);
        assert_true(frame_at_border(&r));
    }
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(what_is_allowed_passes_however_it_is_cut),
        cmocka_unit_test(what_is_not_allowed_is_named_however_it_is_cut),
        cmocka_unit_test(fragments_are_counted),
        cmocka_unit_test(a_text_of_4_mib_passes),
        cmocka_unit_test(a_compressed_text_is_judged_and_passes_as_it_came),
        cmocka_unit_test(not_every_message_is_compressed),
        cmocka_unit_test(a_stream_has_one_end),
        cmocka_unit_test(what_inflates_too_far_is_too_big),
        cmocka_unit_test(a_compressed_text_that_cannot_be_read_is_refused),
        cmocka_unit_test(a_reason_is_cut_in_whole_characters),
        cmocka_unit_test(masks_begin_anywhere),
        cmocka_unit_test(a_servers_frames_end_where_they_end),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
