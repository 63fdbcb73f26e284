/* SPDX-License-Identifier: Apache-2.0 */
/* Messages within a body, compressed ones, time-outs and status texts: what a client may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "grpc/frames.h"
#include "grpc/gzip.h"
#include "grpc/timeout.h"

enum { MAX = 1000 };

struct outcome {
    struct buf said;                                /* the messages, each with ';' */
    enum grpc_code code;
    struct error why;
    bool idle;
};

/* Reads the bytes in pieces of that size. */
static void read_all(const void *bytes, size_t len, size_t piece, enum grpc_encoding encoding,
                     struct outcome *out)
{
    struct grpc_frames frames = {.max = MAX, .encoding = encoding};
    struct buf message = {0};
    enum grpc_event event = GRPC_MORE;
    memset(out, 0, sizeof *out);
    for (size_t at = 0; at < len && event != GRPC_BAD; at += piece) {
        const char *from = (const char *)bytes + at;
        size_t n = piece < len - at ? piece : len - at;
        do {
            event = grpc_frames_next(&frames, &from, &n, &message, &out->code, &out->why);
            if (event == GRPC_MESSAGE)
                buf_printf(&out->said, "%s;", buf_str(&message));
        } while (event == GRPC_MESSAGE);
    }
    out->idle = grpc_frames_idle(&frames);
    grpc_frames_free(&frames);
    buf_free(&message);
}

#define BYTES(text) (text), sizeof(text) - 1

static void messages_are_found_wherever_the_pieces_end(void **state)
{
    static const char bytes[] = "\0\0\0\0\3abc" "\0\0\0\0\0" "\0\0\0\0\1d" "\0\0\0\0\5cu";
    struct outcome out;
    (void)state;
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        read_all(BYTES(bytes), piece, GRPC_IDENTITY, &out);
        assert_string_equal(buf_str(&out.said), "abc;;d;");
        assert_false(out.idle);
        buf_free(&out.said);
    }
    read_all(bytes, 8, 3, GRPC_IDENTITY, &out);
    assert_true(out.idle);
    buf_free(&out.said);
}

static void expect_bad(const void *bytes, size_t len, enum grpc_encoding encoding,
                       enum grpc_code code, const char *why)
{
    struct outcome out;
    read_all(bytes, len, 7, encoding, &out);
    assert_string_equal(out.why.text, why);
    assert_int_equal(out.code, code);
    assert_string_equal(buf_str(&out.said), "");
    buf_free(&out.said);
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    expect_bad(BYTES("\0\0\0\x3\xe9"), GRPC_IDENTITY, GRPC_RESOURCE_EXHAUSTED,
               "the message has more than 1000 bytes, which is the most that this method takes");
    expect_bad(BYTES("\0\xff\xff\xff\xff"), GRPC_IDENTITY, GRPC_RESOURCE_EXHAUSTED,
               "the message has more than 1000 bytes, which is the most that this method takes");
    expect_bad(BYTES("\1\0\0\0\1x"), GRPC_IDENTITY, GRPC_INTERNAL,
               "a message is compressed, but grpc-encoding does not say how");
    expect_bad(BYTES("\2\0\0\0\1x"), GRPC_COMPRESSED, GRPC_INTERNAL,
               "a message begins with a byte that is neither 0 nor 1");
    expect_bad(BYTES("\1\0\0\0\1x"), GRPC_COMPRESSED, GRPC_INTERNAL,
               "a compressed message cannot be read");
    expect_bad(BYTES("\1\0\0\0\0"), GRPC_COMPRESSED, GRPC_INTERNAL,
               "a compressed message cannot be read");
}

/* gzip (31) or zlib (15) of len bytes. */
static void compress_bytes(const char *bytes, size_t len, int window, struct buf *out)
{
    z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, len);
    buf_reserve(out, room);
    z.next_out = (Bytef *)out->data + out->len;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static void put_compressed(struct buf *out, const struct buf *message)
{
    size_t at = out->len;
    grpc_frames_put(out, message->data, message->len);
    out->data[at] = 1;
}

static void compressed_messages_are_read(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct buf message = {0}, bytes = {0};
        struct outcome out;
        compress_bytes("hello", 5, i ? 31 : 15, &message);
        put_compressed(&bytes, &message);
        grpc_frames_put(&bytes, "plain", 5);
        read_all(bytes.data, bytes.len, 11, GRPC_COMPRESSED, &out);
        assert_string_equal(buf_str(&out.said), "hello;plain;");
        buf_free(&out.said);
        message.len--;                              /* its end is missing */
        buf_clear(&bytes);
        put_compressed(&bytes, &message);
        expect_bad(bytes.data, bytes.len, GRPC_COMPRESSED, GRPC_INTERNAL,
                   "a compressed message cannot be read");
        buf_free(&message);
        buf_free(&bytes);
    }
}

