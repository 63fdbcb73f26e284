/* SPDX-License-Identifier: Apache-2.0 */
/* The tables against bytes of stock clients, and policies as messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "doc/writer.h"
#include "policy/policy.h"
#include "support/openshell_tables.h"

enum { LINE_MAX_BYTES = 4096 };

static const struct tables *tables;

static size_t read_hex(const char *hex, unsigned char *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &out[i]), 1);
    return n;
}

static void check_vector(const char *modes, char *name, const char *hex, const char *json)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct buf again = {0}, text = {0};
    struct doc_node *tree;
    unsigned char bytes[LINE_MAX_BYTES];
    size_t n = read_hex(hex, bytes);
    const struct schema *schema = find_table(tables, name);
    enum protobuf_modes as = strcmp(modes, "enums") == 0 ? PROTOBUF_ENUMS : PROTOBUF_TEXTS;
    assert_int_equal(protobuf_decode(schema, bytes, n, arena, &tree, &problems), 0);
    doc_print(tree, DOC_JSON, &text);
    assert_string_equal(buf_str(&text), json);
    assert_int_equal(protobuf_encode(schema, tree, as, &again, &problems), 0);
    /* An endpoint is written with port and ports, whichever was read. */
    if (!strstr(json, "\"host\"")) {
        assert_int_equal(again.len, n);
        assert_memory_equal(again.data, bytes, n);
    }
    buf_free(&again);
    buf_free(&text);
    arena_free(arena);
}

static void test_vectors(void **state)
{
    FILE *file = fopen("tests/fixtures/openshell/vectors.txt", "r");
    char line[LINE_MAX_BYTES], json[LINE_MAX_BYTES];
    size_t n = 0;
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char modes[8], name[64], hex[LINE_MAX_BYTES];
        if (sscanf(line, "%7s %63s %4095s", modes, name, hex) != 3 ||
            (strcmp(modes, "texts") != 0 && strcmp(modes, "enums") != 0))
            continue;
        assert_non_null(fgets(json, sizeof json, file));
        json[strcspn(json, "\n")] = '\0';
        check_vector(modes, name, hex, json);
        n++;
    }
    fclose(file);
    assert_int_equal(n, 26);
}

static struct doc_node *document_of(const struct policy *policy, struct arena *arena)
{
    struct doc_tree_writer writer;
    struct problems problems = {0};
    schema_write(&policy_schema, policy_model(policy), doc_tree_writer(&writer, arena, &problems));
    return doc_tree_writer_end(&writer);
}

/* The policy that comes back from its message. */
static struct policy *there_and_back(const struct policy *policy, enum protobuf_modes modes)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct buf bytes = {0};
    struct doc_node *tree;
    int rc = protobuf_encode(&policy_schema, document_of(policy, arena), modes, &bytes, &problems);
    if (rc == 0)
        rc = protobuf_decode(&policy_schema, bytes.data, bytes.len, arena, &tree, &problems);
    struct policy *back = rc == 0 ? policy_decode(tree, "", &problems) : NULL;
    if (!back)
        print_error("%s: %s\n", problems.items[0].path, problems.items[0].message);
    problems_free(&problems);
    buf_free(&bytes);
    arena_free(arena);
    return back;
}

static void expect_same_policy(const char *yaml, size_t len)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(yaml, len, DOC_YAML, &problems);
    assert_non_null(policy);
    for (int modes = PROTOBUF_TEXTS; modes <= PROTOBUF_ENUMS; modes++) {
        struct policy *back = there_and_back(policy, modes);
        assert_non_null(back);
        assert_string_equal(policy_json(back), policy_json(policy));
        policy_unref(back);
    }
    policy_unref(policy);
}

/* Every field of the schema, so that one without a number fails. */
static void test_complete(void **state)
{
    FILE *file = fopen("tests/fixtures/policies/complete.yaml", "r");
    char yaml[32768];
    (void)state;
    assert_non_null(file);
    size_t len = fread(yaml, 1, sizeof yaml, file);
    fclose(file);
    expect_same_policy(yaml, len);
}

static void test_odd_policies(void **state)
{
    static const char *const policies[] = {
        "version: 1\n",
        "version: 1\nnetwork_policies: {}\n",
        "version: 1\nnetwork_policies: {\"a b\": {endpoints: [{host: h, ports: [1, 2]}]}, b: {}}\n",
        "version: 1\nnetwork_policies: {r: {name: other, endpoints: [{host: h, port: 1, protocol: "
        "mcp, mcp: {max_body_bytes: 5}}]}}\n",
        "version: 1\nnetwork_policies: {r: {endpoints: [{host: h, port: 1, protocol: mcp, mcp: "
        "{max_body_bytes: 5, strict_tool_names: false}, rules: [{allow: {method: tools/call, tool: "
        "{any: [a, b]}, params: {x: {y: z}}}}]}]}}\n",
        "version: 1\nnetwork_policies: {r: {endpoints: [{host: h, port: 1, protocol: json-rpc, "
        "json_rpc: {max_body_bytes: 9}, public_only: true}]}}\n",
        "version: 1\nnetwork_middlewares: {m: {middleware: a/b, order: -1, config: {a: 1.5, b: "
        "[null, true, {}], c: no}}}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
        expect_same_policy(policies[i], strlen(policies[i]));
}

/* What a policy cannot say must not be lost on the way into it. */
static void test_versions_are_refused(void **state)
{
    static const unsigned char bytes[] = "\x08\x01\x2a\x15\x0a\x01r\x12\x10\x12\x0e\x0a\x01h\xba"
                                         "\x01\x08\x1a\x06\x32\x30\x32\x35-1";
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    (void)state;
    assert_int_equal(protobuf_decode(&policy_schema, bytes, sizeof bytes - 1, arena, &tree,
                                     &problems), 0);
    assert_null(policy_decode(tree, "policy", &problems));
    assert_string_equal(problems.items[0].path,
                        "policy.network_policies.r.endpoints[0].mcp.versions");
    problems_free(&problems);
    arena_free(arena);
}

static void test_methods(void **state)
{
    (void)state;
    const struct openshell_method *exec =
        openshell_find_method("/openshell.v1.OpenShell/ExecSandbox");
    assert_int_equal(exec->stream, OPENSHELL_ANSWERS);
    assert_string_equal(exec->request->name, "ExecSandboxRequest");
    assert_null(openshell_find_method("/openshell.v1.OpenShell/execsandbox"));
    for (size_t i = 0; i < tables->n; i++) {
        const struct schema_field *rows[PROTOBUF_ROWS_MAX];
        assert_true(protobuf_rows(tables->all[i], rows) < PROTOBUF_ROWS_MAX);
    }
}

int main(void)
{
    const struct tables all = all_tables();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_odd_policies),
        cmocka_unit_test(test_versions_are_refused),
        cmocka_unit_test(test_methods),
    };
    tables = &all;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
