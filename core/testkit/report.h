/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of a run, several at once: one on stdout, others in files.
 *
 * Ownership: reports_open makes them, reports_close writes what is left and frees them.  What a
 * call is handed is borrowed for that call.  One thread. */
#ifndef TESTKIT_REPORT_H
#define TESTKIT_REPORT_H

#include <stdio.h>

#include "base/error.h"
#include "testkit/answer.h"
#include "testkit/cover.h"

#define RESULTS(X) \
    X(PASSED, "passed") X(FAILED, "failed") X(CRASHED, "crashed") X(SKIPPED, "skipped")

enum result {
#define X(id, word) RESULT_##id,
    RESULTS(X)
#undef X
    RESULT_COUNT
};

const char *result_word(enum result result);

struct report_test {
    size_t number;                                  /* from 1 */
    enum result result;
    const struct test *test;
    const struct answer *answer;
    const struct judgement *judgement;
    const char *again;                              /* the command that runs it again */
};

struct report_sum {
    size_t n_tests, counts[RESULT_COUNT];
    int64_t duration_us;
    bool shuffled;
    uint64_t seed;
    const struct cover *cover;                      /* NULL: not asked for */
};

struct report {
    const struct report_ops *ops;
    FILE *to;
    bool quiet, colour;
    void *state;                                    /* the format's own */
};

struct report_ops {
    const char *name;
    void (*begin)(struct report *r, const struct report_sum *sum);
    void (*test)(struct report *r, const struct report_test *t);
    void (*end)(struct report *r, const struct report_sum *sum);
};

extern const struct report_ops report_pretty, report_tap, report_junit, report_json, report_html;

struct reports;

/* specs: FORMAT or FORMAT=FILE.  NULL with err (ERROR_INVALID) for an unknown format, or two on
 * stdout.  Without one on stdout there is the pretty one. */
struct reports *reports_open(const char *const *specs, size_t n, bool quiet, struct error *err);
void reports_begin(struct reports *reports, const struct report_sum *sum);
void reports_test(struct reports *reports, const struct report_test *t);
void reports_end(struct reports *reports, const struct report_sum *sum);
/* -1: a file could not be written. */
int reports_close(struct reports *reports, struct error *err);

#endif
