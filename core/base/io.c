/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <errno.h>
#include <unistd.h>

int io_write_all(int fd, const void *bytes, size_t len)
{
    for (const char *rest = bytes; len > 0;) {
        ssize_t n = write(fd, rest, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        rest += n;
        len -= (size_t)n;
    }
    return 0;
}
