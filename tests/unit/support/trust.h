/* SPDX-License-Identifier: Apache-2.0 */
/* Trust in an authority of a test, and origins that have a certificate of it. */
#ifndef TESTS_SUPPORT_TRUST_H
#define TESTS_SUPPORT_TRUST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "egress/inspect/authority.h"
#include "egress/inspect/trust.h"

static inline struct egress_trust *trust_in(const struct egress_authority *authority)
{
    struct error err;
    char file[] = "/tmp/sluice-inspect-XXXXXX";
    const char *pem = egress_authority_pem(authority);
    int fd = mkstemp(file);
    assert_int_equal(write(fd, pem, strlen(pem)), strlen(pem));
    close(fd);
    struct egress_trust *trust = egress_trust_new(file, &err);
    assert_non_null(trust);
    unlink(file);
    return trust;
}

static inline int trust_choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                               const unsigned char *offered, unsigned n, void *spoken)
{
    (void)ssl;
    return SSL_select_next_proto((unsigned char **)out, out_len, spoken,
                                 (unsigned)strlen(spoken), offered,
                                 n) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* An origin that speaks these protocols, written as ALPN does, from now on; NULL: none by ALPN. */
static inline SSL *trust_origin(struct egress_authority *authority, const char *host,
                                const char *spoken)
{
    struct error err;
    SSL *ssl = egress_authority_server(authority, host, &err);
    assert_non_null(ssl);
    SSL_CTX_set_alpn_select_cb(SSL_get_SSL_CTX(ssl), spoken ? trust_choose : NULL,
                               (void *)spoken);
    return ssl;
}

#endif
