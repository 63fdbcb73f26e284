/* SPDX-License-Identifier: Apache-2.0 */
/* Who is calling: the program that opened a connection, and the programs it was started by.  Owned
 * by whoever has it: egress_caller_free. */
#ifndef EGRESS_CALLER_CALLER_H
#define EGRESS_CALLER_CALLER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { EGRESS_ANCESTORS_MAX = 64 };

struct egress_caller {
    pid_t pid;
    char *binary;                                   /* NULL: unknown */
    char **ancestors;                               /* nearest first, the sandbox's init left out */
    pid_t *ancestor_ids;                            /* of the same processes */
    size_t n_ancestors;
    int64_t at_ms;                                  /* when this was read, by CLOCK_BOOTTIME */
};

void egress_caller_free(struct egress_caller *caller);

#endif
