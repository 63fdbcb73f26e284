/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/testkit: the work of a worker for the runner, and its messages.
 *
 *     {"loaded": [{name, path, codes: [...], options: [...]}]}   or   {"refused": "why"}
 *     {"votes": [...], "outcome": "denied", "us": 12}   for each test, in order; with "died": "how"
 *                          when a voter's own process ended over it: the worker then ends as well
 *     {"lines": [{line: ran}, ...]}   of each voter, if they are to be covered
 *     {"closed": true}   the voters are closed as well */
#ifndef TESTKIT_BATCH_H
#define TESTKIT_BATCH_H

#include <jansson.h>

#include "testkit/stage.h"

struct batch {
    const struct test *tests;
    size_t n;
    const struct stage_settings *settings;
    bool cover;                                     /* the lines of Lua voters */
};

void batch_run(int to, void *batch);                /* a worker_fn */

#endif
