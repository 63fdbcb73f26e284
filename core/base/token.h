/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens that `sluice token create` makes: "sluice_", 160 random bits and a checksum, all in
 * hexadecimal.  They cannot be guessed from a digest, so a plain SHA-256 is enough to keep.  Any thread. */
#ifndef BASE_TOKEN_H
#define BASE_TOKEN_H

#include <stdbool.h>

enum { TOKEN_SIZE = 7 + 40 + 8 + 1 };

char *token_make(char out[TOKEN_SIZE]);
bool token_is_random(const char *text);             /* it was made by token_make */

#endif
