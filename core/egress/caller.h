/* SPDX-License-Identifier: Apache-2.0 */
/* Who is calling: the program at the client's end of a connection, and the programs it was
 * started by.  Owned by whoever has it: egress_caller_free.  One thread at a time. */
#ifndef EGRESS_CALLER_H
#define EGRESS_CALLER_H

#include "egress/diag.h"

#include <stddef.h>
#include <sys/types.h>

enum { EGRESS_ANCESTORS_MAX = 64 };

struct egress_caller {
    pid_t pid;                                      /* 0: not identified */
    char *binary;                                   /* "" when it was not */
    char **ancestors;                               /* nearest first, the sandbox's init left out */
    size_t n_ancestors;
};

struct egress_identity {
    int diag_fd;
    pid_t init_pid;
};

/* Asks the kernel which processes hold the client's socket at this moment.  A process that was
 * forked by another one and still runs its program counts as that one; beyond that all of them
 * must be the same program with the same ancestors.  -1 with err: DENIED when the caller cannot
 * be told, anything else when the kernel cannot be asked.  out is valid either way. */
int egress_identify(const struct egress_identity *identity, const struct egress_ends *ends,
                    struct egress_caller *out, struct error *err);
void egress_caller_free(struct egress_caller *caller);

#endif
