/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egress/tunnel/hello.h"
#include "support/tls_hello.h"

#include <stdio.h>

/* What OpenSSL 3.0 sends for origin.test. */
static const char openssl[] = "1603010200010001fc03031c2eb13fe1a84e1186c201ab3992e015b20b7949621828"
                              "d9f97f16fba722786e20c5d6d71e887012431675aae8"
                              "8a295787a854d7a2dacf9d92b99401e9112e02a60024130213031301c02cc030c02b"
                              "c02fcca9cca8c024c028c023c027009f009e006b0067"
                              "00ff0100018f00000010000e00000b6f726967696e2e74657374000b000403000102"
                              "000a00160014001d0017001e00190018010001010102"
                              "01030104002300000016000000170000000d002a0028040305030603080708080809"
                              "080a080b080408050806040105010601030303010302"
                              "040205020602002b00050403040303002d00020101003300260024001d0020af2971"
                              "c9d1f971217cda016cde882860523229a371c0e6b8e0"
                              "e405fe28700e20001500e2";

static struct buf from_hex(const char *hex, size_t len)
{
    struct buf out = {0};
    unsigned byte;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        buf_putc(&out, (char)byte);
    while (out.len < len)
        buf_putc(&out, 0);                          /* padding */
    return out;
}

static enum egress_hello_state read_in_steps(struct egress_hello *hello, const char *bytes,
                                             size_t len, size_t step)
{
    enum egress_hello_state state = HELLO_MORE;
    *hello = (struct egress_hello){0};
    for (size_t at = 0; at < len && state == HELLO_MORE; at += step)
        state = egress_hello_read(hello, bytes + at, len - at < step ? len - at : step);
    egress_hello_free(hello);
    return state;
}

static void expect(const struct buf *bytes, enum egress_hello_state state, const char *said)
{
    struct egress_hello hello;
    for (size_t step = 1; step < 8; step++) {
        assert_int_equal(read_in_steps(&hello, bytes->data, bytes->len, step), state);
        if (said)
            assert_string_equal(state == HELLO_BAD ? hello.problem : hello.name, said);
    }
}

static void a_hello_tells_its_server_however_it_comes(void **state)
{
    struct egress_hello hello;
    struct buf real = from_hex(openssl, 517);
    (void)state;
    for (size_t step = 1; step <= real.len; step++) {
        assert_int_equal(read_in_steps(&hello, real.data, real.len, step), HELLO_READ);
        assert_string_equal(hello.name, "origin.test");
    }
    buf_free(&real);
    for (size_t record = 1; record < 100; record++) {
        struct buf extensions = {0}, bytes = {0};
        tls_server_name(&extensions, "Origin.Test.", 12);
        tls_hello(&bytes, &extensions, record);
        expect(&bytes, HELLO_READ, "origin.test");
        buf_free(&extensions);
        buf_free(&bytes);
    }
}

static void a_hello_that_is_cut_off_is_waited_for(void **state)
{
    struct egress_hello hello;
    struct buf real = from_hex(openssl, 517);
    (void)state;
    for (size_t len = 1; len < real.len; len++)
        assert_int_equal(read_in_steps(&hello, real.data, len, len), HELLO_MORE);
    buf_free(&real);
}

static void a_hello_may_ask_for_no_server(void **state)
{
    struct buf extensions = {0}, bytes = {0};
    (void)state;
    tls_hello(&bytes, NULL, 16384);
    expect(&bytes, HELLO_READ, "");
    buf_clear(&bytes);
    tls_hello(&bytes, &extensions, 16384);
    expect(&bytes, HELLO_READ, "");
    buf_free(&bytes);
}

