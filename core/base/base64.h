/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 section 4).  Any thread. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/buf.h"

void base64_encode(const void *bytes, size_t len, struct buf *out);     /* with padding */
/* Appends the bytes; the text may lack its padding.  -1: it is not base64; out keeps its length. */
int base64_decode(const char *text, size_t len, struct buf *out);

#endif
