/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_CHAIN_SEAT_H
#define SLUICE_CHAIN_SEAT_H

/* A chain and the seats of its voters, as chain.c makes them and ask.c asks them.  Only the
 * counters change after chain_load: any thread may ask. */

#include <stdatomic.h>

#include "base/digest.h"
#include "chain/chain.h"
#include "chain/stats.h"
#include "chain/voter.h"

struct seat {
    struct voter *voter;
    bool alone;                                     /* in a process of its own */
    const char *isolation;                          /* the word for that */
    char *doc_path;                                 /* in the configuration */
    struct stats stats;
};

struct chain {
    atomic_size_t references;
    struct seat *seats;
    size_t n;
    _Atomic int64_t asked;
    char digest[DIGEST_HEX_SIZE];
    struct signature_key **signers;                 /* NULL: policies need no signature */
    bool signers_name_sandbox;
};

#endif
