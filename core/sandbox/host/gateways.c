/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/host/gateways.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static int read_url(const char *url, struct host_gateway *out, struct error *err)
{
    char address[HTTP_ADDRESS_SIZE];
    struct error why;
    out->tls = strncmp(url, "https://", 8) == 0;
    if (!out->tls && strncmp(url, "http://", 7) != 0)
        return error_set(err, ERROR_MALFORMED,
                         "a gateway is https://HOST:PORT, not '%.200s'", url);
    const char *place = url + (out->tls ? 8 : 7);
    size_t len = strcspn(place, "/");
    snprintf(address, sizeof address, "tcp:%.*s", (int)len, place);
    if (place[len] && place[len + 1])
        return error_set(err, ERROR_MALFORMED, "a gateway's URL has no path: '%.200s'", url);
    if (http_address_parse(address, &out->address, &why) != 0 || !out->address.port)
        return error_set(err, ERROR_MALFORMED,
                         "a gateway is https://HOST:PORT, not '%.200s'", url);
    if (!out->tls &&
        !(out->address.resolved &&
          http_address_loopback((const struct sockaddr *)&out->address.ip)))
        return error_set(err, ERROR_INVALID,
                         "%.200s is not encrypted: policies and credentials would cross the "
                         "network in clear text; use https://", url);
    out->url = alloc_str(url);
    return 0;
}

static int open_tls(struct host_gateways *g, const char *ca, struct error *err)
{
    g->tls = SSL_CTX_new(TLS_client_method());
    if (!g->tls || !SSL_CTX_set_min_proto_version(g->tls, TLS1_2_VERSION))
        return error_set(err, ERROR_INTERNAL, "TLS cannot be set up");
    if (!(ca ? SSL_CTX_load_verify_file(g->tls, ca) : SSL_CTX_set_default_verify_paths(g->tls)))
        return error_set(err, ERROR_IO, "cannot read authorities from %s: it has to be a PEM file "
                         "of certificates", ca ? ca : "the system's folder");
    SSL_CTX_set_verify(g->tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(g->tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return 0;
}

int host_gateways_read(struct host_gateways *out, const char *urls, const char *ca,
                       struct error *err)
{
    char *copy = alloc_str(urls), *rest = NULL;
    int rc = 0;
    *out = (struct host_gateways){.n = 0};
    for (char *url = strtok_r(copy, ", ", &rest); url && rc == 0; url = strtok_r(NULL, ", ", &rest))
        if (out->n == HOST_GATEWAYS_MAX)
            rc = error_set(err, ERROR_LIMIT, "a host has at most %d gateways", HOST_GATEWAYS_MAX);
        else if ((rc = read_url(url, &out->list[out->n], err)) == 0)
            out->n++;
    free(copy);
    if (rc == 0 && !out->n)
        rc = error_set(err, ERROR_MALFORMED, "a host needs a gateway: --gateway https://HOST:PORT");
    if (rc == 0)
        rc = open_tls(out, ca, err);
    if (rc != 0)
        host_gateways_free(out);
    return rc;
}

void host_gateways_free(struct host_gateways *g)
{
    for (size_t i = 0; i < g->n; i++)
        free(g->list[i].url);
    SSL_CTX_free(g->tls);
    *g = (struct host_gateways){.n = 0};
}

static bool expect(SSL *ssl, const char *host)
{
    static const unsigned char protocols[] = "\x08http/1.1";
    if (SSL_set_alpn_protos(ssl, protocols, sizeof protocols - 1) != 0)
        return false;
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host))
        return true;
    return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

SSL *host_gateway_ssl(const struct host_gateways *gateways, const struct host_gateway *gateway)
{
    SSL *ssl = SSL_new(gateways->tls);
    if (ssl && expect(ssl, gateway->address.host)) {
        SSL_set_connect_state(ssl);
        return ssl;
    }
    SSL_free(ssl);
    return NULL;
}
