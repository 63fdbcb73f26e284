/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer's verified certificate says about who it is: its subject and its DNS names.
 *
 * Ownership: shared by reference count, the loop's thread only. */
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct net_certificate {
    unsigned refs;
    char *subject;                                  /* RFC 4514; "" where it is empty */
    char **dns;                                     /* subjectAltName, without names with NUL */
    size_t n_dns;
    int64_t expires_s;                              /* since 1970 */
};

/* The peer's certificate; NULL: it showed none, or it was not verified. */
struct net_certificate *net_certificate_of(SSL *ssl);
struct net_certificate *net_certificate_ref(struct net_certificate *certificate);
void net_certificate_unref(struct net_certificate *certificate);

/* A subject as people write it: without spaces around the ',' and '+' between its parts and around
 * '=', and with types in capitals, as net_certificate has it.  The caller frees it. */
char *net_certificate_subject(const char *text);

#endif
