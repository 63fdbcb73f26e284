/* SPDX-License-Identifier: Apache-2.0 */
/* The gateways of a host: where they are, and how they are recognised.
 *
 * One of them is in use; when it cannot be reached the next one is.  Ownership: the maker frees
 * them, after all that was made of them.  Loop thread only. */
#ifndef SANDBOX_HOST_GATEWAYS_H
#define SANDBOX_HOST_GATEWAYS_H

#include <openssl/ssl.h>

#include "base/error.h"
#include "http/address.h"

enum { HOST_GATEWAYS_MAX = 16 };

struct host_gateway {
    char *url;
    struct http_address address;                    /* tcp */
    bool tls;
};

struct host_gateways {
    struct host_gateway list[HOST_GATEWAYS_MAX];
    size_t n, current;
    SSL_CTX *tls;
};

/* urls: https://HOST:PORT, with commas between; http:// for an address of this machine alone.  ca:
 * PEM file of the authorities; NULL: those of the system.  -1: err says what is wrong. */
int host_gateways_read(struct host_gateways *out, const char *urls, const char *ca,
                       struct error *err);
void host_gateways_free(struct host_gateways *gateways);
/* For a connection to this one: its certificate has to be for its host.  NULL: OpenSSL refused. */
SSL *host_gateway_ssl(const struct host_gateways *gateways, const struct host_gateway *gateway);

#endif
