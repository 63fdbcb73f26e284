/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/jansson.h"
#include "support/doc_cases.h"
#include "support/doc_random.h"

static const char *print(const char *text, enum doc_format from, enum doc_format to,
                         struct buf *out)
{
    struct arena *arena = arena_new();
    struct doc_node *tree;
    buf_clear(out);
    if (doc_parse(text, strlen(text), from, 1 << 20, arena, &tree, NULL))
        fail_msg("unreadable: %s", text);
    doc_print(tree, to, out);
    arena_free(arena);
    return buf_str(out);
}

static void test_block_style(void **state)
{
    (void)state;
    struct buf out = {0};
    assert_string_equal(print("{\"a\":{\"b\":[1,\"x\",[],{}],\"c\":[[1,2],[{\"d\":1,\"e\":{\"f\":"
                              "null}}]]},\"g\":\"\",\"h\":true}",
                              DOC_JSON, DOC_YAML, &out),
                        "a:\n"
                        "  b:\n"
                        "    - 1\n"
                        "    - x\n"
                        "    - []\n"
                        "    - {}\n"
                        "  c:\n"
                        "    - - 1\n"
                        "      - 2\n"
                        "    - - d: 1\n"
                        "        e:\n"
                        "          f: null\n"
                        "g: \"\"\n"
                        "h: true\n");
    assert_string_equal(print("[]", DOC_JSON, DOC_YAML, &out), "[]\n");
    assert_string_equal(print("\"x\"", DOC_JSON, DOC_YAML, &out), "x\n");
    assert_string_equal(print("null", DOC_JSON, DOC_YAML, &out), "null\n");
    assert_string_equal(print("", DOC_YAML, DOC_JSON, &out), "null");
    buf_free(&out);
}

/* What people read should look as they would write it. */
static void test_quotes_only_where_needed(void **state)
{
    (void)state;
    static const char *const plain[] = {
        "api.example.com", "/usr/bin/curl", "/opt/node/**", "10.0.0.0/8",  "192.0.2.7",
        "read-only",       "tools/call",    "sigv4:body",   "Claude Code", "GET",
        "python3.11",      "us-east-1",     "a,b",          "x y z",       "a=b",
        "sandbox",         "v1.2-rc+3",
    };
    static const char *const quoted[] = {
        "",           "no",   "ON",    "y",     "True",
        "null",       "~",    "1",     "1000",  "-1",
        "0o17",       "0x1f", "1e3",   "1_000", "12:30",
        "2026-01-01", ".inf", "-.Inf", ".nan",  "*.example.com",
        "**",         "&a",   "!x",    "#x",    "a: b",
        "a #b",       "a:",   " a",    "a ",    "- a",
        "[x]",        "{x}",  "it's",  "\\\"",  "%x",
        "@x",         "`x",   "|",     ">",     "?",
        "-",          "é",    "::1",   "=",     "...",
        "... a",
    };
    struct buf json = {0}, out = {0}, wanted = {0};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        buf_clear(&json);
        buf_clear(&wanted);
        buf_printf(&json, "\"%s\"", plain[i]);
        buf_printf(&wanted, "%s\n", plain[i]);
        assert_string_equal(print(json.data, DOC_JSON, DOC_YAML, &out), wanted.data);
    }
    for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++) {
        buf_clear(&json);
        buf_clear(&wanted);
        buf_printf(&json, "\"%s\"", quoted[i]);
        buf_printf(&wanted, "\"%s\"\n", quoted[i]);
        assert_string_equal(print(json.data, DOC_JSON, DOC_YAML, &out), wanted.data);
    }
    assert_string_equal(print("\"\\n\\t\\u0007\\u007f\\u2028\\u202e\\ufeff\\ud83d\\ude00\"",
                              DOC_JSON, DOC_YAML, &out),
                        "\"\\u000A\\u0009\\u0007\\u007F\\u2028\\u202E\\uFEFF😀\"\n");
    buf_free(&json);
    buf_free(&out);
    buf_free(&wanted);
}

static void test_long_keys_are_marked(void **state)
{
    (void)state;
    struct buf quoted = {0}, text = {0}, yaml = {0}, back = {0};
    for (int i = 0; i < 1000; i++)
        buf_puts(&quoted, "\\\"");
    buf_printf(&text, "{\"a\":{\"%s\":{\"b\":1},\"c\":2}}", quoted.data);
    print(text.data, DOC_JSON, DOC_YAML, &yaml);
    assert_non_null(strstr(yaml.data, "a:\n  ? \""));
    assert_string_equal(print(yaml.data, DOC_YAML, DOC_JSON, &back), text.data);
    buf_free(&text);
    buf_free(&quoted);
    buf_free(&yaml);
    buf_free(&back);
}

