/* SPDX-License-Identifier: Apache-2.0 */
/* TLS on an end of a connection of the rig. */
#ifndef TESTS_SUPPORT_TLS_END_H
#define TESTS_SUPPORT_TLS_END_H

#include "support/rig.h"

#include <openssl/ssl.h>

struct tls_end {
    struct end *end;
    SSL *ssl;
    struct buf in;                                  /* decrypted */
    bool ready, failed, eof;
};

static inline void tls_end_begin(struct tls_end *t, struct end *end, SSL *ssl)
{
    *t = (struct tls_end){.end = end, .ssl = ssl};
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
}

static inline void tls_end_flush(struct tls_end *t)
{
    char *bytes;
    long n = BIO_get_mem_data(SSL_get_wbio(t->ssl), &bytes);
    if (n > 0)
        send(t->end->fd, bytes, (size_t)n, MSG_NOSIGNAL);
    (void)BIO_reset(SSL_get_wbio(t->ssl));
}

/* Goes on with what has come; always true, for use in UNTIL. */
static inline bool tls_end_step(struct tls_end *t)
{
    char bytes[16384];
    int n;
    if (t->end->in.len)
        BIO_write(SSL_get_rbio(t->ssl), t->end->in.data, (int)t->end->in.len);
    buf_clear(&t->end->in);
    if (!t->ready && !t->failed) {
        int rc = SSL_do_handshake(t->ssl);
        t->ready = rc == 1;
        t->failed = rc != 1 && SSL_get_error(t->ssl, rc) != SSL_ERROR_WANT_READ;
    }
    while (t->ready && (n = SSL_read(t->ssl, bytes, sizeof bytes)) > 0)
        buf_add(&t->in, bytes, (size_t)n);
    t->eof = t->end->eof;
    tls_end_flush(t);
    return true;
}

static inline void tls_end_send(struct tls_end *t, const char *text)
{
    assert_int_equal(SSL_write(t->ssl, text, (int)strlen(text)), strlen(text));
    tls_end_flush(t);
}

static inline bool tls_end_has(struct tls_end *t, const char *text)
{
    tls_end_step(t);
    return t->in.len && memmem(t->in.data, t->in.len, text, strlen(text)) != NULL;
}

static inline void tls_end_free(struct tls_end *t)
{
    SSL_free(t->ssl);
    buf_free(&t->in);
}

#endif
