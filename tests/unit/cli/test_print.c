/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed: YAML that reads back as the same values, and tables. */
#include "support/terminal.h"

#include "doc/tree.h"

/* A document, as the JSON that the parser of YAML makes of what was printed. */
static char *back_from_yaml(const json_t *json)
{
    struct buf yaml = {0}, out = {0};
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    print_yaml(json, &yaml);
    if (doc_parse(buf_str(&yaml), yaml.len, DOC_YAML, 1 << 20, arena, &tree, &problems) != 0)
        fail_msg("%s\n%s", problems.items[0].message, yaml.data);
    doc_print(tree, DOC_JSON, &out);
    problems_free(&problems);
    arena_free(arena);
    buf_free(&yaml);
    return buf_take(&out);
}

static void assert_comes_back(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error), *back;
    if (!json)
        fail_msg("%s: %s", text, error.text);
    char *again = back_from_yaml(json);
    back = json_loads(again, 0, NULL);
    if (!json_equal(json, back))
        fail_msg("%s came back as %s", text, again);
    json_decref(json);
    json_decref(back);
    free(again);
}

static void yaml_reads_back_as_the_same(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{}",
        "[]",
        "{\"a\":1}",
        "[1,2,3]",
        "[[1],[2,[3]],[],{}]",
        "{\"a\":{\"b\":{\"c\":[{\"d\":1,\"e\":[]},{\"f\":{}}]}}}",
        "{\"true\":\"true\",\"null\":\"null\",\"1\":\"1\",\"no\":\"no\",\"~\":\"~\",\"\":\"\"}",
        "{\"a b\":\"c: d\",\"e#\":\" # f\",\"- g\":\"- "
        "h\",\"i\":\"[j]\",\"k\":\"{l}\",\"m\":\"*n\",\"o\":\"&p\",\"q\":\"!r\"}",
        "{\"lines\":\"a\\nb\\n\",\"tab\":\"\\t\",\"quote\":\"\\\"'\\\\\",\"control\":"
        "\"\\u0001\\u007f\\u0085\\u2028\\ufeff\"}",
        "{\"grüße\":\"\\u00e4\\u20ac\\ud83d\\ude00\"}",
        "{\"a\":true,\"b\":false,\"d\":-7,\"e\":123456789012345,\"f\":0.5}",
        "[\"-\",\"---\",\"...\",\"?\",\"<<\",\"=\",\"0x10\",\"1e3\",\".5\",\"+1\",\"1_000\",\"2026-"
        "01-01\"]",
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
        assert_comes_back(documents[i]);
}

static void null_is_null(void **state)
{
    (void)state;
    json_t *json = json_loads("{\"a\":null}", 0, NULL);
    char *back = back_from_yaml(json);
    assert_string_equal(back, "{\"a\":null}");
    free(back);
    json_decref(json);
}

/* Random documents, the same ones each time. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static json_t *random_text(uint32_t *seed)
{
    static const char alphabet[] = "ab -:#'\"{}[],&*!|>%@`~\\\n\t1.";
    char text[12];
    size_t n = next(seed) % sizeof text;
    for (size_t i = 0; i < n; i++)
        text[i] = alphabet[next(seed) % (sizeof alphabet - 1)];
    return json_stringn(text, n);
}

static json_t *random_value(uint32_t *seed, int depth)
{
    uint32_t kind = next(seed) % (depth ? 6 : 4);
    if (kind == 0)
        return json_integer(next(seed) % 1000);
    if (kind == 1)
        return json_boolean(next(seed) & 1);
    if (kind < 4)
        return random_text(seed);
    json_t *json = kind == 4 ? json_array() : json_object();
    for (uint32_t n = next(seed) % 4; n > 0; n--) {
        json_t *key = random_text(seed), *value = random_value(seed, depth - 1);
        if (kind == 4)
            json_array_append_new(json, value);
        else
            json_object_set_new(json, json_string_value(key), value);
        json_decref(key);
    }
    return json;
}

static void random_documents_read_back(void **state)
{
    (void)state;
    uint32_t seed = 491;
    for (int i = 0; i < 3000; i++) {
        json_t *inner = random_value(&seed, 4), *json = json_pack("{s:o}", "value", inner);
        char *text = json_dumps(json, 0);
        assert_comes_back(text);
        free(text);
        json_decref(json);
    }
}

static void a_table_is_as_wide_as_it_must_be(void **state)
{
    (void)state;
    struct terminal *t = alloc_zero(1, sizeof *t);
    struct table table = {0};
    table_row(&table, 3, (const char *[]){"NAME", "PHASE", "WHY"});
    table_row(&table, 3, (const char *[]){"a-long-name", "ready", ""});
    table_row(&table, 3, (const char *[]){"b", NULL, "because of this"});
    begin_listening(t);
    table_print(&(struct cli){0}, &table);
    end_listening(t);
    assert_string_equal(t->out, "NAME         PHASE  WHY\n"
                                "a-long-name  ready  \n"
                                "b                   because of this\n");
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_reads_back_as_the_same),
        cmocka_unit_test(null_is_null),
        cmocka_unit_test(random_documents_read_back),
        cmocka_unit_test(a_table_is_as_wide_as_it_must_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
