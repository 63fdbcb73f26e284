/* SPDX-License-Identifier: Apache-2.0 */
/* sluice plugin test and bench.
 *
 * Each returns an exit code.  Reports go to stdout and files; errors of the call or the case files
 * go to stderr.  The calling process has one thread: voters run in forks of it. */
#ifndef TESTKIT_TESTKIT_H
#define TESTKIT_TESTKIT_H

#include "testkit/stage.h"

enum testkit_exit {
    TESTKIT_PASSED = 0,
    TESTKIT_FAILED = 1,                             /* a case failed */
    TESTKIT_USAGE = 2,                              /* or a case file that cannot be read */
    TESTKIT_NOTHING = 3,                            /* no case ran */
    TESTKIT_BELOW = 4,                              /* the coverage or bench threshold */
    TESTKIT_CRASHED = 5,                            /* a plugin crashed or was killed */
};

struct testkit_options {
    const char *const *paths;
    size_t n_paths;
    struct stage_settings stage;
    const char *run;                                /* a regular expression; NULL: every test */
    bool list, shuffle, fail_fast, watch, cover, update, quiet;
    unsigned jobs, repeat, timeout_s;               /* not 0 */
    uint64_t seed;
    double min_cover;                               /* per cent; below 0: none */
    const char *const *formats;
    size_t n_formats;
};

int testkit_test(const struct testkit_options *options);

struct testkit_bench {
    const char *const *paths;
    size_t n_paths;
    struct stage_settings stage;
    const char *run;
    unsigned timeout_s;
    unsigned time_ms;                               /* how long each voter is measured */
    const char *save, *compare;                     /* files; NULL: none */
    double threshold;                               /* per cent; below 0: none */
    bool json;
};

int testkit_bench(const struct testkit_bench *options);

#endif
