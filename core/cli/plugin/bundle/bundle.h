/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/cli/plugin: a voter with its cases, as `plugin publish` packs it into an archive and
 * `plugin install` unpacks it.
 *
 * What comes from an archive is hostile until bundle_add has taken it: regular files alone, with
 * plain names below the folder, no name twice, and bounds on all.  Blocks; one thread. */
#ifndef CLI_PLUGIN_BUNDLE_BUNDLE_H
#define CLI_PLUGIN_BUNDLE_BUNDLE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"

enum { BUNDLE_FILES_MAX = 256, BUNDLE_NAME_MAX = 100, BUNDLE_BYTES_MAX = 64 << 20 };

struct bundle_file {
    const char *name;                               /* relative, with '/' */
    bool executable;
    struct buf bytes;
};

/* Names live in the arena, which is the caller's. */
struct bundle {
    struct arena *arena;
    struct bundle_file files[BUNDLE_FILES_MAX];
    size_t n, bytes;
};

/* Each -1 with err. */
int bundle_add(struct bundle *bundle, const char *name, bool executable, const char *bytes,
               size_t len, struct error *err);
int bundle_add_file(struct bundle *bundle, const char *name, const char *path, struct error *err);
/* NULL: there is none of this name. */
const struct bundle_file *bundle_find(const struct bundle *bundle, const char *name);
void bundle_free(struct bundle *bundle);            /* but for the arena */

/* tar.c: a tar archive, with its files below one folder.  The same files make the same bytes. */
void bundle_write_tar(const struct bundle *bundle, const char *folder, struct buf *out);
int bundle_read_tar(const char *bytes, size_t len, struct bundle *out, struct error *err);

/* gzip.c */
int gzip_pack(const struct buf *plain, struct buf *out, struct error *err);
/* What is no gzip is left as it is.  At most max bytes. */
int gzip_unpack(struct buf *bytes, size_t max, struct error *err);

/* folder.c: writes the files into a folder that exists; removes one with all that is in it. */
int bundle_unpack(const struct bundle *bundle, const char *folder, struct error *err);
int folder_remove(const char *folder, struct error *err);

#endif
