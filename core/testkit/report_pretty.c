/* SPDX-License-Identifier: Apache-2.0 */
/* For people. */
#include <string.h>

#include "testkit/report.h"

static const char *const marks[] = {
    [RESULT_PASSED] = "✓", [RESULT_FAILED] = "✗", [RESULT_CRASHED] = "✗", [RESULT_SKIPPED] = "-"};
static const char *const colours[] = {
    [RESULT_PASSED] = "\033[32m", [RESULT_FAILED] = "\033[31m", [RESULT_CRASHED] = "\033[31m",
    [RESULT_SKIPPED] = "\033[33m"};

static const char *on(const struct report *r, enum result result)
{
    return r->colour ? colours[result] : "";
}

static const char *off(const struct report *r)
{
    return r->colour ? "\033[0m" : "";
}

static void begin(struct report *r, const struct report_sum *sum)
{
    r->state = NULL;
    if (sum->shuffled)
        fprintf(r->to, "shuffled with --seed %llu\n", (unsigned long long)sum->seed);
}

/* Lines of the text, each below the one before. */
static void print_block(FILE *to, const char *text, const char *indent)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        fprintf(to, "%s%.*s\n", indent, (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void print_mismatch(FILE *to, const struct mismatch *m)
{
    fprintf(to, "      wanted %s: %s\n", m->what, m->wanted);
    fprintf(to, "      got    %s: %s\n", m->what, m->got);
}

static void print_ballots(FILE *to, const json_t *votes)
{
    size_t i;
    json_t *vote;
    json_array_foreach((json_t *)(uintptr_t)votes, i, vote) {
        const char *code = answer_member(vote, "code"), *path = answer_member(vote, "path"),
                   *message = answer_member(vote, "message"), *key;
        json_t *value;
        fprintf(to, "      ballot %s: %s%s%s%s%s%s%s\n", answer_member(vote, "voter"),
                answer_member(vote, "verdict"), *code ? " " : "", code, *message ? ", \"" : "",
                message, *message ? "\"" : "", *path ? "" : "");
        if (*path)
            fprintf(to, "             at %s\n", path);
        json_object_foreach(json_object_get(vote, "facts"), key, value)
            fprintf(to, "             fact %s: %s\n", key, json_string_value(value));
    }
}

static void print_failure(const struct report *r, const struct report_test *t)
{
    fprintf(r->to, "      %s:%u\n", t->test->file->path, t->test->item->node->line);
    for (size_t i = 0; i < t->judgement->n; i++)
        print_mismatch(r->to, &t->judgement->items[i]);
    if (*t->answer->outcome && *t->test->file->chain)
        fprintf(r->to, "      outcome %s\n", t->answer->outcome);
    print_ballots(r->to, t->answer->votes);
    if (t->answer->output && *t->answer->output) {
        fputs("      its output ended with:\n", r->to);
        print_block(r->to, t->answer->output, "      | ");
    }
    fprintf(r->to, "      again  %s\n", t->again);
}

static void print_test(struct report *r, const struct report_test *t)
{
    bool bad = t->result == RESULT_FAILED || t->result == RESULT_CRASHED;
    if (r->quiet && !bad)
        return;
    if (r->state != t->test->file)
        fprintf(r->to, "%s\n", t->test->file->path);
    r->state = (void *)(uintptr_t)t->test->file;
    fprintf(r->to, "  %s%s%s %s", on(r, t->result), marks[t->result], off(r), t->test->name);
    if (t->test->run > 1)
        fprintf(r->to, " (run %u)", t->test->run);
    fputs(t->result == RESULT_SKIPPED   ? ": not run\n"
          : t->result == RESULT_CRASHED ? ": crashed\n"
                                        : "\n",
          r->to);
    if (bad)
        print_failure(r, t);
    fflush(r->to);
}

static void end(struct report *r, const struct report_sum *sum)
{
    bool bad = sum->counts[RESULT_FAILED] + sum->counts[RESULT_CRASHED] > 0;
    if (sum->cover)
        cover_print(sum->cover, r->to);
    fprintf(r->to, "%s%zu passed, %zu failed", on(r, bad ? RESULT_FAILED : RESULT_PASSED),
            sum->counts[RESULT_PASSED], sum->counts[RESULT_FAILED]);
    if (sum->counts[RESULT_CRASHED])
        fprintf(r->to, ", %zu crashed", sum->counts[RESULT_CRASHED]);
    if (sum->counts[RESULT_SKIPPED])
        fprintf(r->to, ", %zu not run", sum->counts[RESULT_SKIPPED]);
    fprintf(r->to, "%s in %.2f s\n", off(r), (double)sum->duration_us / 1e6);
}

const struct report_ops report_pretty = {"pretty", begin, print_test, end};
