/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a decision: what is recorded, what waits, and what only an override opens. */
#include "support/updates.h"

#define DENY "    return ballot:deny('NO', 'network_policies', 'not on %s', 'monday')"
#define HOLD "    return ballot:hold('ASK', 'network_policies.api', 'ask the owner')"

static void a_denied_update_is_recorded_with_its_candidate(void **state)
{
    struct bench *b = *state;
    write_rule(b, "strict", DENY);
    USE_VOTERS(b, NATIVE("live_reload", "mandatory"), SCRIPT("strict", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .reason = "please"));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    assert_true(b->result.changed);
    assert_int_equal(b->result.revision, 1);
    assert_string_equal(b->result.tally.why, "refused by 1 of 2 voters");
    assert_int_equal(revision_of(b, "s1", 0).revision, 1);
    struct store_decision d = decision(b, b->result.decision_id);
    assert_string_equal(d.outcome, "denied");
    assert_string_equal(d.kind, "replace");
    assert_string_equal(d.actor, "alice");
    assert_string_equal(d.role, "admin");
    assert_string_equal(d.via, "unix");
    assert_string_equal(d.reason, "please");
    assert_int_equal(d.base_revision, 1);
    assert_int_equal(d.revision, 0);
    assert_string_equal(d.candidate_hash, b->result.hash);
    assert_contains(d.candidate_json, "api.example.com");
    assert_contains(d.votes_json, "\"not on monday\"");
    assert_string_equal(d.chain_digest, b->result.chain_digest);
    json_t *document = update_document(&b->result);  /* an objection that decided is no warning */
    assert_int_equal(json_array_size(json_object_get(document, "warnings")), 0);
    json_decref(document);
    assert_int_equal(b->decided, 1);
    assert_string_equal(b->heard.decision_id, b->result.decision_id);
}

static void every_objection_is_told(void **state)
{
    struct bench *b = *state;
    write_rule(b, "strict", DENY);
    write_rule(b, "asking", HOLD);
    write_rule(b, "broken", "    return nothing.at.all");
    USE_VOTERS(b, SCRIPT("strict", "mandatory"), SCRIPT("asking", "mandatory"),
               SCRIPT("broken", "mandatory"), NATIVE("live_reload", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    assert_int_equal(b->result.votes.n, 4);
    assert_int_equal(vote_of(&b->result, "strict")->verdict, SLUICE_DENY);
    assert_int_equal(vote_of(&b->result, "asking")->verdict, SLUICE_HOLD);
    assert_true(vote_of(&b->result, "broken")->failed);
    assert_string_equal(vote_of(&b->result, "broken")->code, "VOTER_ERROR");
    assert_int_equal(vote_of(&b->result, "live_reload")->verdict, SLUICE_ALLOW);
    assert_string_equal(b->result.tally.why, "refused by 2 of 4 voters");
}

static void a_held_update_waits_as_a_chunk(void **state)
{
    struct bench *b = *state;
    write_rule(b, "asking", HOLD);
    USE_VOTERS(b, NATIVE("live_reload", "mandatory"), SCRIPT("asking", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .reason = "for the release"));
    assert_int_equal(b->result.outcome, CHAIN_HELD);
    assert_int_equal(b->result.revision, 1);
    struct store_draft d;
    assert_int_equal(store_draft_get(b->store, "s1", b->result.draft_id, b->arena, &d, &b->err), 0);
    assert_string_equal(d.status, "pending");
    assert_string_equal(d.source, "held");
    assert_string_equal(d.held_kind, "replace");
    assert_string_equal(d.held_json, policy_json(b->result.candidate));
    assert_string_equal(d.author, "alice");
    assert_string_equal(d.rationale, "for the release");
    assert_string_equal(decision(b, b->result.decision_id).draft_id, b->result.draft_id);
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .dry_run = true));
    assert_int_equal(b->result.outcome, CHAIN_HELD);
    assert_string_equal(b->result.draft_id, "");
    assert_int_equal(count_drafts(b), 1);
}

