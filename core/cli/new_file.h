/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_NEW_FILE_H
#define CLI_NEW_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Makes a file that is not there yet and writes it to the disk.  folder: a descriptor, or AT_FDCWD.
 * False: errno says why, and it is not there. */
bool new_file(int folder, const char *name, mode_t mode, const char *bytes, size_t len);

#endif
