/* SPDX-License-Identifier: Apache-2.0 */
#include "support/doc_cases.h"

#include "support/doc_random.h"
#include "policy/policy.h"

static struct policy *parse(const char *text, enum doc_format format)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(text, strlen(text), format, &problems);
    if (!policy) {
        struct buf why = {0};
        add_problems(&why, &problems);
        fail_msg("%s\n%s", why.data, text);
    }
    return policy;
}

static struct policy *complete_fixture(void)
{
    struct buf text = read_fixture("tests/fixtures/policies/complete.yaml");
    struct policy *policy = parse(text.data, DOC_YAML);
    buf_free(&text);
    return policy;
}

static void run_policy(const char *text, size_t len, struct buf *outcome)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(text, len, DOC_YAML, &problems);
    assert_true(!policy == (problems.n > 0));
    if (policy)
        buf_puts(outcome, policy_json(policy));
    add_problems(outcome, &problems);
    policy_unref(policy);
}

static void test_documents(void **state)
{
    (void)state;
    run_cases("tests/fixtures/policies/problems.txt", run_policy);
}

/* Both print formats read back as the same policy. */
static void expect_round_trip(const struct policy *policy)
{
    for (enum doc_format format = DOC_YAML; format <= DOC_JSON; format++) {
        struct buf text = {0};
        policy_print(policy, format, &text);
        struct policy *again = parse(text.data, format);
        assert_string_equal(policy_json(again), policy_json(policy));
        assert_string_equal(policy_hash(again), policy_hash(policy));
        policy_unref(again);
        buf_free(&text);
    }
}

/* The fixture names every field that the tables know, so that no field escapes the tests that use
 * it. */
static void expect_all_fields(const struct schema *schema, const char *text)
{
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        char name[80];
        snprintf(name, sizeof name, "%s:", f->name);
        if (!(f->flags & (SCHEMA_ALIAS | SCHEMA_IGNORED)) && !strstr(text, name))
            fail_msg("complete.yaml has no %s of a %s", f->name, schema->name);
        if (f->sub)
            expect_all_fields(f->sub, text);
    }
}

static void test_every_field_round_trips(void **state)
{
    (void)state;
    struct policy *policy = complete_fixture();
    struct buf text = {0};
    policy_print(policy, DOC_YAML, &text);
    expect_all_fields(&policy_schema, text.data);
    expect_round_trip(policy);
    buf_free(&text);
    policy_unref(policy);
}

static const char *different(const struct doc_node *leaf, int attempt)
{
    static const char *const others[] = {"zz",      "full",        "deny", "fail_closed", "audit",
                                         "enforce", "read-only",   "auto", "tcp",         "sigv4",
                                         "mcp",     "best_effort", "77",   "true",        "false"};
    if ((size_t)attempt >= sizeof others / sizeof *others)
        return NULL;
    return strcmp(others[attempt], leaf->text) == 0 ? leaf->text : others[attempt];
}

/* Whether some other value there makes another policy: if none does, the field is lost on the way.
 */
static bool matters(const struct doc_node *root, struct doc_node *leaf, const char *hash)
{
    const char *text = leaf->text;
    bool found = false;
    for (int attempt = 0; !found && different(leaf, attempt); attempt++) {
        leaf->text = different(leaf, attempt);
        struct policy *policy = policy_decode(root, "", NULL);
        found = policy && strcmp(policy_hash(policy), hash) != 0;
        policy_unref(policy);
        leaf->text = text;
    }
    return found;
}

static size_t change_each_leaf(const struct doc_node *root, struct doc_node *node, const char *hash)
{
    size_t leaves = 0;
    for (size_t i = 0; i < node->n; i++) {
        leaves += change_each_leaf(root, node->items[i], hash);
        bool version = node->keys && strcmp(node->keys[i]->text, "version") == 0;
        if (node->items[i]->kind != DOC_SCALAR || version)
            continue;
        leaves++;
        if (!matters(root, node->items[i], hash))
            fail_msg("line %u: the value \"%s\" makes no difference", node->items[i]->line,
                     node->items[i]->text);
    }
    return leaves;
}

static void test_every_value_is_in_the_hash(void **state)
{
    (void)state;
    struct buf text = read_fixture("tests/fixtures/policies/complete.yaml");
    struct arena *arena = arena_new();
    struct doc_node *root;
    struct policy *policy = parse(text.data, DOC_YAML);
    assert_int_equal(doc_parse(text.data, text.len, DOC_YAML, 1 << 20, arena, &root, NULL), 0);
    assert_true(change_each_leaf(root, root, policy_hash(policy)) >= 90);
    policy_unref(policy);
    arena_free(arena);
    buf_free(&text);
}

