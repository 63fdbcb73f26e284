/* SPDX-License-Identifier: Apache-2.0 */
#include "support/chain.h"

#include "chain/config.h"

static const struct chain_config *decode(struct arena *arena, const char *yaml,
                                         struct problems *problems)
{
    struct doc_node *node;
    void *config = NULL;
    if (doc_parse(yaml, strlen(yaml), DOC_YAML, 65536, arena, &node, problems) != 0
        || schema_decode(&chain_config_schema, node, "chain", arena, &config, problems) != 0)
        return NULL;
    return config;
}

static void the_contracts_example(void **state)
{
    (void)state;
    static const char yaml[] =
        "plugin_dirs: [/usr/lib/sluice/plugins]\n"
        "vote_timeout_ms: 400\n"
        "voters:\n"
        "  - plugin: live_reload\n"
        "    isolation: inline\n"
        "  - script: /etc/sluice/rules/no_wildcards.lua\n"
        "    name: no_wildcards\n"
        "    level: advisory\n"
        "    on_error: abstain\n"
        "    timeout_ms: 200\n"
        "    memory_mb: 64\n"
        "    options: {max_hosts: 5, domains: [a.example], strict: true, grace: 5m}\n";
    struct arena *arena = arena_new();
    struct problems problems = {0};
    const struct chain_config *c = decode(arena, yaml, &problems);
    assert_non_null(c);
    assert_int_equal(c->n_plugin_dirs, 1);
    assert_string_equal(c->plugin_dirs[0], "/usr/lib/sluice/plugins");
    assert_int_equal(c->vote_timeout_ms, 400);
    assert_int_equal(c->n_voters, 2);
    assert_string_equal(c->voters[0]->plugin, "live_reload");
    assert_string_equal(c->voters[0]->isolation, "inline");
    assert_string_equal(c->voters[0]->level, "mandatory");
    assert_string_equal(c->voters[0]->on_error, "deny");
    assert_string_equal(c->voters[0]->doc_path, "chain.voters[0]");
    assert_string_equal(c->voters[1]->script, "/etc/sluice/rules/no_wildcards.lua");
    assert_string_equal(c->voters[1]->isolation, "process");
    assert_string_equal(c->voters[1]->on_error, "abstain");
    assert_int_equal(c->voters[1]->timeout_ms, 200);
    assert_int_equal(c->voters[1]->memory_mb, 64);
    assert_string_equal(
        c->voters[1]->options_json,
        "{\"domains\":[\"a.example\"],\"grace\":\"5m\",\"max_hosts\":5,\"strict\":true}");
    arena_free(arena);
}

static void the_empty_configuration(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct problems problems = {0};
    const struct chain_config *c = decode(arena, "{}", &problems);
    assert_non_null(c);
    assert_int_equal(c->vote_timeout_ms, 500);
    assert_int_equal(c->n_voters, 0);
    arena_free(arena);
}

static void unknown_words_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *path, *message;
    } rows[] = {
        {"voters: [{plugin: a, levle: advisory}]", "chain.voters[0].levle", "level"},
        {"voters: [{plugin: a, level: optional}]", "chain.voters[0].level", "mandatory"},
        {"voters: [{plugin: a, on_error: allow}]", "chain.voters[0].on_error", "deny"},
        {"voters: [{plugin: a, isolation: thread}]", "chain.voters[0].isolation", "inline"},
        {"vote_timeout_ms: 0", "chain.vote_timeout_ms", "."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena *arena = arena_new();
        struct problems problems = {0};
        if (decode(arena, rows[i].yaml, &problems))
            fail_msg("%s was accepted", rows[i].yaml);
        assert_int_equal(problems.n, 1);
        assert_string_equal(problems.items[0].path, rows[i].path);
        assert_matches(problems.items[0].message, rows[i].message);
        problems_free(&problems);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_contracts_example),
        cmocka_unit_test(the_empty_configuration),
        cmocka_unit_test(unknown_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
