/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for credentials that are fetched, and what answers give. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "secret/oauth.h"

enum { NOW_MS = 1440938160 };
#define NOW (NOW_MS * 1000ll)

#define URL "'token_url': 'https://t.test/token', 'output': 'TOKEN'"
#define REFRESH "{'strategy': 'oauth2_refresh_token', " URL ", 'client_id': 'me', " \
                "'refresh_token': 'rt/1', 'client_secret': 's&', 'scope': 'a b'}"
#define CLIENT "{'strategy': 'oauth2_client_credentials', " URL ", 'client_id': 'me', " \
               "'client_secret': 's', 'audience': 'x'}"
#define STS "{'strategy': 'aws_sts_assume_role', 'role_arn': 'arn:aws:iam::1:role/r', " \
            "'region': 'eu-west-1', 'access_key_id': 'AKID', 'secret_access_key': 'secret'}"

/* With ' for ". */
static json_t *parse(const char *text)
{
    char *copy = alloc_str(text);
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *json = json_loads(copy, 0, NULL);
    if (!json)
        fail_msg("%s", copy);
    free(copy);
    return json;
}

static void parts_are_checked(void **state)
{
    static const struct {
        const char *parts, *problem;
    } rows[] = {
        {REFRESH, NULL}, {CLIENT, NULL}, {STS, NULL},
        {"{'strategy': 'oauth2_refresh_token', 'output': 'T', 'token_url': 'http://127.0.0.1:1/', "
         "'client_id': 'me', 'refresh_token': 'r'}", NULL},
        {"{}", "the strategy of a refresh is one of " OAUTH_STRATEGY_NAMES},
        {"{'strategy': 'static'}", "the strategy of a refresh is one of " OAUTH_STRATEGY_NAMES},
        {"{'strategy': 'oauth2_refresh_token', " URL ", 'client_id': 'me'}",
         "a refresh by oauth2_refresh_token needs refresh_token"},
        {"{'strategy': 'oauth2_client_credentials', " URL ", 'client_id': 'a', 'client_secret': "
         "'s', 'refresh_token': 'hidden'}",
         "a refresh by oauth2_client_credentials has no refresh_token"},
        {"{'strategy': 'oauth2_client_credentials', 'token_url': 'http://t.test/', 'output': 'T', "
         "'client_id': 'a', 'client_secret': 's'}",
         "token_url has to be https://HOST/..., or http:// on this machine's loopback address"},
        {"{'strategy': 'oauth2_client_credentials', 'token_url': 'http://127.0.0.1.evil.test/', "
         "'output': 'T', 'client_id': 'a', 'client_secret': 's'}",
         "token_url has to be https://HOST/..., or http:// on this machine's loopback address"},
        {"{'strategy': 'oauth2_client_credentials', 'token_url': 'http://localhost:1@evil.test/', "
         "'output': 'T', 'client_id': 'a', 'client_secret': 's'}",
         "token_url has to be https://HOST/..., or http:// on this machine's loopback address"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        json_t *parts = parse(rows[i].parts);
        int rc = oauth_check(parts, &err);
        if (rc != (rows[i].problem ? -1 : 0) || (rc && strcmp(err.text, rows[i].problem) != 0))
            fail_msg("%s: %s", rows[i].parts, err.text);
        json_decref(parts);
    }
}

static void forms_are_asked(void **state)
{
    struct oauth_request request;
    struct error err;
    json_t *parts = parse(REFRESH);
    (void)state;
    assert_int_equal(oauth_ask(parts, NOW, &request, &err), 0);
    assert_string_equal(request.url, "https://t.test/token");
    assert_string_equal(request.body.data, "grant_type=refresh_token&refresh_token=rt%2F1"
                        "&client_id=me&client_secret=s%26&scope=a%20b");
    assert_int_equal(request.fields.len, 0);
    oauth_request_free(&request);
    json_decref(parts);
    parts = parse(CLIENT);
    assert_int_equal(oauth_ask(parts, NOW, &request, &err), 0);
    assert_string_equal(request.body.data, "grant_type=client_credentials&client_id=me"
                        "&client_secret=s&audience=x");
    oauth_request_free(&request);
    json_decref(parts);
}

static void aws_is_asked_with_a_signature(void **state)
{
    struct oauth_request request;
    struct error err;
    json_t *parts = parse(STS);
    (void)state;
    assert_int_equal(oauth_ask(parts, NOW, &request, &err), 0);
    assert_string_equal(request.url, "https://sts.eu-west-1.amazonaws.com/");
    assert_string_equal(request.body.data, "Action=AssumeRole&Version=2011-06-15&RoleArn="
                        "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=sluice"
                        "&DurationSeconds=3600");
    const char *signature = request.fields.data, *time = signature + strlen(signature) + 1;
    static const char start[] = "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20150830/"
                                "eu-west-1/sts/aws4_request, "
                                "SignedHeaders=content-type;host;x-amz-date, Signature=";
    assert_memory_equal(signature, start, sizeof start - 1);
    assert_string_equal(time, "X-Amz-Date: 20150830T123600Z");
    assert_null(strstr(signature, "secret"));
    oauth_request_free(&request);
    json_decref(parts);
}

static char *pem_of(EVP_PKEY *key)
{
    char *bytes;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long n = BIO_get_mem_data(bio, &bytes);
    char *pem = alloc_strn(bytes, (size_t)n);
    BIO_free(bio);
    return pem;
}

static json_t *google_parts(const char *pem)
{
    json_t *account = json_pack("{s:s, s:s}", "client_email", "me@p.test", "private_key", pem);
    char *text = json_dumps(account, 0);
    json_t *parts = json_pack("{s:s, s:s, s:s, s:s}", "strategy", "google_service_account_jwt",
                              "output", "TOKEN", "scope", "scope-1", "service_account", text);
    free(text);
    json_decref(account);
    return parts;
}

static void unescape(const char *at, size_t len, struct buf *out)
{
    char *copy = alloc_strn(at, len);
    for (char *c = copy; *c; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    assert_int_equal(base64_decode(copy, len, out), 0);
    free(copy);
}

static void google_is_asked_with_a_token_that_the_account_signs(void **state)
{
    struct oauth_request request;
    struct error err;
    struct buf signature = {0}, claims = {0};
    EVP_PKEY *key = EVP_RSA_gen(2048);
    char *pem = pem_of(key);
    json_t *parts = google_parts(pem);
    (void)state;
    assert_int_equal(oauth_check(parts, &err), 0);
    assert_int_equal(oauth_ask(parts, NOW, &request, &err), 0);
    assert_string_equal(request.url, "https://oauth2.googleapis.com/token");
    static const char start[] = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
                                "&assertion=";
    assert_memory_equal(request.body.data, start, sizeof start - 1);
    const char *jwt = request.body.data + sizeof start - 1, *first = strchr(jwt, '.');
    const char *last = strrchr(jwt, '.');
    unescape(first + 1, (size_t)(last - first - 1), &claims);
    assert_string_equal(claims.data, "{\"iss\":\"me@p.test\",\"scope\":\"scope-1\",\"aud\":"
                        "\"https://oauth2.googleapis.com/token\",\"iat\":1440938160,\"exp\":"
                        "1440941760}");
    unescape(last + 1, strlen(last + 1), &signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(ctx, (unsigned char *)signature.data, signature.len,
                                      (const unsigned char *)jwt, (size_t)(last - jwt)), 1);
    EVP_MD_CTX_free(ctx);
    oauth_request_free(&request);
    json_decref(parts);
    parts = google_parts("no key");
    assert_int_equal(oauth_ask(parts, NOW, &request, &err), -1);
    assert_string_equal(err.text, "service_account is no key file of a service account: it needs "
                        "client_email and private_key");
    oauth_request_free(&request);
    json_decref(parts);
    free(pem);
    EVP_PKEY_free(key);
    buf_free(&signature);
    buf_free(&claims);
}

static int read_answer(const char *parts_text, int status, const char *text,
                       struct oauth_answer *out, struct error *err)
{
    json_t *parts = parse(parts_text);
    struct buf body = {0};
    buf_puts(&body, text);
    int rc = oauth_read(parts, status, &body, NOW, out, err);
    if (rc == 0) {
        assert_string_equal(out->names[0], out->n == 1 ? "TOKEN" : "AWS_ACCESS_KEY_ID");
        out->names[0] = NULL;                       /* of parts */
    }
    buf_free(&body);
    json_decref(parts);
    return rc;
}

static void answers_give_values(void **state)
{
    struct oauth_answer answer;
    struct error err;
    (void)state;
    assert_int_equal(read_answer(REFRESH, 200, "{\"access_token\":\"at-1\",\"expires_in\":3600,"
                                 "\"refresh_token\":\"rt-2\"}", &answer, &err), 0);
    assert_string_equal(answer.values[0], "at-1");
    assert_string_equal(answer.refresh_token, "rt-2");
    assert_true(answer.expires_at_ms == NOW + 3600000);
    oauth_answer_free(&answer);
    assert_int_equal(read_answer(CLIENT, 200, "{\"access_token\":\"at-1\"}", &answer, &err), 0);
    assert_null(answer.refresh_token);
    assert_true(answer.expires_at_ms == 0);
    oauth_answer_free(&answer);
    assert_int_equal(
        read_answer(STS, 200, "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
                    "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/1</SecretAccessKey>"
                    "<SessionToken>t+=</SessionToken><Expiration>2015-08-30T13:36:00Z</Expiration>"
                    "</Credentials></AssumeRoleResult></AssumeRoleResponse>", &answer, &err), 0);
    assert_int_equal(answer.n, 3);
    assert_string_equal(answer.values[1], "s/1");
    assert_string_equal(answer.values[2], "t+=");
    assert_true(answer.expires_at_ms == NOW + 3600000);
    oauth_answer_free(&answer);
}

static void bad_answers_show_a_word_at_most(void **state)
{
    static const struct {
        const char *parts;
        int status;
        const char *body, *problem;
    } rows[] = {
        {REFRESH, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"rt/1 is gone\"}",
         "the server answered 400: invalid_grant"},
        {REFRESH, 400, "{\"error\":\"bad token rt/1\"}",
         "the server answered 400: no reason that can be shown"},
        {"{\"strategy\":\"oauth2_client_credentials\",\"output\":\"T\",\"client_id\":\"me\","
         "\"token_url\":\"https://a.example/\",\"client_secret\":\"onlyletters\"}",
         401, "{\"error\":\"wrong_onlyletters\"}",
         "the server answered 401: no reason that can be shown"},
        {REFRESH, 500, "rt/1", "the server answered 500: no reason that can be shown"},
        {REFRESH, 200, "{}", "the server answered 200: no reason that can be shown"},
        {REFRESH, 200, "{\"access_token\":\"a\\nb\"}", "the server's answer has no usable TOKEN"},
        {STS, 403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>secret</Message>",
         "the server answered 403: AccessDenied"},
        {STS, 200, "<AccessKeyId>a</AccessKeyId>",
         "the server's answer has no usable AWS_SECRET_ACCESS_KEY"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct oauth_answer answer;
        struct error err = {0};
        if (read_answer(rows[i].parts, rows[i].status, rows[i].body, &answer, &err) == 0 ||
            strcmp(err.text, rows[i].problem) != 0)
            fail_msg("%s: %s", rows[i].body, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_checked),
        cmocka_unit_test(forms_are_asked),
        cmocka_unit_test(aws_is_asked_with_a_signature),
        cmocka_unit_test(google_is_asked_with_a_token_that_the_account_signs),
        cmocka_unit_test(answers_give_values),
        cmocka_unit_test(bad_answers_show_a_word_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
