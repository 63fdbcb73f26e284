/* SPDX-License-Identifier: Apache-2.0 */
/* What lies within a ceiling, and the part of a policy that does.  Each result is held against the
 * effect once more: it is never more than the ceiling or the policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/ceiling/ceiling.h"
#include "policy/effect/effect.h"

#define RULE(key, endpoints, binaries) \
    "  " key ": {endpoints: [" endpoints "], binaries: [" binaries "]}\n"
#define POLICY(rules) "version: 1\nnetwork_policies:\n" rules
#define AT(host) "{host: '" host "', port: 443}"
#define REST(host, rest) \
    "{host: '" host "', port: 443, protocol: rest, enforcement: enforce, " rest "}"
#define ALLOW(method, path) "{allow: {method: " method ", path: '" path "'}}"
#define CURL "{path: /usr/bin/curl}"
#define ANY "{path: '/**'}"
#define NOTHING "version: 1\nnetwork_policies: {}\n"

struct tightening_case {
    const char *what, *policy, *ceiling, *wanted;   /* wanted: equal in effect */
    bool changed, exact;
};

static const struct tightening_case cases[] = {
    {"what is within stays as it is", POLICY(RULE("a", AT("a.example"), CURL)),
     POLICY(RULE("x", AT("a.example") ", " AT("b.example"), ANY)),
     POLICY(RULE("a", AT("a.example"), CURL)), false, true},
    {"a host that is outside goes", POLICY(RULE("a", AT("a.example") ", " AT("b.example"), CURL)),
     POLICY(RULE("x", AT("a.example"), CURL)), POLICY(RULE("a", AT("a.example"), CURL)), true,
     true},
    {"an empty ceiling leaves nothing", POLICY(RULE("a", AT("a.example"), CURL)), NOTHING, NOTHING,
     true, true},
    {"a wider pattern becomes the ceiling's", POLICY(RULE("a", AT("*.a.example"), CURL)),
     POLICY(RULE("x", AT("www.a.example") ", " AT("api.a.example"), CURL)),
     POLICY(RULE("a", "{host: www.a.example, port: 443, public_only: true}, "
                 "{host: api.a.example, port: 443, public_only: true}", CURL)), true, true},
    {"a host of the ceiling's pattern is limited to public addresses",
     POLICY(RULE("a", AT("www.a.example"), CURL)), POLICY(RULE("x", AT("*.a.example"), CURL)),
     POLICY(RULE("a", "{host: www.a.example, port: 443, public_only: true}", CURL)), true, true},
    {"ports are met", POLICY(RULE("a", "{host: a.example, ports: [80, 443, 8443]}", CURL)),
     POLICY(RULE("x", "{host: a.example, ports: [443, 8443, 9000]}", CURL)),
     POLICY(RULE("a", "{host: a.example, ports: [443, 8443]}", CURL)), true, true},
    {"programs are met", POLICY(RULE("a", AT("a.example"), ANY)),
     POLICY(RULE("x", AT("a.example"), CURL ", {path: /usr/bin/wget}")),
     POLICY(RULE("a", AT("a.example"), CURL ", {path: /usr/bin/wget}")), true, true},
    {"requests become the ceiling's", POLICY(RULE("a", REST("a.example", "access: full"), CURL)),
     POLICY(RULE("x", REST("a.example", "rules: [" ALLOW("GET", "/v1/**") "]"), CURL)),
     POLICY(RULE("a", REST("a.example", "rules: [" ALLOW("GET", "/v1/**") "]"), CURL)), true,
     true},
    {"of rules, those within stay",
     POLICY(RULE("a", REST("a.example", "rules: [" ALLOW("GET", "/v1/a") ", "
                           ALLOW("POST", "/v1/b") "]"), CURL)),
     POLICY(RULE("x", REST("a.example", "rules: [" ALLOW("GET", "/**") "]"), CURL)),
     POLICY(RULE("a", REST("a.example", "rules: [" ALLOW("GET", "/v1/a") "]"), CURL)), true, false},
    {"what cannot be written is less, and says so",
     POLICY(RULE("a", AT("a.*.example"), CURL)), POLICY(RULE("x", AT("*.b.example"), CURL)),
     NOTHING, true, false},
    {"another rule is not touched",
     POLICY(RULE("a", AT("a.example"), CURL) RULE("b", AT("b.example"), CURL)),
     POLICY(RULE("x", AT("b.example"), ANY)), POLICY(RULE("b", AT("b.example"), CURL)), true, true},
};

static const struct policy_grants none;

