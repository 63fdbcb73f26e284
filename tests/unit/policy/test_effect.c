/* SPDX-License-Identifier: Apache-2.0 */
/* The effect of a change; the cases are data. */
#include "support/policy_cases.h"

#include "policy/effect/effect.h"

static const char *const relations[] = {
#define X(id, word, meaning) word,
    SLUICE_RELATIONS(X)
#undef X
};

static void add_all(struct buf *out, char sign, const struct sluice_reach *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct sluice_reach *r = list[i];
        assert_int_equal(r->size, sizeof *r);
        buf_printf(out, "\n%c %s:%u %s%s%s%s%s: %s", sign, r->host, r->port, r->binary,
                   *r->method ? " " : "", r->method, *r->path ? " " : "", r->path, r->example);
    }
}

static void run_case(const struct doc_node *test, const char *name)
{
    const struct doc_node *from = doc_get(test, "from"), *want = doc_get(test, "effect");
    struct policy *before = from ? cases_policy(name, from) : NULL;
    struct policy *after = cases_policy(name, doc_get(test, "to"));
    struct arena *arena = arena_new();
    struct buf got = {0}, wanted = {0};
    const struct policy_effect *e =
        policy_effect(before ? policy_model(before) : NULL, policy_model(after), arena);
    buf_puts(&got, relations[e->relation]);
    add_all(&got, '+', e->gained, e->n_gained);
    add_all(&got, '-', e->lost, e->n_lost);
    for (size_t i = 0; i < want->n; i++)
        buf_printf(&wanted, "%s%s", i ? "\n" : "", want->items[i]->text);
    if (strcmp(buf_str(&got), buf_str(&wanted)) != 0)
        fail_msg("%s:\n%s\nwanted:\n%s", name, buf_str(&got), buf_str(&wanted));
    assert_string_equal(e->note, "");
    buf_free(&got);
    buf_free(&wanted);
    arena_free(arena);
    policy_unref(before);
    policy_unref(after);
}

static void test_cases(void **state)
{
    (void)state;
    cases_run("tests/fixtures/policies/effect.yaml", run_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
