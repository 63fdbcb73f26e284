/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/testkit: whole files, and names relative to other files. */
#ifndef TESTKIT_FILE_H
#define TESTKIT_FILE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* The caller frees out, whatever is returned. */
int file_read(const char *path, size_t max_bytes, struct buf *out, struct error *err);
/* The same of a file that a case names: a regular one below the folder, whatever links there
 * are. */
int file_read_below(const char *folder, const char *path, size_t max_bytes, struct buf *out,
                    struct error *err);
/* Whether path, its links followed, is a regular file below the folder. */
bool file_is_below(const char *folder, const char *path);
/* Replaces a file at once: a reader sees the old text or the new one. */
int file_write(const char *path, const char *text, size_t len, struct error *err);
/* A path written in a file of the folder. */
const char *file_beside(struct arena *arena, const char *folder, const char *path);
bool file_ends_with(const char *path, const char *suffix);

#endif
