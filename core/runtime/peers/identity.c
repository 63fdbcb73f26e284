/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/alloc.h"
#include "net/issue.h"
#include "runtime/peers/connections.h"
#include "runtime/peers/peers.h"

enum { DAYS = 3650 };                               /* a key lives as long as its process */

struct peer_identity {
    SSL_CTX *ctx;
    char digest[DIGEST_HEX_SIZE];
};

/* Who the far end is, is looked up once the handshake has shown that it has the key. */
static int any_certificate(X509_STORE_CTX *store, void *arg)
{
    (void)store, (void)arg;
    return 1;
}

static bool digest_certificate(X509 *cert, char out[DIGEST_HEX_SIZE])
{
    unsigned char *der = NULL;
    int len = cert ? i2d_X509(cert, &der) : -1;
    if (len > 0)
        digest_of(der, (size_t)len, out);
    OPENSSL_free(der);
    return len > 0;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *issuer = key ? issue_authority(key, "gateway", DAYS) : NULL;
    const struct issue issue = {.issuer = issuer, .issuer_key = key, .key = key, .name = "gateway",
                                .usage = "serverAuth,clientAuth", .days = DAYS};
    X509 *cert = issuer ? issue_certificate(&issue) : NULL;
    X509_free(issuer);
    return cert;
}

static SSL_CTX *make_ctx(X509 *cert, EVP_PKEY *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
        SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, any_certificate, NULL);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(ctx, 0);
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}

struct peer_identity *peer_identity_new(struct error *err)
{
    struct peer_identity *identity = alloc_zero(1, sizeof *identity);
    EVP_PKEY *key = issue_key();
    X509 *cert = make_certificate(key);
    identity->ctx = cert ? make_ctx(cert, key) : NULL;
    bool made = identity->ctx && digest_certificate(cert, identity->digest);
    X509_free(cert);
    EVP_PKEY_free(key);
    if (made)
        return identity;
    peer_identity_free(identity);
    error_set(err, ERROR_INTERNAL, "OpenSSL makes no key for the connections between gateways");
    return NULL;
}

const char *peer_identity_digest(const struct peer_identity *identity)
{
    return identity->digest;
}

void peer_identity_free(struct peer_identity *identity)
{
    if (identity)
        SSL_CTX_free(identity->ctx);
    free(identity);
}

SSL *peer_ssl(struct peer_identity *identity, bool accepts)
{
    SSL *ssl = SSL_new(identity->ctx);
    if (ssl && accepts)
        SSL_set_accept_state(ssl);
    else if (ssl)
        SSL_set_connect_state(ssl);
    return ssl;
}

bool peer_digest(SSL *ssl, char out[DIGEST_HEX_SIZE])
{
    X509 *cert = SSL_get1_peer_certificate(ssl);
    bool known = digest_certificate(cert, out);
    X509_free(cert);
    return known;
}
