/* SPDX-License-Identifier: Apache-2.0 */
/* Maps a checked shared object from a sealed copy of its own, so that
 *   - what was checked is what runs, whatever becomes of the file meanwhile;
 *   - overwriting an installed plugin in place cannot touch one that is running;
 *   - two voters of one file share no data, and no reload meets code of the load before.
 * Ownership: image_open fills a struct that image_close unmaps.  Any thread; blocks. */
#ifndef CHAIN_NATIVE_IMAGE_H
#define CHAIN_NATIVE_IMAGE_H

#include "chain/codefile.h"

struct image_handle {
    void *handle;                                   /* of dlopen */
    int fd;
};

int image_open(const struct codefile *file, struct image_handle *out, struct error *err);
void image_close(struct image_handle *image);

#endif
