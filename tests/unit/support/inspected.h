/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy that inspects, with a client and an origin. */
#ifndef TESTS_SUPPORT_INSPECTED_H
#define TESTS_SUPPORT_INSPECTED_H

#include "egress/inspect/authority.h"
#include "support/tls_end.h"
#include "support/trust.h"

/* A proxy with an authority, which trusts that of the origin, and a client that trusts the
 * proxy's. */
struct scene {
    struct rig rig;
    struct egress_authority *authority, *origins;
    struct egress_inspection inspection;
    SSL_CTX *client;
    struct puppet puppet;
};

#define REST(more)                                                                     \
    "    endpoints:\n"                                                                 \
    "      - host: origin.test\n"                                                      \
    "        port: %P\n"                                                               \
    "        protocol: rest\n" more                                                    \
    "    binaries: [{path: /**}]\n"

#define READ_ONLY REST("        enforcement: enforce\n        access: read-only\n")
#define L4 "    endpoints: [{host: origin.test, port: %P}]\n    binaries: [{path: /**}]\n"

/* Appends text, in which %P is the origin's port and %H the Host field. */
static inline void fill_in(const struct rig *rig, const char *text, struct buf *out)
{
    for (const char *at; (at = strchr(text, '%')); text = at + 2) {
        buf_add(out, text, (size_t)(at - text));
        if (at[1] == 'P')
            buf_printf(out, "%u", rig->origin_port);
        else if (at[1] == 'H')
            buf_printf(out, "Host: origin.test:%u\r\n", rig->origin_port);
        else
            buf_add(out, at, 2);
    }
    buf_puts(out, text);
}

static inline struct policy *policy_of(const struct rig *rig, const char *rule)
{
    struct buf yaml = {0};
    buf_puts(&yaml, "version: 1\nnetwork_policies:\n  one:\n");
    fill_in(rig, rule, &yaml);
    struct policy *policy = rig_parse(yaml.data);
    buf_free(&yaml);
    return policy;
}

static inline SSL_CTX *client_of(const struct egress_authority *authority)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    const char *pem = egress_authority_pem(authority);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(certificate);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certificate);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    X509_free(certificate);
    BIO_free(bio);
    return ctx;
}

static inline void scene_open_with(struct scene *s, const char *rule, struct egress_limits limits)
{
    struct error err;
    memset(s, 0, sizeof *s);
    s->authority = egress_authority_new(&err);
    s->origins = egress_authority_new(&err);
    s->inspection =
        (struct egress_inspection){.authority = s->authority, .trust = trust_in(s->origins)};
    s->client = client_of(s->authority);
    rig_begin(&s->rig);
    rig_start_proxy(&s->rig, policy_of(&s->rig, rule), limits, s->inspection);
    s->puppet = rig_puppet(&s->rig, s->rig.client);
}

static inline void scene_open(struct scene *s, const char *rule)
{
    scene_open_with(s, rule, (struct egress_limits){0});
}

static inline void scene_close(struct scene *s)
{
    puppet_end(&s->puppet);
    rig_stop(&s->rig);
    SSL_CTX_free(s->client);
    egress_trust_free(s->inspection.trust);
    egress_authority_free(s->authority);
    egress_authority_free(s->origins);
}

static inline struct end *ask_plain(struct scene *s, const char *request, struct end **origin)
{
    struct buf text = {0};
    struct end *end = rig_tunnel(&s->rig, &s->puppet, "origin.test", origin);
    fill_in(&s->rig, request, &text);
    end_send(end, text.data);
    buf_free(&text);
    return end;
}

static inline struct tls_end tls_client(struct scene *s, const char *name, struct end **origin)
{
    struct tls_end t;
    SSL *ssl = SSL_new(s->client);
    struct end *end = rig_tunnel(&s->rig, &s->puppet, "origin.test", origin);
    SSL_set_tlsext_host_name(ssl, name);
    SSL_set1_host(ssl, name);
    SSL_set_connect_state(ssl);
    tls_end_begin(&t, end, ssl);
    tls_end_step(&t);
    return t;
}

/* It speaks HTTP/1.1. */
static inline struct tls_end tls_origin(struct scene *s, struct end *end, const char *name)
{
    struct tls_end t;
    tls_end_begin(&t, end, trust_origin(s->origins, name, "\x08http/1.1"));
    return t;
}

static inline void ask_within(const struct scene *s, struct tls_end *client, const char *request)
{
    struct buf text = {0};
    fill_in(&s->rig, request, &text);
    tls_end_send(client, text.data);
    buf_free(&text);
}

#endif
