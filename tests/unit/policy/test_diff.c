/* SPDX-License-Identifier: Apache-2.0 */
#include "support/policy_cases.h"

#include "policy/diff.h"

static struct policy *complete(const char *yaml)
{
    struct policy *written = policy_parse(yaml, strlen(yaml), DOC_YAML, NULL);
    assert_non_null(written);
    struct policy *policy = policy_complete(written, NULL);
    policy_unref(written);
    return policy;
}

/* The difference as one line: +added -removed ~changed path:before>after. */
static void show(const struct sluice_diff *d, struct buf *out)
{
    assert_int_equal(d->size, sizeof *d);
    for (size_t i = 0; i < d->n_added; i++)
        buf_printf(out, "+%s ", d->added[i]->key);
    for (size_t i = 0; i < d->n_removed; i++)
        buf_printf(out, "-%s ", d->removed[i]->key);
    for (size_t i = 0; i < d->n_changed; i++) {
        assert_string_equal(d->changed[i]->before->key, d->changed[i]->after->key);
        assert_ptr_not_equal(d->changed[i]->before, d->changed[i]->after);
        buf_printf(out, "~%s ", d->changed[i]->after->key);
    }
    for (size_t i = 0; i < d->n_static_changes; i++)
        buf_printf(out, "%s:%s>%s ", d->static_changes[i]->path, d->static_changes[i]->before,
                   d->static_changes[i]->after);
}

static const struct {
    const char *from, *to, *diff;
} cases[] = {
    {NULL, "network_policies: {b: {}, a: {}}", "+a +b "},
    {"", "", ""},
    {"network_policies: {a: {}, c: {}, d: {name: x}}",
     "network_policies: {b: {}, c: {}, d: {name: y}}", "+b -a ~d "},
    {"network_policies: {a: {name: a}}", "network_policies: {a: {}}", ""},
    {"network_policies: {a: {endpoints: [{host: x, ports: [1]}]}}",
     "network_policies: {a: {endpoints: [{host: x, port: 1}]}}", ""},
    {"", "filesystem_policy: {include_workdir: true}", ""},
    {"", "process: {}\nlandlock: {}", ""},
    {"", "process: {run_as_user: '5'}", "process.run_as_user:sandbox>5 "},
    {"", "process: {run_as_group: '5'}", "process.run_as_group:sandbox>5 "},
    {"", "landlock: {compatibility: hard_requirement}",
     "landlock.compatibility:best_effort>hard_requirement "},
    {"", "filesystem_policy: {}", "filesystem_policy.include_workdir:true>false "},
    {"filesystem_policy: {read_only: [/a/, //b, /c/./d]}",
     "filesystem_policy: {read_only: [/c/d, /b/, /a, /a]}", ""},
    {"filesystem_policy: {read_only: [/a, /b]}",
     "filesystem_policy: {read_only: [/b, /c], read_write: [/a]}",
     "filesystem_policy.read_only:/a> filesystem_policy.read_only:>/c "
     "filesystem_policy.read_write:>/a "},
    {"filesystem_policy: {read_only: [/]}", "filesystem_policy: {read_only: [/.]}", ""},
    {"filesystem_policy: {read_only: [/a/../b]}", "filesystem_policy: {read_only: [/b]}",
     "filesystem_policy.read_only:/a/../b> filesystem_policy.read_only:>/b "},
};

static void test_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena *arena = arena_new();
        struct buf out = {0};
        const char *from_text =
            arena_printf(arena, "version: 1\n%s\n", cases[i].from ? cases[i].from : "");
        struct policy *from = complete(from_text);
        struct policy *to = complete(arena_printf(arena, "version: 1\n%s\n", cases[i].to));
        show(policy_diff(cases[i].from ? policy_model(from) : NULL, policy_model(to), arena), &out);
        if (strcmp(buf_str(&out), cases[i].diff) != 0)
            fail_msg("case %zu: '%s', expected '%s'", i, buf_str(&out), cases[i].diff);
        buf_free(&out);
        policy_unref(from);
        policy_unref(to);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_differences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
