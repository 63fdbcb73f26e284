/* SPDX-License-Identifier: Apache-2.0 */
/* Values sealed by AES-256-GCM.  Any thread. */
#ifndef SECRET_SEAL_H
#define SECRET_SEAL_H

#include <stddef.h>

struct error;

enum { SECRET_KEY_BYTES = 32, SECRET_VALUE_MAX = 8192 };

struct secret_key {
    unsigned char bytes[SECRET_KEY_BYTES];
};

/* What a value belongs to: one that is moved elsewhere does not open. */
struct secret_owner {
    const char *provider_id, *name;
};

/* Sealed text, printable; the caller frees it.  Each call makes another one. */
char *secret_seal(const struct secret_key *key, const struct secret_owner *owner,
                  const char *value);
/* The value, which the caller frees with secret_free.  NULL: err says why, and names no value. */
char *secret_open(const struct secret_key *key, const struct secret_owner *owner,
                  const char *sealed, struct error *err);
/* Overwrites the text and frees it; NULL is fine. */
void secret_free(char *value);
/* Why the text cannot be a value: it has to fit in a header field.  NULL: it can. */
const char *secret_value_refused(const char *value);

#endif
