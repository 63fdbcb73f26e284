/* SPDX-License-Identifier: Apache-2.0 */
/* Makes X.509 certificates: of authorities, and of servers and clients (RFC 5280).  The caller owns
 * what is returned; NULL: OpenSSL refused.  Any thread. */
#ifndef NET_ISSUE_H
#define NET_ISSUE_H

#include <openssl/x509.h>
#include <stddef.h>

/* A new key on P-256. */
EVP_PKEY *issue_key(void);
/* Of an authority with the subject CN=name,O=sluice. */
X509 *issue_authority(EVP_PKEY *key, const char *name, long days);

struct issue {
    X509 *issuer;
    EVP_PKEY *issuer_key, *key;
    const char *name;                               /* CN; NULL: the subject is empty */
    const char *const *hosts;                       /* DNS names, and addresses as iPAddress */
    size_t n_hosts;
    const char *usage;                              /* "serverAuth" or "clientAuth" */
    long days;
};
X509 *issue_certificate(const struct issue *issue);

#endif
