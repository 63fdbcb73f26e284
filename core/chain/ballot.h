/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's side of a ballot.  It does not trust the voter.
 *
 * Ownership: ballot_begin borrows codes and arena; facts live in that arena, everything else in
 * the struct.  Thread: the one that the vote runs on.  No call reports an error to the voter:
 * ballot_finish reports the first mistake.
 *
 * What is enforced: deny and hold carry a code and a message; a code is at most SLUICE_CODE_MAX
 * bytes of [A-Za-z0-9_.-] and declared where the voter declares codes; messages and paths are cut
 * at SLUICE_MESSAGE_MAX and SLUICE_PATH_MAX bytes; invalid UTF-8 and control characters become
 * \xNN.  Long texts are cut and not refused, so that the length of a path never decides a vote. */
#ifndef CHAIN_BALLOT_H
#define CHAIN_BALLOT_H

#include "base/arena.h"
#include "base/error.h"
#include "chain/chain.h"
#include "chain/inspect/change.h"
#include <sluice/plugin.h>

enum { BALLOT_CHANGES_MAX = 65, BALLOT_CHANGE_MAX = 4 << 20, BALLOT_NAME_MAX = 256 };
enum { BALLOT_FACT_KEY_MAX = 64, BALLOT_FACT_VALUE_MAX = 1024, BALLOT_WRONG_MAX = 256 };

struct ballot {
    struct sluice_ballot face;                      /* what the voter gets */
    struct arena *arena;
    const struct sluice_code *codes;                /* NULL: any code may be cast */
    bool cast;                                      /* false: nothing was cast yet */
    enum sluice_verdict verdict;                    /* the last one cast */
    char code[SLUICE_CODE_MAX + 1];
    char path[SLUICE_PATH_MAX + 1];
    char message[SLUICE_MESSAGE_MAX + 1];
    char wrong[BALLOT_WRONG_MAX]; /* the first mistake of the voter; "" for none */
    struct chain_fact *facts; /* SLUICE_FACTS_MAX of them, or NULL before the first */
    size_t n_facts;
    bool may_change;                                /* a request; false after ballot_begin */
    struct inspect_change *changes;                 /* in the arena; NULL before the first */
    size_t n_changes, room;
};

/* Whether a code may be cast: 1 to SLUICE_CODE_MAX letters, digits, '_', '.' and '-'. */
bool ballot_is_code(const char *text);

/* codes: the voter's table, NULL if it declares none. */
void ballot_begin(struct ballot *ballot, struct arena *arena, const struct sluice_code *codes);

/* For every voter_ops.vote, with what the voter returned: -1 with err if a cast was wrong, nothing
 * was cast, or the returned verdict is not the last one cast. */
int ballot_finish(struct sluice_ballot *face, enum sluice_verdict returned, struct error *err);

#endif
