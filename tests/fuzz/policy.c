/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a policy; what is read must print in both formats, and complete, to the same hash.
 * The safety check runs over it, or over what is sound of it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/check/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct policy *policy, enum doc_format format)
{
    struct problems problems = {0};
    struct buf text = {0};
    policy_print(policy, format, &text);
    /* Printing may exceed the limit of what is read: indentation, escapes. */
    if (text.len <= POLICY_BYTES_MAX) {
        struct policy *again = policy_parse(buf_str(&text), text.len, format, &problems);
        if (!again || strcmp(policy_hash(again), policy_hash(policy)) != 0) {
            fprintf(stderr, "%s\nreads back otherwise%s%s\n", buf_str(&text), again ? "" : ": ",
                    again ? "" : problems.items[0].message);
            abort();
        }
        policy_unref(again);
    }
    buf_free(&text);
}

/* A model is a document again, and as the one of a policy that lives longer. */
static void check_rebuilt(struct policy *policy)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct policy *again = policy_rebuild(policy_model(policy_keep(policy_ref(policy), arena)),
                                          &problems);
    if (!again && !problems.n)
        abort();
    if (again && strcmp(policy_hash(again), policy_hash(policy)) != 0)
        abort();
    policy_unref(again);
    problems_free(&problems);
    arena_free(arena);
}

static void check_what_is_sound(const char *text, size_t size, enum doc_format format)
{
    struct arena *arena = arena_new();
    struct doc_node *tree;
    struct policy *sound = doc_parse(text, size, format, POLICY_BYTES_MAX, arena, &tree, NULL) == 0
                               ? policy_decode_sound(tree, "") : NULL;
    if (sound)
        policy_check(sound, NULL, NULL);
    policy_unref(sound);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems = {0};
    enum doc_format format = size && data[0] == '{' ? DOC_JSON : DOC_YAML;
    struct policy *policy = policy_parse((const char *)data, size, format, &problems);
    if (policy) {
        struct policy *complete = policy_complete(policy, NULL);
        expect_same(policy, DOC_YAML);
        expect_same(policy, DOC_JSON);
        expect_same(complete, DOC_YAML);
        policy_check(complete, NULL, NULL);
        check_rebuilt(policy);
        policy_unref(complete);
        policy_unref(policy);
    } else {
        check_what_is_sound((const char *)data, size, format);
        if (!problems.n)
            abort();
    }
    problems_free(&problems);
    return 0;
}
