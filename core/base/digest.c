/* SPDX-License-Identifier: Apache-2.0 */
/* The plain functions, which OpenSSL 3 calls deprecated: each program uses SHA-256 when it starts,
 * and EVP then reads a configuration and loads providers, which takes about 2 ms. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/die.h"

struct digest {
    SHA256_CTX ctx;
};

static void hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

/* The kernel's, not libcrypto's: that keeps a generator for each thread, which it forgets to free
 * for threads that outlive its cleanup.  Up to 256 bytes come whole and without interruption. */
static void random_bytes(unsigned char *out, size_t len)
{
    if (getrandom(out, len, 0) != (ssize_t)len)
        die("the system gives no random bytes");
}

struct digest *digest_new(void)
{
    struct digest *d = alloc_zero(1, sizeof *d);
    SHA256_Init(&d->ctx);
    return d;
}

void digest_add(struct digest *digest, const void *bytes, size_t len)
{
    SHA256_Update(&digest->ctx, bytes, len);
}

void digest_add_str(struct digest *digest, const char *text)
{
    uint64_t len = text ? strlen(text) : 0;
    unsigned char prefix[8];
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)(len >> (8 * i));
    digest_add(digest, prefix, sizeof prefix);
    digest_add(digest, text ? text : "", len);
}

char *digest_hex(struct digest *digest, char out[DIGEST_HEX_SIZE])
{
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    SHA256_Final(bytes, &digest->ctx);
    free(digest);
    hex(bytes, sizeof bytes, out);
    return out;
}

char *digest_of(const void *bytes, size_t len, char out[DIGEST_HEX_SIZE])
{
    struct digest *d = digest_new();
    digest_add(d, bytes, len);
    return digest_hex(d, out);
}

char *digest_uuid(char out[UUID_SIZE])
{
    unsigned char b[16];
    char text[33];
    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    hex(b, sizeof b, text);
    snprintf(out, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", text, text + 8, text + 12, text + 16,
             text + 20);
    return out;
}

char *digest_secret(char out[DIGEST_HEX_SIZE])
{
    unsigned char b[32];
    random_bytes(b, sizeof b);
    hex(b, sizeof b, out);
    return out;
}
