/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/runtime: one start of a sandbox, on its way between the loop and a worker thread. */
#ifndef RUNTIME_START_START_H
#define RUNTIME_START_START_H

#include "runtime/sandbox.h"
#include "sandbox/site/place.h"

struct start {
    struct runtime *all;
    char *id;
    runtime_done *done;
    void *arg;
    struct arena *arena;
    struct store_sandbox record;
    struct store_revision revision;
    char token[DIGEST_HEX_SIZE], token_hash[DIGEST_HEX_SIZE];
    struct site_place site; /* its uid_lock: the sandbox's own until one is claimed */
    struct buf place;                               /* for a sandbox on a host: the message to it */
    struct error err;
    int rc;
};

/* Reads the record, makes its folders, claims its uid, makes its cgroups and writes what its
 * supervisor reads: st->rc, and st->err why not.  Worker thread. */
void start_prepare(struct start *st);

#endif
