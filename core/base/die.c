/* SPDX-License-Identifier: Apache-2.0 */
#include "base/die.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

void die(const char *what)
{
    const struct iovec line[] = {{(void *)(uintptr_t) "sluice: ", 8},
                                 {(void *)(uintptr_t)what, strlen(what)},
                                 {(void *)(uintptr_t) "\n", 1}};
    (void)!writev(STDERR_FILENO, line, 3);
    abort();
}
