/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as YAML; what is read must print and read back as the same.  With aliases it is that,
 * too, where it has none, and has no more values than the limit. */
#include "doc_round_trip.h"

static size_t count(const struct doc_node *node)
{
    size_t n = 1;
    for (size_t i = 0; i < node->n; i++)
        n += count(node->items[i]);
    return n;
}

static void check_aliased(const char *text, size_t len)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *plain, *aliased;
    struct buf a = {0}, b = {0};
    bool reads = doc_parse(text, len, DOC_YAML, 1 << 18, arena, &plain, NULL) == 0;
    if (doc_parse_aliased(text, len, 1 << 18, arena, &aliased, &problems) == 0) {
        doc_print_canonical(aliased, &a);
        if (reads)
            doc_print_canonical(plain, &b);
        if ((reads && strcmp(buf_str(&a), buf_str(&b)) != 0) || count(aliased) > 1 << 22)
            abort();
    } else if (reads || !problems.n) {
        abort();
    }
    buf_free(&a);
    buf_free(&b);
    problems_free(&problems);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_aliased((const char *)data, size);
    return round_trip((const char *)data, size, DOC_YAML);
}
