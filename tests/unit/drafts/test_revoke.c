/* SPDX-License-Identifier: Apache-2.0 */
/* Taking back an approval removes exactly the grants that it added: by example, and for thousands
 * of random histories against the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drafts/rules.h"
#include "policy/diff.h"

enum { HOSTS = 3, PORTS = 2, BINARIES = 4, RANDOM_HISTORIES = 3000 };

static struct policy *parse(const char *rules)
{
    struct problems problems = {0};
    struct buf text = {0};
    buf_printf(&text, "{version: 1, network_policies: {%s}}", rules);
    struct policy *policy = policy_parse(text.data, text.len, DOC_YAML, &problems);
    if (!policy)
        fail_msg("%s: %s", text.data, problems.items[0].message);
    buf_free(&text);
    return policy;
}

/* Stores the change from before to after, and takes it back from now. */
static struct policy *revoke_approval(struct policy *before, struct policy *after,
                                      struct policy *now, struct error *err)
{
    struct arena *arena = arena_new();
    struct drafts_change change;
    const struct sluice_diff *diff = policy_diff(policy_model(before), policy_model(after), arena);
    const char *json = drafts_change_encode(diff, 1, policy_hash(after), false, arena);
    assert_int_equal(drafts_change_decode(json, arena, &change, err), 0);
    assert_string_equal(change.hash, policy_hash(after));
    struct policy *result = drafts_revoke(now, &change, err);
    arena_free(arena);
    return result;
}

static void expect(const char *before_text, const char *after_text, const char *now_text,
                   const char *expected_text)
{
    struct error err = {0};
    struct policy *before = parse(before_text), *after = parse(after_text), *now = parse(now_text);
    struct policy *result = revoke_approval(before, after, now, &err);
    if (!result)
        fail_msg("%s", err.text);
    struct policy *expected = parse(expected_text);
    assert_string_equal(policy_json(result), policy_json(expected));
    policy_unref(before);
    policy_unref(after);
    policy_unref(now);
    policy_unref(result);
    policy_unref(expected);
}

static void expect_refusal(const char *before_text, const char *after_text, const char *now_text)
{
    struct error err = {0};
    struct policy *before = parse(before_text), *after = parse(after_text), *now = parse(now_text);
    assert_null(revoke_approval(before, after, now, &err));
    assert_int_equal(err.kind, ERROR_STATE);
    assert_non_null(strstr(err.text, "rule 'r' was changed since the approval"));
    policy_unref(before);
    policy_unref(after);
    policy_unref(now);
}

#define A "{host: a, port: 443}"
#define B "{host: b, port: 443}"
#define CURL "{path: /curl}"
#define GIT "{path: /git}"
#define WGET "{path: /wget}"
#define RULE(key, endpoints, binaries) \
    key ": {endpoints: [" endpoints "], binaries: [" binaries "]}"

static void a_new_rule_goes_away(void **state)
{
    (void)state;
    expect(RULE("x", B, GIT), RULE("x", B, GIT) ", " RULE("r", A, CURL),
           RULE("x", B, GIT) ", " RULE("r", A, CURL), RULE("x", B, GIT));
}

static void a_widened_rule_is_what_it_was(void **state)
{
    (void)state;
    expect(RULE("r", A, CURL), RULE("r", A, CURL "," GIT), RULE("r", A, CURL "," GIT),
           RULE("r", A, CURL));
    expect(RULE("r", A, CURL), RULE("r", A "," B, CURL), RULE("r", A "," B, CURL),
           RULE("r", A, CURL));
    expect(RULE("r", "{host: a, port: 80}", CURL), RULE("r", "{host: a, ports: [80, 443]}", CURL),
           RULE("r", "{host: a, ports: [80, 443]}", CURL), RULE("r", "{host: a, port: 80}", CURL));
}

static void a_binary_that_was_there_before_stays(void **state)
{
    (void)state;
    /* The approval brought b for curl, which had a already. */
    expect(RULE("r", A, CURL), RULE("r", A "," B, CURL), RULE("r", A "," B, CURL),
           RULE("r", A, CURL));
}

static void what_came_later_stays(void **state)
{
    (void)state;
    expect("", RULE("r", A, CURL), RULE("r", A "," B, CURL), RULE("r", B, CURL));
    expect("", RULE("r", A, CURL), RULE("r", A, CURL "," GIT), RULE("r", A, GIT));
    expect("", RULE("r", A, CURL), RULE("r", A, CURL) ", " RULE("s", B, GIT), RULE("s", B, GIT));
}

