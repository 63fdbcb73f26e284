/* SPDX-License-Identifier: Apache-2.0 */
/* The cases as load: what a vote costs.  One voter at a time, so that none is measured while
 * another one works. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/terminal.h"
#include "testkit/allocated.h"
#include "testkit/answer.h"
#include "testkit/file.h"
#include "testkit/testkit.h"
#include "testkit/worker.h"

enum { VOTERS_MAX = 256, SAMPLES_MAX = 1 << 20, WARM_UP = 64, BASELINE_BYTES_MAX = 16 << 20 };

/* The row of a chain as a whole; no voter's name has parentheses. */
static const char whole_chain[] = "(chain)";

/* ---- in the worker ---- */

struct samples {
    char *voter, *isolation;
    uint64_t *ns;
    size_t n;
    uint64_t bytes;
};

struct load {
    const struct test *tests;                       /* of one file */
    size_t n;
    const struct testkit_bench *settings;
    struct samples voters[VOTERS_MAX];
    size_t n_voters;
};

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static struct samples *samples_of(struct load *load, const char *voter, const char *isolation)
{
    for (size_t i = 0; i < load->n_voters; i++)
        if (strcmp(load->voters[i].voter, voter) == 0)
            return &load->voters[i];
    if (load->n_voters == VOTERS_MAX)
        return NULL;
    struct samples *s = &load->voters[load->n_voters++];
    *s = (struct samples){alloc_str(voter), alloc_str(isolation),
                          alloc_zero(SAMPLES_MAX, sizeof *s->ns), 0, 0};
    return s;
}

/* A row for each voter, found before the votes so that looking for it disturbs none; behind them
 * one for all together, where they are several. */
static struct samples **rows_of(struct load *load, struct chain *chain, struct arena *arena)
{
    size_t n = chain_size(chain);
    struct samples **rows = arena_zalloc(arena, (n + 1) * sizeof *rows);
    const char *isolation = NULL;
    for (size_t i = 0; i < n; i++) {
        struct chain_voter_info info;
        chain_describe(chain, i, &info);
        rows[i] = samples_of(load, info.name, info.isolation);
        isolation = !isolation || strcmp(isolation, info.isolation) == 0 ? info.isolation : "both";
    }
    rows[n] = n > 1 ? samples_of(load, whole_chain, isolation) : NULL;
    return rows;
}

static void add(struct samples *s, uint64_t ns, uint64_t bytes)
{
    if (!s || s->n == SAMPLES_MAX)
        return;
    s->ns[s->n++] = ns;
    s->bytes += bytes;
}

/* rows: NULL for a vote that does not count. */
static void ask(struct chain *chain, const struct test *test, const struct sluice_transition *t,
                struct samples **rows)
{
    struct arena *arena = arena_new();
    struct chain_votes votes;
    arena_alloc(arena, 1);                          /* its first block is no part of the vote */
    uint64_t before = allocated_bytes(), start = clock_mono_ns();
    stage_ask(chain, test, t, arena, &votes);
    uint64_t took = clock_mono_ns() - start, bytes = allocated_bytes() - before;
    for (size_t i = 0; rows && i < votes.n; i++)
        add(rows[i], votes.items[i].duration_ns, bytes);
    if (rows)
        add(rows[votes.n], took, bytes);
    arena_free(arena);
}

static void measure(struct load *load, struct chain *chain, const struct test *tests, size_t n,
                    uint64_t ns)
{
    struct arena *arena = arena_new();
    struct samples **rows = rows_of(load, chain, arena);
    const struct sluice_transition **ts = arena_alloc(arena, n * sizeof *ts);
    for (size_t i = 0; i < n; i++)
        ts[i] = stage_transition(&tests[i], arena);
    for (size_t i = 0; i < WARM_UP; i++)
        ask(chain, &tests[i % n], ts[i % n], NULL);
    /* At least every case once. */
    uint64_t end = clock_mono_ns() + ns;
    for (size_t i = 0; i < n || clock_mono_ns() < end; i++)
        ask(chain, &tests[i % n], ts[i % n], rows);
    arena_free(arena);
}

static size_t subject_end(const struct load *load, size_t first)
{
    size_t end = first + 1;
    while (end < load->n && suite_same_subject(&load->tests[first], &load->tests[end]))
        end++;
    return end;
}

static bool votes(const struct test *test)
{
    return !*test->item->expect->load_error;
}

static uint64_t time_of_each(const struct load *load)
{
    uint64_t n = 0;
    for (size_t first = 0; first < load->n; first = subject_end(load, first))
        n += votes(&load->tests[first]);
    return (uint64_t)load->settings->time_ms * 1000000 / (n ? n : 1);
}

