/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tests of a suite in parallel worker processes and reports them in their order.
 *
 * A worker runs the tests of one voter with one set of options.  If it crashes or takes too long,
 * its current test counts as crashed and another worker continues with the next one.
 *
 * Ownership: run_free releases the results; suite and settings are borrowed until then.  One
 * thread. */
#ifndef TESTKIT_RUN_H
#define TESTKIT_RUN_H

#include "testkit/report.h"
#include "testkit/stage.h"

struct run_settings {
    struct stage_settings stage;
    unsigned jobs, timeout_s;                       /* timeout_s: of each test */
    bool fail_fast;
};

struct run_result {
    enum result result;
    struct answer answer;
    struct judgement judgement;
};

struct run {
    struct arena *arena;
    struct run_result *results;                     /* one for each test of the suite */
    struct report_sum sum;
};

/* cover: filled unless NULL. */
void run_suite(struct run *run, const struct suite *suite, const struct run_settings *settings,
               struct cover *cover, struct reports *reports);
void run_free(struct run *run);

#endif
