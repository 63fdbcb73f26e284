/* SPDX-License-Identifier: Apache-2.0 */
#include "net/certificate.h"

#include <ctype.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

/* Types that OpenSSL does not know are numbers, and their values hexadecimal (RFC 4514, 2.4). */
static char *subject_text(X509 *x509)
{
    char *bytes, *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(x509), 0, flags) >= 0) {
        long n = BIO_get_mem_data(bio, &bytes);
        char *raw = alloc_strn(bytes, (size_t)n);
        text = net_certificate_subject(raw);
        free(raw);
    }
    BIO_free(bio);
    return text ? text : alloc_str("");
}

static void add_dns(struct net_certificate *c, const ASN1_IA5STRING *name)
{
    const char *text = (const char *)ASN1_STRING_get0_data(name);
    size_t len = (size_t)ASN1_STRING_length(name);
    if (len && !memchr(text, '\0', len))
        c->dns[c->n_dns++] = alloc_strn(text, len);
}

static void read_dns(struct net_certificate *c, X509 *x509)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    int n = names ? sk_GENERAL_NAME_num(names) : 0;
    c->dns = alloc_zero((size_t)n + 1, sizeof *c->dns);
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            add_dns(c, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
}

static int64_t expiry(const X509 *x509)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm);
}

struct net_certificate *net_certificate_of(SSL *ssl)
{
    X509 *x509 = SSL_get0_peer_certificate(ssl);
    if (!x509 || SSL_get_verify_result(ssl) != X509_V_OK)
        return NULL;
    struct net_certificate *c = alloc_zero(1, sizeof *c);
    c->refs = 1;
    c->subject = subject_text(x509);
    c->expires_s = expiry(x509);
    read_dns(c, x509);
    return c;
}

struct net_certificate *net_certificate_ref(struct net_certificate *certificate)
{
    if (certificate)
        certificate->refs++;
    return certificate;
}

void net_certificate_unref(struct net_certificate *certificate)
{
    if (!certificate || --certificate->refs)
        return;
    for (size_t i = 0; i < certificate->n_dns; i++)
        free(certificate->dns[i]);
    free(certificate->dns);
    free(certificate->subject);
    free(certificate);
}

/* Copies a type and the '=' behind it. */
static const char *put_type(struct buf *out, const char *text)
{
    while (*text && *text != '=')
        if (*text++ != ' ')
            buf_printf(out, "%c", toupper((unsigned char)text[-1]));
    if (*text)
        buf_add(out, text++, 1);
    return text + strspn(text, " ");
}

/* Copies a value and the ',' or '+' behind it; an escaped one belongs to the value. */
static const char *put_value(struct buf *out, const char *text)
{
    size_t keep = out->len;                         /* without spaces at its end */
    while (*text && *text != ',' && *text != '+') {
        size_t n = *text == '\\' && text[1] ? 2 : 1;
        buf_add(out, text, n);
        keep = *text == ' ' ? keep : out->len;
        text += n;
    }
    out->len = keep;
    if (*text)
        buf_add(out, text++, 1);
    return text + strspn(text, " ");
}

char *net_certificate_subject(const char *text)
{
    struct buf out = {0};
    buf_puts(&out, "");
    text += strspn(text, " ");
    while (*text)
        text = put_value(&out, put_type(&out, text));
    buf_puts(&out, "");
    return buf_take(&out);
}
