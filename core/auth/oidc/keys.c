/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/oidc/keys.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, P256_BYTES = 32, ED25519_BYTES = 32 };

struct key {
    char *id;                                       /* NULL: it has none */
    enum jwt_algorithm algorithm;
    EVP_PKEY *key;
};

struct oidc_keys {
    struct key *items;
    size_t n;
};

/* ---- one key ---- */

static const char *member(const json_t *jwk, const char *name)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    return text ? text : "";
}

static int number(const json_t *jwk, const char *name, struct buf *out)
{
    const char *text = member(jwk, name);
    return *text && jwt_decode_part(text, strlen(text), out) == 0 && out->len ? 0 : -1;
}

static EVP_PKEY *make(const char *type, OSSL_PARAM_BLD *parts)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

static BIGNUM *bignum(const struct buf *bytes)
{
    return BN_bin2bn((const unsigned char *)bytes->data, (int)bytes->len, NULL);
}

static EVP_PKEY *rsa_key(const struct buf *modulus, const struct buf *exponent)
{
    BIGNUM *n = bignum(modulus), *e = bignum(exponent);
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    int bits = BN_num_bits(n);
    if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && BN_is_odd(e) && BN_num_bits(e) > 1 &&
        BN_num_bits(e) <= 64 && OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = make("RSA", parts);
    OSSL_PARAM_BLD_free(parts);
    BN_free(n);
    BN_free(e);
    return key;
}

static EVP_PKEY *read_rsa(const json_t *jwk)
{
    struct buf n = {0}, e = {0};
    EVP_PKEY *key =
        number(jwk, "n", &n) == 0 && number(jwk, "e", &e) == 0 ? rsa_key(&n, &e) : NULL;
    buf_free(&n);
    buf_free(&e);
    return key;
}

/* OpenSSL checks that the point is on the curve. */
static EVP_PKEY *read_p256(const json_t *jwk)
{
    struct buf x = {0}, y = {0};
    unsigned char point[1 + 2 * P256_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    if (strcmp(member(jwk, "crv"), "P-256") == 0 && number(jwk, "x", &x) == 0 &&
        number(jwk, "y", &y) == 0 && x.len == P256_BYTES && y.len == P256_BYTES) {
        memcpy(point + 1, x.data, P256_BYTES);
        memcpy(point + 1 + P256_BYTES, y.data, P256_BYTES);
        OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
        OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
        key = make("EC", parts);
    }
    OSSL_PARAM_BLD_free(parts);
    buf_free(&x);
    buf_free(&y);
    return key;
}

static EVP_PKEY *read_ed25519(const json_t *jwk)
{
    struct buf x = {0};
    EVP_PKEY *key = NULL;
    if (strcmp(member(jwk, "crv"), "Ed25519") == 0 && number(jwk, "x", &x) == 0 &&
        x.len == ED25519_BYTES)
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.data,
                                          x.len);
    buf_free(&x);
    return key;
}

static const struct {
    const char *type;
    EVP_PKEY *(*read)(const json_t *jwk);
} kinds[] = {
    [JWT_RS256] = {"RSA", read_rsa},
    [JWT_ES256] = {"EC", read_p256},
    [JWT_EDDSA] = {"OKP", read_ed25519},
};

static bool is_for_signatures(const json_t *jwk)
{
    const json_t *operations = json_object_get(jwk, "key_ops"), *one;
    const char *use = member(jwk, "use");
    bool verify = !operations;
    size_t i;
    json_array_foreach(operations, i, one)
        verify |= json_is_string(one) && strcmp(json_string_value(one), "verify") == 0;
    return verify && (!*use || strcmp(use, "sig") == 0);
}

static bool read_key(const json_t *jwk, struct key *out)
{
    const char *algorithm = member(jwk, "alg"), *id = member(jwk, "kid");
    unsigned i = 0;
    while (i < JWT_ALGORITHMS && strcmp(member(jwk, "kty"), kinds[i].type) != 0)
        i++;
    if (i == JWT_ALGORITHMS || !is_for_signatures(jwk) ||
        (*algorithm && strcmp(algorithm, jwt_algorithm_words[i]) != 0))
        return false;
    *out = (struct key){.algorithm = i, .key = kinds[i].read(jwk)};
    out->id = out->key && *id ? alloc_str(id) : NULL;
    return out->key;
}

