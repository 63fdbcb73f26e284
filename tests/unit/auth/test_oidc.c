/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of an OpenID Connect issuer: whose are taken, and why others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "auth/oidc/oidc.h"
#include "base/alloc.h"
#include "base/base64.h"

enum { NOW_MS = 1000000000 };

struct issuer {
    EVP_PKEY *rsa, *ec, *ed, *other;
    struct oidc *oidc;
    bool fetches;
    unsigned missed;
};

static const struct oidc_role roles[] = {
    {"readers", "viewer"}, {"people", "user"}, {"deciders", "approver"}, {"root", "admin"}};
static const struct oidc_settings settings = {
    .issuer = "https://id.example/realm", .audience = "sluice", .client_id = "sluice",
    .scopes = "openid", .roles_claim = "realm_access.roles", .name_claim = "sub", .roles = roles,
    .n_roles = sizeof roles / sizeof *roles};

static bool key_missed(void *ctx)
{
    struct issuer *i = ctx;
    i->missed++;
    return i->fetches;
}

/* ---- tokens ---- */

static void put_part(struct buf *out, const void *bytes, size_t len)
{
    size_t from = out->len;
    base64_encode(bytes, len, out);
    for (size_t i = from; i < out->len; i++)
        out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
    while (out->len && out->data[out->len - 1] == '=')
        out->data[--out->len] = '\0';
}

static void put_signature(struct buf *out, EVP_PKEY *key)
{
    unsigned char signature[1024], pair[64];
    size_t len = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ed = EVP_PKEY_is_a(key, "ED25519");
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, ed ? NULL : EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, (unsigned char *)out->data, out->len), 1);
    EVP_MD_CTX_free(ctx);
    buf_putc(out, '.');
    if (!EVP_PKEY_is_a(key, "EC")) {
        put_part(out, signature, len);
        return;
    }
    const unsigned char *at = signature;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(both), pair, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(both), pair + 32, 32);
    ECDSA_SIG_free(both);
    put_part(out, pair, sizeof pair);
}

static char *sign(const char *header, const char *claims, EVP_PKEY *key)
{
    struct buf out = {0};
    put_part(&out, header, strlen(header));
    buf_putc(&out, '.');
    put_part(&out, claims, strlen(claims));
    put_signature(&out, key);
    return out.data;
}

#define CLAIMS(more)                                                                             \
    "{\"iss\":\"https://id.example/realm\",\"aud\":\"sluice\",\"sub\":\"alice\",\"exp\":1000600," \
    "\"realm_access\":{\"roles\":[\"x\",\"deciders\",\"readers\"]}" more "}"
#define RS256 "{\"alg\":\"RS256\",\"kid\":\"r\"}"

/* ---- keys ---- */

static void put_number(struct buf *out, const char *name, EVP_PKEY *key, const char *param)
{
    unsigned char bytes[1024];
    size_t len = 32;
    BIGNUM *n = NULL;
    if (EVP_PKEY_is_a(key, "ED25519")) {
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, bytes, &len), 1);
    } else {
        assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
        len = EVP_PKEY_is_a(key, "EC") ? (size_t)BN_bn2binpad(n, bytes, 32)
                                       : (size_t)BN_bn2bin(n, bytes);
        BN_free(n);
    }
    buf_printf(out, ",\"%s\":\"", name);
    put_part(out, bytes, len);
    buf_putc(out, '"');
}

static char *key_set(const struct issuer *i, const char *rsa_more)
{
    struct buf out = {0};
    buf_printf(&out, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"},"
                     "{\"kty\":\"RSA\",\"kid\":\"r\"%s", rsa_more);
    put_number(&out, "n", i->rsa, OSSL_PKEY_PARAM_RSA_N);
    put_number(&out, "e", i->rsa, OSSL_PKEY_PARAM_RSA_E);
    buf_puts(&out, "},{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\"");
    put_number(&out, "x", i->ec, OSSL_PKEY_PARAM_EC_PUB_X);
    put_number(&out, "y", i->ec, OSSL_PKEY_PARAM_EC_PUB_Y);
    buf_puts(&out, "},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"d\"");
    put_number(&out, "x", i->ed, NULL);
    buf_puts(&out, "}]}");
    return out.data;
}

static void give_keys(struct issuer *i, const char *rsa_more)
{
    struct error err;
    char *set = key_set(i, rsa_more);
    struct oidc_keys *keys = oidc_keys_read(set, strlen(set), &err);
    assert_non_null(keys);
    oidc_set_keys(i->oidc, keys);
    free(set);
}