#define REQUESTS(rules) "{host: a, port: 443, protocol: rest, enforcement: enforce, " rules "}"
#define GET  "{allow: {method: GET, path: \"**\"}}"
#define POST "{allow: {method: POST, path: /p}}"
#define PUT  "{allow: {method: PUT, path: /p}}"

static void requests_that_came_later_stay(void **state)
{
    (void)state;
    /* A new endpoint, to which requests were added since. */
    expect("", RULE("r", REQUESTS("rules: [" POST "]"), CURL),
           RULE("r", REQUESTS("rules: [" POST ", " PUT "]"), CURL),
           RULE("r", REQUESTS("rules: [" PUT "]"), CURL));
    /* One that was there before. */
    expect(RULE("r", REQUESTS("rules: [" GET "]"), CURL),
           RULE("r", REQUESTS("rules: [" GET ", " POST "]"), CURL),
           RULE("r", REQUESTS("rules: [" GET ", " POST ", " PUT "]"), CURL),
           RULE("r", REQUESTS("rules: [" GET ", " PUT "]"), CURL));
    /* Its preset was written out as rules. */
    expect(
        RULE("r", REQUESTS("access: read-only"), CURL),
        RULE("r", REQUESTS("rules: [" GET ", {allow: {method: HEAD, path: \"**\"}}, " POST "]"),
             CURL),
        RULE("r",
             REQUESTS("rules: [" GET ", {allow: {method: HEAD, path: \"**\"}}, " POST ", " PUT "]"),
             CURL),
        RULE("r", REQUESTS("rules: [" GET ", {allow: {method: HEAD, path: \"**\"}}, " PUT "]"),
             CURL));
    /* Another program came to the endpoint since, and another request. */
    expect("", RULE("r", REQUESTS("rules: [" POST "]"), CURL),
           RULE("r", REQUESTS("rules: [" POST ", " PUT "]"), CURL "," GIT),
           RULE("r", REQUESTS("rules: [" PUT "]"), CURL "," GIT) ", "
           RULE("r_2", REQUESTS("rules: [" POST "]"), GIT));
    /* More than requests was changed. */
    expect_refusal(
        RULE("r", REQUESTS("rules: [" GET "]"), CURL),
        RULE("r", REQUESTS("rules: [" GET ", " POST "]"), CURL),
        RULE("r", REQUESTS("rules: [" GET ", " POST "], allow_encoded_slash: true"), CURL));
}

static void a_rule_is_split_where_it_must_be(void **state)
{
    (void)state;
    /* Approved: a for curl.  Then came b for curl, and git for both. */
    expect("", RULE("r", A, CURL), RULE("r", A "," B, CURL "," GIT),
           RULE("r", B, CURL "," GIT) ", " RULE("r_2", A, GIT));
    expect("", RULE("r", A, CURL), RULE("r", A "," B, CURL "," GIT) ", " RULE("r_2", B, WGET),
           RULE("r", B, CURL "," GIT) ", " RULE("r_2", B, WGET) ", " RULE("r_3", A, GIT));
}

static void a_rule_that_is_gone_stays_gone(void **state)
{
    (void)state;
    expect("", RULE("r", A, CURL), RULE("s", B, GIT), RULE("s", B, GIT));
}

static void what_a_held_update_removed_comes_back(void **state)
{
    (void)state;
    expect(RULE("r", A, CURL), "", RULE("s", B, GIT), RULE("r", A, CURL) ", " RULE("s", B, GIT));
}

static void terms_that_were_widened_are_narrowed_again(void **state)
{
    (void)state;
#define REST(access) "{host: a, port: 443, protocol: rest, access: " access "}"
    expect(RULE("r", REST("read-only"), CURL), RULE("r", REST("full"), CURL),
           RULE("r", REST("full"), CURL "," GIT), RULE("r", REST("read-only"), CURL "," GIT));
}

static void what_cannot_be_told_apart_is_refused(void **state)
{
    (void)state;
    expect_refusal(RULE("r", REST("read-only"), CURL), RULE("r", REST("full"), CURL),
                   RULE("r", REST("read-write"), CURL));
    expect_refusal(RULE("r", A, CURL "," GIT), RULE("r", A, CURL), RULE("r", A, CURL "," WGET));
    expect_refusal(RULE("r", A, CURL), "", RULE("r", B, GIT));
}

