/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a test, compared with what the test expects.
 *
 * Ownership: answer_clear releases what an answer holds; a verdict lives in the arena given. */
#ifndef TESTKIT_ANSWER_H
#define TESTKIT_ANSWER_H

#include <jansson.h>

#include "testkit/suite.h"

#define ANSWER_STATES(X)                                                                  \
    X(NOT_RUN,    "not run",    "nobody asked")                                           \
    X(VOTED,      "voted",      "every voter was asked")                                  \
    X(NOT_LOADED, "not loaded", "the voter or chain was refused")                         \
    X(CRASHED,    "crashed",    "its process ended, or was ended for taking too long")

enum answer_state {
#define X(id, word, meaning) ANSWER_##id,
    ANSWER_STATES(X)
#undef X
};

struct answer {
    enum answer_state state;
    json_t *votes;                                  /* as in an update document; or NULL */
    const char *outcome;                            /* such as "held"; "" unless VOTED */
    char *text;                                     /* why not loaded, how crashed; or NULL */
    char *output;                                   /* what it wrote before it crashed; NULL else */
    int64_t duration_us;                            /* of the votes */
};

void answer_clear(struct answer *answer);

/* One difference from what is expected.  Texts have no line breaks, except in got. */
struct mismatch {
    const char *what, *wanted, *got;                /* wanted "": nothing was wanted */
};

struct judgement {
    const struct mismatch *items;
    size_t n;                                       /* 0: passed */
};

void judge(const struct test *test, const struct answer *answer, struct arena *arena,
           struct judgement *out);

const char *answer_member(const json_t *object, const char *key);   /* "" where there is none */

#endif
