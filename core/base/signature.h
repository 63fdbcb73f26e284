/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 signatures, by libcrypto.  A key may be used by several threads at once. */
#ifndef BASE_SIGNATURE_H
#define BASE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { SIGNATURE_BYTES = 64, SIGNATURE_ID_SIZE = 17 };

struct signature_key;

/* A PEM file: of a private key, which can sign, or of a public one.  NULL: err says why. */
struct signature_key *signature_key_read(const char *path, struct error *err);
void signature_key_free(struct signature_key *key); /* NULL is fine */
/* Of its public half: the first 16 digits of the SHA-256 of its 32 bytes. */
const char *signature_key_id(const struct signature_key *key);
bool signature_key_signs(const struct signature_key *key);

int signature_make(const struct signature_key *key, const char *text,
                   unsigned char out[SIGNATURE_BYTES], struct error *err);
bool signature_check(const struct signature_key *key, const char *text,
                     const unsigned char signature[SIGNATURE_BYTES]);

#endif
