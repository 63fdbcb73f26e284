/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates of an authority and of the servers it stands for (RFC 5280).  The caller owns
 * what is returned; NULL: OpenSSL refused.  Any thread. */
#ifndef EGRESS_INSPECT_CERTIFICATE_H
#define EGRESS_INSPECT_CERTIFICATE_H

#include <openssl/x509.h>

enum { EGRESS_LEAF_DAYS = 30, EGRESS_AUTHORITY_DAYS = 3650 };

/* A new key on P-256. */
EVP_PKEY *egress_certificate_key(void);
X509 *egress_certificate_authority(EVP_PKEY *key);
/* For a host: a DNS name, or an address, which becomes an iPAddress name. */
X509 *egress_certificate_leaf(X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key, const char *host);

#endif
