/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/run.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "testkit/batch.h"
#include "testkit/worker.h"

enum { JOBS_MAX = 64, SLICE_MIN = 16, OUTPUT_SHOWN = 4096 };

/* Tests that one worker asks. */
struct slice {
    size_t first, n;
};

struct job {
    struct worker worker;
    struct batch batch;
    struct slice slice;
    size_t answered;                                /* of the slice */
    json_t *voters;                                 /* NULL: not loaded yet */
    bool closed, late;
    uint64_t deadline_ns;
};

struct runner {
    struct run *run;
    const struct suite *suite;
    const struct run_settings *settings;
    struct cover *cover;
    struct reports *reports;
    struct slice *queue;                            /* a stack: the next one is the last */
    size_t n_queue;
    struct job jobs[JOBS_MAX];
    size_t n_jobs;
    bool *done;                                     /* of each test */
    size_t reported;
    bool stopped;                                   /* --fail-fast */
};

/* ---- what is to be done ---- */

static void push(struct runner *r, size_t first, size_t n)
{
    if (!n)
        return;
    r->queue = alloc_resize(r->queue, r->n_queue + 1, sizeof *r->queue);
    r->queue[r->n_queue++] = (struct slice){first, n};
}

static size_t slice_end(const struct runner *r, size_t first)
{
    size_t limit = r->suite->n_tests / (4 * r->settings->jobs), end = first + 1;
    if (r->settings->jobs == 1)
        limit = r->suite->n_tests;
    if (limit < SLICE_MIN)
        limit = SLICE_MIN;
    while (end < r->suite->n_tests && end - first < limit &&
           suite_same_subject(&r->suite->tests[first], &r->suite->tests[end]))
        end++;
    return end;
}

static void plan(struct runner *r)
{
    for (size_t first = 0; first < r->suite->n_tests;) {
        size_t end = slice_end(r, first);
        push(r, first, end - first);
        first = end;
    }
    for (size_t i = 0; i < r->n_queue / 2; i++) {
        struct slice swap = r->queue[i];
        r->queue[i] = r->queue[r->n_queue - 1 - i];
        r->queue[r->n_queue - 1 - i] = swap;
    }
}

/* ---- results ---- */

static const char *regex_quoted(struct arena *arena, const char *text)
{
    struct buf out = {0};
    buf_putc(&out, '^');
    for (; *text; text++) {
        if (strchr("\\^$.[]|()?*+{}", *text))
            buf_putc(&out, '\\');
        buf_putc(&out, *text);
    }
    buf_putc(&out, '$');
    const char *copy = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return copy;
}

