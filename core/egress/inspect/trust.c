/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/trust.h"

#include "base/alloc.h"
#include "base/ipaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLACE_SIZE = IPADDR_HOST_SIZE + 8, PEM_MAX = 4 * 1024 * 1024 };

/* In the order of their last use, the latest first. */
struct kept {
    struct kept *next;
    SSL_SESSION *session;
    char place[PLACE_SIZE];                         /* host, a space, port */
};

struct egress_trust {
    SSL_CTX *client;
    struct buf pem;
    struct kept *sessions;
    size_t n_sessions;
    int place_index;                                /* of an SSL: its place, a string of its own */
};

static const char *const system_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

static const char *openssl_reason(void)
{
    unsigned long code = ERR_get_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    return why ? why : "OpenSSL gives no reason";
}

/* ---- roots ---- */

static int read_file(const char *path, struct buf *out)
{
    char chunk[16 * 1024];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && out->len < PEM_MAX)
        buf_add(out, chunk, (size_t)n);
    close(fd);
    return n < 0 ? -1 : 0;
}

/* The number of certificates in the text that were added.  What is no certificate is passed over. */
static size_t add_roots(X509_STORE *store, const char *pem, size_t len)
{
    size_t added = 0;
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    STACK_OF(X509_INFO) *infos = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
    for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
        X509 *certificate = sk_X509_INFO_value(infos, i)->x509;
        added += certificate && X509_STORE_add_cert(store, certificate) == 1;
    }
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    BIO_free(bio);
    ERR_clear_error();
    return added;
}

static size_t add_file(struct egress_trust *trust, const char *path)
{
    struct buf text = {0};
    size_t added = 0;
    if (read_file(path, &text) == 0 && text.len)
        added = add_roots(SSL_CTX_get_cert_store(trust->client), text.data, text.len);
    if (added) {
        buf_add(&trust->pem, text.data, text.len);
        if (trust->pem.data[trust->pem.len - 1] != '\n')
            buf_putc(&trust->pem, '\n');
    }
    buf_free(&text);
    return added;
}

static int load_roots(struct egress_trust *trust, const char *extra_ca, struct error *err)
{
    size_t n = sizeof system_bundles / sizeof *system_bundles, i = 0;
    while (i < n && !add_file(trust, system_bundles[i]))
        i++;
    errno = 0;
    if (!*extra_ca || add_file(trust, extra_ca))
        return 0;
    if (errno)
        return error_errno(err, ERROR_MALFORMED, "egress.extra_ca: %s cannot be read", extra_ca);
    return error_set(err, ERROR_MALFORMED, "egress.extra_ca: %s has no certificate in PEM",
                     extra_ca);
}

/* ---- sessions ---- */

static void free_kept(struct kept *kept)
{
    SSL_SESSION_free(kept->session);
    free(kept);
}

static struct kept *take_session(struct egress_trust *trust, const char *place)
{
    for (struct kept **at = &trust->sessions; *at; at = &(*at)->next)
        if (strcmp((*at)->place, place) == 0) {
            struct kept *kept = *at;
            *at = kept->next;
            trust->n_sessions--;
            return kept;
        }
    return NULL;
}

static void put_session(struct egress_trust *trust, struct kept *kept)
{
    kept->next = trust->sessions;
    trust->sessions = kept;
    if (++trust->n_sessions <= EGRESS_SESSIONS_MAX)
        return;
    struct kept **at = &trust->sessions;
    while ((*at)->next)
        at = &(*at)->next;
    free_kept(*at);
    *at = NULL;
    trust->n_sessions--;
}

/* OpenSSL hands over its reference. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct egress_trust *trust = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const char *place = SSL_get_ex_data(ssl, trust->place_index);
    struct kept *kept = take_session(trust, place);
    if (!kept) {
        kept = alloc_zero(1, sizeof *kept);
        snprintf(kept->place, sizeof kept->place, "%s", place);
    }
    SSL_SESSION_free(kept->session);
    kept->session = session;
    put_session(trust, kept);
    return 1;
}

static void free_place(void *parent, void *place, CRYPTO_EX_DATA *data, int index, long number,
                       void *pointer)
{
    (void)parent, (void)data, (void)index, (void)number, (void)pointer;
    free(place);
}

static void offer_session(struct egress_trust *trust, SSL *ssl, const char *place)
{
    struct kept *kept = take_session(trust, place);
    if (!kept)
        return;
    SSL_set_session(ssl, kept->session);
    put_session(trust, kept);
}

/* ---- */

struct egress_trust *egress_trust_new(const char *extra_ca, struct error *err)
{
    struct egress_trust *trust = alloc_zero(1, sizeof *trust);
    trust->place_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_place);
    trust->client = SSL_CTX_new(TLS_client_method());
    if (!trust->client || trust->place_index < 0)
        error_set(err, ERROR_INTERNAL, "TLS cannot be set up: %s", openssl_reason());
    else if (load_roots(trust, extra_ca, err) == 0) {
        SSL_CTX_set_min_proto_version(trust->client, TLS1_2_VERSION);
        SSL_CTX_set_options(trust->client, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
        SSL_CTX_set_verify(trust->client, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_session_cache_mode(trust->client, SSL_SESS_CACHE_CLIENT |
                                                          SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(trust->client, keep_session);
        SSL_CTX_set_app_data(trust->client, trust);
        return trust;
    }
    egress_trust_free(trust);
    return NULL;
}

void egress_trust_free(struct egress_trust *trust)
{
    if (!trust)
        return;
    while (trust->sessions) {
        struct kept *kept = trust->sessions;
        trust->sessions = kept->next;
        free_kept(kept);
    }
    SSL_CTX_free(trust->client);
    buf_free(&trust->pem);
    free(trust);
}

const struct buf *egress_trust_pem(const struct egress_trust *trust)
{
    return &trust->pem;
}

/* An address is verified as one and never asked for by name (RFC 6066, 3). */
static bool name_host(SSL *ssl, const char *host)
{
    struct ipaddr ip;
    if (ipaddr_parse(host, &ip) == 0)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

SSL *egress_trust_client(struct egress_trust *trust, const char *host, uint16_t port,
                         struct error *err)
{
    static const unsigned char http_1_1[] = "\x08http/1.1";
    ERR_clear_error();
    SSL *ssl = SSL_new(trust->client);
    char *place = alloc_printf("%s %u", host, port);
    if (ssl && SSL_set_ex_data(ssl, trust->place_index, place) == 1) {
        if (name_host(ssl, host) && SSL_set_alpn_protos(ssl, http_1_1, sizeof http_1_1 - 1) == 0) {
            offer_session(trust, ssl, place);
            SSL_set_connect_state(ssl);
            return ssl;
        }
    } else {
        free(place);
    }
    SSL_free(ssl);
    error_set(err, ERROR_INTERNAL, "TLS cannot be set up for %s: %s", host, openssl_reason());
    return NULL;
}
