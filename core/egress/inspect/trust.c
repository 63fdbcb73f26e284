/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ipaddr.h"
#include "egress/inspect/ciphers.h"
#include "egress/inspect/roots.h"

enum { PLACE_SIZE = IPADDR_HOST_SIZE + 8 };

/* In the order of their last use, the latest first. */
struct kept {
    struct kept *next;
    SSL_SESSION *session;
    char place[PLACE_SIZE];                         /* host, a space, port */
};

struct egress_trust {
    SSL_CTX *client;                                /* NULL until it is needed: it takes 2 ms */
    struct egress_roots *roots;
    struct kept *sessions;
    size_t n_sessions;
    int place_index;                                /* of an SSL: its place, a string of its own */
};

static const char *openssl_reason(void)
{
    unsigned long code = ERR_get_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    return why ? why : "OpenSSL gives no reason";
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

static void drop_session(struct egress_trust *trust, struct kept **at)
{
    struct kept *kept = *at;
    *at = kept->next;
    trust->n_sessions--;
    free_kept(kept);
}

/* The oldest one goes where the place, or the list, has too many. */
static void put_session(struct egress_trust *trust, struct kept *kept)
{
    struct kept **last = NULL, **last_of_place = NULL;
    size_t n_of_place = 0;
    kept->next = trust->sessions;
    trust->sessions = kept;
    trust->n_sessions++;
    for (struct kept **at = &trust->sessions; *at; at = &(*at)->next) {
        last = at;
        if (strcmp((*at)->place, kept->place) != 0)
            continue;
        last_of_place = at;
        n_of_place++;
    }
    if (n_of_place > EGRESS_SESSIONS_OF_PLACE)
        drop_session(trust, last_of_place);
    else if (trust->n_sessions > EGRESS_SESSIONS_MAX)
        drop_session(trust, last);
}

static bool is_for_one_connection(const SSL_SESSION *session)
{
    return SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
}

/* OpenSSL hands over its reference. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct egress_trust *trust = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const char *place = SSL_get_ex_data(ssl, trust->place_index);
    struct kept *older = is_for_one_connection(session) ? NULL : take_session(trust, place);
    if (older)
        free_kept(older);
    struct kept *kept = alloc_zero(1, sizeof *kept);
    snprintf(kept->place, sizeof kept->place, "%s", place);
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
    if (is_for_one_connection(kept->session))
        free_kept(kept);
    else
        put_session(trust, kept);
}

/* ---- */

static SSL_CTX *client_context(struct egress_trust *trust)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    X509_STORE *store = ctx ? egress_roots_store(trust->roots) : NULL;
    if (!store) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_cert_store(ctx, store);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    egress_ciphers_order(ctx);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, keep_session);
    SSL_CTX_set_app_data(ctx, trust);
    return ctx;
}

struct egress_trust *egress_trust_new(const char *extra_ca, struct error *err)
{
    struct egress_trust *trust = alloc_zero(1, sizeof *trust);
    trust->roots = egress_roots_read(extra_ca, err);
    if (trust->roots)
        return trust;
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
    egress_roots_free(trust->roots);
    free(trust);
}

const struct buf *egress_trust_pem(const struct egress_trust *trust)
{
    return egress_roots_pem(trust->roots);
}

const unsigned long *egress_trust_extra(const struct egress_trust *trust, size_t *n)
{
    return egress_roots_extra(trust->roots, n);
}

static bool set_up(struct egress_trust *trust)
{
    if (trust->client)
        return true;
    trust->place_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_place);
    if (trust->place_index >= 0)
        trust->client = client_context(trust);
    return trust->client != NULL;
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

static bool offer_protocols(SSL *ssl, enum egress_protocols protocols)
{
    static const char *const lists[] = {[EGRESS_HTTP_1_1] = "\x08http/1.1",
                                        [EGRESS_HTTP_2_OR_1_1] = "\x02h2\x08http/1.1",
                                        [EGRESS_HTTP_1_1_OR_2] = "\x08http/1.1\x02h2"};
    const char *list = lists[protocols];
    return SSL_set_alpn_protos(ssl, (const unsigned char *)list, (unsigned)strlen(list)) == 0;
}

SSL *egress_trust_client(struct egress_trust *trust, const char *host, uint16_t port,
                         enum egress_protocols protocols, struct error *err)
{
    ERR_clear_error();
    SSL *ssl = set_up(trust) ? SSL_new(trust->client) : NULL;
    char *place = alloc_printf("%s %u", host, port);
    if (ssl && SSL_set_ex_data(ssl, trust->place_index, place) == 1) {
        if (name_host(ssl, host) && offer_protocols(ssl, protocols)) {
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