/* ---- the set ---- */

static void read_all(struct oidc_keys *keys, const json_t *list)
{
    size_t i;
    json_t *jwk;
    json_array_foreach(list, i, jwk)
        if (keys->n < OIDC_KEYS_MAX && read_key(jwk, &keys->items[keys->n]))
            keys->n++;
}

struct oidc_keys *oidc_keys_read(const char *json, size_t len, struct error *err)
{
    json_t *set = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(set, "keys");
    struct oidc_keys *keys = alloc_zero(1, sizeof *keys);
    keys->items = alloc_zero(OIDC_KEYS_MAX, sizeof *keys->items);
    read_all(keys, list);
    if (!json_is_array(list))
        error_set(err, ERROR_UPSTREAM, "the issuer's keys are no JSON object with a list 'keys'");
    else if (!keys->n)
        error_set(err, ERROR_UPSTREAM,
                  "none of the issuer's %zu keys is of use: one for RS256 (2048 bits or more), "
                  "ES256 or EdDSA is needed", json_array_size(list));
    json_decref(set);
    if (keys->n)
        return keys;
    oidc_keys_free(keys);
    return NULL;
}

void oidc_keys_free(struct oidc_keys *keys)
{
    for (size_t i = 0; keys && i < keys->n; i++) {
        free(keys->items[i].id);
        EVP_PKEY_free(keys->items[i].key);
    }
    if (keys)
        free(keys->items);
    free(keys);
}

size_t oidc_keys_count(const struct oidc_keys *keys)
{
    return keys ? keys->n : 0;
}

/* ---- signatures ---- */

/* RFC 7518 section 3.4 has the two numbers side by side, OpenSSL has them in DER. */
static int der_signature(const struct buf *pair, unsigned char **der)
{
    if (pair->len != 2 * P256_BYTES)
        return -1;
    const unsigned char *bytes = (const unsigned char *)pair->data;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    ECDSA_SIG_set0(signature, BN_bin2bn(bytes, P256_BYTES, NULL),
                   BN_bin2bn(bytes + P256_BYTES, P256_BYTES, NULL));
    *der = NULL;
    int len = i2d_ECDSA_SIG(signature, der);
    ECDSA_SIG_free(signature);
    return len;
}

static bool verify(EVP_PKEY *key, enum jwt_algorithm algorithm, const unsigned char *signature,
                   size_t len, const struct jwt *jwt)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *hash = algorithm == JWT_EDDSA ? NULL : EVP_sha256();
    bool good = EVP_DigestVerifyInit(ctx, NULL, hash, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, signature, len, (const unsigned char *)jwt->text,
                                 jwt->text_len) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static bool is_signed_by(const struct key *key, const struct jwt *jwt)
{
    if (key->algorithm != JWT_ES256)
        return verify(key->key, key->algorithm, (const unsigned char *)buf_str(&jwt->signature),
                      jwt->signature.len, jwt);
    unsigned char *der;
    int len = der_signature(&jwt->signature, &der);
    if (len <= 0)
        return false;
    bool good = verify(key->key, key->algorithm, der, (size_t)len, jwt);
    OPENSSL_free(der);
    return good;
}

enum oidc_signature oidc_keys_check(const struct oidc_keys *keys, const struct jwt *jwt)
{
    enum oidc_signature found = OIDC_NO_KEY;
    for (size_t i = 0; keys && i < keys->n; i++) {
        const struct key *key = &keys->items[i];
        if (key->algorithm != jwt->algorithm ||
            (jwt->key && (!key->id || strcmp(key->id, jwt->key) != 0)))
            continue;
        if (is_signed_by(key, jwt))
            return OIDC_SIGNED;
        found = OIDC_FORGED;
    }
    return found;
}
