/* SPDX-License-Identifier: Apache-2.0 */
#include "base/signature.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"

struct signature_key {
    EVP_PKEY *pkey;
    bool signs;
    char id[SIGNATURE_ID_SIZE];
};

/* A key that has a passphrase is not read: nobody is there to be asked. */
static int no_passphrase(char *buffer, int size, int writing, void *ctx)
{
    (void)buffer, (void)size, (void)writing, (void)ctx;
    return -1;
}

static EVP_PKEY *read_pem(FILE *file, bool *signs)
{
    EVP_PKEY *pkey = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
    *signs = pkey;
    if (pkey)
        return pkey;
    rewind(file);
    return PEM_read_PUBKEY(file, NULL, no_passphrase, NULL);
}

static void name_key(struct signature_key *key)
{
    unsigned char raw[32];
    char hex[DIGEST_HEX_SIZE];
    size_t len = sizeof raw;
    EVP_PKEY_get_raw_public_key(key->pkey, raw, &len);
    snprintf(key->id, sizeof key->id, "%.16s", digest_of(raw, len, hex));
}

struct signature_key *signature_key_read(const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");
    bool signs = false;
    if (!file) {
        error_set(err, ERROR_INVALID, "cannot read the key %s: %s", path, strerror(errno));
        return NULL;
    }
    EVP_PKEY *pkey = read_pem(file, &signs);
    fclose(file);
    if (!pkey || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(pkey);
        error_set(err, ERROR_INVALID,
                  "%s is no Ed25519 key in PEM without a passphrase: make one with openssl genpkey "
                  "-algorithm ed25519 -out KEY, its public half with openssl pkey -in KEY -pubout",
                  path);
        return NULL;
    }
    struct signature_key *key = alloc_zero(1, sizeof *key);
    key->pkey = pkey;
    key->signs = signs;
    name_key(key);
    return key;
}

void signature_key_free(struct signature_key *key)
{
    if (key)
        EVP_PKEY_free(key->pkey);
    free(key);
}

const char *signature_key_id(const struct signature_key *key)
{
    return key->id;
}

bool signature_key_signs(const struct signature_key *key)
{
    return key->signs;
}

int signature_make(const struct signature_key *key, const char *text,
                   unsigned char out[SIGNATURE_BYTES], struct error *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = SIGNATURE_BYTES;
    bool made = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestSign(ctx, out, &len, (const unsigned char *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(ctx);
    return made ? 0 : error_set(err, ERROR_INTERNAL, "the key %s cannot sign", key->id);
}

bool signature_check(const struct signature_key *key, const char *text,
                     const unsigned char signature[SIGNATURE_BYTES])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, (const unsigned char *)text,
                                 strlen(text)) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}
