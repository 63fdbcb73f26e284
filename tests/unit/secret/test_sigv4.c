/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures as AWS's own examples have them, and what clients say of theirs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SUITE_ID "AKIDEXAMPLE"
#define SUITE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SUITE_TIME "20150830T123600Z"
#define S3_ID "AKIAIOSFODNN7EXAMPLE"
#define S3_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define S3_TIME "20130524T000000Z"

static struct sigv4_text text_of(const char *text)
{
    return (struct sigv4_text){text, strlen(text)};
}

struct vector {
    const char *name, *method, *path, *query;
    struct sigv4_field fields[6];                   /* ended by one without a name */
    const char *names, *signature;
    const char *payload;
};

static size_t count_fields(const struct vector *v)
{
    size_t n = 0;
    while (v->fields[n].name)
        n++;
    return n;
}

static struct sigv4_request request_of(const struct vector *v)
{
    return (struct sigv4_request){v->method, text_of(v->path), v->query, v->fields,
                                  count_fields(v), v->payload ? v->payload : EMPTY};
}

static void check(const struct vector *v, const struct sigv4_claim *claim, const char *time,
                  const char *id, const char *secret)
{
    const struct sigv4_request request = request_of(v);
    struct sigv4_claim whole = *claim;
    struct buf value = {0}, expected = {0}, names = {0}, canonical = {0};
    whole.names = text_of(v->names);
    sigv4_sign(&request, &whole, time, id, secret, &value);
    buf_printf(&expected, SIGV4_ALGORITHM " Credential=%s/%.8s/%.*s/%.*s/aws4_request, "
               "SignedHeaders=%s, Signature=%s", id, time, (int)claim->region.len,
               claim->region.at, (int)claim->service.len, claim->service.at, v->names,
               v->signature);
    sigv4_canonical(&request, &whole, &names, &canonical);
    if (strcmp(value.data, expected.data) != 0)
        fail_msg("%s: %s\nof\n%s", v->name, value.data, canonical.data);
    buf_free(&value);
    buf_free(&expected);
    buf_free(&names);
    buf_free(&canonical);
}

#define SUITE_FIELDS {"Host", "example.amazonaws.com"}, {"X-Amz-Date", SUITE_TIME}