static const char *command_again(struct runner *r, const struct test *test)
{
    const struct stage_settings *s = &r->settings->stage;
    struct buf out = {0};
    buf_puts(&out, "sluice plugin test");
    for (size_t i = 0; i < s->n_plugin_dirs && !s->usual_dirs; i++) {
        buf_puts(&out, " --plugin-dir ");
        text_shell_quote(&out, s->plugin_dirs[i]);
    }
    if (s->isolation)
        buf_printf(&out, " --isolation %s", s->isolation);
    buf_puts(&out, " --run ");
    text_shell_quote(&out, regex_quoted(r->run->arena, test->name));
    buf_putc(&out, ' ');
    text_shell_quote(&out, test->file->path);
    const char *text = arena_str(r->run->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static void report_one(struct runner *r, size_t i)
{
    struct run_result *result = &r->run->results[i];
    r->run->sum.counts[result->result]++;
    reports_test(r->reports,
                 &(struct report_test){i + 1, result->result, &r->suite->tests[i], &result->answer,
                                       &result->judgement, command_again(r, &r->suite->tests[i])});
}

/* In the order of the tests, as far as there is no gap. */
static void report_done(struct runner *r)
{
    while (r->reported < r->suite->n_tests && r->done[r->reported])
        report_one(r, r->reported++);
}

static void settle(struct runner *r, size_t i)
{
    struct run_result *result = &r->run->results[i];
    judge(&r->suite->tests[i], &result->answer, r->run->arena, &result->judgement);
    result->result = result->answer.state == ANSWER_CRASHED ? RESULT_CRASHED
                   : result->judgement.n ? RESULT_FAILED : RESULT_PASSED;
    r->done[i] = true;
    if (result->result != RESULT_PASSED && r->settings->fail_fast)
        r->stopped = true;
}

static void crash(struct runner *r, const struct job *job, size_t i, const char *how)
{
    struct answer *answer = &r->run->results[i].answer;
    answer_clear(answer);
    answer->state = ANSWER_CRASHED;
    answer->text = alloc_str(how);
    answer->output = worker_output(&job->worker, OUTPUT_SHOWN);
    settle(r, i);
}

/* ---- jobs ---- */

static void set_deadline(struct runner *r, struct job *job)
{
    job->deadline_ns = clock_mono_ns() + (uint64_t)r->settings->timeout_s * 1000000000u;
}

static int start_job(struct runner *r, struct slice slice)
{
    struct job *job = &r->jobs[r->n_jobs];
    struct error err;
    *job = (struct job){
        .slice = slice,
        .batch = {&r->suite->tests[slice.first], slice.n, &r->settings->stage, r->cover != NULL}};
    if (worker_start(&job->worker, batch_run, &job->batch, &err) != 0) {
        for (size_t i = slice.first; i < slice.first + slice.n; i++)
            crash(r, job, i, err.text);
        worker_close(&job->worker);
        return -1;
    }
    set_deadline(r, job);
    r->n_jobs++;
    return 0;
}

static void take_votes(struct runner *r, struct job *job, json_t *message)
{
    size_t i = job->slice.first + job->answered++;
    struct answer *answer = &r->run->results[i].answer;
    const char *outcome = answer_member(message, "outcome");
    answer->state = ANSWER_VOTED;
    answer->votes = json_incref(json_object_get(message, "votes"));
    answer->outcome = arena_str(r->run->arena, outcome);
    answer->duration_us = json_integer_value(json_object_get(message, "us"));
    if (r->cover)
        cover_votes(r->cover, job->voters, answer->votes);
    const char *death = answer_member(message, "died");
    if (*death) {
        answer->state = ANSWER_CRASHED;
        answer->text = alloc_str(death);
    }
    settle(r, i);
    r->done[i] = job->answered < job->slice.n; /* the last one may still be blamed for a crash */
    set_deadline(r, job);
}

static void take_loaded(struct runner *r, struct job *job, json_t *message)
{
    job->voters = json_incref(json_object_get(message, "loaded"));
    if (r->cover)
        cover_loaded(r->cover, job->voters);
    set_deadline(r, job);
}

static void take_refusal(struct runner *r, struct job *job, const char *why)
{
    for (; job->answered < job->slice.n; job->answered++) {
        size_t i = job->slice.first + job->answered;
        r->run->results[i].answer.state = ANSWER_NOT_LOADED;
        r->run->results[i].answer.text = alloc_str(why);
        settle(r, i);
    }
}

static void take_message(struct runner *r, struct job *job, json_t *message)
{
    if (json_object_get(message, "closed"))
        job->closed = true;
    else if (json_object_get(message, "loaded"))
        take_loaded(r, job, message);
    else if (json_object_get(message, "lines") && r->cover && job->voters)
        cover_lines(r->cover, job->voters, json_object_get(message, "lines"));
    else if (json_object_get(message, "refused"))
        take_refusal(r, job, answer_member(message, "refused"));
    else if (json_object_get(message, "votes") && job->voters && job->answered < job->slice.n)
        take_votes(r, job, message);
    json_decref(message);
}

static const char *describe_crash(struct runner *r, const struct job *job, const char *how)
{
    const char *when = !job->voters                   ? "while it was loaded"
                       : job->answered < job->slice.n ? "during the vote"
                                                      : "while it was closed, after this vote";
    if (job->late)
        return arena_printf(r->run->arena, "no answer within %u s (--timeout), %s",
                            r->settings->timeout_s, when);
    return arena_printf(r->run->arena, "%s, %s", how, when);
}

/* The test that the worker was at has crashed; what crashes while it is loaded does so again. */
static void blame(struct runner *r, struct job *job, const char *how)
{
    size_t first = job->slice.first, end = first + job->slice.n, at = first + job->answered;
    const char *text = describe_crash(r, job, how);
    if (at == end) {
        crash(r, job, end - 1, text);
        return;
    }
    if (job->voters) {
        crash(r, job, at, text);
        push(r, at + 1, end - at - 1);
        return;
    }
    for (; at < end; at++)
        crash(r, job, at, text);
}

static void finish_job(struct runner *r, size_t index)
{
    struct job *job = &r->jobs[index];
    if (job->late || job->closed)
        worker_kill(&job->worker);
    char *how = worker_end(&job->worker);
    bool stuck = job->closed && !job->answered;     /* it would do the same again */
    if (!job->closed || stuck)
        blame(r, job,
              stuck ? "it gave no answer"
              : how ? how
                    : "it ended its process with status 0");
    else
        push(r, job->slice.first + job->answered, job->slice.n - job->answered);
    if (job->answered == job->slice.n)
        r->done[job->slice.first + job->slice.n - 1] = true;
    free(how);
    worker_close(&job->worker);
    json_decref(job->voters);
    r->jobs[index] = r->jobs[--r->n_jobs];
}

/* ---- the loop ---- */

static int poll_timeout(const struct runner *r)
{
    uint64_t now = clock_mono_ns(), first = UINT64_MAX;
    for (size_t i = 0; i < r->n_jobs; i++)
        if (r->jobs[i].deadline_ns < first)
            first = r->jobs[i].deadline_ns;
    return first <= now ? 0 : (int)((first - now) / 1000000 + 1);
}

/* Whether the job goes on. */
static bool attend(struct runner *r, struct job *job, const struct pollfd *fd)
{
    int more = fd->revents ? worker_read(&job->worker) : 1;
    json_t *message;
    while ((message = worker_next(&job->worker)))
        take_message(r, job, message);
    if (more && !job->closed && clock_mono_ns() > job->deadline_ns)
        job->late = true;
    return more && !job->closed && !job->late;
}

static void step(struct runner *r)
{
    struct pollfd fds[JOBS_MAX];
    size_t n = r->n_jobs;
    for (size_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){r->jobs[i].worker.from, POLLIN, 0};
    poll(fds, n, poll_timeout(r));
    for (size_t i = n; i > 0; i--)
        if (!attend(r, &r->jobs[i - 1], &fds[i - 1]))
            finish_job(r, i - 1);
}

static void work(struct runner *r)
{
    unsigned jobs = r->settings->jobs < JOBS_MAX ? r->settings->jobs : JOBS_MAX;
    while (r->n_jobs || (r->n_queue && !r->stopped)) {
        while (r->n_queue && !r->stopped && r->n_jobs < jobs)
            start_job(r, r->queue[--r->n_queue]);
        report_done(r);
        if (r->n_jobs)
            step(r);
        if (r->stopped)
            while (r->n_jobs) {
                worker_kill(&r->jobs[r->n_jobs - 1].worker);
                json_decref(r->jobs[r->n_jobs - 1].voters);
                worker_close(&r->jobs[--r->n_jobs].worker);
            }
    }
}

void run_suite(struct run *run, const struct suite *suite, const struct run_settings *settings,
               struct cover *cover, struct reports *reports)
{
    struct runner r = {
        .run = run, .suite = suite, .settings = settings, .cover = cover, .reports = reports};
    uint64_t start_ns = clock_mono_ns();
    run->arena = arena_new();
    run->results = alloc_zero(suite->n_tests, sizeof *run->results);
    run->sum.n_tests = suite->n_tests;
    run->sum.cover = cover;
    r.done = alloc_zero(suite->n_tests, sizeof *r.done);
    for (size_t i = 0; i < suite->n_tests; i++)
        run->results[i] = (struct run_result){.result = RESULT_SKIPPED, .answer = {.outcome = ""}};
    reports_begin(reports, &run->sum);
    plan(&r);
    work(&r);
    while (r.reported < suite->n_tests)
        report_one(&r, r.reported++);
    run->sum.duration_us = (int64_t)((clock_mono_ns() - start_ns) / 1000);
    reports_end(reports, &run->sum);
    free(r.queue);
    free(r.done);
}

void run_free(struct run *run)
{
    for (size_t i = 0; i < run->sum.n_tests; i++)
        answer_clear(&run->results[i].answer);
    free(run->results);
    arena_free(run->arena);
    *run = (struct run){0};
}
