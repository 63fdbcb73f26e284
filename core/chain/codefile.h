/* SPDX-License-Identifier: Apache-2.0 */
/* A file of code (a shared object or a script), checked and read once.  The code runs from the copy
 * made here, so what was checked is what runs.
 *
 * Refused, each with the path: a file that is missing, no regular file, too large, or a symbolic
 * link out of its folder; a file or folder that a user other than root and the gateway's own owns
 * or may write (a sticky folder such as /tmp further up is allowed); content that differs from its
 * pin.
 *
 * Ownership: codefile_read fills a struct that codefile_close releases.  Any thread; blocks. */
#ifndef CHAIN_CODEFILE_H
#define CHAIN_CODEFILE_H

#include <stddef.h>

#include "base/digest.h"
#include "base/error.h"

enum { CODEFILE_BYTES_MAX = 64 << 20 };

struct codefile {
    char *path;                                     /* absolute, without symbolic links */
    unsigned char *bytes; /* followed by a NUL byte that size does not count */
    size_t size;
    char sha256[DIGEST_HEX_SIZE];
};

/* path: absolute or relative to the working directory.  pin: a SHA-256 in hex, NULL or "": none. */
int codefile_read(const char *path, const char *pin, size_t max_bytes, struct codefile *out,
                  struct error *err);
void codefile_close(struct codefile *file);         /* {0} is fine */

#endif
