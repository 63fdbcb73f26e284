/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/authority.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "egress/inspect/ciphers.h"
#include "net/issue.h"

enum { AUTHORITY_DAYS = 3650 };

/* In the order of their last use, the latest first. */
struct leaf {
    struct leaf *next;
    X509 *certificate;
    char host[];
};

struct egress_authority {
    EVP_PKEY *key, *leaf_key;
    X509 *certificate;
    char *pem;
    SSL_CTX *server;                                /* NULL until it is needed: it takes 2 ms */
    struct leaf *leaves;
    size_t n_leaves;
};

static int fail(struct error *err, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    return error_set(err, ERROR_INTERNAL, "%s: %s", what, why ? why : "OpenSSL gives no reason");
}

static char *pem_of(X509 *certificate)
{
    char *bytes, *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio && PEM_write_bio_X509(bio, certificate) == 1) {
        long n = BIO_get_mem_data(bio, &bytes);
        pem = alloc_strn(bytes, (size_t)n);
    }
    BIO_free(bio);
    return pem;
}

/* A client that offers protocols without one of these gets an alert (RFC 7301, 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned n, void *ctx)
{
    static const unsigned char spoken[] = "\x02h2\x08http/1.1\x08http/1.0";
    size_t first = SSL_get_app_data(ssl) ? 3 : 0;   /* behind h2 */
    (void)ctx;
    return SSL_select_next_proto((unsigned char **)out, out_len, spoken + first,
                                 sizeof spoken - 1 - (unsigned)first, offered,
                                 n) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* OpenSSL resumes a session only for the server name that it was made for. */
static SSL_CTX *server_context(void)
{
    static const unsigned char context[] = "sluice";
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    egress_ciphers_order(ctx);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);        /* tickets need no cache */
    SSL_CTX_set_session_id_context(ctx, context, sizeof context - 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);  /* the leaf is all: none is looked for */
    return ctx;
}

struct egress_authority *egress_authority_new(struct error *err)
{
    struct egress_authority *a = alloc_zero(1, sizeof *a);
    a->key = issue_key();
    a->leaf_key = issue_key();
    a->certificate = a->key && a->leaf_key
                         ? issue_authority(a->key, "sluice sandbox CA", AUTHORITY_DAYS)
                         : NULL;
    a->pem = a->certificate ? pem_of(a->certificate) : NULL;
    if (a->pem)
        return a;
    fail(err, "the sandbox's certificate authority cannot be made");
    egress_authority_free(a);
    return NULL;
}

static void free_leaf(struct leaf *leaf)
{
    X509_free(leaf->certificate);
    free(leaf);
}

void egress_authority_free(struct egress_authority *a)
{
    if (!a)
        return;
    while (a->leaves) {
        struct leaf *leaf = a->leaves;
        a->leaves = leaf->next;
        free_leaf(leaf);
    }
    SSL_CTX_free(a->server);
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
    EVP_PKEY_free(a->leaf_key);
    free(a->pem);
    free(a);
}

const char *egress_authority_pem(const struct egress_authority *a)
{
    return a->pem;
}

unsigned long egress_authority_hash(const struct egress_authority *a)
{
    return X509_subject_name_hash(a->certificate);
}

/* A leaf that has a day left is good: connections that begin with it do not outlive that. */
static bool lasts(const struct leaf *leaf)
{
    enum { MARGIN_S = 24 * 60 * 60 };
    time_t soon = time(NULL) + MARGIN_S;
    return X509_cmp_time(X509_get0_notAfter(leaf->certificate), &soon) > 0;
}

/* Takes the leaf of the host out of the list. */
static struct leaf *take_leaf(struct egress_authority *a, const char *host)
{
    for (struct leaf **at = &a->leaves; *at; at = &(*at)->next)
        if (strcmp((*at)->host, host) == 0) {
            struct leaf *leaf = *at;
            *at = leaf->next;
            a->n_leaves--;
            return leaf;
        }
    return NULL;
}

static struct leaf *make_leaf(struct egress_authority *a, const char *host)
{
    size_t len = strlen(host);
    X509 *certificate = issue_certificate(&(struct issue){.issuer = a->certificate,
                                                           .issuer_key = a->key,
                                                           .key = a->leaf_key,
                                                           .hosts = &host,
                                                           .n_hosts = 1,
                                                           .usage = "serverAuth",
                                                           .days = EGRESS_LEAF_DAYS});
    if (!certificate)
        return NULL;
    struct leaf *leaf = alloc_zero(1, sizeof *leaf + len + 1);
    leaf->certificate = certificate;
    memcpy(leaf->host, host, len + 1);
    return leaf;
}

static void drop_last_leaf(struct egress_authority *a)
{
    struct leaf **at = &a->leaves;
    while ((*at)->next)
        at = &(*at)->next;
    free_leaf(*at);
    *at = NULL;
    a->n_leaves--;
}

static struct leaf *leaf_for(struct egress_authority *a, const char *host)
{
    struct leaf *leaf = take_leaf(a, host);
    if (leaf && !lasts(leaf)) {
        free_leaf(leaf);
        leaf = NULL;
    }
    if (!leaf)
        leaf = make_leaf(a, host);
    if (!leaf)
        return NULL;
    if (a->n_leaves == EGRESS_LEAVES_MAX)
        drop_last_leaf(a);
    leaf->next = a->leaves;
    a->leaves = leaf;
    a->n_leaves++;
    return leaf;
}

SSL *egress_authority_server(struct egress_authority *a, const char *host, struct error *err)
{
    ERR_clear_error();
    if (!a->server)
        a->server = server_context();
    const struct leaf *leaf = a->server ? leaf_for(a, host) : NULL;
    SSL *ssl = leaf ? SSL_new(a->server) : NULL;
    if (ssl && SSL_use_certificate(ssl, leaf->certificate) == 1 &&
        SSL_use_PrivateKey(ssl, a->leaf_key) == 1) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_free(ssl);
    fail(err, "no certificate can be made for the host");
    return NULL;
}

void egress_authority_only_http1(SSL *ssl)
{
    SSL_set_app_data(ssl, SSL_get_SSL_CTX(ssl));    /* any mark that is not NULL */
}