static struct policy *parse(const char *text, struct arena *arena)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(text, strlen(text), DOC_YAML, &problems);
    if (!policy)
        fail_msg("%s: %s in\n%s", problems.items[0].path, problems.items[0].message, text);
    problems_free(&problems);
    return policy_keep(policy, arena);
}

static enum sluice_relation compare(struct policy *from, struct policy *to, struct arena *arena)
{
    return policy_effect(policy_model(from), policy_model(to), arena)->relation;
}

static bool is_no_more(enum sluice_relation relation)
{
    return relation == SLUICE_SAME || relation == SLUICE_TIGHTENS;
}

static void policies_are_tightened(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tightening_case *c = &cases[i];
        struct arena *arena = arena_new();
        struct policy *policy = parse(c->policy, arena), *ceiling = parse(c->ceiling, arena),
                      *wanted = parse(c->wanted, arena);
        const struct sluice_policy *models[] = {policy_model(ceiling)};
        struct policy_tightened t = policy_tighten(policy, &none, models, 1, arena);
        assert_non_null(t.policy);
        assert_true(is_no_more(compare(policy, t.policy, arena)));
        assert_true(is_no_more(compare(ceiling, t.policy, arena)));
        enum sluice_relation is = compare(wanted, t.policy, arena);
        if (is != SLUICE_SAME || t.changed != c->changed || t.exact != c->exact) {
            print_error("%s: %s what is wanted, changed %d, exact %d:\n%s\n", c->what,
                        policy_relation_word(is), t.changed, t.exact, policy_json(t.policy));
            wrong++;
        }
        arena_free(arena);
    }
    assert_int_equal(wrong, 0);
}

static void several_ceilings_hold_together(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct policy *policy = parse(POLICY(RULE("a", AT("a.example") ", " AT("b.example") ", "
                                              AT("c.example"), CURL)), arena);
    struct policy *one = parse(POLICY(RULE("x", AT("a.example") ", " AT("b.example"), CURL)),
                               arena),
                  *two = parse(POLICY(RULE("x", AT("b.example") ", " AT("c.example"), CURL)),
                               arena);
    const struct sluice_policy *models[] = {policy_model(one), policy_model(two)};
    struct policy_tightened t = policy_tighten(policy, &none, models, 2, arena);
    struct policy *wanted = parse(POLICY(RULE("a", AT("b.example"), CURL)), arena);
    assert_int_equal(compare(wanted, t.policy, arena), SLUICE_SAME);
    assert_true(t.exact);
    arena_free(arena);
}

/* The end of a grant takes out the rule with its key, so nothing of it has another key. */
static void the_rule_of_a_grant_is_not_split(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct error err;
    struct policy *policy = parse(POLICY(RULE("a", AT("a.example") ", " AT("b.example"),
                                              CURL ", {path: /usr/bin/wget}")), arena);
    struct policy *ceiling = parse(POLICY(RULE("x", AT("a.example"), CURL)
                                          RULE("y", AT("b.example"), "{path: /usr/bin/wget}")),
                                   arena);
    const struct sluice_policy *models[] = {policy_model(ceiling)};
    const struct policy_grant grant = {.chunk = "1", .rule = "a", .boot = ""};
    const struct policy_grants grants = {&grant, 1};
    struct policy_tightened whole = policy_tighten(policy, &none, models, 1, arena);
    assert_int_equal(policy_model(whole.policy)->n_rules, 2);
    assert_true(whole.exact);
    struct policy_tightened t = policy_tighten(policy, &grants, models, 1, arena);
    assert_int_equal(policy_model(t.policy)->n_rules, 1);
    assert_false(t.exact);
    struct policy *ended = policy_keep(policy_without_grants(t.policy, &grants, &err), arena);
    assert_int_equal(policy_model(ended)->n_rules, 0);
    arena_free(arena);
}

static void what_lies_outside_has_an_example(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct policy *ceiling = parse(POLICY(RULE("x", AT("a.example"), CURL)), arena);
    struct policy *policy =
        parse(POLICY(RULE("a", AT("a.example") ", " AT("b.example"), CURL)), arena);
    struct policy_ceiling_answer answer =
        policy_within(policy_model(ceiling), policy_model(policy), arena);
    assert_false(answer.within);
    assert_int_equal(answer.n_outside, 1);
    assert_string_equal(answer.example, "/usr/bin/curl may now reach b.example:443");
    answer = policy_within(policy_model(policy), policy_model(ceiling), arena);
    assert_true(answer.within);
    assert_string_equal(answer.example, "");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_are_tightened),
        cmocka_unit_test(several_ceilings_hold_together),
        cmocka_unit_test(the_rule_of_a_grant_is_not_split),
        cmocka_unit_test(what_lies_outside_has_an_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
