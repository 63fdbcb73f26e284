/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/terminal.h"
#include "base/text.h"
#include "testkit/file.h"
#include "testkit/pattern.h"

/* One expectation of a file, and what to put in its place. */
struct edit {
    const struct case_expect *expect;
    size_t from, to;                                /* bytes of the file */
    char *text;                                     /* NULL: its tests do not agree */
};

struct edits {
    struct edit *items;
    size_t n;
};

/* ---- what stands there ---- */

static size_t line_start(const char *text, unsigned line)
{
    const char *at = text;
    for (unsigned i = 1; i < line; i++) {
        const char *end = strchr(at, '\n');
        if (!end)
            break;
        at = end + 1;
    }
    return (size_t)(at - text);
}

/* Columns count characters, the file has bytes. */
static size_t offset_of(const char *text, const struct doc_node *node)
{
    size_t at = line_start(text, node->line);
    for (unsigned column = 1; column < node->column && text[at] && text[at] != '\n'; column++)
        do
            at++;
        while (((unsigned char)text[at] & 0xc0) == 0x80);
    return at;
}

/* Past a quoted scalar; at is its opening quote. */
static size_t skip_quoted(const char *text, size_t at)
{
    char quote = text[at++];
    for (; text[at] && text[at] != quote; at++)
        if (quote == '"' && text[at] == '\\' && text[at + 1])
            at++;
    return text[at] ? at + 1 : at;
}

/* Past a flow map; at is its opening brace. */
static size_t skip_flow(const char *text, size_t at)
{
    int depth = 0;
    while (text[at]) {
        if (text[at] == '"' || text[at] == '\'') {
            at = skip_quoted(text, at);
            continue;
        }
        depth += (text[at] == '{' || text[at] == '[') - (text[at] == '}' || text[at] == ']');
        at++;
        if (depth == 0)
            break;
    }
    return at;
}

/* Past the lines of a block map whose first key stands in this column. */
static size_t skip_block(const char *text, size_t at, unsigned column)
{
    size_t end = at + strcspn(text + at, "\n");
    while (text[end] == '\n') {
        size_t indent = strspn(text + end + 1, " ");
        const char *first = text + end + 1 + indent;
        if (indent + 1 < column || *first == '\n' || *first == '#' || !*first)
            break;
        end = (size_t)(first - text) + strcspn(first, "\n");
    }
    return end;
}

/* The bytes of the expectation; a block map gives up the line break before it too. */
static void locate(struct edit *e, const char *text)
{
    const struct doc_node *node = e->expect->node;
    e->from = offset_of(text, node);
    if (text[e->from] == '{') {
        e->to = skip_flow(text, e->from);
        return;
    }
    e->to = skip_block(text, e->from, node->column);
    while (e->from > 0 && strchr(" \n", text[e->from - 1]))
        e->from--;
}

/* ---- what will stand there ---- */

static void word(struct buf *out, const char *text)
{
    if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")])
        text_json_quote(out, text);
    else
        buf_puts(out, text);
}

static void member(struct buf *out, const char *name, const char *value)
{
    if (!*value)
        return;
    buf_puts(out, out->data[out->len - 1] == '{' ? "" : ", ");
    word(out, name);
    buf_puts(out, ": ");
    word(out, value);
}

static void pattern(struct buf *out, const char *name, const char *old, const char *text)
{
    struct buf quoted = {0};
    if (*old && pattern_found(old, text)) {
        member(out, name, old);
        return;
    }
    buf_putc(&quoted, '^');
    for (; *text; text++) {
        if (strchr("\\^$.[]|()?*+{}", *text))
            buf_putc(&quoted, '\\');
        buf_putc(&quoted, *text);
    }
    buf_putc(&quoted, '$');
    member(out, name, buf_str(&quoted));
    buf_free(&quoted);
}

static void facts(struct buf *out, const struct case_ballot *old, const json_t *vote)
{
    const json_t *said = json_object_get(vote, "facts");
    if (!old->n_facts || !json_object_size(said))
        return;
    buf_puts(out, ", facts: {");
    for (size_t i = 0; i < old->n_facts; i++)
        member(out, old->facts[i]->key, answer_member(said, old->facts[i]->key));
    buf_putc(out, '}');
}

/* A refusal is told with its code; message, path and facts where they were expected before. */
static void ballot(struct buf *out, const struct case_ballot *old, const json_t *vote)
{
    buf_putc(out, '{');
    member(out, "verdict", answer_member(vote, "verdict"));
    member(out, "code", answer_member(vote, "code"));
    if (*old->message && *answer_member(vote, "message"))
        pattern(out, "message", old->message, answer_member(vote, "message"));
    if (old->has_path)
        member(out, "path", answer_member(vote, "path"));
    facts(out, old, vote);
    buf_putc(out, '}');
}

