/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the proxy trusts upstream, and the sessions it may go on with there.
 *
 * The roots are the system's and those of egress.extra_ca, read once.  The same PEM text, followed
 * by the sandbox's own authority, is the sandbox's bundle, so what an uninspected connection
 * trusts is what an inspected one does.
 *
 * Ownership: what it returns lives as long as the trust.  One thread. */
#ifndef EGRESS_INSPECT_TRUST_H
#define EGRESS_INSPECT_TRUST_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Kept in all, and for each host and port. */
enum { EGRESS_SESSIONS_MAX = 256, EGRESS_SESSIONS_OF_PLACE = 16 };

struct egress_trust;

/* extra_ca: a PEM file, or "" for none.  NULL: err says why, such as a file without certificates.
 * A system without roots is no error: then the extra ones alone are trusted. */
struct egress_trust *egress_trust_new(const char *extra_ca, struct error *err);
void egress_trust_free(struct egress_trust *trust);
/* All roots in PEM. */
const struct buf *egress_trust_pem(const struct egress_trust *trust);
/* The subject hashes of the extra ones, for names in a folder of certificates. */
const unsigned long *egress_trust_extra(const struct egress_trust *trust, size_t *n);

/* What it offers by ALPN, the preferred one first. */
enum egress_protocols { EGRESS_HTTP_1_1, EGRESS_HTTP_2_OR_1_1, EGRESS_HTTP_1_1_OR_2 };

/* A TLS client for the host (canonical: a DNS name or an address), ready for net_tls_new: it
 * verifies the certificate for that host, asks for it by SNI unless it is an address, and offers
 * the session that it got there last.  One of TLS 1.3 is offered once (RFC 8446, C.4).  NULL: err
 * says why. */
SSL *egress_trust_client(struct egress_trust *trust, const char *host, uint16_t port,
                         enum egress_protocols protocols, struct error *err);

#endif
