/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes operations on a policy: a document with the members base, a policy, and merge, the
 * operations, or to, another policy, which is compared with it.  Oracles: what is refused has a
 * reason; what comes of it prints and reads as the same policy; the same operations on the same
 * policy give the same; what they change can be told. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/check/check.h"
#include "policy/diff.h"
#include "policy/merge/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrong(const char *what, const struct policy *policy)
{
    struct buf text = {0};
    if (policy)
        policy_print(policy, DOC_YAML, &text);
    fprintf(stderr, "%s\n%s\n", what, buf_str(&text));
    abort();
}

static void check_reads_back(const struct policy *policy)
{
    struct problems problems = {0};
    struct buf text = {0};
    policy_print(policy, DOC_YAML, &text);
    struct policy *again = text.len > POLICY_BYTES_MAX
                               ? NULL : policy_parse(buf_str(&text), text.len, DOC_YAML, &problems);
    if (text.len <= POLICY_BYTES_MAX && !again)
        wrong(problems.items[0].message, policy);
    if (again && strcmp(policy_hash(again), policy_hash(policy)) != 0)
        wrong("reads back as another policy", policy);
    policy_unref(again);
    buf_free(&text);
}

static void check_diff(const struct policy *from, const struct policy *to)
{
    struct arena *arena = arena_new();
    const struct sluice_diff *there = policy_diff(policy_model(from), policy_model(to), arena);
    const struct sluice_diff *back = policy_diff(policy_model(to), policy_model(from), arena);
    if (there->n_added != back->n_removed || there->n_removed != back->n_added ||
        there->n_changed != back->n_changed || there->n_static_changes != back->n_static_changes)
        wrong("the way back is another change", to);
    arena_free(arena);
}

static void check_merge(const struct policy *base, const struct policy_operations *operations)
{
    struct problems problems = {0}, warnings = {0};
    struct policy *merged = policy_merge(base, operations, &problems, &warnings);
    if (!merged && !problems.n)
        wrong("refused without a reason", base);
    if (merged) {
        struct policy *second = policy_merge(base, operations, NULL, NULL);
        check_reads_back(merged);
        if (!second || strcmp(policy_hash(second), policy_hash(merged)) != 0)
            wrong("another result the second time", merged);
        policy_check(merged, NULL, NULL);
        check_diff(base, merged);
        policy_unref(second);
    }
    policy_unref(merged);
    problems_free(&problems);
    problems_free(&warnings);
}

static void compare(const struct doc_node *written, const struct doc_node *to)
{
    struct policy *a = written ? policy_decode_sound(written, "base") : NULL;
    struct policy *b = to ? policy_decode_sound(to, "to") : NULL;
    if (a && b) {
        check_diff(a, b);
        check_diff(a, a);
    }
    policy_unref(a);
    policy_unref(b);
}

static void read_all(const struct doc_node *tree, struct arena *arena)
{
    const struct doc_node *written = doc_get(tree, "base"), *merge = doc_get(tree, "merge");
    struct problems problems = {0};
    struct policy_operations operations;
    struct policy *base = merge && written ? policy_decode(written, "base", NULL) : NULL;
    if (!merge) {
        compare(written, doc_get(tree, "to"));
        return;
    }
    if (policy_operations_decode(merge, arena, &operations, &problems) == 0) {
        if (operations.n > POLICY_OPERATIONS_MAX)
            wrong("too many operations", NULL);
        if (base)
            check_merge(base, &operations);
    } else if (!problems.n) {
        wrong("operations are refused without a reason", NULL);
    }
    problems_free(&problems);
    policy_unref(base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct doc_node *tree;
    enum doc_format format = size && data[0] == '{' ? DOC_JSON : DOC_YAML;
    if (doc_parse((const char *)data, size, format, POLICY_BYTES_MAX, arena, &tree, NULL) == 0)
        read_all(tree, arena);
    arena_free(arena);
    return 0;
}