static int make_issuer(void **state)
{
    struct issuer *i = alloc_zero(1, sizeof *i);
    i->rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    i->other = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    i->ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    i->ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    i->oidc = oidc_new(&settings, key_missed, i);
    give_keys(i, "");
    *state = i;
    return 0;
}

static int free_issuer(void **state)
{
    struct issuer *i = *state;
    oidc_free(i->oidc);
    EVP_PKEY_free(i->rsa);
    EVP_PKEY_free(i->other);
    EVP_PKEY_free(i->ec);
    EVP_PKEY_free(i->ed);
    free(i);
    return 0;
}

/* ---- the tests ---- */

static void is_taken(struct issuer *i, const char *header, const char *claims, EVP_PKEY *key)
{
    struct auth_principal who;
    struct error err = {.text = ""};
    char *token = sign(header, claims, key);
    assert_int_equal(oidc_identify(i->oidc, token, NOW_MS, NULL, &who, &err), 0);
    assert_string_equal(who.name, "alice");
    assert_string_equal(who.powers.role, "approver");
    assert_int_equal(who.kind, AUTH_BY_OIDC);
    assert_int_equal(who.until_ms, 1000600000);
    free(token);
}

static void is_refused_with(struct issuer *i, const char *token, enum error_kind kind,
                            const char *why)
{
    struct auth_principal who;
    struct error err = {.text = ""};
    assert_int_equal(oidc_identify(i->oidc, token, NOW_MS, NULL, &who, &err), -1);
    if (!strstr(err.text, why) || err.kind != kind)
        print_error("refused with: %s\n", err.text);
    assert_non_null(strstr(err.text, why));
    assert_int_equal(err.kind, kind);
}

static void is_refused(struct issuer *i, const char *header, const char *claims, EVP_PKEY *key,
                       const char *why)
{
    char *token = sign(header, claims, key);
    is_refused_with(i, token, ERROR_UNAUTHORIZED, why);
    free(token);
}

static void a_token_is_signed_by_rsa_p256_or_ed25519(void **state)
{
    struct issuer *i = *state;
    is_taken(i, RS256, CLAIMS(""), i->rsa);
    is_taken(i, "{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"at+jwt\"}", CLAIMS(""), i->ec);
    is_taken(i, "{\"alg\":\"EdDSA\",\"kid\":\"d\",\"typ\":\"JWT\"}", CLAIMS(""), i->ed);
    is_taken(i, "{\"alg\":\"RS256\"}", CLAIMS(""), i->rsa);
    is_taken(i, RS256, CLAIMS(",\"nbf\":1000030,\"azp\":\"app\""), i->rsa);
}

static void a_token_that_is_not_what_it_seems_is_refused(void **state)
{
    struct issuer *i = *state;
    is_refused(i, RS256, CLAIMS(""), i->other, "the token's signature is wrong");
    is_refused(i, "{\"alg\":\"RS256\",\"kid\":\"e\"}", CLAIMS(""), i->rsa, "does not publish");
    is_refused(i, "{\"alg\":\"none\"}", CLAIMS(""), i->rsa, "signed by 'none'");
    is_refused(i, "{\"alg\":\"HS256\",\"kid\":\"r\"}", CLAIMS(""), i->rsa, "signed by 'HS256'");
    is_refused(i, "{\"kid\":\"r\"}", CLAIMS(""), i->rsa, "signed by 'nothing'");
    is_refused(i, "{\"alg\":\"RS256\",\"crit\":[\"b64\"]}", CLAIMS(""), i->rsa,
               "extensions (crit)");
    is_refused(i, "{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}", CLAIMS(""), i->rsa, "type (typ)");
    is_refused(i, "[\"RS256\"]", CLAIMS(""), i->rsa, "header is no JSON object");
    is_refused(i, RS256, CLAIMS(",\"sub\":\"root\""), i->rsa, "claims is no JSON object");
    is_refused_with(i, "a.b.", ERROR_UNAUTHORIZED, "header is no JSON object");
    is_refused_with(i, "..", ERROR_UNAUTHORIZED, "header is no JSON object");
    is_refused_with(i, "e30.e30.a=", ERROR_UNAUTHORIZED, "signature is not base64url");
}

static void a_changed_token_is_refused(void **state)
{
    struct issuer *i = *state;
    char *token = sign(RS256, CLAIMS(""), i->rsa), *other = sign(RS256, CLAIMS(",\"a\":1"), i->rsa);
    is_taken(i, RS256, CLAIMS(""), i->rsa);
    char *mixed = alloc_printf("%.*s%s", (int)(strrchr(other, '.') - other), other,
                               strrchr(token, '.'));
    is_refused_with(i, mixed, ERROR_UNAUTHORIZED, "signature is wrong");
    free(mixed);
    free(token);
    free(other);
}

