/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are signed for AWS with placeholders reach their origin with a signature by the
 * real keys; what cannot be signed anew is refused. */
#include "egress/inspect/scope.h"
#include "secret/credentials.h"
#include "secret/sigv4.h"
#include "support/inspected.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHERS "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define PLACEHOLDER(name) "openshell:resolve:env:s" DIGITS "_" name
#define ELSEWHERE "openshell:resolve:env:s" OTHERS "_AWS_ACCESS_KEY_ID"
#define BOUND REST("        access: full\n        credential_binding: {provider: p}\n")
#define ID "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct secret_credential items[] = {
    {"p", "generic", "AWS_ACCESS_KEY_ID", DIGITS, ID},
    {"p", "generic", "AWS_SECRET_ACCESS_KEY", DIGITS, SECRET},
    {"q", "generic", "AWS_ACCESS_KEY_ID", OTHERS, "AKIDOTHER"},
    {"q", "generic", "AWS_SECRET_ACCESS_KEY", OTHERS, "other"},
    {"p", "generic", "AWS_SESSION_TOKEN", DIGITS, "token/+="},
};

#define SIGNED_BY(key, service, names)                                                      \
    "Authorization: AWS4-HMAC-SHA256 Credential=" key "/20200101/eu-west-1/" service        \
    "/aws4_request, SignedHeaders=" names ", Signature=00\r\nX-Amz-Date: 20200101T000000Z\r\n"
#define SIGNED(service, names) SIGNED_BY(PLACEHOLDER("AWS_ACCESS_KEY_ID"), service, names)
#define TOKEN "X-Amz-Security-Token: " PLACEHOLDER("AWS_SESSION_TOKEN") "\r\n"

struct sent {
    struct scene s;
    struct secret_credentials *all;
    struct end *client, *origin;
};

/* n: of the credentials. */
static void send_to(struct sent *t, const char *policy, size_t n, const char *request)
{
    scene_open(&t->s, policy);
    t->all = secret_credentials_new(items, n);
    egress_set_credentials(t->s.rig.proxy, t->all);
    t->client = ask_plain(&t->s, request, &t->origin);
}

static void send_one(struct sent *t, size_t n, const char *request)
{
    send_to(t, BOUND, n, request);
}

static void close_sent(struct sent *t)
{
    scene_close(&t->s);
    secret_credentials_free(t->all);
}

/* The value of a field as the origin got it. */
static char *field_of(const struct sent *t, const char *name)
{
    char *start = alloc_printf("\r\n%s: ", name);
    const char *at = strcasestr(t->origin->in.data, start);
    if (!at)
        fail_msg("no %s in %s", name, t->origin->in.data);
    at += strlen(start);
    free(start);
    return alloc_strn(at, strcspn(at, "\r"));
}

/* What the origin computes of what it got. */
static void check_signature(const struct sent *t, struct sigv4_request *request,
                            const char *service, const char *names)
{
    struct sigv4_field fields[8];
    const char *rest = names;
    struct buf expected = {0};
    char *time = field_of(t, "X-Amz-Date"), *value = field_of(t, "Authorization");
    const struct sigv4_claim claim = {.region = {"eu-west-1", 9},
                                      .service = {service, strlen(service)},
                                      .names = {names, strlen(names)}};
    for (size_t len; *rest; rest += len + (rest[len] == ';')) {
        len = strcspn(rest, ";");
        char *name = alloc_strn(rest, len);
        fields[request->n++] = (struct sigv4_field){name, field_of(t, name)};
    }
    request->fields = fields;
    assert_string_not_equal(time, "20200101T000000Z");
    sigv4_sign(request, &claim, time, ID, SECRET, &expected);
    assert_string_equal(value, expected.data);
    for (size_t i = 0; i < request->n; i++) {
        free((char *)fields[i].name);
        free((char *)fields[i].value);
    }
    buf_free(&expected);
    free(time);
    free(value);
}

static void a_head_is_signed_anew(void **state)
{
    struct sent t;
    struct sigv4_request request = {.method = "GET", .path = {"/a%20b", 6}, .query = "x=1",
                                    .payload = "UNSIGNED-PAYLOAD"};
    (void)state;
    send_one(&t, 2, "GET /a%20b?x=1 HTTP/1.1\r\n%HX-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n"
                    SIGNED("s3", "host;x-amz-content-sha256;x-amz-date") "\r\n");
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n"));
    check_signature(&t, &request, "s3", "host;x-amz-content-sha256;x-amz-date");
    assert_null(strstr(t.origin->in.data, "openshell"));
    assert_null(strstr(t.s.rig.lines.data, ID));
    close_sent(&t);
}