/* Ten megabytes in about ten kilobytes, and ones that are a byte too long. */
static void bombs_are_refused_before_they_unfold(void **state)
{
    static const size_t sizes[] = {MAX + 1, 10 * 1000 * 1000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *zeros = calloc(1, sizes[i]);
        struct buf bomb = {0}, out = {0};
        compress_bytes(zeros, sizes[i], 31, &bomb);
        assert_int_equal(grpc_inflate(bomb.data, bomb.len, MAX, &out), GRPC_INFLATES_TOO_FAR);
        assert_int_equal(out.len, MAX + 1);
        assert_true(out.cap < 64 * 1024);
        buf_free(&bomb);
        buf_free(&out);
        free(zeros);
    }
    struct buf bomb = {0}, bytes = {0};
    char zeros[MAX + 1] = "";
    compress_bytes(zeros, sizeof zeros, 31, &bomb);
    put_compressed(&bytes, &bomb);
    expect_bad(bytes.data, bytes.len, GRPC_COMPRESSED, GRPC_RESOURCE_EXHAUSTED,
               "the message would inflate to more than 1000 bytes, which is the most that this "
               "method takes");
    buf_free(&bomb);
    buf_free(&bytes);
}

static void encodings_have_names(void **state)
{
    (void)state;
    assert_int_equal(grpc_encoding_of(NULL), GRPC_IDENTITY);
    assert_int_equal(grpc_encoding_of("identity"), GRPC_IDENTITY);
    assert_int_equal(grpc_encoding_of("gzip"), GRPC_COMPRESSED);
    assert_int_equal(grpc_encoding_of("deflate"), GRPC_COMPRESSED);
    assert_int_equal(grpc_encoding_of("br"), GRPC_UNKNOWN_ENCODING);
    assert_int_equal(grpc_encoding_of(""), GRPC_UNKNOWN_ENCODING);
}

static void timeouts_have_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"30S", 30000},     {"30100m", 30100},   {"4991798u", 4992},
                {"1n", 1},          {"0S", 0},           {"2H", 7200000},
                {"3M", 180000},     {"99999999H", UINT64_C(359999996400000)}};
    static const char *const bad[] = {"", "S", "30", "30s", "-1S", "+1S", "1.5S", "999999999m",
                                      "30SS", " 30S", "30S ", "0x1S", "30h"};
    uint64_t ms;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(grpc_timeout_parse(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (grpc_timeout_parse(bad[i], &ms))
            fail_msg("'%s' is taken", bad[i]);
}

/* A duration that is not none does not become none. */
static void durations_are_rounded_up(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0s", 0},        {"5s", 5000},     {"1.500s", 1500}, {"0.000000001s", 1},
                {"0.001s", 1},    {"2.0010001s", 2002},
                {"315576000000s", UINT64_C(315576000000000)}};
    uint64_t ms;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(grpc_duration_parse(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    assert_false(grpc_duration_parse("-5s", &ms));
    assert_false(grpc_duration_parse("-0.5s", &ms));
}

static void expect_message(const char *text, const char *encoded)
{
    struct buf out = {0};
    grpc_put_message(&out, text);
    assert_string_equal(buf_str(&out), encoded);
    buf_free(&out);
}

static void messages_of_a_status_are_percent_encoded(void **state)
{
    char text[GRPC_TEXT_MAX + 3], wanted[GRPC_TEXT_MAX + 3];
    (void)state;
    expect_message("", "");
    expect_message("plain ~text!", "plain ~text!");
    expect_message("100%\nof \xc3\xa4", "100%25%0Aof %C3%A4");
    expect_message("\r\nx: y\x7f", "%0D%0Ax: y%7F");
    memset(text, 'a', sizeof text);
    strcpy(text + GRPC_TEXT_MAX - 1, "\xc3\xa4");   /* the limit is within this character */
    memset(wanted, 'a', sizeof wanted);
    wanted[GRPC_TEXT_MAX - 1] = '\0';
    expect_message(text, wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_found_wherever_the_pieces_end),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(compressed_messages_are_read),
        cmocka_unit_test(bombs_are_refused_before_they_unfold),
        cmocka_unit_test(encodings_have_names),
        cmocka_unit_test(timeouts_have_units),
        cmocka_unit_test(durations_are_rounded_up),
        cmocka_unit_test(messages_of_a_status_are_percent_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