static void test_model(void **state)
{
    (void)state;
    struct policy *policy = complete_fixture();
    const struct sluice_policy *m = policy_model(policy);
    assert_int_equal(m->size, sizeof *m);
    assert_int_equal(m->version, 1);
    assert_int_equal(m->filesystem->n_read_only, 3);
    assert_string_equal(m->filesystem->read_write[1], "/home/sandbox/work");
    assert_string_equal(m->process->run_as_user, "1000");
    assert_int_equal(m->n_rules, 2);
    const struct sluice_rule *rule = m->rules[0], *odd = m->rules[1];
    assert_string_equal(rule->key, "claude_code");
    assert_string_equal(rule->name, "Claude Code");
    assert_string_equal(rule->doc_path, "network_policies.claude_code");
    assert_string_equal(odd->name, "rpc and tools");
    assert_string_equal(odd->doc_path, "network_policies[\"rpc and tools\"]");
    assert_string_equal(odd->binaries[0]->doc_path,
                        "network_policies[\"rpc and tools\"].binaries[0]");
    assert_string_equal(rule->endpoints[1]->doc_path, "network_policies.claude_code.endpoints[1]");
    assert_int_equal(rule->endpoints[0]->n_ports, 1);
    assert_int_equal(rule->endpoints[0]->ports[0], 443);
    assert_int_equal(rule->endpoints[1]->n_ports, 2);
    assert_string_equal(rule->endpoints[0]->rules[1]->doc_path,
                        "network_policies.claude_code.endpoints[0].rules[1].allow");
    assert_string_equal(rule->endpoints[0]->deny_rules[0]->doc_path,
                        "network_policies.claude_code.endpoints[0].deny_rules[0]");
    assert_string_equal(rule->endpoints[0]->rules[0]->query[1]->key, "sort");
    assert_int_equal(rule->endpoints[0]->rules[0]->query[1]->n_any, 2);
    assert_string_equal(rule->endpoints[0]->rules[0]->command, "");
    assert_string_equal(rule->endpoints[3]->graphql_persisted_queries[0]->id, "4f2c");
    assert_string_equal(rule->endpoints[5]->credential_provider, "aws");
    assert_null(rule->endpoints[0]->mcp);
    assert_string_equal(odd->endpoints[1]->rules[0]->params[0]->key, "name");
    assert_string_equal(odd->endpoints[1]->rules[1]->params[0]->key, "arguments.scope");
    assert_false(odd->endpoints[1]->mcp->strict_tool_names);
    assert_string_equal(m->middlewares[0]->doc_path, "network_middlewares.redact");
    assert_int_equal(m->middlewares[0]->order, -5);
    policy_unref(policy);
}

static void test_defaults_of_an_endpoint(void **state)
{
    (void)state;
    struct policy *policy = parse("version: 1\nnetwork_policies: {a: {endpoints: [{mcp: {}}]}}\n"
                                  "network_middlewares: {m: {middleware: x}}",
                                  DOC_YAML);
    const struct sluice_endpoint *e = policy_model(policy)->rules[0]->endpoints[0];
    const char *const empty[] = {e->host,
                                 e->path,
                                 e->protocol,
                                 e->tls,
                                 e->enforcement,
                                 e->access,
                                 e->persisted_queries,
                                 e->credential_signing,
                                 e->signing_service,
                                 e->signing_region,
                                 e->credential_provider};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        assert_string_equal(empty[i], "");
    assert_null(e->ports);
    assert_null(e->json_rpc);
    assert_true(e->mcp->strict_tool_names);
    assert_false(e->mcp->allow_all_known_mcp_methods);
    const struct sluice_middleware *m = policy_model(policy)->middlewares[0];
    assert_string_equal(m->config_json, "{}");
    assert_string_equal(m->on_error, "fail_closed");
    policy_unref(policy);
}