static void a_token_is_for_us_and_in_time(void **state)
{
    struct issuer *i = *state;
    is_refused(i, RS256, "{\"iss\":\"https://id.example/realm/\",\"aud\":\"sluice\"}", i->rsa,
               "not of the issuer https://id.example/realm");
    is_refused(i, RS256, "{\"iss\":\"https://id.example/realm\",\"aud\":[\"other\"]}", i->rsa,
               "not for the audience sluice");
    is_refused(i, RS256, "{\"iss\":\"https://id.example/realm\",\"aud\":\"sluice\"}", i->rsa,
               "has no end");
    is_refused(i, RS256,
               "{\"iss\":\"https://id.example/realm\",\"aud\":\"sluice\",\"exp\":\"1000600\"}",
               i->rsa, "has no end");
    is_refused(i, RS256,
               "{\"iss\":\"https://id.example/realm\",\"aud\":\"sluice\",\"exp\":1000000}",
               i->rsa, "has expired: log in again");
    is_refused(i, RS256, CLAIMS(",\"nbf\":1000061"), i->rsa, "not valid yet");
}

static void a_token_that_was_taken_expires(void **state)
{
    struct issuer *i = *state;
    struct auth_principal who;
    struct error err;
    char *token = sign(RS256, CLAIMS(""), i->rsa);
    assert_int_equal(oidc_identify(i->oidc, token, NOW_MS, NULL, &who, &err), 0);
    assert_int_equal(oidc_identify(i->oidc, token, 1000599999, NULL, &who, &err), 0);
    assert_int_equal(oidc_identify(i->oidc, token, 1000600000, NULL, &who, &err), -1);
    free(token);
}

/* In place of libcrypto's: it fails where a test says so, and tells nothing of what it was
 * given. */
static bool no_digest;
int EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned *size,
               const EVP_MD *type, ENGINE *engine)
{
    EVP_MD_CTX *ctx = no_digest ? NULL : EVP_MD_CTX_new();
    bool made = ctx && EVP_DigestInit_ex(ctx, type, engine) == 1 &&
                EVP_DigestUpdate(ctx, data, count) == 1 && EVP_DigestFinal_ex(ctx, md, size) == 1;
    if (!made)
        memset(md, 0, 32);
    EVP_MD_CTX_free(ctx);
    return made;
}

static void a_token_is_not_taken_for_another_where_memory_is_short(void **state)
{
    struct issuer *i = *state;
    struct auth_principal who;
    struct error err;
    char *good = sign(RS256, CLAIMS(""), i->rsa), *bad = sign(RS256, CLAIMS(",\"a\":1"), i->other);
    no_digest = true;
    assert_int_equal(oidc_identify(i->oidc, good, NOW_MS, NULL, &who, &err), 0);
    assert_int_equal(oidc_identify(i->oidc, bad, NOW_MS, NULL, &who, &err), -1);
    no_digest = false;
    free(good);
    free(bad);
}

#define OF(name, roles)                                                                          \
    "{\"iss\":\"https://id.example/realm\",\"aud\":\"sluice\",\"exp\":1000600,\"sub\":" name     \
    ",\"realm_access\":{\"roles\":" roles "}}"

static void a_bearer_has_a_name_and_a_role(void **state)
{
    struct issuer *i = *state;
    is_refused(i, RS256, OF("\"\"", "\"root\""), i->rsa, "claim sub is no name");
    is_refused(i, RS256, OF("7", "\"root\""), i->rsa, "claim sub is no name");
    is_refused(i, RS256, OF("\"uid:0\"", "\"root\""), i->rsa, "claim sub is no name");
    is_refused(i, RS256, OF("\"sandbox:1\"", "\"root\""), i->rsa, "claim sub is no name");
    is_refused(i, RS256, OF("\"a\\u001b[1m\"", "\"root\""), i->rsa, "claim sub is no name");
    char *longest = alloc_printf(OF("\"%0127d\"", "\"root\""), 1),
         *longer = alloc_printf(OF("\"%0128d\"", "\"root\""), 1);
    char *fits = sign(RS256, longest, i->rsa);
    struct auth_principal who;
    struct error err;
    assert_int_equal(oidc_identify(i->oidc, fits, NOW_MS, NULL, &who, &err), 0);
    assert_int_equal(strlen(who.name), sizeof who.name - 1);
    is_refused(i, RS256, longer, i->rsa, "claim sub is no name");
    free(longest);
    free(longer);
    free(fits);
    char *token = sign(RS256, OF("\"bob\"", "[\"roots\",\"Root\",7]"), i->rsa);
    is_refused_with(i, token, ERROR_FORBIDDEN,
                    "bob has no role here: no value of the token's claim realm_access.roles");
    free(token);
}

