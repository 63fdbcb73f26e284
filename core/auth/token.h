/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens that `sluice token create` makes: "sluice_", 160 random bits and a checksum, all in
 * hexadecimal.  They cannot be guessed from a digest, so a plain SHA-256 is enough to keep.  Any
 * thread. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdbool.h>

#include "doc/schema.h"

enum { TOKEN_SIZE = 7 + 40 + 8 + 1 };

char *token_make(char out[TOKEN_SIZE]);
bool token_is_random(const char *text);             /* it was made by token_make */
/* It has only the characters of a bearer token (RFC 6750 section 2.1): no end of a line, which
 * would end the header field that it is sent in. */
bool token_is_bearer(const char *text);

/* Somebody who comes with a token of their own: an entry of `tokens` in the configuration. */
struct auth_token {
    const char *name, *sha256, *role;               /* role: auth/roles.h */
};
extern const struct schema auth_token_schema;

#define TOKEN_NAME_RULE \
    "the name of a token's bearer is 1 to 64 of a-z, A-Z, 0-9, '.', '_', '@' and '-', not '%s'"
bool token_name_is_good(const char *name);

#endif
