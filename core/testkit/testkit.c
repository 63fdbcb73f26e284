/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/testkit.h"

#include <stdio.h>
#include <string.h>

#include "base/terminal.h"
#include "testkit/rewrite.h"
#include "testkit/run.h"
#include "testkit/watch.h"

static int complain(const char *text)
{
    terminal_print(stderr, "sluice: %s\n", text);
    return TESTKIT_USAGE;
}

static int list(const struct suite *suite)
{
    for (size_t i = 0; i < suite->n_tests; i++)
        terminal_print(stdout, "%s:%u: %s\n", suite->tests[i].file->path,
                       suite->tests[i].item->node->line, suite->tests[i].name);
    fflush(stdout);
    return TESTKIT_PASSED;
}

static int update(const struct suite *suite, const struct run *run)
{
    struct error err;
    int n = rewrite_suite(suite, run, stderr, &err);
    if (n < 0)
        return complain(err.text);
    terminal_print(stderr, "%d expectation%s updated\n", n, n == 1 ? "" : "s");
    return TESTKIT_PASSED;
}

static int exit_code(const struct testkit_options *o, const struct run *run,
                     const struct cover *cover)
{
    const size_t *counts = run->sum.counts;
    if (counts[RESULT_CRASHED])
        return TESTKIT_CRASHED;
    if (counts[RESULT_FAILED])
        return TESTKIT_FAILED;
    if (cover && o->min_cover >= 0 && cover_percent(cover) < o->min_cover) {
        terminal_print(stderr, "sluice: covered %.1f %%, less than --min-cover %g\n",
                       cover_percent(cover), o->min_cover);
        return TESTKIT_BELOW;
    }
    return TESTKIT_PASSED;
}

/* A page without it would leave out the half. */
static bool wants_cover(const struct testkit_options *o)
{
    bool wanted = o->cover || o->min_cover >= 0;
    for (size_t i = 0; i < o->n_formats; i++)
        wanted = wanted || strcmp(o->formats[i], "html") == 0 ||
                 strncmp(o->formats[i], "html=", 5) == 0;
    return wanted;
}

static int run_tests(const struct testkit_options *o, const struct suite *suite)
{
    const struct run_settings settings = {
        .stage = o->stage, .jobs = o->jobs, .timeout_s = o->timeout_s, .fail_fast = o->fail_fast};
    struct run run = {.sum = {.shuffled = o->shuffle, .seed = o->seed}};
    struct error err;
    struct reports *reports = reports_open(o->formats, o->n_formats, o->quiet, &err);
    if (!reports)
        return complain(err.text);
    struct cover *cover = wants_cover(o) ? cover_new() : NULL;
    run_suite(&run, suite, &settings, cover, reports);
    int code = exit_code(o, &run, cover);
    if (reports_close(reports, &err) != 0)
        code = complain(err.text);
    if (o->update && run.sum.counts[RESULT_FAILED] && update(suite, &run) != TESTKIT_PASSED)
        code = TESTKIT_USAGE;
    run_free(&run);
    cover_free(cover);
    return code;
}

static int test_suite(const struct testkit_options *o, const struct suite *suite)
{
    if (suite->n_tests)
        return o->list ? list(suite) : run_tests(o, suite);
    terminal_print(stderr, "sluice: no case ran: %s\n",
            !suite->n_files ? "there is no *.test.yaml"
            : o->run        ? "--run matches none"
                            : "the files have none");
    return TESTKIT_NOTHING;
}

static int once(const struct testkit_options *o, struct watch *watch)
{
    const struct suite_filter filter = {o->run, o->repeat, o->shuffle, o->seed};
    struct suite suite;
    int code;
    for (size_t i = 0; watch && i < o->n_paths; i++)
        watch_path(watch, o->paths[i]);
    if (suite_read(&suite, o->paths, o->n_paths, &filter) != 0) {
        terminal_lines(stderr, "", suite.errors);
        code = TESTKIT_USAGE;
    } else {
        code = test_suite(o, &suite);
    }
    if (watch)
        watch_suite(watch, &suite, &o->stage);
    suite_free(&suite);
    return code;
}

/* Until it is told to end, with the code of the last run. */
static int watch_and_test(const struct testkit_options *o)
{
    struct error err;
    struct watch *watch = watch_new(&err);
    const char *changed;
    if (!watch)
        return complain(err.text);
    int code = once(o, watch);
    terminal_print(stderr, "watching for changes; Ctrl-C ends\n");
    while ((changed = watch_wait(watch))) {
        terminal_print(stderr, "\n%s changed\n", changed);
        code = once(o, watch);
        terminal_print(stderr, "watching for changes; Ctrl-C ends\n");
    }
    watch_free(watch);
    return code;
}

int testkit_test(const struct testkit_options *o)
{
    return o->watch ? watch_and_test(o) : once(o, NULL);
}
