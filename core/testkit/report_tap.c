/* SPDX-License-Identifier: Apache-2.0 */
/* The Test Anything Protocol.  What is written is valid as version 14 and as 13; the first line
 * says 13, because the prove of Debian 12 refuses every later number and no consumer refuses this
 * one. */
#include <stdlib.h>

#include "base/terminal.h"
#include "base/text.h"
#include "testkit/report.h"

static void begin_tap(struct report *r, const struct report_sum *sum)
{
    terminal_print(r->to, "TAP version 13\n1..%zu\n", sum->n_tests);
    if (sum->shuffled)
        terminal_print(r->to, "# shuffled with --seed %llu\n", (unsigned long long)sum->seed);
}

/* A description ends at "#" and may not have a line break. */
static void print_description(FILE *to, const char *text)
{
    struct buf escaped = {0};
    for (; *text; text++) {
        if (*text == '#' || *text == '\\')
            buf_putc(&escaped, '\\');
        buf_putc(&escaped, *text == '\n' ? ' ' : *text);
    }
    terminal_print(to, "%s", buf_str(&escaped));
    buf_free(&escaped);
}

static void print_field(FILE *to, const char *indent, const char *name, const char *value)
{
    struct buf quoted = {0};
    text_json_quote(&quoted, value);
    terminal_print(to, "%s%s: ", indent, name);
    terminal_json(to, buf_str(&quoted));
    terminal_print(to, "\n");
    buf_free(&quoted);
}

static void print_vote(FILE *to, const json_t *vote)
{
    char *text = json_dumps(vote, JSON_COMPACT);
    terminal_print(to, "    - ");
    terminal_json(to, text);
    terminal_print(to, "\n");
    free(text);
}

/* Strings are written as in JSON, which is YAML. */
static void print_failure(FILE *to, const struct report_test *t)
{
    size_t i;
    json_t *vote;
    terminal_print(to, "  ---\n");
    print_field(to, "  ", "file", t->test->file->path);
    terminal_print(to, "  line: %u\n", t->test->item->node->line);
    terminal_print(to, "  mismatches:\n");
    for (i = 0; i < t->judgement->n; i++) {
        const struct mismatch *m = &t->judgement->items[i];
        print_field(to, "    - ", "what", m->what);
        print_field(to, "      ", "wanted", m->wanted);
        print_field(to, "      ", "got", m->got);
    }
    if (t->answer->votes)
        terminal_print(to, "  ballots:\n");
    json_array_foreach(t->answer->votes, i, vote)
        print_vote(to, vote);
    if (t->answer->output && *t->answer->output)
        print_field(to, "  ", "output", t->answer->output);
    print_field(to, "  ", "again", t->again);
    terminal_print(to, "  ...\n");
}

static void print_test(struct report *r, const struct report_test *t)
{
    bool ok = t->result == RESULT_PASSED || t->result == RESULT_SKIPPED;
    terminal_print(r->to, "%sok %zu - ", ok ? "" : "not ", t->number);
    print_description(r->to, t->test->file->path);
    terminal_print(r->to, ": ");
    print_description(r->to, t->test->name);
    if (t->test->run > 1)
        terminal_print(r->to, " (run %u)", t->test->run);
    terminal_print(r->to, "%s\n", t->result == RESULT_SKIPPED ? " # SKIP not run" : "");
    if (!ok)
        print_failure(r->to, t);
    fflush(r->to);
}

static void end_tap(struct report *r, const struct report_sum *sum)
{
    if (sum->cover)
        terminal_print(r->to, "# covered: %.1f %%\n", cover_percent(sum->cover));
    terminal_print(r->to, "# %zu passed, %zu failed, %zu crashed, %zu not run\n",
            sum->counts[RESULT_PASSED], sum->counts[RESULT_FAILED], sum->counts[RESULT_CRASHED],
            sum->counts[RESULT_SKIPPED]);
}

const struct report_ops report_tap = {"tap", begin_tap, print_test, end_tap};
