/* SPDX-License-Identifier: Apache-2.0 */
/* Ceilings in the pipeline: who is judged by which, and what is judged again. */
#include "support/updates.h"

#define WITHIN "version: 1\nnetwork_policies:\n  api:\n" \
    "    endpoints: [{host: api.example.com, port: 443}]\n    binaries: [{path: /usr/bin/curl}]\n"
#define OUTSIDE "version: 1\nnetwork_policies:\n  api:\n" \
    "    endpoints: [{host: evil.example.net, port: 443}]\n    binaries: [{path: /usr/bin/curl}]\n"

struct wanted {
    struct bench *b;
    const char *selector, *yaml;
};

static int write_ceiling(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_ceiling_set(tx, arg, err);
}

static void set_ceiling(struct bench *b, const char *selector, const char *yaml)
{
    struct problems problems = {0};
    struct policy *policy = policy_parse(yaml, strlen(yaml), DOC_YAML, &problems);
    assert_non_null(policy);
    struct store_ceiling c = {.selector = selector, .policy_json = policy_json(policy),
                              .hash = policy_hash(policy), .actor = "alice", .identity = "uid",
                              .origin = "unix", .at_ms = 1};
    assert_int_equal(store_write(b->store, write_ceiling, &c, &b->err), 0);
    policy_unref(policy);
}

static void only_ceilings_whose_label_matches_judge(void **state)
{
    struct bench *b = *state;
    set_ceiling(b, "team=b", "version: 1\n");
    RUN(b, REPLACE(b, OUTSIDE));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    set_ceiling(b, "team=a", WITHIN);
    RUN(b, REPLACE(b, WITHIN));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(vote_of(&b->result, "ceiling")->verdict, SLUICE_ABSTAIN);
    RUN(b, REPLACE(b, OUTSIDE));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    const struct chain_vote *vote = vote_of(&b->result, "ceiling");
    assert_string_equal(vote->code, "OUTSIDE_CEILING");
    assert_string_equal(vote->message,
                        "the ceiling for team=a does not allow this: /usr/bin/curl may now reach "
                        "evil.example.net:443");
    assert_string_equal(vote->path, "network_policies");
    set_ceiling(b, "", "version: 1\n");
    RUN(b, CREATE(b, "s9", "ninth", "proxy", .document = document(b, WITHIN), .document_path = ""));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
}

static void an_override_yields_nothing(void **state)
{
    struct bench *b = *state;
    set_ceiling(b, "", WITHIN);
    RUN(b, REPLACE(b, OUTSIDE, .override = true, .reason = "it is right"));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
}

/* Between the votes and the commit. */
static int set_meanwhile(void *arg, const struct update_result *seen, struct error *err)
{
    struct wanted *w = arg;
    (void)seen, (void)err;
    set_ceiling(w->b, w->selector, w->yaml);
    return 0;
}

static void what_was_judged_before_a_ceiling_was_set_is_not_committed(void **state)
{
    struct bench *b = *state;
    struct wanted w = {b, "team=a", WITHIN};
    REFUSED(b, ERROR_MOVED, "a ceiling was set meanwhile: try again",
            REPLACE(b, OUTSIDE, .review = set_meanwhile, .arg = &w));
    RUN(b, REPLACE(b, OUTSIDE));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
}

static void note(void *ctx, const char *sandbox, const struct update_result *result,
                 const struct error *err)
{
    (void)err;
    assert_string_equal(sandbox, "demo");
    *(uint64_t *)ctx += result ? result->revision : 1000;
}

static void tightening_is_an_update_that_no_voter_keeps_from_happening(void **state)
{
    struct bench *b = *state;
    uint64_t revisions = 0;
    RUN(b, REPLACE(b, OUTSIDE));
    uint64_t before = b->result.revision;
    size_t decisions = count_decisions(b);
    struct update_tightening t = {.actor = alice, .reason = "a test", .each = note,
                                  .ctx = &revisions};
    set_ceiling(b, "team=a", WITHIN);
    assert_int_equal(updates_tighten(b->updates, &t, &b->err), 0);
    assert_int_equal(revisions, before + 1);
    assert_int_equal(count_decisions(b), decisions + 1);
    struct store_revision r = revision_of(b, "s1", 0);
    assert_string_equal(r.kind, "global");
    assert_string_equal(r.identity, "uid");
    struct policy *policy = policy_of(b, "s1");
    assert_int_equal(policy_model(policy)->n_rules, 0);
    policy_unref(policy);
    assert_int_equal(updates_tighten(b->updates, &t, &b->err), 0);
    assert_int_equal(revisions, before + 1);        /* it is within by now */
}

static void labels_are_compared_whole(void **state)
{
    (void)state;
    assert_true(update_ceiling_applies("", "{}"));
    assert_true(update_ceiling_applies("team=a", "{\"team\":\"a\",\"x\":\"y\"}"));
    assert_true(update_ceiling_applies("k=a=b", "{\"k\":\"a=b\"}"));
    assert_false(update_ceiling_applies("team=a", "{\"team\":\"ab\"}"));
    assert_false(update_ceiling_applies("team=a", "{\"teams\":\"a\"}"));
    assert_false(update_ceiling_applies("team=", "{}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(only_ceilings_whose_label_matches_judge),
        BENCH_TEST(an_override_yields_nothing),
        BENCH_TEST(what_was_judged_before_a_ceiling_was_set_is_not_committed),
        BENCH_TEST(tightening_is_an_update_that_no_voter_keeps_from_happening),
        BENCH_TEST(labels_are_compared_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