static void test_canonical_text(void **state)
{
    (void)state;
    static const char *const same[] = {
        "version: 1\nnetwork_policies:\n  b: {binaries: [{path: /b}]}\n  a: {endpoints: [{host: h, "
        "port: 1}], name: a}\n",
        "# words\nnetwork_policies: {\"a\": {endpoints: [{ports: [1], host: 'h', tls: auto}]}, b: "
        "{binaries: [{path: \"/b\"}], "
        "endpoints: []}}\nversion: 1\n",
        "{\"version\":1,\"network_policies\":{\"a\":{\"endpoints\":[{\"host\":\"h\",\"port\":1}]},"
        "\"b\":{\"binaries\":[{\"path\":\"/b\"}]}}}",
    };
    char hash[DIGEST_HEX_SIZE];
    digest_of(same[2], strlen(same[2]), hash);
    for (size_t i = 0; i < 3; i++) {
        struct policy *policy = parse(same[i], i == 2 ? DOC_JSON : DOC_YAML);
        assert_string_equal(policy_json(policy), same[2]);
        assert_string_equal(policy_hash(policy), hash);
        policy_unref(policy);
    }
}

static void test_lists_keep_their_order(void **state)
{
    (void)state;
    struct policy *a = parse("version: 1\nfilesystem_policy: {read_only: [/a, /b]}", DOC_YAML);
    struct policy *b = parse("version: 1\nfilesystem_policy: {read_only: [/b, /a]}", DOC_YAML);
    assert_string_not_equal(policy_hash(a), policy_hash(b));
    policy_unref(a);
    policy_unref(b);
}

static void test_size(void **state)
{
    (void)state;
    struct problems problems = {0};
    struct buf text = {0};
    buf_puts(&text, "version: 1\n#");
    while (text.len < POLICY_BYTES_MAX)
        buf_putc(&text, 'x');
    struct policy *policy = policy_parse(text.data, text.len, DOC_YAML, &problems);
    assert_non_null(policy);
    policy_unref(policy);
    buf_putc(&text, 'x');
    assert_null(policy_parse(text.data, text.len, DOC_YAML, &problems));
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].message,
                        "the document has 262145 bytes, more than the 262144 that are allowed");
    problems_free(&problems);
    buf_free(&text);
}

static void test_decode_below_a_path(void **state)
{
    (void)state;
    static const char text[] = "{\"policy\": {\"version\": 1, \"network_policies\": {\"a\": "
                               "{\"endpoints\": [{\"prt\": 1}]}}}}";
    struct problems problems = {0};
    struct arena *arena = arena_new();
    struct doc_node *tree;
    assert_int_equal(doc_parse(text, strlen(text), DOC_JSON, 1000, arena, &tree, NULL), 0);
    assert_null(policy_decode(doc_get(tree, "policy"), "policy", &problems));
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].path, "policy.network_policies.a.endpoints[0].prt");
    assert_string_equal(problems.items[0].message,
                        "an endpoint has no such field; did you mean \"port\"?");
    problems_free(&problems);
    arena_free(arena);
}

/* Nested names become one key, to which the limit of a key applies. */
static void test_long_nested_parameters(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'p', sizeof name);
    for (size_t outer = 127; outer <= 128; outer++) {
        struct problems problems = {0};
        struct buf text = {0};
        buf_printf(&text,
                   "version: 1\nnetwork_policies:\n  a: {endpoints: [{deny_rules: [{params: "
                   "{%.*s: {%.128s: x}}}]}]}\n",
                   (int)outer, name, name);
        struct policy *policy = policy_parse(text.data, text.len, DOC_YAML, &problems);
        assert_true(!policy == (outer == 128));
        if (!policy)
            assert_string_equal(problems.items[0].message,
                                "the names of nested parameters have together more than 256 bytes");
        policy_unref(policy);
        problems_free(&problems);
        buf_free(&text);
    }
}

/* Complete policies. */

static void test_complete_without_base(void **state)
{
    (void)state;
    struct policy *written =
        parse("version: 1\nlandlock: {compatibility: hard_requirement}", DOC_YAML);
    struct policy *policy = policy_complete(written, NULL);
    assert_string_equal(policy_json(written),
                        "{\"version\":1,\"landlock\":{\"compatibility\":\"hard_requirement\"}}");
    policy_unref(written);
    assert_string_equal(policy_json(policy),
                        "{\"version\":1,\"filesystem_policy\":{\"include_workdir\":true},"
                        "\"landlock\":{\"compatibility\":\"hard_requirement\"},"
                        "\"process\":{\"run_as_user\":\"sandbox\",\"run_as_group\":\"sandbox\"}}");
    expect_round_trip(policy);
    struct policy *again = policy_complete(policy, NULL);
    assert_ptr_equal(again, policy);
    policy_unref(again);
    policy_unref(policy);
}

