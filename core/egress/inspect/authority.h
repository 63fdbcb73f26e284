/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate authority of one sandbox: what the proxy shows to clients whose TLS it inspects.
 *
 * The key is made when the authority is, stays in this process's memory and is never written; the
 * sandbox gets the certificate alone (RFC 5280).  Leaves are P-256 like the authority, share one
 * key, are good for serverAuth and valid for 30 days at most; they are kept for the next
 * connection.
 *
 * Ownership: what it returns lives as long as the authority.  One thread. */
#ifndef EGRESS_INSPECT_AUTHORITY_H
#define EGRESS_INSPECT_AUTHORITY_H

#include <openssl/ssl.h>

#include "base/error.h"

enum {
    EGRESS_LEAVES_MAX = 256,                        /* kept; the one unused for longest goes */
    EGRESS_LEAF_DAYS = 30,
};

struct egress_authority;

struct egress_authority *egress_authority_new(struct error *err);       /* NULL: err says why */
void egress_authority_free(struct egress_authority *authority);
/* The certificate in PEM, with a line break at its end. */
const char *egress_authority_pem(const struct egress_authority *authority);
/* The hash of its subject, for a name in a folder of certificates. */
unsigned long egress_authority_hash(const struct egress_authority *authority);

/* A TLS server for the host (canonical: a DNS name or an address), ready for net_tls_new: TLS 1.2
 * or later, ALPN h2, http/1.1 or http/1.0 where the client offers a list.  NULL: err says why. */
SSL *egress_authority_server(struct egress_authority *authority, const char *host,
                             struct error *err);
/* Before its handshake: the client is not offered HTTP/2. */
void egress_authority_only_http1(SSL *ssl);

#endif