static void of_several_roles_the_one_that_may_do_most_counts(void **state)
{
    struct issuer *i = *state;
    struct auth_principal who;
    struct error err;
    char *token = sign(RS256, OF("\"bob\"", "[\"readers\",\"root\",\"people\"]"), i->rsa);
    assert_int_equal(oidc_identify(i->oidc, token, NOW_MS, NULL, &who, &err), 0);
    assert_string_equal(who.powers.role, "admin");
    free(token);
}

static void a_key_that_is_not_there_is_fetched(void **state)
{
    struct issuer *i = *state;
    char *token = sign("{\"alg\":\"RS256\",\"kid\":\"new\"}", CLAIMS(""), i->rsa);
    i->fetches = true;
    is_refused_with(i, token, ERROR_NOT_YET, "are being fetched: try again");
    i->fetches = false;
    is_refused_with(i, token, ERROR_UNAUTHORIZED, "by a key that https://id.example/realm does");
    assert_int_equal(i->missed, 2);
    free(token);
}

static void a_key_that_was_withdrawn_is_good_no_longer(void **state)
{
    struct issuer *i = *state;
    is_taken(i, RS256, CLAIMS(""), i->rsa);
    give_keys(i, ",\"use\":\"enc\"");
    is_refused(i, RS256, CLAIMS(""), i->rsa, "does not publish");
    give_keys(i, ",\"alg\":\"PS256\"");
    is_refused(i, RS256, CLAIMS(""), i->rsa, "does not publish");
    give_keys(i, ",\"key_ops\":[\"encrypt\"]");
    is_refused(i, RS256, CLAIMS(""), i->rsa, "does not publish");
    give_keys(i, ",\"key_ops\":[\"verify\"],\"use\":\"sig\",\"alg\":\"RS256\"");
    is_taken(i, RS256, CLAIMS(""), i->rsa);
}

static void sets_without_a_key_of_use_are_refused(void **state)
{
    static const char *const sets[][2] = {
        {"", "no JSON object with a list"},
        {"{\"keys\":{}}", "no JSON object with a list"},
        {"{\"keys\":[]}", "none of the issuer's 0 keys"},
        {"{\"keys\":[7,null,{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
         "none of the issuer's 3 keys"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}",
         "none of"},
        /* a point that is not on the curve */
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
         "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}", "none of"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct error err;
        assert_null(oidc_keys_read(sets[i][0], strlen(sets[i][0]), &err));
        assert_non_null(strstr(err.text, sets[i][1]));
    }
}

static void urls_are_https_or_near(void **state)
{
    static const char *const good[] = {"https://id.example", "https://id.example/a/b",
                                       "http://127.0.0.1:8080/x", "http://localhost/",
                                       "http://[::1]:1/"};
    static const char *const bad[] = {"", "id.example", "http://id.example", "https://",
                                      "https:///x", "http://127.0.0.1.evil.example/",
                                      "http://localhost@evil/",
                                      "https://a b", "ftp://a/"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(oidc_url_is_safe(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(oidc_url_is_safe(bad[i]));
}

#define WITH_ISSUER(test) cmocka_unit_test_setup_teardown(test, make_issuer, free_issuer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ISSUER(a_token_is_signed_by_rsa_p256_or_ed25519),
        WITH_ISSUER(a_token_that_is_not_what_it_seems_is_refused),
        WITH_ISSUER(a_changed_token_is_refused),
        WITH_ISSUER(a_token_is_for_us_and_in_time),
        WITH_ISSUER(a_token_that_was_taken_expires),
        WITH_ISSUER(a_token_is_not_taken_for_another_where_memory_is_short),
        WITH_ISSUER(a_bearer_has_a_name_and_a_role),
        WITH_ISSUER(of_several_roles_the_one_that_may_do_most_counts),
        WITH_ISSUER(a_key_that_is_not_there_is_fetched),
        WITH_ISSUER(a_key_that_was_withdrawn_is_good_no_longer),
        cmocka_unit_test(sets_without_a_key_of_use_are_refused),
        cmocka_unit_test(urls_are_https_or_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
