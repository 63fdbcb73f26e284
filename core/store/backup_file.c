/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A backup is a store of SQLite; its file begins with this and a NUL. */
static const char head[] = "SQLite format 3";

bool store_is_backup(int fd)
{
    char is[sizeof head];
    errno = 0;
    return pread(fd, is, sizeof is, 0) == (ssize_t)sizeof is && memcmp(is, head, sizeof is) == 0;
}
