/* SPDX-License-Identifier: Apache-2.0 */
/* Maps a checked shared object from a sealed copy of its own, so that
 *   - what was checked is what runs, whatever becomes of the file meanwhile;
 *   - overwriting an installed plugin in place cannot touch one that is running;
 *   - two voters of one file share no data, and no reload meets code of the load before.
 * Ownership: image_copy fills a struct that image_close empties again.  Any thread; blocks. */
#ifndef CHAIN_NATIVE_IMAGE_H
#define CHAIN_NATIVE_IMAGE_H

#include "chain/codefile.h"

struct image {
    void *handle;                                   /* of dlopen; NULL: not mapped */
    int fd;                                         /* of the copy */
};

#define IMAGE_NONE {NULL, -1}

int image_copy(const struct codefile *file, struct image *out, struct error *err);
/* Runs its constructors.  path: what the copy was made from, for messages. */
int image_map(struct image *image, const char *path, struct error *err);
void image_close(struct image *image);              /* IMAGE_NONE is fine */

#endif
