/* SPDX-License-Identifier: Apache-2.0 */
#include "support/doc_cases.h"

#include <time.h>

#include "doc/tree.h"

struct tree {
    struct arena *arena;
    struct doc_node *root;
    struct problems problems;
};

static int open_tree(struct tree *t, const char *text, size_t len, enum doc_format format,
                     size_t max)
{
    *t = (struct tree){.arena = arena_new()};
    /* Of exactly the size: nothing follows a request's body either. */
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    int rc = doc_parse(exact, len, format, max, t->arena, &t->root, &t->problems);
    free(exact);
    return rc;
}

static void close_tree(struct tree *t)
{
    problems_free(&t->problems);
    arena_free(t->arena);
}

static void run(const char *text, size_t len, enum doc_format format, struct buf *outcome)
{
    struct tree t;
    if (open_tree(&t, text, len, format, 1 << 20)) {
        assert_null(t.root);
        add_problems(outcome, &t.problems);
    } else {
        assert_int_equal(t.problems.n, 0);
        doc_print_canonical(t.root, outcome);
    }
    close_tree(&t);
}

static void run_yaml(const char *text, size_t len, struct buf *outcome)
{
    run(text, len, DOC_YAML, outcome);
}

static void run_json(const char *text, size_t len, struct buf *outcome)
{
    run(text, len, DOC_JSON, outcome);
}

static void test_yaml_cases(void **state)
{
    (void)state;
    run_cases("tests/fixtures/doc/yaml.txt", run_yaml);
}

static void test_json_cases(void **state)
{
    (void)state;
    run_cases("tests/fixtures/doc/json.txt", run_json);
}

static void test_positions(void **state)
{
    (void)state;
    static const char *const texts[] = {
        [DOC_YAML] = "a:\n  - é: [x,  'y']\n    b: {}\n",
        [DOC_JSON] = "{\"a\":\n [{\"é\": [1,  \"y\"],\n    \"b\": {}}]}",
    };
    static const struct {
        const char *path;
        enum doc_kind kind;
        unsigned line[2], column[2];
    } places[] = {
        {"", DOC_MAP, {1, 1}, {1, 1}},
        {"a", DOC_LIST, {2, 2}, {3, 2}},
        {"a[0]", DOC_MAP, {2, 2}, {5, 3}},
        {"a[0][\"é\"]", DOC_LIST, {2, 2}, {8, 9}},
        {"a[0][\"é\"][0]", DOC_SCALAR, {2, 2}, {9, 10}},
        {"a[0][\"é\"][1]", DOC_SCALAR, {2, 2}, {13, 14}},
        {"a[0].b", DOC_MAP, {3, 3}, {8, 10}},
    };
    for (enum doc_format format = DOC_YAML; format <= DOC_JSON; format++) {
        struct tree t;
        assert_int_equal(open_tree(&t, texts[format], strlen(texts[format]), format, 1000), 0);
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            const struct doc_node *node = doc_at(t.root, places[i].path);
            assert_non_null(node);
            assert_int_equal(node->kind, places[i].kind);
            assert_int_equal(node->line, places[i].line[format]);
            assert_int_equal(node->column, places[i].column[format]);
        }
        const struct doc_node *map = doc_at(t.root, "a[0]");
        assert_string_equal(map->keys[1]->text, "b");
        assert_int_equal(map->keys[1]->line, 3);
        assert_int_equal(map->keys[1]->column, 5);
        assert_true(doc_at(t.root, "a[0][\"é\"][0]")->plain);
        assert_false(doc_at(t.root, "a[0][\"é\"][1]")->plain);
        close_tree(&t);
    }
}

