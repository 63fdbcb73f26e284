/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of a run: every case of every file, once for each kind that it lists.
 *
 * Ownership: suite_read fills a suite that suite_free releases.  Thread: immutable once read. */
#ifndef TESTKIT_SUITE_H
#define TESTKIT_SUITE_H

#include "testkit/case.h"

struct test {
    const struct case_file *file;
    const struct case_item *item;
    enum sluice_kind kind;
    const char *name;                               /* with its row, and kind if several */
    unsigned run;                                   /* of --repeat, from 1 */
};

struct suite {
    struct arena *arena;
    const struct case_file **files;
    size_t n_files;
    struct test *tests;                             /* one subject's side by side */
    size_t n_tests;
    char *errors;                                   /* "" or a line for each problem */
};

struct suite_filter {
    const char *run;                                /* a regular expression for names; NULL: all */
    unsigned repeat;                                /* 0 counts as 1 */
    bool shuffle;
    uint64_t seed;
};

/* -1: suite->errors says why.  A folder is searched for *.test.yaml, in byte order. */
int suite_read(struct suite *suite, const char *const *paths, size_t n,
               const struct suite_filter *filter);
void suite_free(struct suite *suite);

/* Whether one load of the voter serves both. */
bool suite_same_subject(const struct test *a, const struct test *b);

#endif
