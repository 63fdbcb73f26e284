/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest policy that allows what was recorded, and nothing beyond a ceiling.
 *
 * A rule for each program, an endpoint for each host and port of it, and an entry for each method
 * and path, or for each call where the ceiling judges calls.  The ceiling says how a connection is
 * treated: its protocol, its addresses, its limits.  Queries are not on record, so an entry takes
 * any; HEAD needs no entry beside GET.
 *
 * What no rule can say exactly is left out with its reason: a text that a rule reads as a pattern,
 * that is not what was sent, or a program that is not known.
 *
 * What is learned is proved by the decisions of core/policy/match and by the effect of
 * core/policy/effect: everything else on record passes, nothing passes that the ceiling refuses,
 * and without any part something on record does not pass.  A proof that fails is an error.
 *
 * Pure, any thread.  Results live in the arena and borrow what was given. */
#ifndef POLICY_LEARN_H
#define POLICY_LEARN_H

#include "policy/learn/seen.h"
#include "policy/policy.h"

struct error;

/* A part of the document, by its path: a rule, an endpoint or an entry. */
struct policy_learned_part {
    const char *path;
    struct policy_evidence evidence;
};

struct policy_learned {
    struct policy *policy;                          /* kept by the arena; static sections and
                                                     * middlewares are the ceiling's */
    const struct policy_learned_part *parts;        /* in the document's order */
    size_t n_parts;
    const struct policy_left_out *left_out;
    size_t n_left_out;
    uint64_t count;                                 /* of what it was learned from */
};

/* -1: err says what is outside the ceiling, or which proof failed. */
int policy_learn(const struct policy_learning *learning, struct arena *arena,
                 struct policy_learned *out, struct error *err);

/* Appends the document as YAML, with its evidence as comments.  -1: it would not read back as the
 * same policy. */
int policy_learned_print(const struct policy_learned *learned, struct buf *out);

#endif
