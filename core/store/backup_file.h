/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup looks like before it is opened. */
#ifndef STORE_BACKUP_FILE_H
#define STORE_BACKUP_FILE_H

#include <stdbool.h>

/* Whether an open file begins as a backup does.  Its position stays.  false with errno 0: it does
 * not; else errno says why it cannot be read.  Any thread. */
bool store_is_backup(int fd);

#endif
