/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/console: the files of page/, which scripts/cmake/SluiceFiles.cmake writes into the
 * program. */
#ifndef CONSOLE_FILES_H
#define CONSOLE_FILES_H

#include <stddef.h>

struct console_file {
    const char *name;
    const char *etag;                               /* quoted, of its bytes */
    const unsigned char *bytes;
    size_t len;
};

extern const struct console_file console_files[];   /* ended by a row without a name */

#endif