static json_t *row_of(const struct load *load, struct samples *s)
{
    qsort(s->ns, s->n, sizeof *s->ns, by_size);
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "voter", s->voter, "cases",
                  load->tests[0].file->path, "isolation", s->isolation, "votes", (json_int_t)s->n,
                  "p50_ns", (json_int_t)s->ns[s->n / 2], "p95_ns",
                  (json_int_t)s->ns[s->n * 95 / 100], "p99_ns", (json_int_t)s->ns[s->n * 99 / 100]);
    /* What a process of its own allocates is not seen here, nor which voter of a chain it was. */
    bool known = load->n_voters == 1 || strcmp(s->voter, whole_chain) == 0;
    if (known && strcmp(s->isolation, "inline") == 0)
        json_object_set_new(row, "bytes", json_integer((json_int_t)(s->bytes / s->n)));
    return row;
}

static void run_load(int to, void *arg)
{
    struct load *load = arg;
    uint64_t ns = time_of_each(load);
    const struct log log = {.fd = STDERR_FILENO, .level = LOG_WARN, .program = "sluice"};
    struct arena *arena = arena_new();
    for (size_t first = 0, end; first < load->n; first = end) {
        const char *why;
        end = subject_end(load, first);
        if (!votes(&load->tests[first]))
            continue;
        struct chain *chain =
            stage_load(&load->tests[first], &load->settings->stage, &log, arena, &why);
        if (!chain) {
            worker_say(to, json_pack("{s:s}", "refused", why));
            return;
        }
        measure(load, chain, load->tests + first, end - first, ns);
        chain_unref(chain);
    }
    for (size_t i = 0; i < load->n_voters; i++)
        worker_say(to, json_pack("{s:o}", "row", row_of(load, &load->voters[i])));
    arena_free(arena);
    worker_say(to, json_pack("{s:b}", "closed", 1));
}

/* ---- in the runner ---- */

struct outcome {
    bool closed, refused;
};

static void keep_row(json_t *message, const char *file, json_t *rows, struct outcome *out)
{
    if (json_object_get(message, "refused")) {
        terminal_print(stderr, "sluice: %s: %s\n", file, answer_member(message, "refused"));
        out->refused = true;
    }
    if (json_object_get(message, "row"))
        json_array_append(rows, json_object_get(message, "row"));
    if (json_object_get(message, "closed"))
        out->closed = true;
    json_decref(message);
}

static int end_worker(struct worker *worker, const char *file, const struct outcome *out)
{
    char *how = worker_end(worker), *output = worker_output(worker, 4096);
    bool crashed = !out->closed && !out->refused;
    if (crashed)
        terminal_print(stderr, "sluice: %s: its voter crashed: %s\n", file,
                       how ? how : "it ended its process");
    if (crashed)
        terminal_lines(stderr, "  | ", output);
    free(how);
    free(output);
    worker_close(worker);
    return out->refused ? TESTKIT_FAILED : crashed ? TESTKIT_CRASHED : TESTKIT_PASSED;
}

static int bench_file(struct load *load, json_t *rows)
{
    const char *file = load->tests[0].file->path;
    struct worker worker;
    struct outcome out = {0};
    struct error err;
    json_t *message;
    int timeout = (int)(load->settings->time_ms + load->settings->timeout_s * 1000), more = 1;
    if (worker_start(&worker, run_load, load, &err) != 0) {
        terminal_print(stderr, "sluice: %s\n", err.text);
        worker_close(&worker);
        return TESTKIT_CRASHED;
    }
    while (more && !out.closed) {
        struct pollfd fd = {worker.from, POLLIN, 0};
        int n = poll(&fd, 1, timeout);
        if (n < 0 && errno == EINTR)
            continue;
        more = n > 0 && worker_read(&worker);
        while ((message = worker_next(&worker)))
            keep_row(message, file, rows, &out);
    }
    worker_kill(&worker);
    return end_worker(&worker, file, &out);
}

static const json_t *find_row(const json_t *rows, const json_t *like)
{
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
        if (strcmp(answer_member(row, "voter"), answer_member(like, "voter")) == 0 &&
            strcmp(answer_member(row, "cases"), answer_member(like, "cases")) == 0 &&
            strcmp(answer_member(row, "isolation"), answer_member(like, "isolation")) == 0)
            return row;
    }
    return NULL;
}

static long long number(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static double change(const json_t *row, const json_t *old, const char *name)
{
    double before = (double)number(old, name), now = (double)number(row, name);
    return before > 0 ? 100 * (now - before) / before : 0;
}

static void print_rows(const json_t *rows, const json_t *before)
{
    size_t i;
    json_t *row;
    terminal_print(stdout, "%-20s %-8s %10s %10s %10s %10s %10s%s\n", "VOTER", "RUNS", "VOTES",
                   "P50 ns", "P95 ns", "P99 ns", "BYTES", before ? "   P50 was" : "");
    json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
        const json_t *bytes = json_object_get(row, "bytes"), *old = find_row(before, row);
        terminal_print(stdout, "%-20s %-8s %10lld %10lld %10lld %10lld ",
                       answer_member(row, "voter"), answer_member(row, "isolation"),
                       number(row, "votes"), number(row, "p50_ns"), number(row, "p95_ns"),
                       number(row, "p99_ns"));
        if (bytes)
            terminal_print(stdout, "%10lld", json_integer_value(bytes));
        else
            terminal_print(stdout, "%10s", "-");
        if (old)
            terminal_print(stdout, "%10lld (%+.1f %%)", number(old, "p50_ns"),
                           change(row, old, "p50_ns"));
        else if (before)
            terminal_print(stdout, "%10s", "new");
        terminal_print(stdout, "  %s\n", answer_member(row, "cases"));
    }
}