static struct doc_node *random_tree(struct dice *dice, int depth)
{
    static const char *const literals[] = {"1", "-0.5", "1e3", "true", "false"};
    struct doc_node *node = arena_zalloc(dice->arena, sizeof *node);
    uint64_t kind = roll(dice, depth ? 5 : 3);
    node->kind = kind < 2 ? DOC_SCALAR : kind == 2 ? DOC_NULL : kind == 3 ? DOC_LIST : DOC_MAP;
    node->text = kind == 0 ? random_text(dice) : kind == 1 ? literals[roll(dice, 5)] : "";
    node->plain = kind == 1;
    if (kind < 3)
        return node;
    const char *keys[5];
    node->n = random_keys(dice, keys, roll(dice, 6));
    node->items = arena_zalloc(dice->arena, (node->n + 1) * sizeof *node->items);
    node->keys = kind == 4 ? arena_zalloc(dice->arena, (node->n + 1) * sizeof *node->keys) : NULL;
    for (size_t i = 0; i < node->n; i++) {
        node->items[i] = random_tree(dice, depth - 1);
        if (kind == 3)
            continue;
        node->keys[i] = arena_zalloc(dice->arena, sizeof *node);
        *node->keys[i] = (struct doc_node){.kind = DOC_SCALAR, .text = keys[i]};
    }
    return node;
}

static void test_what_is_printed_reads_back(void **state)
{
    (void)state;
    struct buf json = {0}, yaml = {0}, back = {0};
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct dice dice = {seed, arena_new()};
        struct doc_node *tree = random_tree(&dice, 5);
        buf_clear(&json);
        buf_clear(&yaml);
        doc_print(tree, DOC_JSON, &json);
        doc_print(tree, DOC_YAML, &yaml);
        if (strcmp(print(yaml.data, DOC_YAML, DOC_JSON, &back), json.data) != 0)
            fail_msg("seed %" PRIu64 ":\n%s\n%s\n%s", seed, yaml.data, json.data, back.data);
        assert_string_equal(print(json.data, DOC_JSON, DOC_JSON, &back), json.data);
        arena_free(dice.arena);
    }
    buf_free(&json);
    buf_free(&yaml);
    buf_free(&back);
}

static void test_json_text_in_yaml(void **state)
{
    (void)state;
    struct buf out = {0};
    struct doc_yaml_writer yaml;
    struct doc_writer *w = doc_yaml_writer(&yaml, &out);
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "config");
    doc_write_json(w, "{\"a\":[1]}");
    doc_write_key(w, "broken");
    doc_write_json(w, "{");
    doc_write_close(w, DOC_MAP);
    doc_yaml_writer_end(&yaml);
    assert_string_equal(out.data, "config:\n  a:\n    - 1\nbroken: null\n");
    buf_free(&out);
}

static void test_a_key_without_a_value_is_not_written(void **state)
{
    (void)state;
    struct buf out = {0};
    struct doc_json_writer json;
    struct doc_writer *w = doc_json_writer(&json, &out);
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, "left out");
    doc_write_key(w, "a");
    doc_write_open(w, DOC_LIST);
    doc_write_close(w, DOC_LIST);
    doc_write_key(w, "b");
    doc_write_bool(w, true);
    doc_write_key(w, "left out too");
    doc_write_close(w, DOC_MAP);
    assert_string_equal(out.data, "{\"a\":[],\"b\":true}");
    buf_free(&out);
}

/* Whatever is made of a tree, written again it is the same. */
static void test_all_writers_agree(void **state)
{
    (void)state;
    struct buf json = {0}, again = {0};
    struct doc_json_writer writer;
    for (uint64_t seed = 1; seed < 300; seed++) {
        struct dice dice = {seed, arena_new()};
        struct doc_node *tree = random_tree(&dice, 5);
        struct doc_tree_writer copy;
        struct doc_jansson_writer jansson;
        buf_clear(&json);
        doc_print(tree, DOC_JSON, &json);
        doc_write_tree(doc_tree_writer(&copy, dice.arena, NULL), tree);
        buf_clear(&again);
        doc_print(doc_tree_writer_end(&copy), DOC_JSON, &again);
        assert_string_equal(buf_str(&again), buf_str(&json));
        doc_write_tree(doc_jansson_writer(&jansson), tree);
        json_t *value = doc_jansson_writer_end(&jansson);
        json_t *read = json_loadb(json.data, json.len, JSON_DECODE_ANY, NULL);
        assert_true(json_equal(value, read));
        buf_clear(&again);
        doc_write_jansson(doc_json_writer(&writer, &again), value);
        json_t *read_again = json_loadb(again.data, again.len, JSON_DECODE_ANY, NULL);
        assert_true(json_equal(value, read_again));
        json_decref(read_again);
        json_decref(read);
        json_decref(value);
        arena_free(dice.arena);
    }
    buf_free(&json);
    buf_free(&again);
}

static void test_a_tree_has_the_limits_of_a_document(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_tree_writer tree;
    struct doc_writer *w = doc_tree_writer(&tree, arena, &problems);
    for (int i = 0; i <= DOC_DEPTH_MAX; i++)
        doc_write_open(w, DOC_LIST);
    doc_write_text(w, "x");
    for (int i = 0; i <= DOC_DEPTH_MAX; i++)
        doc_write_close(w, DOC_LIST);
    assert_null(doc_tree_writer_end(&tree));
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].message, "lists and maps are nested more than 32 deep");
    problems_free(&problems);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_style),
        cmocka_unit_test(test_quotes_only_where_needed),
        cmocka_unit_test(test_long_keys_are_marked),
        cmocka_unit_test(test_what_is_printed_reads_back),
        cmocka_unit_test(test_json_text_in_yaml),
        cmocka_unit_test(test_a_key_without_a_value_is_not_written),
        cmocka_unit_test(test_all_writers_agree),
        cmocka_unit_test(test_a_tree_has_the_limits_of_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
