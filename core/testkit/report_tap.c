/* SPDX-License-Identifier: Apache-2.0 */
/* The Test Anything Protocol.  What is written is valid as version 14 and as 13; the first line
 * says 13, because the prove of Debian 12 refuses every later number and no consumer refuses this
 * one. */
#include <stdlib.h>

#include "base/text.h"
#include "testkit/report.h"

static void begin(struct report *r, const struct report_sum *sum)
{
    fprintf(r->to, "TAP version 13\n1..%zu\n", sum->n_tests);
    if (sum->shuffled)
        fprintf(r->to, "# shuffled with --seed %llu\n", (unsigned long long)sum->seed);
}

/* A description ends at "#" and may not have a line break. */
static void print_description(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '#' || *text == '\\')
            fputc('\\', to);
        fputc(*text == '\n' ? ' ' : *text, to);
    }
}

static void print_field(FILE *to, const char *indent, const char *name, const char *value)
{
    struct buf quoted = {0};
    text_json_quote(&quoted, value);
    fprintf(to, "%s%s: %s\n", indent, name, buf_str(&quoted));
    buf_free(&quoted);
}

static void print_vote(FILE *to, const json_t *vote)
{
    char *text = json_dumps(vote, JSON_COMPACT);
    fprintf(to, "    - %s\n", text);
    free(text);
}

/* Strings are written as in JSON, which is YAML. */
static void print_failure(FILE *to, const struct report_test *t)
{
    size_t i;
    json_t *vote;
    fputs("  ---\n", to);
    print_field(to, "  ", "file", t->test->file->path);
    fprintf(to, "  line: %u\n", t->test->item->node->line);
    fputs("  mismatches:\n", to);
    for (i = 0; i < t->judgement->n; i++) {
        const struct mismatch *m = &t->judgement->items[i];
        print_field(to, "    - ", "what", m->what);
        print_field(to, "      ", "wanted", m->wanted);
        print_field(to, "      ", "got", m->got);
    }
    if (t->answer->votes)
        fputs("  ballots:\n", to);
    json_array_foreach(t->answer->votes, i, vote)
        print_vote(to, vote);
    if (t->answer->output && *t->answer->output)
        print_field(to, "  ", "output", t->answer->output);
    print_field(to, "  ", "again", t->again);
    fputs("  ...\n", to);
}

static void print_test(struct report *r, const struct report_test *t)
{
    bool ok = t->result == RESULT_PASSED || t->result == RESULT_SKIPPED;
    fprintf(r->to, "%sok %zu - ", ok ? "" : "not ", t->number);
    print_description(r->to, t->test->file->path);
    fputs(": ", r->to);
    print_description(r->to, t->test->name);
    if (t->test->run > 1)
        fprintf(r->to, " (run %u)", t->test->run);
    fputs(t->result == RESULT_SKIPPED ? " # SKIP not run\n" : "\n", r->to);
    if (!ok)
        print_failure(r->to, t);
    fflush(r->to);
}

static void end(struct report *r, const struct report_sum *sum)
{
    if (sum->cover)
        fprintf(r->to, "# covered: %.1f %%\n", cover_percent(sum->cover));
    fprintf(r->to, "# %zu passed, %zu failed, %zu crashed, %zu not run\n",
            sum->counts[RESULT_PASSED], sum->counts[RESULT_FAILED], sum->counts[RESULT_CRASHED],
            sum->counts[RESULT_SKIPPED]);
}

const struct report_ops report_tap = {"tap", begin, print_test, end};
