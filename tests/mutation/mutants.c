/* SPDX-License-Identifier: Apache-2.0 */
#include "mutants.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST = 1 << 16 };

static int chosen = -1, list = -1;
static atomic_bool reached[MOST];

__attribute__((constructor(101))) static void begin(void)
{
    const char *number = getenv("MUTANT"), *file = getenv("MUTANT_LIST");
    chosen = number ? atoi(number) : -1;
    list = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (list >= 0 && dup3(list, 950, O_CLOEXEC) == 950) {
        close(list);
        list = 950;                                 /* where no test counts descriptors */
    }
}

_Bool mutant(int number)
{
    if (list >= 0 && !atomic_exchange(&reached[number], 1)) {
        char line[16];
        int n = snprintf(line, sizeof line, "%d\n", number);
        if (write(list, line, (size_t)n) != n)
            abort();
    }
    return number == chosen;
}
