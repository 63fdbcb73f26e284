/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 in hexadecimal and random identifiers, by libcrypto.  Any thread. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

enum { DIGEST_HEX_SIZE = 65, UUID_SIZE = 37 };

struct digest;                                      /* incremental; digest_hex ends and frees it */
struct digest *digest_new(void);
void digest_add(struct digest *digest, const void *bytes, size_t len);
/* The length first, then the bytes: two strings never run together. */
void digest_add_str(struct digest *digest, const char *text);
char *digest_hex(struct digest *digest, char out[DIGEST_HEX_SIZE]);

char *digest_of(const void *bytes, size_t len, char out[DIGEST_HEX_SIZE]);
char *digest_uuid(char out[UUID_SIZE]);             /* random, RFC 9562 version 4 */
char *digest_secret(char out[DIGEST_HEX_SIZE]);     /* 256 random bits */

#endif