static void chain(struct buf *out, const struct case_expect *old, const struct answer *answer)
{
    buf_putc(out, '{');
    if (*old->outcome)
        member(out, "outcome", answer->outcome);
    for (size_t i = 0; i < old->n_votes; i++) {
        size_t k;
        json_t *vote;
        json_array_foreach(answer->votes, k, vote) {
            if (strcmp(answer_member(vote, "voter"), old->votes[i]->voter) != 0)
                continue;
            buf_puts(out, i ? ", " : *old->outcome ? ", votes: {" : "votes: {");
            buf_printf(out, "%s: ", old->votes[i]->voter);
            ballot(out, old->votes[i], vote);
        }
    }
    buf_puts(out, old->n_votes ? "}}" : "}");
}

/* NULL where the answer is nothing to expect: a crash, or a voter that failed. */
static char *expectation(const struct test *test, const struct answer *answer)
{
    const struct case_expect *old = test->item->expect;
    struct buf out = {0};
    size_t i;
    json_t *vote;
    json_array_foreach(answer->votes, i, vote)
        if (json_object_get(vote, "failed"))
            return NULL;
    if (answer->state == ANSWER_NOT_LOADED && *old->load_error) {
        buf_putc(&out, '{');
        pattern(&out, "load_error", old->load_error, answer->text);
        buf_putc(&out, '}');
    } else if (answer->state != ANSWER_VOTED || *old->load_error) {
        return NULL;
    } else if (*test->file->chain) {
        chain(&out, old, answer);
    } else {
        ballot(&out, &old->ballot, json_array_get(answer->votes, 0));
    }
    return buf_take(&out);
}

/* ---- files ---- */

/* Rows of a table share the expectation of their case; they have one node. */
static struct edit *edit_of(struct edits *edits, const struct case_expect *expect, bool add)
{
    for (size_t i = 0; i < edits->n; i++)
        if (edits->items[i].expect->node == expect->node)
            return &edits->items[i];
    if (!add)
        return NULL;
    edits->items = alloc_resize(edits->items, edits->n + 1, sizeof *edits->items);
    edits->items[edits->n] = (struct edit){.expect = expect};
    return &edits->items[edits->n++];
}

static int by_place(const void *a, const void *b)
{
    const struct edit *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static bool of_file(const struct suite *suite, size_t i, const struct case_file *file)
{
    return suite->tests[i].file == file;
}

static void collect(struct edits *edits, const struct suite *suite, const struct run *run,
                    const struct case_file *file)
{
    for (size_t i = 0; i < suite->n_tests; i++)
        if (of_file(suite, i, file) && run->results[i].result == RESULT_FAILED)
            edit_of(edits, suite->tests[i].item->expect, true);
}

/* Every test of an expectation must say the same, those that passed as well. */
static void agree(struct edits *edits, const struct suite *suite, const struct run *run,
                  const struct case_file *file)
{
    bool *seen = alloc_zero(edits->n, sizeof *seen);
    for (size_t i = 0; i < suite->n_tests; i++) {
        struct edit *e =
            of_file(suite, i, file) ? edit_of(edits, suite->tests[i].item->expect, false) : NULL;
        if (!e)
            continue;
        char *text = expectation(&suite->tests[i], &run->results[i].answer);
        bool same = text && (!seen[e - edits->items] || (e->text && strcmp(e->text, text) == 0));
        seen[e - edits->items] = true;
        free(e->text);
        e->text = same ? text : NULL;
        if (!same)
            free(text);
    }
    free(seen);
}

static int apply(struct edits *edits, const struct case_file *file, FILE *to, struct error *err)
{
    struct buf out = {0};
    size_t at = 0;
    int n = 0;
    for (size_t i = 0; i < edits->n; i++)
        locate(&edits->items[i], file->text);
    qsort(edits->items, edits->n, sizeof *edits->items, by_place);
    for (size_t i = 0; i < edits->n; i++) {
        struct edit *e = &edits->items[i];
        unsigned line = e->expect->node->line;
        if (!e->text) {
            terminal_print(to, "%s:%u: not updated: its tests do not agree on a ballot\n",
                           file->path, line);
            continue;
        }
        buf_add(&out, file->text + at, e->from - at);
        buf_printf(&out, "%s%s", e->from && file->text[e->from - 1] == ':' ? " " : "", e->text);
        at = e->to;
        terminal_print(to, "%s:%u: updated\n", file->path, line);
        n++;
    }
    buf_puts(&out, file->text + at);
    int rc = n ? file_write(file->path, buf_str(&out), out.len, err) : 0;
    buf_free(&out);
    return rc == 0 ? n : -1;
}

static int rewrite_file(const struct suite *suite, const struct run *run,
                        const struct case_file *file, FILE *to, struct error *err)
{
    struct edits edits = {0};
    collect(&edits, suite, run, file);
    agree(&edits, suite, run, file);
    int n = edits.n ? apply(&edits, file, to, err) : 0;
    for (size_t i = 0; i < edits.n; i++)
        free(edits.items[i].text);
    free(edits.items);
    return n;
}

int rewrite_suite(const struct suite *suite, const struct run *run, FILE *to, struct error *err)
{
    int all = 0;
    for (size_t i = 0; i < suite->n_files; i++) {
        int n = rewrite_file(suite, run, suite->files[i], to, err);
        if (n < 0)
            return -1;
        all += n;
    }
    return all;
}
