/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to blocking descriptors. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>

/* Writes everything, however many calls it takes.  -1: errno says why, and a part may be
 * written. */
int io_write_all(int fd, const void *bytes, size_t len);

#endif
