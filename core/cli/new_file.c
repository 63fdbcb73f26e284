/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

bool new_file(int folder, const char *name, mode_t mode, const char *bytes, size_t len)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (fd < 0)
        return false;
    bool ok = file && fwrite(bytes, 1, len, file) == len && fflush(file) == 0 && fsync(fd) == 0;
    int error = errno;
    if (file ? fclose(file) != 0 : close(fd) != 0)
        ok = false;
    if (!ok)
        unlinkat(folder, name, 0);
    errno = error;
    return ok;
}
