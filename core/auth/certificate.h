/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a client's certificate is: entries of `auth.certificates` in the configuration.  Plain
 * values. */
#ifndef AUTH_CERTIFICATE_H
#define AUTH_CERTIFICATE_H

#include "doc/schema.h"

struct net_certificate;

struct auth_certificate {
    const char *subject;                            /* as net_certificate has it, or dns:NAME */
    const char *role;                               /* auth/roles.h */
    const char *name;                               /* in records; the subject unless it is given */
};
extern const struct schema auth_certificate_schema;

/* The first entry that the certificate fits; NULL: none does, or it has expired. */
const struct auth_certificate *auth_certificate_find(const struct auth_certificate *const *entries,
                                                     size_t n,
                                                     const struct net_certificate *certificate,
                                                     int64_t now_ms);

#endif