static void asking_again_for_what_waits_makes_no_second_chunk(void **state)
{
    struct bench *b = *state;
    write_rule(b, "asking", HOLD);
    USE_VOTERS(b, SCRIPT("asking", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    const char *first = b->result.draft_id, *decision_id = b->result.decision_id;
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    assert_int_equal(b->result.outcome, CHAIN_HELD);
    assert_string_equal(b->result.draft_id, first);
    assert_string_not_equal(b->result.decision_id, decision_id);
    assert_string_equal(decision(b, b->result.decision_id).draft_id, first);
    assert_int_equal(count_drafts(b), 1);
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE,
                   .actor = {sizeof(struct sluice_actor), "bob", "admin", "unix", "uid",
                             "unix:uid=1000,pid=1"}));
    assert_string_not_equal(b->result.draft_id, first);
    assert_int_equal(count_drafts(b), 2);
}

/* A sandbox that does not exist yet can have no chunks. */
static void a_held_creation_leaves_its_decision_alone(void **state)
{
    struct bench *b = *state;
    write_rule(b, "asking", HOLD);
    USE_VOTERS(b, SCRIPT("asking", "mandatory"));
    RUN(b, CREATE(b, "s2", "other", "proxy"));
    assert_int_equal(b->result.outcome, CHAIN_HELD);
    assert_string_equal(b->result.draft_id, "");
    assert_int_equal(count_drafts(b), 0);
    assert_string_equal(decision(b, b->result.decision_id).sandbox, "other");
    struct store_sandbox box;
    assert_int_equal(store_sandbox_get(b->store, "other", b->arena, &box, &b->err), -1);
}

