/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/seal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/die.h"
#include "base/error.h"
#include "base/text.h"

/* Sealed text: the version, then base64 of nonce, encrypted value and tag. */
#define VERSION "1:"
enum { NONCE = 12, TAG = 16, EXTRA = NONCE + TAG };

static const char CONTEXT[] = "sluice credential 1";

void secret_free(char *value)
{
    if (value)
        explicit_bzero(value, strlen(value));
    free(value);
}

const char *secret_value_refused(const char *value)
{
    size_t len = strlen(value);
    if (!len)
        return "it is empty";
    if (len > SECRET_VALUE_MAX)
        return "it is longer than 8192 bytes";
    if (text_utf8_valid(value, len) != len)
        return "it is no UTF-8 text";
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return "it has a line break or another control character, which no request may carry";
    if (*value == ' ' || value[len - 1] == ' ')
        return "it begins or ends with a space, which a request would lose";
    return NULL;
}

/* Each part with its NUL, so that two of them never run together. */
static bool bind_owner(EVP_CIPHER_CTX *ctx, int (*update)(EVP_CIPHER_CTX *, unsigned char *, int *,
                                                          const unsigned char *, int),
                       const struct secret_owner *owner)
{
    const char *const parts[] = {CONTEXT, owner->provider_id, owner->name};
    int n;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (update(ctx, NULL, &n, (const unsigned char *)parts[i], (int)strlen(parts[i]) + 1) != 1)
            return false;
    return true;
}

/* out: room for len bytes and EXTRA. */
static bool encrypt(const struct secret_key *key, const struct secret_owner *owner,
                    const char *value, int len, unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *body = out + NONCE;
    int n;
    bool done = ctx && RAND_bytes(out, NONCE) == 1 &&
                EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, out) == 1 &&
                bind_owner(ctx, EVP_EncryptUpdate, owner) &&
                EVP_EncryptUpdate(ctx, body, &n, (const unsigned char *)value, len) == 1 &&
                EVP_EncryptFinal_ex(ctx, body + len, &n) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, body + len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return done;
}

char *secret_seal(const struct secret_key *key, const struct secret_owner *owner,
                  const char *value)
{
    size_t len = strlen(value), total = len + EXTRA;
    unsigned char *bytes = alloc_zero(1, total);
    struct buf sealed = {0};
    if (!encrypt(key, owner, value, (int)len, bytes))
        die("OpenSSL cannot seal a credential: it has no memory, no random bytes, or no "
            "AES-256-GCM");
    buf_puts(&sealed, VERSION);
    base64_encode(bytes, total, &sealed);
    free(bytes);
    char *text = alloc_str(sealed.data);
    buf_free(&sealed);
    return text;
}

/* Only one text stands for the bytes.  False: this is none. */
static bool decode(const char *sealed, struct buf *out)
{
    size_t len = strlen(sealed), skip = sizeof VERSION - 1;
    return strncmp(sealed, VERSION, skip) == 0 && (len - skip) % 4 == 0 &&
           base64_decode(sealed + skip, len - skip, out) == 0 && out->len >= EXTRA;
}

static bool decrypt(const struct secret_key *key, const struct secret_owner *owner,
                    unsigned char *bytes, int len, char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const unsigned char *body = bytes + NONCE;
    int n, size = len - EXTRA;
    bool done = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, bytes) == 1 &&
                bind_owner(ctx, EVP_DecryptUpdate, owner) &&
                EVP_DecryptUpdate(ctx, (unsigned char *)out, &n, body, size) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, bytes + NONCE + size) == 1 &&
                EVP_DecryptFinal_ex(ctx, (unsigned char *)out + size, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return done;
}

char *secret_open(const struct secret_key *key, const struct secret_owner *owner,
                  const char *sealed, struct error *err)
{
    size_t room = strlen(sealed) + 4;
    struct buf bytes = {0};
    char *value = alloc_zero(1, room);
    bool opened = decode(sealed, &bytes) &&
                  decrypt(key, owner, (unsigned char *)bytes.data, (int)bytes.len, value);
    buf_free(&bytes);
    if (opened)
        return value;
    explicit_bzero(value, room);
    free(value);
    error_set(err, ERROR_STATE,
              "the stored value of %s cannot be opened: it was sealed with another key, or was "
              "changed in the store; give it again with `sluice provider rotate`", owner->name);
    return NULL;
}