static void test_literal_is_json_only(void **state)
{
    (void)state;
    struct tree t;
    assert_int_equal(open_tree(&t, "[1, true, null, \"1\"]", 20, DOC_JSON, 1000), 0);
    assert_true(t.root->items[0]->literal && t.root->items[1]->literal);
    assert_int_equal(t.root->items[2]->kind, DOC_NULL);
    assert_false(t.root->items[3]->literal);
    close_tree(&t);
    assert_int_equal(open_tree(&t, "[1, true]", 9, DOC_YAML, 1000), 0);
    assert_false(t.root->items[0]->literal || t.root->items[1]->literal);
    close_tree(&t);
}

/* Paths. */

static void expect_found(const struct doc_node *root, const struct doc_node *node,
                         struct arena *arena, const char *path)
{
    assert_ptr_equal(doc_at(root, path), node);
    for (size_t i = 0; i < node->n; i++)
        expect_found(root, node->items[i], arena,
                     node->kind == DOC_LIST ? doc_path_item(arena, path, i)
                                            : doc_path_key(arena, path, node->keys[i]->text));
}

static void test_every_path_leads_back(void **state)
{
    (void)state;
    static const char text[] =
        "plain: [1, [2]]\n\"a.b\": {\"[0]\": 1, \"]\": 2, '\"': 3, '\\': 4, \"\": 5}\n"
        "\"a b\": [{é: 1, \"\\n\": 2, \"\\u202e\": 3}]\n0: x\n-: y\n";
    struct tree t;
    assert_int_equal(open_tree(&t, text, strlen(text), DOC_YAML, 1000), 0);
    expect_found(t.root, t.root, t.arena, "");
    static const char *const nowhere[] = {
        "nothing", "plain[2]",  "plain[1][1]", "plain.x",
        "[0]",     "plain[",    "plain[x]",    "plain[0",
        "[\"a",    "[\"a.b\"",  "[\"a.b\"]x",  "plain..",
        ".",       "plain[-1]", "[\"\\q\"]",   "plain[99999999999999999999]",
    };
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
        assert_null(doc_at(t.root, nowhere[i]));
    close_tree(&t);
}

static void test_path_texts(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_string_equal(doc_path_key(arena, "", "a-b_1"), "a-b_1");
    assert_string_equal(doc_path_key(arena, "a", "b"), "a.b");
    assert_string_equal(doc_path_key(arena, "network_policies", "a b"),
                        "network_policies[\"a b\"]");
    assert_string_equal(doc_path_key(arena, "", "a.b"), "[\"a.b\"]");
    assert_string_equal(doc_path_key(arena, "x", ""), "x[\"\"]");
    assert_string_equal(doc_path_key(arena, "x", "\"\n"), "x[\"\\\"\\n\"]");
    assert_string_equal(doc_path_key(arena, "x", "a\u202eb"), "x[\"a\\u202Eb\"]");
    assert_string_equal(doc_path_item(arena, "x", 7), "x[7]");
    char key[600];
    memset(key, 'k', sizeof key);
    key[599] = '\0';
    assert_int_equal(strlen(doc_path_key(arena, "", key)), 256 + strlen("[\"…\"]"));
    arena_free(arena);
}

/* Limits. */

static char *repeat(const char *unit, size_t times, const char *tail)
{
    size_t n = strlen(unit);
    char *text = malloc(n * times + strlen(tail) + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * n, unit, n);
    strcpy(text + n * times, tail);
    return text;
}

static void expect_depth(const char *opening, const char *closing, size_t depth,
                         enum doc_format format, const char *problem)
{
    struct tree t;
    char *tail = repeat(closing, depth, ""), *text = repeat(opening, depth, tail);
    int rc = open_tree(&t, text, strlen(text), format, 1000);
    assert_int_equal(rc, problem ? -1 : 0);
    if (problem) {
        assert_int_equal(t.problems.n, 1);
        assert_string_equal(t.problems.items[0].message, problem);
        assert_int_equal(t.problems.items[0].line, 1);
        assert_int_equal(t.problems.items[0].column, 32 * strlen(opening) + 1);
    }
    close_tree(&t);
    free(tail);
    free(text);
}

