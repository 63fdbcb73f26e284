/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/java_store.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MAGIC = 0xfeedfeed, VERSION = 2, TRUSTED_CERTIFICATE = 2, COUNT_AT = 8 };

static void add_number(struct buf *out, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        buf_putc(out, (char)(value >> (8 * bytes)));
}

static void add_text(struct buf *out, const char *text)
{
    add_number(out, strlen(text), 2);
    buf_puts(out, text);
}

static void add_certificate(struct buf *out, unsigned number, const unsigned char *der, size_t len)
{
    char alias[32];
    snprintf(alias, sizeof alias, "root-%u", number);
    add_number(out, TRUSTED_CERTIFICATE, 4);
    add_text(out, alias);
    add_number(out, 0, 8);                          /* since when */
    add_text(out, "X.509");
    add_number(out, len, 4);
    buf_add(out, der, len);
}

static uint32_t add_certificates(struct buf *out, const char *pem, size_t len)
{
    uint32_t n = 0;
    char *name, *header;
    unsigned char *der;
    long size;
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    while (bio && PEM_read_bio(bio, &name, &header, &der, &size) == 1) {
        if (strcmp(name, PEM_STRING_X509) == 0)
            add_certificate(out, ++n, der, (size_t)size);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    BIO_free(bio);
    ERR_clear_error();
    return n;
}

/* The digest that Java checks where it is given the password. */
static void add_digest(struct buf *out)
{
    static const char before[] = "\0c\0h\0a\0n\0g\0e\0i\0tMighty Aphrodite";
    unsigned char digest[SHA_DIGEST_LENGTH];
    struct buf all = {0};
    buf_add(&all, before, sizeof before - 1);
    buf_add(&all, out->data, out->len);
    SHA1((const unsigned char *)all.data, all.len, digest);
    buf_add(out, digest, sizeof digest);
    buf_free(&all);
}

void sandbox_java_store(const char *pem, size_t len, struct buf *out)
{
    buf_clear(out);
    add_number(out, MAGIC, 4);
    add_number(out, VERSION, 4);
    add_number(out, 0, 4);
    uint32_t n = add_certificates(out, pem, len);
    for (int i = 0; i < 4; i++)
        out->data[COUNT_AT + i] = (char)(n >> (24 - 8 * i));
    add_digest(out);
}