static void a_token_is_replaced_and_covered(void **state)
{
    struct sent t;
    struct sigv4_request request = {.method = "GET", .path = {"/", 1}, .query = "",
                                    .payload = EMPTY};
    (void)state;
    send_one(&t, 5, "GET / HTTP/1.1\r\n%H" TOKEN
                    SIGNED("sts", "host;x-amz-date;x-amz-security-token") "\r\n");
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n"));
    assert_true(end_has(t.origin, "X-Amz-Security-Token: token/+=\r\n"));
    check_signature(&t, &request, "sts", "host;x-amz-date;x-amz-security-token");
    close_sent(&t);
}

/* Nobody has told its hash. */
static void a_body_is_read_to_be_hashed(void **state)
{
    struct sent t;
    struct sigv4_request request = {
        .method = "POST", .path = {"/", 1}, .query = "",
        .payload = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"};
    (void)state;
    send_one(&t, 2, "POST / HTTP/1.1\r\n%HContent-Length: 2\r\n"
                    SIGNED("dynamodb", "content-length;host;x-amz-date") "\r\n{}");
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n{}"));
    check_signature(&t, &request, "dynamodb", "content-length;host;x-amz-date");
    close_sent(&t);
    send_one(&t, 2, "POST / HTTP/1.1\r\n%HTransfer-Encoding: chunked\r\n"
                    SIGNED("dynamodb", "host;transfer-encoding;x-amz-date")
                    "\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n");
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n{}"));
    request.n = 0;
    check_signature(&t, &request, "dynamodb", "host;x-amz-date");
    close_sent(&t);
}

#define QUERY(key) \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" key \
    "%2F20200101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20200101T000000Z" \
    "&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"

static void a_query_is_signed_anew(void **state)
{
    struct sent t;
    (void)state;
    send_one(&t, 2, "GET /file?" QUERY("openshell%3Aresolve%3Aenv%3As" DIGITS
                                       "_AWS_ACCESS_KEY_ID") " HTTP/1.1\r\n%H\r\n");
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n"));
    const char *sent = strchr(t.origin->in.data, '?') + 1, *date = strstr(sent, "X-Amz-Date=");
    char *query = alloc_strn(sent, strcspn(sent, " ")), *time = alloc_strn(date + 11, 16);
    char *host = field_of(&t, "Host");
    const struct sigv4_field field = {"Host", host};
    const struct sigv4_request request = {"GET", {"/file", 5}, query, &field, 1, SIGV4_UNSIGNED};
    const struct sigv4_claim claim = {.region = {"eu-west-1", 9}, .service = {"s3", 2},
                                      .names = {"host", 4}};
    struct buf expected = {0};
    sigv4_sign_query(&request, &claim, time, ID, SECRET, &expected);
    assert_string_equal(query, expected.data);
    assert_true(strncmp(query, "X-Amz-Expires=60&", 17) == 0);
    assert_null(strstr(query, "openshell"));
    buf_free(&expected);
    free(query);
    free(time);
    free(host);
    close_sent(&t);
}

/* A program's own keys are its own affair. */
static void what_is_signed_without_placeholders_passes(void **state)
{
    struct sent t;
    (void)state;
    send_one(&t, 5, "GET /?" QUERY("AKIDOWN") " HTTP/1.1\r\n%H"
                    SIGNED_BY("AKIDOWN", "s3", "host") "\r\n");
    UNTIL(&t.s.rig, end_has(t.origin, "\r\n\r\n"));
    assert_true(end_has(t.origin, "?" QUERY("AKIDOWN") " HTTP/1.1\r\n"));
    assert_true(end_has(t.origin, SIGNED_BY("AKIDOWN", "s3", "host")));
    close_sent(&t);
}

static void refused_by(const char *policy, size_t n, const char *request, int status,
                       const char *error, const char *why)
{
    struct sent t;
    send_to(&t, policy, n, request);
    UNTIL(&t.s.rig, t.client->eof);
    json_t *json = end_answer(t.client, status);
    const char *reason = json_string_value(json_object_get(json, "reason"));
    if (strcmp(json_string_value(json_object_get(json, "error")), error) != 0 ||
        !strstr(reason, why))
        fail_msg("%s: %s", json_string_value(json_object_get(json, "error")), reason);
    json_decref(json);
    assert_int_equal(t.origin->in.len, 0);
    assert_null(strstr(t.s.rig.lines.data, DIGITS));
    close_sent(&t);
}

static void refused(size_t n, const char *request, int status, const char *error, const char *why)
{
    refused_by(BOUND, n, request, status, error, why);
}

static void what_cannot_be_signed_anew_is_refused(void **state)
{
    static const char kind[] = "credential_signing_refused";
    (void)state;
    refused(4, "GET / HTTP/1.1\r\n%H" SIGNED_BY(ELSEWHERE, "s3", "host") "\r\n", 403,
            "credential_endpoint_mismatch", "a credential that is not for this host");
    refused(4, "GET /?" QUERY(ELSEWHERE) " HTTP/1.1\r\n%H\r\n", 403,
            "credential_endpoint_mismatch", "a credential that is not for origin.test");
    refused(2, "GET / HTTP/1.1\r\n%H" SIGNED_BY(PLACEHOLDER("NONE"), "s3", "host") "\r\n", 500,
            "credential_unavailable", "stands for no credential of this sandbox");
    refused(1, "GET / HTTP/1.1\r\n%H" SIGNED("s3", "host") "\r\n", 500, "credential_unavailable",
            "the provider of its key has no AWS_SECRET_ACCESS_KEY");
    refused(2, "GET / HTTP/1.1\r\n%H" SIGNED_BY(PLACEHOLDER("AWS_SECRET_ACCESS_KEY"), "s3", "host")
            "\r\n", 403, "credential_placeholder_refused",
            "its key is the placeholder of another variable than AWS_ACCESS_KEY_ID");
    refused(5, "GET / HTTP/1.1\r\n%H" SIGNED("s3", "host") "\r\n", 403, kind,
            "its keys are those of a session, but it has no X-Amz-Security-Token");
    refused(2, "PUT / HTTP/1.1\r\n%HContent-Length: 1\r\nX-Amz-Content-Sha256: "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n" SIGNED("s3", "host") "\r\nx", 403, kind,
            "each piece of its body is signed, too: have the client send its hash or "
            "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD");
    refused(2, "GET / HTTP/1.1\r\n%HAuthorization: AWS4-ECDSA-P256-SHA256 Credential="
            PLACEHOLDER("AWS_ACCESS_KEY_ID") "/20200101/s3/aws4_request, SignedHeaders=host, "
            "Signature=00\r\n\r\n", 403, kind,
            "signatures other than AWS4-HMAC-SHA256 cannot be made anew");
    refused(2, "GET / HTTP/1.1\r\n%HAuthorization: AWS4-HMAC-SHA256 Credential="
            PLACEHOLDER("AWS_ACCESS_KEY_ID") "/20200101/eu-west-1/s3/aws4_request, SignedHeaders="
            "host, Signature=00\r\n\r\n", 403, kind, "it has no field X-Amz-Date");
    refused(2, "GET / HTTP/1.1\r\n%H" SIGNED("s3", "x-amz-date") "\r\n", 403, kind,
            "it does not cover the field host");
    refused(2, "GET / HTTP/1.1\r\n%HX-Amz-Date: 20300101T000000Z\r\n" SIGNED("s3", "host")
            "\r\n", 403, kind, "it has X-Amz-Date twice");
    refused(2, "PUT / HTTP/1.1\r\n%HContent-Length: 10485761\r\n" SIGNED("lambda", "host")
            "\r\n", 403, "credential_placeholder_refused",
            "the body is longer than the 10485760 bytes that are inspected");
}

/* ---- endpoints with credential_signing ---- */

#define SIGNS_AS(mode, more)                                                 \
    REST("        access: full\n        credential_binding: {provider: p}\n" \
         "        credential_signing: " mode "\n        signing_service: bedrock\n" more)
#define SIGNS(mode) SIGNS_AS(mode, "        signing_region: eu-west-1\n")
#define TWO_BYTES   "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

/* One that the policy has signed arrives signed over names, with that payload. */
static void arrives_signed(const char *policy, size_t n, const char *asked, const char *end,
                           struct sigv4_request request, const char *names)
{
    struct sent t;
    send_to(&t, policy, n, asked);
    UNTIL(&t.s.rig, end_has(t.origin, end));
    check_signature(&t, &request, "bedrock", names);
    char *payload = field_of(&t, "X-Amz-Content-Sha256");
    assert_string_equal(payload, request.payload);
    free(payload);
    assert_null(strstr(t.origin->in.data, "openshell"));
    assert_null(strstr(t.origin->in.data, "Bearer"));
    assert_null(strstr(t.s.rig.lines.data, SECRET));
    close_sent(&t);
}

#define PLAIN_NAMES "host;x-amz-content-sha256;x-amz-date"

static void an_endpoint_has_requests_signed_whatever_their_program_did(void **state)
{
    const struct sigv4_request get = {
        .method = "GET", .path = {"/a", 2}, .query = "x=1", .payload = EMPTY};
    (void)state;
    arrives_signed(SIGNS("sigv4"), 2, "GET /a?x=1 HTTP/1.1\r\n%H\r\n", "\r\n\r\n", get,
                   PLAIN_NAMES);
    arrives_signed(SIGNS("sigv4"), 2, "GET /a?x=1 HTTP/1.1\r\n%HAuthorization: Bearer own\r\n\r\n",
                   "\r\n\r\n", get, PLAIN_NAMES);
    arrives_signed(SIGNS("sigv4"), 2,
                   "GET /a?x=1 HTTP/1.1\r\n%H" SIGNED_BY(PLACEHOLDER("AWS_ACCESS_KEY_ID"), "iam",
                                                         "host") "\r\n",
                   "\r\n\r\n", get, PLAIN_NAMES);
    arrives_signed(SIGNS("sigv4"), 2,
                   "GET /a?x=1 HTTP/1.1\r\n%HConnection: close, authorization, X-Amz-Date, "
                   "X-Amz-Target\r\nX-Amz-Target: Two.Words\r\n\r\n",
                   "\r\n\r\n", get, PLAIN_NAMES);
    arrives_signed(SIGNS("sigv4"), 5,
                   "GET /a?x=1 HTTP/1.1\r\n%HX-Amz-Security-Token: own\r\n"
                   "X-Amz-Target: Two.Words\r\n\r\n",
                   "\r\n\r\n", get, PLAIN_NAMES ";x-amz-security-token;x-amz-target");
}

static void an_endpoint_says_whether_the_body_is_signed(void **state)
{
    struct sigv4_request post = {
        .method = "POST", .path = {"/", 1}, .query = "", .payload = TWO_BYTES};
    static const char asked[] = "POST / HTTP/1.1\r\n%HContent-Type: text/plain\r\n"
                                "Content-Length: 2\r\n\r\n{}";
    static const char unsigned_by_client[] =
        "POST / HTTP/1.1\r\n%HX-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n"
        "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";
    static const char names[] = "content-type;" PLAIN_NAMES;
    (void)state;
    arrives_signed(SIGNS("sigv4"), 2, asked, "\r\n\r\n{}", post, names);
    arrives_signed(SIGNS("sigv4:body"), 2, asked, "\r\n\r\n{}", post, names);
    arrives_signed(SIGNS("sigv4:body"), 2, unsigned_by_client, "\r\n\r\n{}", post, names);
    post.payload = SIGV4_UNSIGNED;
    arrives_signed(SIGNS("sigv4"), 2, unsigned_by_client, "\r\n\r\n{}", post, names);
    arrives_signed(SIGNS("sigv4:no_body"), 2, asked, "\r\n\r\n{}", post, names);
}

static void what_an_endpoint_cannot_have_signed_is_refused(void **state)
{
    static const char kind[] = "credential_signing_refused";
    (void)state;
    refused_by(SIGNS("sigv4"), 0, "GET / HTTP/1.1\r\n%H\r\n", 500, "credential_unavailable",
               "its endpoint has credential_signing, but no provider of this sandbox that is for "
               "this host has AWS_ACCESS_KEY_ID");
    refused_by(SIGNS_AS("sigv4", ""), 2, "GET / HTTP/1.1\r\n%H\r\n", 403, kind,
               "the name of its host has no region: the endpoint wants a signing_region");
    refused_by(SIGNS("sigv4"), 2,
               "PUT / HTTP/1.1\r\n%HContent-Length: 1\r\n"
               "X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n\r\nx",
               403, kind, "each piece of its body is signed, too");
    refused_by(SIGNS("sigv4"), 2, "TRACE / HTTP/1.1\r\n%H\r\n", 403,
               "credential_placeholder_refused", "a TRACE request");
}

#define TWICE(other) SIGNED("s3", "host;x-amz-date") "Authorization: AWS4-HMAC-SHA256 " other "\r\n"

static void a_request_is_signed_once_and_arrives_as_it_was_signed(void **state)
{
    static const char kind[] = "credential_signing_refused";
    static const char twice[] = "it has Authorization twice";
    (void)state;
    refused(4,
            "GET / HTTP/1.1\r\n%H" TWICE("Credential=" ELSEWHERE "/20200101/a/s3/aws4_request")
            "\r\n",
            403, kind, twice);
    refused(4, "GET / HTTP/1.1\r\n%H" TWICE(PLACEHOLDER("AWS_SECRET_ACCESS_KEY")) "\r\n", 403, kind,
            twice);
    refused_by(SIGNS("sigv4"), 4, "GET / HTTP/1.1\r\n%H" TWICE(ELSEWHERE) "\r\n", 403, kind, twice);
    refused(2,
            "GET / HTTP/1.1\r\n%HConnection: X-Amz-Date\r\n" SIGNED("s3", "host;x-amz-date") "\r\n",
            403, kind, "it has no field X-Amz-Date");
    refused(2,
            "GET / HTTP/1.1\r\n%HX-Amz-Date: 20200101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 "
            "Credential=" PLACEHOLDER(
                "AWS_ACCESS_KEY_ID") "/20200101/OPENSHELL-RESOLVE-ENV-X/s3/aws4_request, "
                                     "SignedHeaders=host, Signature=00\r\n\r\n",
            403, "credential_placeholder_refused",
            "its region or service is the placeholder of a credential");
}

/* A server that keeps what it is sent would give it back. */
static void the_key_itself_is_never_sent(void **state)
{
    static const char kind[] = "credential_placeholder_refused";
    static const char why[] = "has the placeholder of a credential whose value may not stand there";
    (void)state;
    refused(2, "GET /?k=" PLACEHOLDER("AWS_SECRET_ACCESS_KEY") " HTTP/1.1\r\n%H\r\n", 403, kind,
            why);
    refused_by(SIGNS("sigv4"), 2,
               "GET / HTTP/1.1\r\n%HX-Amz-Meta-K: " PLACEHOLDER("AWS_SECRET_ACCESS_KEY") "\r\n\r\n",
               403, kind, why);
}

static void the_region_is_in_the_name_of_the_host(void **state)
{
    static const struct {
        const char *host, *region;
    } cases[] = {
        {"bedrock-runtime.us-east-1.amazonaws.com", "us-east-1"},
        {"my.bucket.s3.eu-central-1.amazonaws.com", "eu-central-1"},
        {"s3.dualstack.ap-southeast-12.amazonaws.com", "ap-southeast-12"},
        {"ec2.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"s3.us-gov-west-1.API.AWS", "us-gov-west-1"},
        {"sts.amazonaws.com", ""},
        {"us-east-1.amazonaws.com.example.com", ""},
        {"us-east-1.amazonaws.com", ""},
        {"x.us-east-.amazonaws.com", ""},
        {"x.us-east-1a.amazonaws.com", ""},
        {"us-east-1.example.com", ""},
        {"amazonaws.com", ""},
        {"", ""},
    };
    const struct sluice_endpoint named = {.signing_service = "s3", .signing_region = "moon-1"},
                                 bare = {.signing_service = "s3", .signing_region = ""};
    struct sigv4_text region, service;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *problem = egress_scope_of(&bare, cases[i].host, &region, &service);
        assert_int_equal(problem != NULL, !*cases[i].region);
        assert_int_equal(region.len, strlen(cases[i].region));
        assert_memory_equal(region.at, cases[i].region, region.len);
        assert_null(egress_scope_of(&named, cases[i].host, &region, &service));
        assert_memory_equal(region.at, "moon-1", region.len);
    }
}

static int all_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_signed_anew),
        cmocka_unit_test(a_token_is_replaced_and_covered),
        cmocka_unit_test(a_body_is_read_to_be_hashed),
        cmocka_unit_test(a_query_is_signed_anew),
        cmocka_unit_test(what_is_signed_without_placeholders_passes),
        cmocka_unit_test(what_cannot_be_signed_anew_is_refused),
        cmocka_unit_test(an_endpoint_has_requests_signed_whatever_their_program_did),
        cmocka_unit_test(an_endpoint_says_whether_the_body_is_signed),
        cmocka_unit_test(what_an_endpoint_cannot_have_signed_is_refused),
        cmocka_unit_test(a_request_is_signed_once_and_arrives_as_it_was_signed),
        cmocka_unit_test(the_key_itself_is_never_sent),
        cmocka_unit_test(the_region_is_in_the_name_of_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return rig_main(argc, argv, all_tests);
}
