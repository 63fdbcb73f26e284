/* SPDX-License-Identifier: Apache-2.0 */
/* The document, with the evidence of each part as a comment in front of it.  A comment has numbers
 * and times alone, no text of the record. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doc/tree.h"
#include "policy/check/check.h"
#include "policy/learn/learn.h"

struct comment {
    unsigned line;
    const struct policy_evidence *evidence;
};

static int by_line(const void *left, const void *right)
{
    const struct comment *a = left, *b = right;
    return (a->line > b->line) - (a->line < b->line);
}

static void put_comment(const struct policy_evidence *evidence, size_t indent, struct buf *out)
{
    char first[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];
    buf_printf(out, "%*s# %llu time%s, %s to %s\n", (int)indent, "",
               (unsigned long long)evidence->count, evidence->count == 1 ? "" : "s",
               clock_format(evidence->first_ms, first), clock_format(evidence->last_ms, last));
}

/* Where the parts stand. */
static int find_lines(const struct policy_learned *learned, const struct buf *text,
                      struct arena *arena, struct comment *comments)
{
    struct problems ignored = {0}, places = {0};
    struct doc_node *tree;
    int rc = doc_parse(text->data, text->len, DOC_YAML, text->len + 1, arena, &tree, &ignored);
    for (size_t i = 0; i < learned->n_parts && rc == 0; i++) {
        struct problem place = {.path = (char *)(uintptr_t)learned->parts[i].path};
        places = (struct problems){.items = &place, .n = 1};
        policy_locate(&places, tree);
        comments[i] = (struct comment){place.line, &learned->parts[i].evidence};
    }
    problems_free(&ignored);
    return rc;
}

static void put_lines(const struct buf *text, const struct comment *comments, size_t n,
                      struct buf *out)
{
    unsigned line = 1;
    size_t at = 0;
    for (const char *p = text->data, *end; *p; p = end, line++) {
        end = p + strcspn(p, "\n");
        end += *end == '\n';
        for (; at < n && comments[at].line == line; at++)
            put_comment(comments[at].evidence, strspn(p, " "), out);
        buf_add(out, p, (size_t)(end - p));
    }
}

int policy_learned_print(const struct policy_learned *learned, struct buf *out)
{
    struct buf text = {0};
    size_t begin = out->len;
    struct arena *arena = arena_new();
    struct comment *comments = arena_alloc(arena, (learned->n_parts + 1) * sizeof *comments);
    policy_print(learned->policy, DOC_YAML, &text);
    int rc = find_lines(learned, &text, arena, comments);
    if (rc == 0) {
        qsort(comments, learned->n_parts, sizeof *comments, by_line);
        put_lines(&text, comments, learned->n_parts, out);
        struct policy *again = policy_parse(out->data + begin, out->len - begin, DOC_YAML, NULL);
        rc = again && strcmp(policy_hash(again), policy_hash(learned->policy)) == 0 ? 0 : -1;
        policy_unref(again);
    }
    buf_free(&text);
    arena_free(arena);
    return rc;
}