static void more_than_rules_needs_the_policy_as_it_was(void **state)
{
    struct arena *arena = arena_new();
    struct drafts_change change;
    struct error err = {0};
    struct policy *before = parse(""), *after = parse(RULE("r", A, CURL));
    (void)state;
    const char *json = drafts_change_encode(
        policy_diff(policy_model(before), policy_model(after), arena), 7, "", true, arena);
    assert_int_equal(drafts_change_decode(json, arena, &change, &err), 0);
    assert_int_equal(change.base_revision, 7);
    assert_null(drafts_revoke(after, &change, &err));
    assert_non_null(strstr(err.text, "changed more than rules"));
    policy_unref(before);
    policy_unref(after);
    arena_free(arena);
}

/* ---- random histories ---- */

struct grants {
    bool at[HOSTS][PORTS][BINARIES];
};

/* One rule is a product: endpoints × binaries. */
struct product {
    bool endpoint[HOSTS][PORTS], binary[BINARIES];
};

static struct grants grants_of(const struct policy *policy)
{
    struct grants g = {0};
    const struct sluice_policy *model = policy_model(policy);
    for (size_t r = 0; r < model->n_rules; r++)
        for (size_t e = 0; e < model->rules[r]->n_endpoints; e++)
            for (size_t p = 0; p < model->rules[r]->endpoints[e]->n_ports; p++)
                for (size_t b = 0; b < model->rules[r]->n_binaries; b++)
                    g.at[model->rules[r]->endpoints[e]->host[0] - 'a']
                        [model->rules[r]->endpoints[e]->ports[p] - 1]
                        [model->rules[r]->binaries[b]->path[1] - '0'] = true;
    return g;
}

static struct policy *policy_of(const struct product *product)
{
    struct buf rule = {0};
    bool any = false;
    buf_puts(&rule, "r: {endpoints: [");
    for (int h = 0; h < HOSTS; h++)
        for (int p = 0; p < PORTS; p++)
            if (product->endpoint[h][p]) {
                buf_printf(&rule, "{host: %c, port: %d},", 'a' + h, p + 1);
                any = true;
            }
    buf_puts(&rule, "], binaries: [");
    for (int b = 0; b < BINARIES; b++)
        if (product->binary[b])
            buf_printf(&rule, "{path: /%d},", b);
    buf_puts(&rule, "]}");
    struct policy *policy = parse(any ? rule.data : "");
    buf_free(&rule);
    return policy;
}

static void widen(struct product *product, unsigned *seed)
{
    for (int h = 0; h < HOSTS; h++)
        for (int p = 0; p < PORTS; p++)
            product->endpoint[h][p] |= rand_r(seed) % 4 == 0;
    for (int b = 0; b < BINARIES; b++)
        product->binary[b] |= rand_r(seed) % 4 == 0;
}

static void check_history(unsigned seed)
{
    struct product product = {0};
    struct error err = {0};
    struct policy *steps[3];
    unsigned start = seed;
    for (int i = 0; i < 3; i++) {
        widen(&product, &seed);
        steps[i] = policy_of(&product);
    }
    struct policy *result = revoke_approval(steps[0], steps[1], steps[2], &err);
    if (!result)
        fail_msg("seed %u: %s", start, err.text);
    struct grants before = grants_of(steps[0]), after = grants_of(steps[1]),
                  now = grants_of(steps[2]);
    struct grants got = grants_of(result);
    const bool *b = &before.at[0][0][0], *a = &after.at[0][0][0], *n = &now.at[0][0][0],
               *g = &got.at[0][0][0];
    for (int i = 0; i < HOSTS * PORTS * BINARIES; i++)
        if (g[i] != (n[i] && !(a[i] && !b[i])))
            fail_msg("seed %u: %s\n%s\n%s\ngave %s", start, policy_json(steps[0]),
                     policy_json(steps[1]), policy_json(steps[2]), policy_json(result));
    policy_unref(result);
    for (int i = 0; i < 3; i++)
        policy_unref(steps[i]);
}

static void exactly_what_was_added_is_taken(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= RANDOM_HISTORIES; seed++)
        check_history(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_rule_goes_away),
        cmocka_unit_test(a_widened_rule_is_what_it_was),
        cmocka_unit_test(a_binary_that_was_there_before_stays),
        cmocka_unit_test(what_came_later_stays),
        cmocka_unit_test(requests_that_came_later_stay),
        cmocka_unit_test(a_rule_is_split_where_it_must_be),
        cmocka_unit_test(a_rule_that_is_gone_stays_gone),
        cmocka_unit_test(what_a_held_update_removed_comes_back),
        cmocka_unit_test(terms_that_were_widened_are_narrowed_again),
        cmocka_unit_test(what_cannot_be_told_apart_is_refused),
        cmocka_unit_test(more_than_rules_needs_the_policy_as_it_was),
        cmocka_unit_test(exactly_what_was_added_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
