/* SPDX-License-Identifier: Apache-2.0 */
/* Who is calling: the program at the client's end of a connection, and the programs it was
 * started by.  Owned by whoever has it: egress_caller_free. */
#ifndef EGRESS_CALLER_H
#define EGRESS_CALLER_H

#include "base/error.h"
#include "egress/diag.h"

#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

enum { EGRESS_ANCESTORS_MAX = 64 };

struct egress_caller {
    pid_t pid;                                      /* 0: not identified */
    char *binary;                                   /* "" when it was not */
    char **ancestors;                               /* nearest first, the sandbox's init left out */
    size_t n_ancestors;
};

struct egress_identity {
    int diag_fd;                                    /* asked by one thread at a time ... */
    uint32_t asked;                                 /* ... so often ... */
    uv_mutex_t diag_lock;                           /* ... which this is for */
    int init_children;                              /* egress_children_open of the sandbox's PID 1 */
    unsigned look_ms;                               /* the longest look */
};

/* The inode of the client's socket; 0 when no process holds it any more.  -1 with err when the
 * kernel could not be asked.  Any thread. */
int egress_client_inode(struct egress_identity *identity, const struct egress_ends *ends,
                        uint32_t *inode, struct error *err);

struct egress_question {
    struct egress_ends ends;
    uint32_t inode;
    bool answered;                                  /* else err says why not: DENIED when the caller
                                                     * cannot be told, anything else when the kernel
                                                     * cannot be asked */
    struct egress_caller caller;                    /* valid either way */
    struct error err;
};

/* Asks the kernel which processes hold the clients' sockets at this moment, one look for all.  A
 * process that was forked by another one and still runs its program counts as that one; beyond that
 * all holders of a socket must be the same program with the same ancestors.  Better not on the
 * loop's thread: it may take look_ms, which the workload decides. */
void egress_identify(struct egress_identity *identity, struct egress_question *questions, size_t n);
void egress_caller_free(struct egress_caller *caller);

#endif