static void test_depth(void **state)
{
    (void)state;
    static const char deep[] = "lists and maps are nested more than 32 deep";
    expect_depth("[", "]", 32, DOC_YAML, NULL);
    expect_depth("[", "]", 33, DOC_YAML, deep);
    expect_depth("[", "]", 32, DOC_JSON, NULL);
    expect_depth("[", "]", 33, DOC_JSON, deep);
    expect_depth("- ", "", 32, DOC_YAML, NULL);
    expect_depth("- ", "", 33, DOC_YAML, deep);
    expect_depth("{\"a\":", "}", 33, DOC_JSON, deep);
}

static void test_size(void **state)
{
    (void)state;
    struct tree t;
    for (enum doc_format format = DOC_YAML; format <= DOC_JSON; format++) {
        assert_int_equal(open_tree(&t, "[1, 2, 3]", 9, format, 9), 0);
        close_tree(&t);
        assert_int_equal(open_tree(&t, "[1, 2, 3]", 9, format, 8), -1);
        assert_int_equal(t.problems.n, 1);
        assert_string_equal(t.problems.items[0].message,
                            "the document has 9 bytes, more than the 8 that are allowed");
        close_tree(&t);
    }
}

static void test_nodes(void **state)
{
    (void)state;
    for (enum doc_format format = DOC_YAML; format <= DOC_JSON; format++) {
        struct tree t;
        char *fits = repeat("1,", DOC_NODES_MAX - 2, "1]"),
             *over = repeat("1,", DOC_NODES_MAX - 1, "1]");
        *fits = *over = '['; /* takes the place of one value, so both have one less */
        fits[1] = over[1] = ' ';
        assert_int_equal(open_tree(&t, fits, strlen(fits), format, 1 << 20), 0);
        assert_int_equal(t.root->n, DOC_NODES_MAX - 2);
        close_tree(&t);
        char *more = repeat("1,", DOC_NODES_MAX, "1]");
        *more = '[';
        more[1] = ' ';
        assert_int_equal(open_tree(&t, over, strlen(over), format, 1 << 20), 0);
        close_tree(&t);
        assert_int_equal(open_tree(&t, more, strlen(more), format, 1 << 20), -1);
        assert_string_equal(t.problems.items[0].message,
                            "the document has more than 100000 values");
        close_tree(&t);
        free(fits);
        free(over);
        free(more);
    }
}

static void test_problems_are_bounded(void **state)
{
    (void)state;
    struct tree t;
    char *text = repeat("a: 1\n", 5000, "");
    assert_int_equal(open_tree(&t, text, strlen(text), DOC_YAML, 1 << 20), -1);
    assert_int_equal(t.problems.n, PROBLEMS_MAX);
    assert_true(t.problems.truncated);
    close_tree(&t);
    struct arena *arena = arena_new();
    struct doc_node *root;
    assert_int_equal(doc_parse(text, strlen(text), DOC_YAML, 1 << 20, arena, &root, NULL), -1);
    arena_free(arena);
    free(text);
}

/* A map of the keys, and the first of them once more where again says so. */
static void expect_keys(char *const *keys, size_t n, bool again)
{
    struct buf text = {0};
    struct tree t;
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%c\"%s\":1", i ? ',' : '{', keys[i]);
    if (again)
        buf_printf(&text, ",\"%s\":1", keys[0]);
    buf_puts(&text, "}");
    assert_int_equal(open_tree(&t, text.data, text.len, DOC_JSON, 1 << 20), again ? -1 : 0);
    assert_int_equal(t.problems.n, again ? 1 : 0);
    close_tree(&t);
    buf_free(&text);
}

