/* SPDX-License-Identifier: Apache-2.0 */
/* A held update on top of a policy that went on: each row says what was, what was asked for, what
 * happened meanwhile, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "drafts/rules.h"

#define R1   "r: {endpoints: [{host: a, port: 1}], binaries: [{path: /x}]}"
#define R2   "r: {endpoints: [{host: a, port: 2}], binaries: [{path: /x}]}"
#define R3   "r: {endpoints: [{host: a, port: 3}], binaries: [{path: /x}]}"
#define S    "s: {endpoints: [{host: b, port: 1}], binaries: [{path: /x}]}"
#define T    "t: {endpoints: [{host: c, port: 1}], binaries: [{path: /x}]}"
#define RULES(rules) "version: 1\nnetwork_policies: {" rules "}\n"
#define READS(path)  "filesystem_policy: {read_only: [" path "]}\n"

static const struct {
    const char *what, *base, *asked, *now, *result, *refusal;
} cases[] = {
    {"added, nothing else happened", RULES(""), RULES(R1), RULES(""), RULES(R1), NULL},
    {"added beside what others added", RULES(""), RULES(R1), RULES(S), RULES(R1 ", " S), NULL},
    {"changed, others changed elsewhere", RULES(R1 ", " S), RULES(R2 ", " S), RULES(R1 ", " T),
     RULES(R2 ", " T), NULL},
    {"removed, others added", RULES(R1), RULES(""), RULES(R1 ", " S), RULES(S), NULL},
    {"removed by both", RULES(R1), RULES(""), RULES(S), RULES(S), NULL},
    {"both made the same of it", RULES(R1), RULES(R2), RULES(R2 ", " S), RULES(R2 ", " S), NULL},
    {"changed by both", RULES(R1), RULES(R2), RULES(R3), NULL,
     "rule 'r' was changed since this update was held"},
    {"changed here, removed there", RULES(R1), RULES(R2), RULES(""), NULL, "rule 'r' was changed"},
    {"removed here, changed there", RULES(R1), RULES(""), RULES(R3), NULL, "rule 'r' was changed"},
    {"added by both, differently", RULES(""), RULES(R2), RULES(R3), NULL, "rule 'r' was changed"},
    {"files changed here", RULES(""), RULES("") READS("/a"), RULES(S), RULES(S) READS("/a"), NULL},
    {"files changed there", RULES(""), RULES(R1), RULES("") READS("/a"), RULES(R1) READS("/a"),
     NULL},
    {"files changed by both", RULES(""), RULES("") READS("/a"), RULES("") READS("/b"), NULL,
     "more than rules was changed since this update was held"},
};

static struct policy *parse(const char *text)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(text, strlen(text), DOC_YAML, &problems);
    if (!policy)
        fail_msg("%s: %s", text, problems.items[0].message);
    return policy;
}

static void check_result(size_t i, const struct policy *got, const struct error *err)
{
    if (cases[i].refusal) {
        assert_null(got);
        assert_int_equal(err->kind, ERROR_STATE);
        if (!strstr(err->text, cases[i].refusal))
            fail_msg("%s: %s", cases[i].what, err->text);
        return;
    }
    struct policy *expected = parse(cases[i].result);
    if (!got || strcmp(policy_json(got), policy_json(expected)) != 0)
        fail_msg("%s: %s", cases[i].what, got ? policy_json(got) : err->text);
    policy_unref(expected);
}

static void a_change_is_made_on_top(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        struct policy *base = parse(cases[i].base), *asked = parse(cases[i].asked);
        struct policy *now = parse(cases[i].now), *got = drafts_rebase(base, asked, now, &err);
        check_result(i, got, &err);
        policy_unref(base);
        policy_unref(asked);
        policy_unref(now);
        policy_unref(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_change_is_made_on_top)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