static void test_complete_from_base(void **state)
{
    (void)state;
    struct policy *base = complete_fixture();
    struct policy *written =
        parse("version: 1\nprocess: {run_as_user: '7'}\nnetwork_policies: {a: {}}", DOC_YAML);
    struct policy *policy = policy_complete(written, base);
    policy_unref(base); /* what the policy still needs of these, it must own */
    policy_unref(written);
    const struct sluice_policy *m = policy_model(policy);
    assert_string_equal(m->filesystem->read_only[0], "/usr");
    assert_string_equal(m->landlock->compatibility, "hard_requirement");
    assert_string_equal(m->process->run_as_user, "7");
    assert_string_equal(m->process->run_as_group, "sandbox");
    assert_int_equal(m->n_rules, 1);
    expect_round_trip(policy);
    policy_unref(policy);
}

static void test_each_absent_section_is_completed(void **state)
{
    (void)state;
    static const char *const sections[] = {"filesystem_policy: {}", "landlock: {}", "process: {}"};
    for (size_t absent = 0; absent < 3; absent++) {
        char text[200] = "version: 1\n";
        for (size_t i = 0; i < 3; i++)
            if (i != absent)
                strcat(strcat(text, sections[i]), "\n");
        struct policy *written = parse(text, DOC_YAML), *policy = policy_complete(written, NULL);
        const struct sluice_policy *m = policy_model(policy);
        assert_true(m->filesystem && m->landlock && m->process);
        policy_unref(written);
        policy_unref(policy);
    }
}

static void test_section_without_workdir(void **state)
{
    (void)state;
    struct policy *written = parse("version: 1\nfilesystem_policy: {read_only: [/usr]}", DOC_YAML);
    struct policy *policy = policy_complete(written, NULL);
    assert_false(policy_model(policy)->filesystem->include_workdir);
    policy_unref(written);
    policy_unref(policy);
}

static void test_default(void **state)
{
    (void)state;
    struct policy *policy = policy_default();
    struct buf text = {0};
    policy_print(policy, DOC_YAML, &text);
    assert_string_equal(text.data, "version: 1\n"
                                   "filesystem_policy:\n"
                                   "  include_workdir: true\n"
                                   "  read_only:\n"
                                   "    - /usr\n"
                                   "    - /lib\n"
                                   "    - /proc\n"
                                   "    - /dev/urandom\n"
                                   "    - /app\n"
                                   "    - /etc\n"
                                   "    - /var/log\n"
                                   "  read_write:\n"
                                   "    - /tmp\n"
                                   "    - /dev/null\n"
                                   "landlock:\n"
                                   "  compatibility: best_effort\n"
                                   "process:\n"
                                   "  run_as_user: sandbox\n"
                                   "  run_as_group: sandbox\n");
    expect_round_trip(policy);
    buf_free(&text);
    policy_unref(policy);
}

static void test_references(void **state)
{
    (void)state;
    struct policy *policy = policy_default();
    assert_ptr_equal(policy_ref(policy), policy);
    policy_unref(policy);
    assert_int_equal(policy_model(policy)->version, 1);
    policy_unref(policy);
    policy_unref(NULL);
}

/* Models with every field in every combination and texts that printers get wrong. */
static void test_random_policies_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct dice dice = {seed, arena_new()};
        struct sluice_policy *model = random_record(&dice, &policy_schema, NULL);
        struct policy *policy = policy_take(dice.arena, model);
        expect_round_trip(policy);
        struct arena *arena = arena_new();
        struct policy *copy = policy_take(arena, schema_copy(&policy_schema, model, arena));
        struct policy *complete = policy_complete(copy, policy);
        assert_string_equal(policy_hash(copy), policy_hash(policy));
        policy_unref(policy);
        policy_unref(copy);
        expect_round_trip(complete);
        policy_unref(complete);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_every_field_round_trips),
        cmocka_unit_test(test_every_value_is_in_the_hash),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_defaults_of_an_endpoint),
        cmocka_unit_test(test_canonical_text),
        cmocka_unit_test(test_lists_keep_their_order),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_decode_below_a_path),
        cmocka_unit_test(test_long_nested_parameters),
        cmocka_unit_test(test_complete_without_base),
        cmocka_unit_test(test_complete_from_base),
        cmocka_unit_test(test_each_absent_section_is_completed),
        cmocka_unit_test(test_section_without_workdir),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_random_policies_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
