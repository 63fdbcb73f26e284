/* SPDX-License-Identifier: Apache-2.0 */
/* For people. */
#include <string.h>

#include "base/terminal.h"
#include "testkit/report.h"

static const char *const marks[] = {
    [RESULT_PASSED] = "✓", [RESULT_FAILED] = "✗", [RESULT_CRASHED] = "✗", [RESULT_SKIPPED] = "-"};

static void colour_on(const struct report *r, enum result result)
{
    if (r->colour)
        terminal_print(r->to, result == RESULT_PASSED    ? "\033[32m"
                              : result == RESULT_SKIPPED ? "\033[33m"
                                                         : "\033[31m");
}

static void colour_off(const struct report *r)
{
    if (r->colour)
        terminal_print(r->to, "\033[0m");
}

static void begin_pretty(struct report *r, const struct report_sum *sum)
{
    r->state = NULL;
    if (sum->shuffled)
        terminal_print(r->to, "shuffled with --seed %llu\n", (unsigned long long)sum->seed);
}

static void print_mismatch(FILE *to, const struct mismatch *m)
{
    terminal_print(to, "      wanted %s: %s\n", m->what, m->wanted);
    terminal_print(to, "      got    %s: %s\n", m->what, m->got);
}

static void print_ballots(FILE *to, const json_t *votes)
{
    size_t i;
    json_t *vote;
    json_array_foreach((json_t *)(uintptr_t)votes, i, vote) {
        const char *code = answer_member(vote, "code"), *path = answer_member(vote, "path"),
                   *message = answer_member(vote, "message"), *key;
        json_t *value;
        terminal_print(to, "      ballot %s: %s%s%s%s%s%s%s\n", answer_member(vote, "voter"),
                answer_member(vote, "verdict"), *code ? " " : "", code, *message ? ", \"" : "",
                message, *message ? "\"" : "", *path ? "" : "");
        if (*path)
            terminal_print(to, "             at %s\n", path);
        json_object_foreach(json_object_get(vote, "facts"), key, value)
            terminal_print(to, "             fact %s: %s\n", key, json_string_value(value));
    }
}

static void print_failure(const struct report *r, const struct report_test *t)
{
    terminal_print(r->to, "      %s:%u\n", t->test->file->path, t->test->item->node->line);
    for (size_t i = 0; i < t->judgement->n; i++)
        print_mismatch(r->to, &t->judgement->items[i]);
    if (*t->answer->outcome && *t->test->file->chain)
        terminal_print(r->to, "      outcome %s\n", t->answer->outcome);
    print_ballots(r->to, t->answer->votes);
    if (t->answer->output && *t->answer->output) {
        terminal_print(r->to, "      its output ended with:\n");
        terminal_lines(r->to, "      | ", t->answer->output);
    }
    terminal_print(r->to, "      again  %s\n", t->again);
}

static void print_test(struct report *r, const struct report_test *t)
{
    bool bad = t->result == RESULT_FAILED || t->result == RESULT_CRASHED;
    if (r->quiet && !bad)
        return;
    if (r->state != t->test->file)
        terminal_print(r->to, "%s\n", t->test->file->path);
    r->state = (void *)(uintptr_t)t->test->file;
    terminal_print(r->to, "  ");
    colour_on(r, t->result);
    terminal_print(r->to, "%s", marks[t->result]);
    colour_off(r);
    terminal_print(r->to, " %s", t->test->name);
    if (t->test->run > 1)
        terminal_print(r->to, " (run %u)", t->test->run);
    terminal_print(r->to, "%s\n", t->result == RESULT_SKIPPED   ? ": not run"
                                  : t->result == RESULT_CRASHED ? ": crashed"
                                                                : "");
    if (bad)
        print_failure(r, t);
    fflush(r->to);
}

static void end_pretty(struct report *r, const struct report_sum *sum)
{
    bool bad = sum->counts[RESULT_FAILED] + sum->counts[RESULT_CRASHED] > 0;
    if (sum->cover)
        cover_print(sum->cover, r->to);
    colour_on(r, bad ? RESULT_FAILED : RESULT_PASSED);
    terminal_print(r->to, "%zu passed, %zu failed", sum->counts[RESULT_PASSED],
                   sum->counts[RESULT_FAILED]);
    if (sum->counts[RESULT_CRASHED])
        terminal_print(r->to, ", %zu crashed", sum->counts[RESULT_CRASHED]);
    if (sum->counts[RESULT_SKIPPED])
        terminal_print(r->to, ", %zu not run", sum->counts[RESULT_SKIPPED]);
    colour_off(r);
    terminal_print(r->to, " in %.2f s\n", (double)sum->duration_us / 1e6);
}

const struct report_ops report_pretty = {"pretty", begin_pretty, print_test, end_pretty};
