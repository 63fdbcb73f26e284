/* SPDX-License-Identifier: Apache-2.0 */
/* Uses of grants on file: what a supervisor let through, should it end before the gateway hears of
 * it.  The supervisor writes, the gateway reads before it starts the next one.
 *
 * A record is written before what it counts passes.  The file counts for the boot in which it was
 * made, as a machine that loses power may lose what was written last.  Records have one size and do
 * not cross a page, so a process that is killed leaves whole ones. */
#ifndef SANDBOX_WIRE_USES_H
#define SANDBOX_WIRE_USES_H

#include <stddef.h>
#include <stdint.h>

/* A new file without records; -1: errno says why. */
int sandbox_uses_open(const char *path, const char *boot);
/* The record with this number, from 0 on.  -1: errno says why; then nobody knows what it says. */
int sandbox_uses_write(int fd, size_t number, const char *chunk, int64_t used);
/* There are so many records. */
int sandbox_uses_cut(int fd, size_t n);

/* How often a grant was used by the supervisor that made the file: 0 where that never had it.  -1:
 * that is not known. */
int64_t sandbox_uses_read(const char *path, const char *boot, const char *chunk);

#endif
