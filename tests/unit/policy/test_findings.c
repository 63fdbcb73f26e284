/* SPDX-License-Identifier: Apache-2.0 */
/* What a change newly opens that a person may want to weigh; the cases are data. */
#include "support/policy_cases.h"

#include "policy/effect/findings.h"

static struct policy_credential_places read_places(const struct doc_node *test, struct arena *arena)
{
    const struct doc_node *list = doc_get(test, "credentials");
    size_t n = list ? list->n : 0;
    struct policy_credential_place *items = arena_zalloc(arena, (n + 1) * sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct policy_credential_place){
            doc_get(list->items[i], "provider")->text, doc_get(list->items[i], "host")->text,
            (uint16_t)atoi(doc_get(list->items[i], "port")->text)};
    return (struct policy_credential_places){items, n};
}

static void run_case(const struct doc_node *test, const char *name)
{
    const struct doc_node *from = doc_get(test, "from"), *want = doc_get(test, "findings");
    struct policy *before = from ? cases_policy(name, from) : NULL;
    struct policy *after = cases_policy(name, doc_get(test, "to"));
    struct arena *arena = arena_new();
    struct policy_credential_places places = read_places(test, arena);
    struct policy_findings found = policy_find(before ? policy_model(before) : NULL,
                                               policy_model(after), &places, arena);
    struct buf got = {0}, wanted = {0};
    for (size_t i = 0; i < found.n; i++) {
        const struct sluice_finding *f = found.items[i];
        assert_int_equal(f->size, sizeof *f);
        buf_printf(&got, "%s%s%s%s\n", f->text, *f->credential ? " with " : "", f->credential,
                   *f->doc_path ? "" : " somewhere");
    }
    for (size_t i = 0; want && i < want->n; i++)
        buf_printf(&wanted, "%s\n", want->items[i]->text);
    if (strcmp(buf_str(&got), buf_str(&wanted)) != 0)
        fail_msg("%s:\n%swanted:\n%s", name, buf_str(&got), buf_str(&wanted));
    buf_free(&got);
    buf_free(&wanted);
    arena_free(arena);
    policy_unref(before);
    policy_unref(after);
}

static void test_cases(void **state)
{
    (void)state;
    cases_run("tests/fixtures/policies/findings.yaml", run_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