/* The median and the bytes: the tail is the machine's.  A comparison with nothing in common is a
 * mistake, not a success. */
static int judge_rows(const json_t *rows, const json_t *before, double threshold)
{
    static const char *const judged[] = {"p50_ns", "bytes"};
    int code = TESTKIT_PASSED;
    size_t i, common = 0;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
        const json_t *old = find_row(before, row);
        common += old != NULL;
        for (size_t k = 0; k < 2 && old; k++) {
            if (change(row, old, judged[k]) <= threshold)
                continue;
            terminal_print(stderr,
                    "sluice: %s: %s is %lld, which is %.1f %% more than %lld (--threshold %g)\n",
                    answer_member(row, "voter"), judged[k], number(row, judged[k]),
                    change(row, old, judged[k]), number(old, judged[k]), threshold);
            code = TESTKIT_BELOW;
        }
    }
    if (common)
        return code;
    terminal_print(
        stderr,
        "sluice: the file of --compare has none of these voters with these cases: save it anew\n");
    return TESTKIT_USAGE;
}

static json_t *read_baseline(const char *path)
{
    struct buf text = {0};
    struct error err;
    json_t *json = NULL, *rows = NULL;
    if (file_read(path, BASELINE_BYTES_MAX, &text, &err) != 0) {
        terminal_print(stderr, "sluice: %s\n", err.text);
    } else {
        json = json_loadb(buf_str(&text), text.len, 0, NULL);
        rows = json_incref(json_object_get(json, "voters"));
        if (!json_is_array(rows))
            terminal_print(stderr, "sluice: %s was not written by plugin bench --save\n", path);
    }
    buf_free(&text);
    json_decref(json);
    return json_is_array(rows) ? rows : NULL;
}

static int save(const json_t *rows, const char *path)
{
    struct error err;
    json_t *json = json_pack("{s:O}", "voters", rows);
    char *text = json_dumps(json, JSON_INDENT(2));
    int rc = file_write(path, text, strlen(text), &err);
    if (rc != 0)
        terminal_print(stderr, "sluice: %s\n", err.text);
    free(text);
    json_decref(json);
    return rc == 0 ? TESTKIT_PASSED : TESTKIT_USAGE;
}

static int print_result(const struct testkit_bench *o, const json_t *rows, const json_t *before)
{
    if (o->json) {
        json_t *json = json_pack("{s:O}", "voters", rows);
        char *text = json_dumps(json, JSON_INDENT(2));
        terminal_json(stdout, text);
        terminal_print(stdout, "\n");
        free(text);
        json_decref(json);
    } else {
        print_rows(rows, before);
    }
    int code = o->save ? save(rows, o->save) : TESTKIT_PASSED;
    if (code == TESTKIT_PASSED && before && o->threshold >= 0)
        code = judge_rows(rows, before, o->threshold);
    return code;
}

static int bench_suite(const struct testkit_bench *o, const struct suite *suite,
                       const json_t *before)
{
    json_t *rows = json_array();
    int worst = TESTKIT_PASSED;
#ifdef __SANITIZE_ADDRESS__
    terminal_print(
        stderr, "sluice: this build has sanitizers: a release takes a fraction of these times\n");
#endif
    for (size_t first = 0, end; first < suite->n_tests; first = end) {
        struct load *load = alloc_zero(1, sizeof *load);
        for (end = first + 1;
             end < suite->n_tests && suite->tests[end].file == suite->tests[first].file;)
            end++;
        *load = (struct load){.tests = suite->tests + first, .n = end - first, .settings = o};
        int code = bench_file(load, rows);
        worst = code > worst ? code : worst;
        free(load);
    }
    int code = print_result(o, rows, before);
    json_decref(rows);
    return worst != TESTKIT_PASSED ? worst : code;
}

int testkit_bench(const struct testkit_bench *o)
{
    struct suite suite;
    json_t *before = o->compare ? read_baseline(o->compare) : NULL;
    if (o->compare && !before)
        return TESTKIT_USAGE;
    int code = suite_read(&suite, o->paths, o->n_paths, &(struct suite_filter){.run = o->run});
    if (code != 0) {
        terminal_lines(stderr, "", suite.errors);
        code = TESTKIT_USAGE;
    } else if (!suite.n_tests) {
        terminal_print(stderr, "sluice: no case ran\n");
        code = TESTKIT_NOTHING;
    } else {
        code = bench_suite(o, &suite, before);
    }
    suite_free(&suite);
    json_decref(before);
    return code;
}
