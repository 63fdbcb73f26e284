/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON Web Token (RFC 7519) as its bearer sends it: three parts in base64url (RFC 7515).  What it
 * says is not to be believed before oidc_keys_check.  Any thread. */
#ifndef AUTH_OIDC_JWT_H
#define AUTH_OIDC_JWT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

enum { JWT_BYTES_MAX = 16 * 1024 };

enum jwt_algorithm { JWT_RS256, JWT_ES256, JWT_EDDSA, JWT_ALGORITHMS };
extern const char *const jwt_algorithm_words[];     /* as RFC 7518 and RFC 8037 have them */

struct jwt {
    json_t *header, *claims;
    enum jwt_algorithm algorithm;
    const char *key;                                /* the header's kid; NULL: none */
    const char *text;                               /* what is signed: borrowed from the token */
    size_t text_len;
    struct buf signature;
};

/* Whether it has the form of one: no other token of a bearer has two dots. */
bool jwt_is_one(const char *token);
/* -1: err says what is wrong with it.  Always to be followed by jwt_free. */
int jwt_read(const char *token, struct jwt *out, struct error *err);
void jwt_free(struct jwt *jwt);

/* Base64url without padding.  -1: it is not that. */
int jwt_decode_part(const char *text, size_t len, struct buf *out);

#endif
