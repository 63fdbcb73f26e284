/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the sources that scripts/cmake/SluiceFiles.cmake writes into a program. */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

/* A table of them ends with a row without a name. */
struct embedded_file {
    const char *name;
    const char *etag;                               /* quoted, of its bytes */
    const unsigned char *bytes;
    size_t len;
};

#endif