/* Of the published test suite. */
static void the_test_suite_of_aws(void **state)
{
    static const struct vector vectors[] = {
        {"get-vanilla", "GET", "/", "", {SUITE_FIELDS}, "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", NULL},
        {"get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1",
         {SUITE_FIELDS}, "host;x-amz-date",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", NULL},
        {"get-vanilla-empty-query-key", "GET", "/", "Param1=value1", {SUITE_FIELDS},
         "host;x-amz-date",
         "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb", NULL},
        {"post-vanilla", "POST", "/", "", {SUITE_FIELDS}, "host;x-amz-date",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", NULL},
        {"get-header-value-trim", "GET", "/", "",
         {SUITE_FIELDS, {"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
         "host;my-header1;my-header2;x-amz-date",
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736", NULL},
        {"get-header-key-duplicate", "GET", "/", "",
         {SUITE_FIELDS, {"My-Header1", "value2"}, {"My-Header1", "value2"},
          {"My-Header1", "value1"}},
         "host;my-header1;x-amz-date",
         "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea", NULL},
        {"get-unreserved", "GET",
         "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "",
         {SUITE_FIELDS}, "host;x-amz-date",
         "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f", NULL},
        {"get-utf8", "GET", "/\xe1\x88\xb4", "", {SUITE_FIELDS}, "host;x-amz-date",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85", NULL},
        {"get-slashes", "GET", "//example//", "", {SUITE_FIELDS}, "host;x-amz-date",
         "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84", NULL},
        {"get-relative-relative", "GET", "/example1/example2/../..", "", {SUITE_FIELDS},
         "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", NULL},
    };
    const struct sigv4_claim claim = {.region = text_of("us-east-1"),
                                      .service = text_of("service")};
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        check(&vectors[i], &claim, SUITE_TIME, SUITE_ID, SUITE_SECRET);
}

#define S3_HOST {"Host", "examplebucket.s3.amazonaws.com"}

/* Of the documentation of S3. */
static void the_examples_of_s3(void **state)
{
    static const char hash[] = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    const struct vector vectors[] = {
        {"get object", "GET", "/test.txt", "",
         {S3_HOST, {"Range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY},
          {"x-amz-date", S3_TIME}},
         "host;range;x-amz-content-sha256;x-amz-date",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", NULL},
        {"put object", "PUT", "/test%24file.text", "",
         {S3_HOST, {"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-content-sha256", hash},
          {"x-amz-date", S3_TIME}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
         "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", hash},
        {"get lifecycle", "GET", "/", "lifecycle",
         {S3_HOST, {"x-amz-content-sha256", EMPTY}, {"x-amz-date", S3_TIME}},
         "host;x-amz-content-sha256;x-amz-date",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", NULL},
        {"list objects", "GET", "/", "max-keys=2&prefix=J",
         {S3_HOST, {"x-amz-content-sha256", EMPTY}, {"x-amz-date", S3_TIME}},
         "host;x-amz-content-sha256;x-amz-date",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", NULL},
    };
    const struct sigv4_claim claim = {.region = text_of("us-east-1"), .service = text_of("s3")};
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        check(&vectors[i], &claim, S3_TIME, S3_ID, S3_SECRET);
}

static void a_query_is_signed(void **state)
{
    const struct sigv4_field host = S3_HOST;
    const struct sigv4_request request = {
        "GET", text_of("/test.txt"),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-Date=20000101T000000Z"
        "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X%2dAmz-Date="
        "20300101T000000Z&X-Amz-Signed%48eaders=x&X-Amz-%53ignature=0", &host, 1,
        SIGV4_UNSIGNED};
    const struct sigv4_claim claim = {.region = text_of("us-east-1"), .service = text_of("s3"),
                                      .names = text_of("host")};
    struct buf query = {0};
    (void)state;
    sigv4_sign_query(&request, &claim, S3_TIME, S3_ID, S3_SECRET, &query);
    assert_string_equal(query.data,
                        "X-Amz-Expires=86400&X-Amz-Algorithm=AWS4-HMAC-SHA256"
                        "&X-Amz-Credential=" S3_ID "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                        "&X-Amz-Date=" S3_TIME "&X-Amz-SignedHeaders=host&X-Amz-Signature="
                        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    buf_free(&query);
}

/* What the proxy writes anew, or the next hop may change, is not covered. */
static void fields_of_one_hop_are_left_out(void **state)
{
    static const struct vector plain = {
        "plain", "GET", "/", "", {SUITE_FIELDS}, "host;x-amz-date",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", NULL};
    const struct sigv4_request request = request_of(&plain);
    const struct sigv4_claim claim = {
        .region = text_of("us-east-1"), .service = text_of("service"),
        .names = text_of("x-amz-date;accept-encoding;connection;expect;host;host;not-there;"
                         "proxy-authorization;te;transfer-encoding;user-agent;via")};
    struct buf value = {0};
    (void)state;
    sigv4_sign(&request, &claim, SUITE_TIME, SUITE_ID, SUITE_SECRET, &value);
    assert_non_null(strstr(value.data, "SignedHeaders=host;x-amz-date, "));
    assert_non_null(strstr(value.data, plain.signature));
    buf_free(&value);
}

static void assert_text(struct sigv4_text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.at, expected, text.len);
}

#define SCOPE "20260101/eu-west-1/dynamodb/aws4_request"

static void what_clients_say_is_read(void **state)
{
    static const char *const good[] = {
        "AWS4-HMAC-SHA256 Credential=a/b:c/" SCOPE ", SignedHeaders=host;x-amz-date, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/b:c/" SCOPE ",SignedHeaders=host;x-amz-date,Signature=0",
        "AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, Signature=0, Credential=a/b:c/" SCOPE,
    };
    struct sigv4_claim claim;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sigv4_is(good[i]));
        assert_null(sigv4_read(good[i], &claim));
        assert_text(claim.key, "a/b:c");
        assert_text(claim.region, "eu-west-1");
        assert_text(claim.service, "dynamodb");
        assert_text(claim.names, "host;x-amz-date");
    }
}

static void what_cannot_be_read_is_named(void **state)
{
    static const struct {
        const char *value, *problem;
    } rows[] = {
        {"AWS4-ECDSA-P256-SHA256 Credential=a/" SCOPE ", SignedHeaders=host, Signature=0",
         "signatures other than AWS4-HMAC-SHA256 cannot be made anew"},
        {"AWS4-HMAC-SHA256 Credential=a/20260101/eu/s3/aws4, SignedHeaders=host",
         "its Credential does not end with /aws4_request"},
        {"AWS4-HMAC-SHA256 Credential=20260101/eu/s3/aws4_request, SignedHeaders=host",
         "its Credential is not KEY/DATE/REGION/SERVICE/aws4_request"},
        {"AWS4-HMAC-SHA256 Credential=a/20260101/e%u/s3/aws4_request, SignedHeaders=host",
         "its Credential is not KEY/DATE/REGION/SERVICE/aws4_request"},
        {"AWS4-HMAC-SHA256 Credential=a/20260101//s3/aws4_request, SignedHeaders=host",
         "its Credential is not KEY/DATE/REGION/SERVICE/aws4_request"},
        {"AWS4-HMAC-SHA256 Credential=a/" SCOPE, "it does not say which fields it covers"},
        {"AWS4-HMAC-SHA256 Credential=a/" SCOPE ", SignedHeaders=a:b",
         "it does not say which fields it covers"},
        {"AWS4-HMAC-SHA256 Credential=a/" SCOPE ", SignedHeaders=x-amz-date",
         "it does not cover the field host"},
        {"AWS4-HMAC-SHA256 Credential=a/" SCOPE ", SignedHeaders=hos;host2;x-host",
         "it does not cover the field host"},
        {"AWS4-HMAC-SHA256 ", "its Credential does not end with /aws4_request"},
    };
    struct sigv4_claim claim;
    struct buf many = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(sigv4_read(rows[i].value, &claim), rows[i].problem);
    buf_puts(&many, "AWS4-HMAC-SHA256 Credential=a/" SCOPE ", SignedHeaders=host");
    for (int i = 0; i < SIGV4_NAMES_MAX; i++)
        buf_printf(&many, ";x%d", i);
    assert_string_equal(sigv4_read(many.data, &claim), "it covers more than 64 fields");
    buf_free(&many);
}

static void a_signed_query_is_read(void **state)
{
    struct sigv4_claim claim;
    struct buf room = {0};
    bool found;
    (void)state;
    assert_null(sigv4_read_query("a=b", &room, &found, &claim));
    assert_false(found);
    assert_null(sigv4_read_query(
        "a=X-Amz-Algorithm&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2Fb%3Ac%2F20260101"
        "%2Feu-west-1%2Fdynamodb%2Faws4_request&X-Amz-SignedHeaders=host%3Bx", &room, &found,
        &claim));
    assert_true(found);
    assert_text(claim.key, "a/b:c");
    assert_text(claim.service, "dynamodb");
    assert_text(claim.names, "host;x");
    assert_string_equal(sigv4_read_query("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a",
                                         &room, &found, &claim),
                        "the query has no X-Amz-SignedHeaders");
    assert_string_equal(sigv4_read_query("X-Amz-Algorithm=&X-Amz-SignedHeaders=%00&"
                                         "X-Amz-Credential=", &room, &found, &claim),
                        "signatures other than AWS4-HMAC-SHA256 cannot be made anew");
    assert_string_equal(
        sigv4_read_query("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/" SCOPE
                         "&X-Amz-SignedHeaders=a%00b", &room, &found, &claim),
        "it does not say which fields it covers");
    buf_free(&room);
}

static void times_are_those_of_utc(void **state)
{
    char time[SIGV4_TIME_SIZE];
    (void)state;
    sigv4_time(1440938160999, time);
    assert_string_equal(time, SUITE_TIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_test_suite_of_aws),
        cmocka_unit_test(the_examples_of_s3),
        cmocka_unit_test(a_query_is_signed),
        cmocka_unit_test(fields_of_one_hop_are_left_out),
        cmocka_unit_test(what_clients_say_is_read),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_signed_query_is_read),
        cmocka_unit_test(times_are_those_of_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
