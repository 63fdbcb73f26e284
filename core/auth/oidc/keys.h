/* SPDX-License-Identifier: Apache-2.0 */
/* The keys by which an issuer signs: a JWK Set (RFC 7517).  Immutable; any thread. */
#ifndef AUTH_OIDC_KEYS_H
#define AUTH_OIDC_KEYS_H

#include "auth/oidc/jwt.h"

enum { OIDC_KEYS_MAX = 64 };

struct oidc_keys;

/* Keys of other kinds, for other uses, or too weak (RSA below 2048 bits) are passed over.  NULL
 * with err: it is no set of keys, or none of them is of use. */
struct oidc_keys *oidc_keys_read(const char *json, size_t len, struct error *err);
void oidc_keys_free(struct oidc_keys *keys);        /* NULL is fine */
size_t oidc_keys_count(const struct oidc_keys *keys);

enum oidc_signature {
    OIDC_SIGNED,
    OIDC_FORGED,                                    /* not by the key that it names */
    OIDC_NO_KEY,                                    /* the key that it names is not there */
};
/* A token that names no key may be signed by any of its algorithm.  keys NULL: there are none. */
enum oidc_signature oidc_keys_check(const struct oidc_keys *keys, const struct jwt *jwt);

#endif
