/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding of what is put into a path or a query (RFC 3986, 2.1 and 2.3).  Any thread. */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A letter or a digit of ASCII, or one of "-._~": what is never encoded. */
bool percent_is_unreserved(unsigned char c);
/* Adds the bytes; each that is not unreserved becomes "%" and two upper-case digits. */
void percent_encode(struct buf *out, const char *bytes, size_t len);

#endif
