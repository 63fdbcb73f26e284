/* SPDX-License-Identifier: Apache-2.0 */
/* What a change of policy means: which reach is gained and which is lost.  Pure, any thread.
 *
 * Reach is a set of (host, port, binary) that policy_match() lets through, and where an endpoint is
 * inspected of (method, path) as well.  Two policies are compared as sets: names of rules, the way
 * endpoints are spread over rules and what others cover anyway make no difference.  Beyond that:
 *  - An endpoint that names a host lets it stand for internal addresses, which one with a wildcard
 *    does not (egress/destination/destination.h).  So naming a host that a wildcard covers gains
 * reach, as does any other change of the addresses that a name may stand for, allowed_ips included.
 *  - A path of a program is that text.  Where it is a link, the program that it leads to is reached
 *    under it, and a glob that matches the text does not let that program through (match/match.h).
 *  - A caller may match by its ancestors.  What is reached by a set of processes is what one of
 *    them reaches, so comparing single binaries compares them all; but where one of them may reach
 *    a host without inspection and another one with it, they are inspected, which is not seen here.
 *  - What cannot be decided counts as both gained and lost: credentials, other ways of looking into
 *    a connection, middlewares.
 *  - The static sections have no part in it.
 * The work is bounded.  What is too much to compare is SLUICE_BOTH with a note. */
#ifndef POLICY_EFFECT_H
#define POLICY_EFFECT_H

#include "base/arena.h"
#include <sluice/transition.h>

struct doc_writer;

/* A list of more entries, or of more bytes of text, ends with an entry that stands for
 * everything. */
enum { POLICY_REACH_MAX = 1024, POLICY_REACH_BYTES_MAX = 512 * 1024 };

struct policy_effect {
    enum sluice_relation relation;
    /* Together the entries of a list cover all that is gained, or lost.  An entry names the
     * patterns that open it; its example is one of those requests. */
    const struct sluice_reach *const *gained, *const *lost;
    size_t n_gained, n_lost;
    const char *note;                               /* why it could not be compared; "" if it was */
};

/* "same", "tightens", "loosens", "both", and back: -1 when it is none of them. */
const char *policy_relation_word(enum sluice_relation relation);
int policy_relation(const char *word);

/* from may be NULL (create).  The result lives in the arena and points into the policies. */
const struct policy_effect *policy_effect(const struct sluice_policy *from,
                                          const struct sluice_policy *to, struct arena *arena);

/* The member "effect" of documents: {relation, gained, lost}. */
void policy_effect_write(const struct policy_effect *effect, struct doc_writer *w);

#endif