static void test_large_maps_have_each_key_once(void **state)
{
    enum { MOST = 3000 };
    (void)state;
    char *keys[MOST];
    for (int i = 0; i < MOST; i++)
        assert_true(asprintf(&keys[i], "key%d", i) > 0);
    for (size_t n = 1; n <= MOST; n += n < 70 ? 1 : 977) {
        expect_keys(keys, n, false);
        expect_keys(keys, n, true);
    }
    for (int i = 0; i < MOST; i++)
        free(keys[i]);
}

/* FNV-1a, as maps are looked through with it. */
static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619;
    return hash;
}

/* Keys whose hashes are equal, or end alike, are different keys. */
static void test_keys_that_collide_are_told_apart(void **state)
{
    enum { MOST = 300, MASK = 0x3ff };
    (void)state;
    char *equal[] = {"costarring", "liquid", "declinate", "macallums", "altarage", "zinke",
                     "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"};
    assert_int_equal(hash_of("costarring"), hash_of("liquid"));
    assert_int_equal(hash_of("altarage"), hash_of("zinke"));
    expect_keys(equal, sizeof equal / sizeof *equal, false);
    expect_keys(equal, sizeof equal / sizeof *equal, true);
    char *alike[MOST];
    size_t n = 0;
    for (unsigned i = 0; n < MOST; i++) {
        char key[24];
        snprintf(key, sizeof key, "%x", i);
        if ((hash_of(key) & MASK) == 0)
            alike[n++] = strdup(key);
    }
    expect_keys(alike, n, false);
    expect_keys(alike, n, true);
    for (size_t i = 0; i < n; i++)
        free(alike[i]);
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Each of these took libyaml's loader, or a naive reader, from seconds to minutes at this size. The
 * bound is a hundred times what they take here, and a tenth of what the quadratic ones took. */
static void test_bombs_cost_little(void **state)
{
    (void)state;
    enum { SIZE = 262144 };
    static const struct {
        const char *head, *unit, *tail;
    } bombs[] = {
        {"", "[", ""},
        {"", "{", ""},
        {"", "[{", ""},
        {"", "- ", ""},
        {"", "? ", ""},
        {"", "a: ", ""},
        {"", "[\n", ""},
        {"", "{a: ", ""},
        {"[", "&a x,", "]"},
        {"[", "*a,", "]"},
        {"", "%TAG !a! b\n", ""},
        {"a: 1\n...\n", "%TAG !a! b\n", ""},
        {"", "---\n", ""},
        {"", "#\n", ""},
        {"a: ", "x ", ""},
        {"a: |\n", " x\n", ""},
        {"a: \"", "\\n", "\""},
        {"a:\n", "\n", "  b"},
        {"[", "'',", "]"},
        {"", "!!a ", ""},
        {"[", "a,", "]"},
        {"", "a: 1\n", ""},
        {"[", "[],", "]"},
        {"[", "{},", "]"},
    };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        size_t times =
            (SIZE - strlen(bombs[i].head) - strlen(bombs[i].tail)) / strlen(bombs[i].unit);
        char *body = repeat(bombs[i].unit, times, bombs[i].tail);
        struct buf text = {0};
        buf_printf(&text, "%s%s", bombs[i].head, body);
        for (enum doc_format format = DOC_YAML; format <= DOC_JSON; format++) {
            struct tree t;
            double before = cpu_seconds();
            open_tree(&t, text.data, text.len, format, SIZE);
            double took = cpu_seconds() - before;
            close_tree(&t);
            if (took > 2.0)
                fail_msg("%zu bytes of \"%s\" took %.1f s", text.len, bombs[i].unit, took);
        }
        buf_free(&text);
        free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_cases),
        cmocka_unit_test(test_json_cases),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_literal_is_json_only),
        cmocka_unit_test(test_every_path_leads_back),
        cmocka_unit_test(test_path_texts),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_problems_are_bounded),
        cmocka_unit_test(test_large_maps_have_each_key_once),
        cmocka_unit_test(test_keys_that_collide_are_told_apart),
        cmocka_unit_test(test_bombs_cost_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