static void silence_is_refusal(void **state)
{
    struct bench *b = *state;
    write_rule(b, "shy", "    return ballot:abstain()");
    USE_VOTERS(b, SCRIPT("shy", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    assert_string_equal(b->result.tally.why, "refused: none of 1 voter allowed it");
}

static void an_override_needs_a_reason_and_is_recorded(void **state)
{
    struct bench *b = *state;
    write_rule(b, "strict", DENY);
    USE_VOTERS(b, NATIVE("live_reload", "mandatory"), SCRIPT("strict", "overridable"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    REFUSED(b, ERROR_FORBIDDEN, "an override needs a reason: say why it is right",
            REPLACE(b, "version: 1\n" FIRST_RULE, .override = true));
    REFUSED(b, ERROR_FORBIDDEN, "an override needs a reason: say why it is right",
            REPLACE(b, "version: 1\n" FIRST_RULE, .override = true, .reason = ""));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .override = true, .reason = "the site burns"));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_true(b->result.tally.overridden);
    assert_int_equal(b->result.revision, 2);
    struct store_decision d = decision(b, b->result.decision_id);
    assert_true(d.overridden);
    assert_string_equal(d.reason, "the site burns");
}

static void no_override_yields_a_mandatory_voter(void **state)
{
    struct bench *b = *state;
    write_rule(b, "strict", DENY);
    USE_VOTERS(b, NATIVE("live_reload", "mandatory"), SCRIPT("strict", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .override = true, .reason = "the site burns"));
    assert_int_equal(b->result.outcome, CHAIN_DENIED);
    assert_false(b->result.tally.overridden);
    assert_false(decision(b, b->result.decision_id).overridden);
}

static void an_advisory_voter_only_warns(void **state)
{
    struct bench *b = *state;
    write_rule(b, "strict", DENY);
    USE_VOTERS(b, NATIVE("live_reload", "mandatory"), SCRIPT("strict", "advisory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    json_t *document = update_document(&b->result),
           *warnings = json_object_get(document, "warnings");
    assert_int_equal(json_array_size(warnings), 1);
    const json_t *warning = json_array_get(warnings, 0);
    assert_string_equal(json_string_value(json_object_get(warning, "voter")), "strict");
    assert_string_equal(json_string_value(json_object_get(warning, "code")), "NO");
    assert_string_equal(json_string_value(json_object_get(warning, "message")), "not on monday");
    assert_string_equal(json_string_value(json_object_get(warning, "path")), "network_policies");
    json_decref(document);
}

/* What a voter is shown: everything the request said. */
static void a_voter_sees_who_asks_and_why(void **state)
{
    struct bench *b = *state;
    write_rule(b, "witness",
               "    ballot:fact('saw', t.kind .. ' ' .. t.sandbox.name .. ' ' .. "
               "t.sandbox.labels.team .. ' ' ..\n"
               "      t.sandbox.network .. ' ' .. t.actor.name .. ' ' .. t.actor.role .. ' ' .. "
               "t.reason)\n"
               "    return ballot:allow()");
    USE_VOTERS(b, SCRIPT("witness", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE, .reason = "because"));
    const struct chain_vote *vote = vote_of(&b->result, "witness");
    assert_int_equal(vote->n_facts, 1);
    assert_string_equal(vote->facts[0].value, "replace demo a proxy alice admin because");
    assert_contains(decision(b, b->result.decision_id).votes_json,
                    "\"facts\":{\"saw\":\"replace demo a proxy alice admin because\"}");
}

/* An object has each key once. */
static void the_last_fact_of_a_key_counts(void **state)
{
    struct bench *b = *state;
    write_rule(b, "witness",
               "    ballot:fact('a', 'first')\n    ballot:fact('b', '\"')\n"
               "    ballot:fact('a', 'last')\n    return ballot:allow()");
    USE_VOTERS(b, SCRIPT("witness", "mandatory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    const char *recorded = decision(b, b->result.decision_id).votes_json;
    json_t *votes = json_loads(recorded, JSON_REJECT_DUPLICATES, NULL);
    const json_t *facts = json_object_get(json_array_get(votes, 0), "facts");
    assert_int_equal(json_object_size(facts), 2);
    assert_string_equal(json_string_value(json_object_get(facts, "a")), "last");
    assert_string_equal(json_string_value(json_object_get(facts, "b")), "\"");
    json_decref(votes);
}

static void the_text_of_the_document_is_its_value(void **state)
{
    struct bench *b = *state;
    write_rule(b, "strict", DENY);
    USE_VOTERS(b, NATIVE("live_reload", "mandatory"), SCRIPT("strict", "advisory"));
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    char *text = update_document_text(&b->result);
    json_t *value = update_document(&b->result), *read = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(value, "warnings")), 1);
    assert_true(json_equal(read, value));
    json_decref(read);
    json_decref(value);
    free(text);
}

static void the_document_is_complete(void **state)
{
    struct bench *b = *state;
    static const char *const members[] = {"outcome", "revision", "hash",  "changed",
                                          "status",  "dry_run",  "votes", "warnings",
                                          "diff",    "effect",   NULL};
    static const char *const of_votes[] = {"voter",   "version", "level",       "verdict", "code",
                                           "message", "path",    "duration_us", NULL};
    static const char *const of_reach[] = {"host", "port",    "binary", "method",
                                           "path", "example", NULL};
    static const char *const of_diff[] = {"added", "removed", "changed", "static", NULL};
    RUN(b, REPLACE(b, "version: 1\n" FIRST_RULE));
    json_t *document = update_document(&b->result);
    for (size_t i = 0; members[i]; i++)
        assert_non_null(json_object_get(document, members[i]));
    for (size_t i = 0; of_votes[i]; i++)
        assert_non_null(
            json_object_get(json_array_get(json_object_get(document, "votes"), 0), of_votes[i]));
    for (size_t i = 0; of_diff[i]; i++)
        assert_non_null(json_object_get(json_object_get(document, "diff"), of_diff[i]));
    const json_t *effect = json_object_get(document, "effect");
    for (size_t i = 0; of_reach[i]; i++)
        assert_non_null(
            json_object_get(json_array_get(json_object_get(effect, "gained"), 0), of_reach[i]));
    assert_int_equal(json_array_size(json_object_get(effect, "lost")), 0);
    assert_string_equal(json_string_value(json_object_get(effect, "relation")), "loosens");
    assert_string_equal(json_string_value(json_object_get(document, "outcome")), "allowed");
    assert_string_equal(json_string_value(json_object_get(document, "decision")),
                        b->result.decision_id);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(a_denied_update_is_recorded_with_its_candidate),
        BENCH_TEST(every_objection_is_told),
        BENCH_TEST(a_held_update_waits_as_a_chunk),
        BENCH_TEST(asking_again_for_what_waits_makes_no_second_chunk),
        BENCH_TEST(a_held_creation_leaves_its_decision_alone),
        BENCH_TEST(silence_is_refusal),
        BENCH_TEST(an_override_needs_a_reason_and_is_recorded),
        BENCH_TEST(no_override_yields_a_mandatory_voter),
        BENCH_TEST(an_advisory_voter_only_warns),
        BENCH_TEST(a_voter_sees_who_asks_and_why),
        BENCH_TEST(the_last_fact_of_a_key_counts),
        BENCH_TEST(the_text_of_the_document_is_its_value),
        BENCH_TEST(the_document_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
