/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a document, prints it in both formats, reads those and compares the canonical text. */
#ifndef DOC_ROUND_TRIP_H
#define DOC_ROUND_TRIP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct doc_node *tree, enum doc_format format, const char *canonical)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct buf text = {0}, again = {0};
    struct doc_node *copy;
    doc_print(tree, format, &text);
    if (doc_parse(buf_str(&text), text.len, format, SIZE_MAX, arena, &copy, &problems)) {
        fprintf(stderr, "%s\nbecame unreadable: %s\n", buf_str(&text), problems.items[0].message);
        abort();
    }
    doc_print_canonical(copy, &again);
    if (strcmp(buf_str(&again), canonical) != 0) {
        fprintf(stderr, "%s\nis not\n%s\n", buf_str(&again), canonical);
        abort();
    }
    buf_free(&text);
    buf_free(&again);
    arena_free(arena);
}

static int round_trip(const char *text, size_t len, enum doc_format format)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    if (doc_parse(text, len, format, 1 << 18, arena, &tree, &problems) == 0) {
        struct buf canonical = {0};
        doc_print_canonical(tree, &canonical);
        expect_same(tree, DOC_YAML, buf_str(&canonical));
        expect_same(tree, DOC_JSON, buf_str(&canonical));
        buf_free(&canonical);
    } else if (!problems.n) {
        abort();
    }
    problems_free(&problems);
    arena_free(arena);
    return 0;
}

#endif
