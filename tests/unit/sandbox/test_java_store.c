/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/java_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----\n"
/* SEQUENCE { INTEGER 7 }, SEQUENCE { NULL, NULL }, SEQUENCE { } */
#define SEVEN "MAMCAQc=\n"
#define NULLS "MAQFAAUA\n"
#define EMPTY "MAA=\n"

enum { FIRST = 12 };

struct reader {
    const unsigned char *at, *end;
};

static uint64_t number(struct reader *r, unsigned bytes)
{
    uint64_t value = 0;
    assert_true(r->end - r->at >= bytes);
    while (bytes-- > 0)
        value = value << 8 | *r->at++;
    return value;
}

static void expect_bytes(struct reader *r, const void *bytes, size_t len)
{
    assert_true((size_t)(r->end - r->at) >= len);
    assert_memory_equal(r->at, bytes, len);
    r->at += len;
}

static void expect_entry(struct reader *r, const char *alias, const void *der, size_t len)
{
    assert_int_equal(number(r, 4), 2);              /* a trusted certificate */
    assert_int_equal(number(r, 2), strlen(alias));
    expect_bytes(r, alias, strlen(alias));
    number(r, 8);
    assert_int_equal(number(r, 2), 5);
    expect_bytes(r, "X.509", 5);
    assert_int_equal(number(r, 4), len);
    expect_bytes(r, der, len);
}

static struct reader open_store(const char *pem, struct buf *store, uint64_t n)
{
    sandbox_java_store(pem, strlen(pem), store);
    struct reader r = {(const unsigned char *)store->data,
                       (const unsigned char *)store->data + store->len};
    assert_int_equal(number(&r, 4), 0xfeedfeed);
    assert_int_equal(number(&r, 4), 2);
    assert_int_equal(number(&r, 4), n);
    return r;
}

static void expect_count(const char *pem, uint64_t n)
{
    struct buf store = {0};
    open_store(pem, &store, n);
    buf_free(&store);
}

static void each_certificate_is_an_entry(void **state)
{
    struct buf store = {0};
    (void)state;
    struct reader r =
        open_store("# Seven\n" BEGIN SEVEN END "\nNulls\n====\n" BEGIN NULLS END, &store, 2);
    expect_entry(&r, "root-1", "\x30\x03\x02\x01\x07", 5);
    expect_entry(&r, "root-2", "\x30\x04\x05\x00\x05\x00", 6);
    assert_int_equal(r.end - r.at, 20);             /* the digest */
    buf_free(&store);
}

static void lines_may_have_any_length_and_end(void **state)
{
    struct buf store = {0};
    (void)state;
    struct reader r = open_store("-----BEGIN CERTIFICATE-----\r\nMAM\r\nCAQ\r\nc= \r\n"
                                 "-----END CERTIFICATE-----", &store, 1);
    expect_entry(&r, "root-1", "\x30\x03\x02\x01\x07", 5);
    buf_free(&store);
}

/* A store with one bad entry is of no use to Java at all. */
static void what_is_no_certificate_is_left_out(void **state)
{
    (void)state;
    expect_count("", 0);
    expect_count(BEGIN, 0);
    expect_count(BEGIN SEVEN, 0);
    expect_count(BEGIN END, 0);
    expect_count(BEGIN "MAMCAQ!=\n" END BEGIN SEVEN END, 1);
    expect_count(BEGIN "MAMCAQcA\n" END BEGIN SEVEN END, 1);        /* a byte too many */
    expect_count(BEGIN "MAQCAQc=\n" END BEGIN SEVEN END, 1);        /* one is missing */
    expect_count(BEGIN "AgEH\n" END BEGIN SEVEN END, 1);            /* not a SEQUENCE */
    expect_count(BEGIN "====\n" END BEGIN EMPTY END, 1);
    expect_count(BEGIN "Proc-Type: 4,ENCRYPTED\n\n" SEVEN END BEGIN SEVEN END, 1);
    expect_count("-----BEGIN PRIVATE KEY-----\n" SEVEN "-----END PRIVATE KEY-----\n", 0);
}

/* As keytool -list -storepass changeit checks it. */
static void the_digest_is_that_of_the_usual_password(void **state)
{
    static const unsigned char of_none[] = {0xe2, 0x68, 0x6e, 0x45, 0xfb, 0x43, 0xdf,
                                            0xa4, 0xd9, 0x92, 0xdd, 0x41, 0xce, 0xb6,
                                            0xb2, 0x1c, 0x63, 0x30, 0xd7, 0x92};
    struct buf store = {0};
    (void)state;
    struct reader r = open_store("", &store, 0);
    expect_bytes(&r, of_none, sizeof of_none);
    assert_int_equal(store.len, FIRST + sizeof of_none);
    buf_free(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_certificate_is_an_entry),
        cmocka_unit_test(lines_may_have_any_length_and_end),
        cmocka_unit_test(what_is_no_certificate_is_left_out),
        cmocka_unit_test(the_digest_is_that_of_the_usual_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