static void what_is_not_tls_is_no_hello(void **state)
{
    static const char *const others[] = {
        "GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "*1\r\n", "\x13", "\x19", "\x15\x03\x01\x01\x02"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect(&(struct buf){(char *)(uintptr_t)others[i], strlen(others[i]), 0}, HELLO_NONE, NULL);
}

/* Servers take a record of any version: Go's up to 15, Java's all from 3 on. */
static void any_version_of_a_record_is_read(void **state)
{
    struct buf bytes = tls_client("origin.test");
    (void)state;
    for (int major = 0; major < 256; major++) {
        bytes.data[1] = (char)major;
        expect(&bytes, HELLO_READ, "origin.test");
    }
    buf_free(&bytes);
}

static enum egress_hello_state read_answer(struct egress_hello *hello, const struct buf *answer,
                                           size_t step)
{
    enum egress_hello_state state = HELLO_MORE;
    for (size_t at = 0; at < answer->len && state == HELLO_MORE; at += step)
        state = egress_hello_read_answer(hello, answer->data + at,
                                         answer->len - at < step ? answer->len - at : step);
    return state;
}

static void a_second_hello_is_read_where_the_server_asks_for_it(void **state)
{
    struct buf first = tls_client("first.test"), second = tls_client("second.test"),
               retry = tls_retry(), rest = {0};
    static const char records[] = "\x14\x03\x03\0\x01\x01" "\x17\x03\x03\0\x03" "abc";
    (void)state;
    buf_add(&rest, records, sizeof records - 1);
    buf_add(&rest, second.data, second.len);
    for (size_t step = 1; step < 60; step++) {
        struct egress_hello hello = {0};
        enum egress_hello_state got = HELLO_BEFORE;
        assert_int_equal(egress_hello_read(&hello, first.data, first.len), HELLO_READ);
        assert_int_equal(read_answer(&hello, &retry, step), HELLO_READ);
        for (size_t at = 0; at < rest.len && (got == HELLO_MORE || got == HELLO_BEFORE);
             at += step) {
            got = egress_hello_read(&hello, rest.data + at,
                                    rest.len - at < step ? rest.len - at : step);
            if (at + step <= sizeof records - 1)
                assert_int_equal(got, HELLO_BEFORE);
        }
        assert_int_equal(got, HELLO_READ);
        assert_string_equal(hello.name, "second.test");
        egress_hello_free(&hello);
    }
    buf_free(&first);
    buf_free(&second);
    buf_free(&retry);
    buf_free(&rest);
}

/* Both hellos in one piece, and even in one record. */
static void bytes_behind_a_hello_are_the_next_one(void **state)
{
    struct buf first = tls_client("first.test"), second = tls_client("second.test"),
               retry = tls_retry(), both = {0};
    size_t head = EGRESS_RECORD_HEAD, end = first.len;
    (void)state;
    buf_add(&both, "\x16\x03\x01", 3);
    tls_number(&both, 2, first.len + second.len - 2 * head);
    buf_add(&both, first.data + head, first.len - head);
    buf_add(&both, second.data + head, second.len - head);
    buf_add(&first, second.data, second.len);
    const struct buf *const pieces[] = {&first, &both};
    for (size_t i = 0; i < 2; i++) {
        struct egress_hello hello = {0};
        assert_int_equal(egress_hello_read(&hello, pieces[i]->data, pieces[i]->len), HELLO_READ);
        assert_int_equal(hello.used, end);
        assert_int_equal(read_answer(&hello, &retry, retry.len), HELLO_READ);
        assert_int_equal(egress_hello_read(&hello, pieces[i]->data + end, pieces[i]->len - end),
                         HELLO_READ);
        assert_string_equal(hello.name, "second.test");
        egress_hello_free(&hello);
    }
    buf_free(&first);
    buf_free(&second);
    buf_free(&retry);
    buf_free(&both);
}

static void another_answer_ends_the_reading(void **state)
{
    struct buf first = tls_client("first.test"), retry = tls_retry();
    (void)state;
    retry.data[20]++;
    for (size_t step = 1; step <= retry.len; step++) {
        struct egress_hello hello = {0};
        assert_int_equal(egress_hello_read(&hello, first.data, first.len), HELLO_READ);
        assert_int_equal(read_answer(&hello, &retry, step), HELLO_NONE);
        egress_hello_free(&hello);
    }
    buf_free(&first);
    buf_free(&retry);
}

static void expect_bad_name(const char *name, size_t len, const char *problem)
{
    struct buf extensions = {0}, bytes = {0};
    tls_server_name(&extensions, name, len);
    tls_hello(&bytes, &extensions, 16384);
    expect(&bytes, HELLO_BAD, problem);
    buf_free(&extensions);
    buf_free(&bytes);
}

static void a_name_that_two_readers_take_differently_is_refused(void **state)
{
    struct buf extensions = {0}, bytes = {0};
    (void)state;
    expect_bad_name("origin.test\0.evil.test", 22, "its server name is no DNS name");
    expect_bad_name("origin.test:443", 15, "its server name is no DNS name");
    expect_bad_name("", 0, "its server name is no DNS name");
    tls_server_name(&extensions, "origin.test", 11);
    tls_server_name(&extensions, "evil.test", 9);
    tls_hello(&bytes, &extensions, 16384);
    expect(&bytes, HELLO_BAD, "it asks for two servers");
    buf_clear(&extensions);
    buf_clear(&bytes);
    const char two[] = "\0\x08\0\0\x01" "a" "\0\0\x01" "b";
    tls_extension(&extensions, 0, &(struct buf){(char *)(uintptr_t)two, 10, 0});
    tls_hello(&bytes, &extensions, 16384);
    expect(&bytes, HELLO_BAD, "it asks for more than one server name");
    buf_free(&extensions);
    buf_free(&bytes);
}

static void expect_bad_bytes(const char *bytes, size_t len, const char *problem)
{
    expect(&(struct buf){(char *)(uintptr_t)bytes, len, 0}, HELLO_BAD, problem);
}

static void what_no_client_sends_is_refused(void **state)
{
    struct buf bytes = {0}, message = {0};
    (void)state;
    expect_bad_bytes("\x16\x03\x01\0\0", 5, "it has an empty record");
    expect_bad_bytes("\x16\x03\x01\0\x01\x02", 6, "it is another message");
    expect_bad_bytes("\x16\x03\x01\0\x04\x01\x00\x80\x01", 9, "it is longer than 32 KiB");
    expect_bad_bytes("\x16\x03\x01\0\x01\x01\x17\x03\x03\0\x01", 11,
                     "another record comes within it");
    expect_bad_bytes("\x15\x03\x01\0\x02\x01\x5a", 7, "another record comes before it");
    expect_bad_bytes("\x14\x03\x01\0\0\x16", 6, "another record comes before it");
    expect_bad_bytes("\x16\x03\x01\0\x05\x01\0\0\x01\x03", 10, "it is cut off");
    tls_hello(&bytes, NULL, 16384);
    buf_add(&message, bytes.data + EGRESS_RECORD_HEAD, bytes.len - EGRESS_RECORD_HEAD);
    message.data[3]++;
    buf_putc(&message, 0);                          /* half a length of extensions */
    buf_clear(&bytes);
    tls_records(&bytes, &message, 16384);
    expect(&bytes, HELLO_BAD, "its extensions are cut off");
    buf_free(&bytes);
    buf_free(&message);
}

/* A name that is told is canonical, a refusal says why. */
static void any_byte_in_any_place_is_survived(void **state)
{
    struct egress_hello hello;
    struct buf real = from_hex(openssl, 517);
    (void)state;
    for (size_t at = 0; at < real.len; at++) {
        char was = real.data[at];
        for (int byte = 0; byte < 256; byte++) {
            char again[IPADDR_HOST_SIZE];
            real.data[at] = (char)byte;
            enum egress_hello_state got = read_in_steps(&hello, real.data, real.len, real.len);
            if (got == HELLO_BAD)
                assert_non_null(hello.problem);
            if (got == HELLO_READ && *hello.name) {
                assert_int_equal(ipaddr_canonical_host(hello.name, strlen(hello.name), again), 0);
                assert_string_equal(again, hello.name);
            }
        }
        real.data[at] = was;
    }
    buf_free(&real);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_tells_its_server_however_it_comes),
        cmocka_unit_test(a_hello_that_is_cut_off_is_waited_for),
        cmocka_unit_test(a_hello_may_ask_for_no_server),
        cmocka_unit_test(what_is_not_tls_is_no_hello),
        cmocka_unit_test(any_version_of_a_record_is_read),
        cmocka_unit_test(a_second_hello_is_read_where_the_server_asks_for_it),
        cmocka_unit_test(bytes_behind_a_hello_are_the_next_one),
        cmocka_unit_test(another_answer_ends_the_reading),
        cmocka_unit_test(a_name_that_two_readers_take_differently_is_refused),
        cmocka_unit_test(what_no_client_sends_is_refused),
        cmocka_unit_test(any_byte_in_any_place_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
