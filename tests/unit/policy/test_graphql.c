/* SPDX-License-Identifier: Apache-2.0 */
#include "support/policy_cases.h"

#include <time.h>

#include "policy/match/graphql_document.h"
#include "policy/match/graphql_token.h"

static const char *text_of(const struct doc_node *test, const char *key)
{
    const struct doc_node *value = doc_get(test, key);
    return value ? value->text : "";
}

static const char *join_fields(const struct graphql_operation *operation, struct arena *arena)
{
    const char *list = "";
    for (size_t i = 0; i < operation->n_fields; i++)
        list = arena_printf(arena, "%s%s%s", list, i ? " " : "", operation->fields[i]);
    return list;
}

static void check_document(const struct doc_node *test, const char *name)
{
    struct arena *arena = arena_new();
    struct graphql_operation operation;
    const char *why = graphql_document_read(text_of(test, "document"), text_of(test, "execute"),
                                            arena, &operation);
    const char *problem = text_of(test, "problem"), *fields = join_fields(&operation, arena);
    if (!why != !*problem || (why && !strstr(why, problem)))
        fail_msg("%s: got the problem %s", name, why ? why : "(none)");
    if (!why && (strcmp(operation.type, text_of(test, "type")) != 0 ||
                 strcmp(operation.name, text_of(test, "operation")) != 0 ||
                 strcmp(fields, text_of(test, "fields")) != 0))
        fail_msg("%s: got %s '%s' { %s }", name, operation.type, operation.name, fields);
    arena_free(arena);
}

static void test_documents(void **state)
{
    (void)state;
    cases_run("tests/fixtures/graphql/documents.yaml", check_document);
}

/* before, n times the text, after */
static char *repeated(const char *before, const char *text, size_t n, const char *after)
{
    struct buf out = {0};
    buf_puts(&out, before);
    for (size_t i = 0; i < n; i++)
        buf_puts(&out, text);
    buf_puts(&out, after);
    return buf_take(&out);
}

/* NULL: it is read, with n_fields. */
static const char *read_repeated(const char *before, const char *text, size_t n, const char *after,
                                 size_t *n_fields, struct arena *arena)
{
    char *document = repeated(before, text, n, after);
    struct graphql_operation operation;
    const char *why = graphql_document_read(document, "", arena, &operation);
    *n_fields = operation.n_fields;
    free(document);
    return why;
}

static void test_depth(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    static const struct {
        const char *before, *open, *middle, *close, *after;
        size_t around;
    } nests[] = {
        {"", "{a", "", "}", "", 0},
        {"{a(x:", "[", "", "]", ")}", 1},
        {"{a(x:", "{b:", "1", "}", ")}", 1},
        {"query($a:", "[", "T", "]", "){a}", 0},
        {"", "{...", "{a}", "}", "", 1},
    };
    for (size_t i = 0; i < sizeof nests / sizeof *nests; i++)
        for (size_t more = 0; more < 2; more++) {
            size_t depth = GRAPHQL_DEPTH_MAX - nests[i].around + more, n_fields;
            char *after = repeated(nests[i].middle, nests[i].close, depth, nests[i].after);
            const char *why = read_repeated(nests[i].before, nests[i].open, depth, after,
                                            &n_fields, arena);
            if (!why != !more || (why && !strstr(why, "nested more than 128 deep")))
                fail_msg("nest %zu, %zu deep: %s", i, depth, why ? why : "is read");
            free(after);
        }
    size_t n_fields;
    assert_non_null(read_repeated("", "{a", 100000, "", &n_fields, arena));
    assert_non_null(read_repeated("{a(x:", "[", 100000, "", &n_fields, arena));
    arena_free(arena);
}

static void test_tokens(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    size_t n_fields;
    assert_null(read_repeated("{", "a ", GRAPHQL_TOKENS_MAX - 2, "}", &n_fields, arena));
    assert_int_equal(n_fields, 1);
    const char *why = read_repeated("{", "a ", GRAPHQL_TOKENS_MAX - 1, "}", &n_fields, arena);
    assert_non_null(why);
    assert_non_null(strstr(why, "more than 20000 tokens"));
    arena_free(arena);
}

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Documents of n parts that would cost much in a parser that follows each spread, copies, or looks
 * back. */
static char *costly(int which, size_t n)
{
    static const char *const plain[][3] = {
        {"{", "a{a ", "}"},    {"{a(x:\"", "\\u1234", "\")}"}, {"{", "...F ", "}"},
        {"{", "#\n", "a}"},    {"{a(x:\"\"\"", "\\\"\"\" ", "\"\"\")}"},
        {"{", "...{a}", "}"},  {"query(", "$a:[T]", "){a}"},    {"{", "\xef\xbb\xbf", "a}"},
        {"{a(x:", "-", ")}"},  {"", "{", ""},
    };
    if (which < 10)
        return repeated(plain[which][0], plain[which][1], n, plain[which][2]);
    struct buf out = {0};
    buf_puts(&out, "{...F0}");
    for (size_t i = 0; i < n / 8; i++)              /* each fragment leads to the next one twice */
        buf_printf(&out, "fragment F%zu on Q{...F%zu f%zu ...F%zu}", i, i + 1, i, i + 1);
    return buf_take(&out);
}

static double cost_ms(int which, size_t n)
{
    double best = 1e9;
    char *document = costly(which, n);
    for (int round = 0; round < 3; round++) {
        struct arena *arena = arena_new();
        struct graphql_operation operation;
        double from = cpu_ms();
        graphql_document_read(document, "", arena, &operation);
        double took = cpu_ms() - from;
        best = took < best ? took : best;
        arena_free(arena);
    }
    free(document);
    return best;
}

static void test_time_is_linear(void **state)
{
    (void)state;
    for (int which = 0; which < 11; which++) {
        double small = cost_ms(which, 4000), large = cost_ms(which, 16000);
        if (large > 10 && large > 12 * small)
            fail_msg("document %d: %.2f ms, four times as long %.2f ms", which, small, large);
    }
}

static void test_fragments_are_followed_once(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct graphql_operation operation;
    char *document = costly(10, 8000);
    assert_null(graphql_document_read(document, "", arena, &operation));
    assert_int_equal(operation.n_fields, 1000);
    free(document);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_time_is_linear),
        cmocka_unit_test(test_fragments_are_followed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
