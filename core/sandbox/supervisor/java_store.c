/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/java_store.h"

#include <ctype.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/die.h"

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

/* The next line of the text, without its end.  False: there is none. */
static bool next_line(const char **at, const char *end, const char **line, size_t *len)
{
    if (*at == end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    *line = *at;
    *len = (size_t)((stop ? stop : end) - *at);
    *at = stop ? stop + 1 : end;
    while (*len > 0 && isspace((unsigned char)(*line)[*len - 1]))
        --*len;
    return true;
}

static bool is_line(const char *line, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(line, text, len) == 0;
}

/* What is between the lines that begin and end a certificate, without line breaks.  False: the
 * block has no end, or headers. */
static bool read_block(const char **at, const char *end, struct buf *text)
{
    const char *line;
    size_t len;
    buf_clear(text);
    while (next_line(at, end, &line, &len)) {
        if (is_line(line, len, "-----END " PEM_STRING_X509 "-----"))
            return true;
        if (memchr(line, '-', len) || memchr(line, ':', len))
            return false;
        buf_add(text, line, len);
    }
    return false;
}

/* The length of the DER value, which has to be one SEQUENCE; 0: it is not. */
static size_t decode(const struct buf *text, struct buf *der)
{
    const unsigned char *at;
    long size;
    int tag, class;
    buf_clear(der);
    buf_reserve(der, text->len);
    int n = EVP_DecodeBlock((unsigned char *)der->data, (const unsigned char *)buf_str(text),
                            (int)text->len);
    for (size_t i = text->len; n > 0 && i > 0 && text->data[i - 1] == '='; i--)
        n--;
    at = (const unsigned char *)der->data;
    if (n <= 0 || ASN1_get_object(&at, &size, &tag, &class, n) != V_ASN1_CONSTRUCTED ||
        tag != V_ASN1_SEQUENCE || at + size != (const unsigned char *)der->data + n)
        return 0;
    return (size_t)n;
}

/* OpenSSL's own reader of PEM takes several times as long, which every start of a sandbox would
 * wait for. */
static uint32_t add_certificates(struct buf *out, const char *pem, size_t len)
{
    const char *at = pem, *end = pem + len, *line;
    struct buf text = {0}, der = {0};
    uint32_t n = 0;
    size_t size;
    while (next_line(&at, end, &line, &len)) {
        if (!is_line(line, len, "-----BEGIN " PEM_STRING_X509 "-----") ||
            !read_block(&at, end, &text) || (size = decode(&text, &der)) == 0)
            continue;
        add_certificate(out, ++n, (const unsigned char *)der.data, size);
    }
    buf_free(&text);
    buf_free(&der);
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
    if (!SHA1((const unsigned char *)all.data, all.len, digest))
        die("OpenSSL cannot make a trust store: it has no memory, or no SHA-1");
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
