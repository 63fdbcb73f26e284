/* SPDX-License-Identifier: Apache-2.0 */
/* Grants with an end: what runs with which revision, and that nothing brings back what has
 * ended. */
#include <pthread.h>

#include "base/clock.h"
#include "policy/rule.h"
#include "support/drafts.h"

#define CURL "/usr/bin/curl"
#define HOST "a.example.com"

static const struct policy_grant once = {
    .chunk = "", .rule = "", .boot = "", .uses = 1};
static const struct policy_grant five = {
    .chunk = "", .rule = "", .boot = "", .uses = 5};
static const struct policy_grant hour = {
    .chunk = "", .rule = "", .boot = "", .for_ms = 3600000};

static int approve_with(struct fixture *f, const char *who, const char *id,
                        const struct policy_grant *grant)
{
    struct drafts_call call = call_by(who, id);
    call.ends = true;
    call.grant = grant;
    return drafts_approve(f->drafts, &call, view(f, id).review_token, f->arena, &f->result,
                          &f->problems, &f->err);
}

static struct policy_grants grants(struct fixture *f)
{
    struct store_revision newest;
    assert_int_equal(store_revision_get(f->store, "s1", 0, f->arena, &newest, &f->err), 0);
    return policy_grants_parse(newest.grants_json, f->arena);
}

static const char *granted(struct fixture *f, const char *host, const struct policy_grant *grant)
{
    denied(f, host, 443, CURL, 1);
    const char *id = chunk_of(f, host, CURL);
    succeed(f, approve_with(f, "bob", id, grant));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    return id;
}

static void expire(struct fixture *f, const char *id)
{
    succeed(f, drafts_expire(f->drafts, "demo", id, "it was used once", &f->err));
}

static int change(struct fixture *f, enum sluice_kind kind, const char *text, uint64_t to)
{
    struct doc_node *document = NULL;
    if (text)
        assert_int_equal(doc_parse(text, strlen(text), DOC_YAML, 1 << 20, f->arena, &document,
                                   &f->problems), 0);
    const struct update_request request = {
        .kind = kind, .sandbox = "demo", .actor = person("carol"), .document = document,
        .document_path = "", .to_revision = to};
    return update_run(f->updates, &request, f->arena, &f->result, &f->problems, &f->err);
}

static const struct sluice_rule *rule_for(struct fixture *f, const char *host)
{
    return a_rule(f, arena_printf(f->arena, "{endpoints: [{host: %s, port: 443}], binaries: "
                                  "[{path: /usr/bin/curl}]}", host));
}

/* The same on any thread. */
static const struct sluice_rule *rule_for_arena(struct arena *arena, const char *host)
{
    struct problems problems = {0};
    const struct sluice_rule *rule = policy_rule_parse(
        arena_printf(arena, "{\"endpoints\":[{\"host\":\"%s\",\"port\":443}],\"binaries\":"
                     "[{\"path\":\"/usr/bin/git\"}]}", host), arena, &problems);
    problems_free(&problems);
    return rule;
}

static const char *whole_policy(struct fixture *f)
{
    struct policy *policy = current_policy(f, NULL);
    const char *text = arena_str(f->arena, policy_json(policy));
    policy_unref(policy);
    return text;
}

static void a_grant_has_a_rule_of_its_own_and_stands_in_the_revision(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &once);
    struct policy_grants list = grants(f);
    assert_int_equal(list.n, 1);
    assert_string_equal(list.items[0].chunk, id);
    assert_int_equal(list.items[0].uses, 1);
    assert_non_null(strstr(list.items[0].rule, "_grant_"));
    assert_true(allows(f, HOST, 443, CURL));
    assert_string_equal(status_of(f, id), "approved");
    assert_true(policy_grant_same(policy_grant_parse(view(f, id).draft.grant_json, f->arena),
                                  &once));
}

static void a_duration_has_a_deadline_on_both_clocks(void **state)
{
    struct fixture *f = *state;
    int64_t wall = clock_now_ms(), boot = clock_boot_ms();
    granted(f, HOST, &hour);
    const struct policy_grant *grant = &grants(f).items[0];
    assert_in_range(grant->expires_at_ms, wall + 3600000, clock_now_ms() + 3600000);
    assert_in_range(grant->boot_ms, boot + 3600000 - 1, clock_boot_ms() + 3600000 + 1);
    assert_int_not_equal(*grant->boot, '\0');
}

static void its_end_takes_out_the_rule_and_asks_no_voter(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &once);
    uint64_t before = revision(f);
    struct store_revision newest;
    struct store_decision *decisions;
    size_t n;
    expire(f, id);
    assert_false(allows(f, HOST, 443, CURL));
    assert_int_equal(store_revision_get(f->store, "s1", 0, f->arena, &newest, &f->err), 0);
    assert_int_equal(newest.revision, before + 1);
    assert_string_equal(newest.kind, "expire");
    assert_string_equal(newest.grants_json, "");
    assert_int_equal(store_decision_list(f->store, &(struct store_decision_query){
                         .sandbox_id = "s1", .limit = 1}, f->arena, &decisions, &n, &f->err), 0);
    assert_string_equal(decisions[0].kind, "expire");
    assert_string_equal(decisions[0].votes_json, "[]");
    assert_string_equal(decisions[0].draft_id, id);
    assert_string_equal(status_of(f, id), "superseded");
    assert_string_equal(view(f, id).draft.reason, "its grant has ended: it was used once");
    assert_non_null(strstr(f->heard, "superseded"));
    struct store_audit_report report;
    assert_int_equal(store_audit_verify(f->store, NULL, &report, &f->err), 0);
    assert_int_equal(report.bad_seq, 0);
}

static void an_end_that_is_told_twice_makes_one_revision(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &once);
    expire(f, id);
    uint64_t after = revision(f);
    expire(f, id);
    assert_int_equal(revision(f), after);
}

static void a_refusal_after_the_end_makes_a_new_chunk(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &once);
    expire(f, id);
    denied(f, HOST, 443, CURL, 1);
    const char *next = chunk_of(f, HOST, CURL);
    assert_string_not_equal(next, id);
    assert_string_equal(status_of(f, next), "pending");
    assert_string_equal(status_of(f, id), "superseded");
    succeed(f, approve_with(f, "bob", next, &once));
    expire(f, next);
    denied(f, HOST, 443, CURL, 1);
    assert_string_not_equal(chunk_of(f, HOST, CURL), next);
}

static void what_has_ended_cannot_be_undone_or_approved_again(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &once);
    const char *token = view(f, id).review_token;
    expire(f, id);
    uint64_t after = revision(f);
    assert_int_equal(undo(f, "bob", id), -1);
    assert_string_equal(f->err.text, "chunk status is 'superseded', expected 'approved'");
    assert_int_equal(reject(f, "bob", id, "no"), -1);
    struct drafts_call call = call_by("bob", id);
    assert_int_equal(drafts_approve(f->drafts, &call, token, f->arena, &f->result, &f->problems,
                                    &f->err), -1);
    assert_int_equal(revision(f), after);
}

static void an_undo_ends_a_grant(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &five);
    succeed(f, undo(f, "bob", id));
    assert_int_equal(grants(f).n, 0);
    assert_string_equal(status_of(f, id), "pending");
    assert_string_equal(view(f, id).draft.grant_json, "");
    uint64_t after = revision(f);
    expire(f, id);                                  /* a late report of the end */
    assert_int_equal(revision(f), after);
    assert_string_equal(status_of(f, id), "pending");
}

static void a_rollback_does_not_revive_what_has_ended(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &once);
    uint64_t with = revision(f);
    const char *runs = granted(f, "b.example.com", &hour);
    expire(f, id);
    uint64_t both = with + 1;
    succeed(f, change(f, SLUICE_ROLLBACK, NULL, both));
    assert_false(allows(f, HOST, 443, CURL));
    assert_true(allows(f, "b.example.com", 443, CURL));
    assert_int_equal(grants(f).n, 1);
    assert_string_equal(grants(f).items[0].chunk, runs);
    succeed(f, change(f, SLUICE_ROLLBACK, NULL, with));
    assert_false(allows(f, HOST, 443, CURL));
    assert_false(allows(f, "b.example.com", 443, CURL));
    assert_int_equal(grants(f).n, 0);
    assert_string_equal(status_of(f, runs), "superseded");
    succeed(f, change(f, SLUICE_ROLLBACK, NULL, both));
    assert_false(allows(f, "b.example.com", 443, CURL));
}

static void a_replacement_keeps_the_grants_of_rules_that_stay(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &hour);
    uint64_t before = revision(f);
    succeed(f, change(f, SLUICE_REPLACE, whole_policy(f), 0));
    assert_false(f->result.changed);
    assert_int_equal(revision(f), before);
    succeed(f, change(f, SLUICE_REPLACE,
                      "{version: 1, network_policies: {other: {endpoints: [{host: o.example.com, "
                      "port: 443}], binaries: [{path: /usr/bin/git}]}}}", 0));
    assert_int_equal(grants(f).n, 0);
    assert_string_equal(status_of(f, id), "superseded");
    assert_non_null(strstr(view(f, id).draft.reason, "does not have its rule"));
}

static void what_makes_a_grant_permanent_gains_what_it_grants(void **state)
{
    struct fixture *f = *state;
    granted(f, HOST, &hour);
    succeed(f, merge(f, "carol", "{operations: [{add_rule: {rule_name: stays, rule: {endpoints: "
                     "[{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}}}]}"));
    assert_int_equal(f->result.diff->relation, SLUICE_LOOSENS);
    assert_int_equal(f->result.diff->n_gained, 1);
    assert_int_equal(f->result.diff->n_added, 1);
    assert_string_equal(f->result.diff->added[0]->key, "stays");
}

static void a_permanent_approval_is_not_part_of_the_grant(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &hour);
    succeed(f, merge(f, "carol", "{operations: [{add_rule: {rule_name: stays, rule: {endpoints: "
                     "[{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/git}]}}}]}"));
    expire(f, id);
    assert_true(allows(f, HOST, 443, "/usr/bin/git"));
    assert_false(allows(f, HOST, 443, CURL));
}

static void nothing_is_added_to_the_rule_of_a_grant_by_name(void **state)
{
    struct fixture *f = *state;
    granted(f, HOST, &hour);
    const char *operations = arena_printf(
        f->arena, "{operations: [{add_rule: {rule_name: %s, rule: {endpoints: [{host: "
        "z.example.com, port: 443}], binaries: [{path: /usr/bin/curl}]}}}]}",
        grants(f).items[0].rule);
    assert_int_equal(merge(f, "carol", operations), -1);
    assert_non_null(strstr(f->problems.items[0].message, "ends with the grant that it is of"));
}

static void a_chunk_that_only_a_grant_covers_stays_pending(void **state)
{
    struct fixture *f = *state;
    const struct sluice_rule *rule = rule_for(f, HOST);
    const struct drafts_proposal proposal = {.rule_name = "agent", .rule = rule, .rationale = ""};
    const struct sluice_actor robot = person("robot");
    const char *ids[1];
    succeed(f, drafts_submit(f->drafts, "demo", &robot, "agent", &proposal, 1, f->arena, ids,
                             &f->problems, &f->err));
    granted(f, HOST, &hour);
    assert_string_equal(status_of(f, ids[0]), "pending");
}

static const char *wished(struct fixture *f, const char *host, const struct policy_grant *grant)
{
    const struct sluice_rule *rule = rule_for(f, host);
    const struct drafts_proposal proposal = {
        .rule_name = "agent", .rule = rule, .rationale = "", .grant = grant};
    const struct sluice_actor robot = person("robot");
    const char *ids[1];
    succeed(f, drafts_submit(f->drafts, "demo", &robot, "agent", &proposal, 1, f->arena, ids,
                             &f->problems, &f->err));
    return ids[0];
}

static void a_wish_is_granted_narrowed_or_replaced(void **state)
{
    struct fixture *f = *state;
    succeed(f, approve(f, "bob", wished(f, HOST, &five)));
    assert_int_equal(grants(f).items[0].uses, 5);
    succeed(f, approve_with(f, "bob", wished(f, "b.example.com", &five), &once));
    assert_int_equal(grants(f).items[1].uses, 1);
    succeed(f, approve_with(f, "bob", wished(f, "c.example.com", &five), NULL));
    assert_int_equal(grants(f).n, 2);
    assert_true(allows(f, "c.example.com", 443, CURL));
}

/* An approval of one use is none of a permanent rule. */
static void an_approval_counts_for_the_end_it_was_given_for(void **state)
{
    struct fixture *f = *state;
    const char *host = "two.example.com";
    denied(f, host, 443, CURL, 1);
    const char *id = chunk_of(f, host, CURL);
    succeed(f, approve_with(f, "bob", id, &once));
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    succeed(f, approve_with(f, "carol", id, NULL));
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    succeed(f, approve_with(f, "dora", id, &once));
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    succeed(f, approve_with(f, "bob", id, &once));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(grants(f).items[0].uses, 1);
}

static void the_token_is_that_of_the_chunk_as_it_was_shown(void **state)
{
    struct fixture *f = *state;
    denied(f, HOST, 443, CURL, 1);
    const char *id = chunk_of(f, HOST, CURL), *token = view(f, id).review_token;
    succeed(f, merge(f, "carol", "{operations: [{add_rule: {rule_name: more, rule: {endpoints: "
                     "[{host: m.example.com, port: 443}], binaries: [{path: /usr/bin/git}]}}}]}"));
    struct drafts_call call = call_by("bob", id);
    call.ends = true;
    call.grant = &once;
    assert_int_equal(drafts_approve(f->drafts, &call, token, f->arena, &f->result, &f->problems,
                                    &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_MOVED);
    assert_int_equal(grants(f).n, 0);
}

static void used_uses_never_come_back(void **state)
{
    struct fixture *f = *state;
    const char *id = granted(f, HOST, &five);
    succeed(f, drafts_used(f->drafts, "demo", id, 3, &f->err));
    succeed(f, drafts_used(f->drafts, "demo", id, 2, &f->err));
    assert_int_equal(policy_grant_parse(view(f, id).draft.grant_json, f->arena)->used, 3);
}

struct race {
    struct fixture *f;
    const char *id;
};

static void *expire_meanwhile(void *arg)
{
    const struct race *race = arg;
    struct error err;
    drafts_expire(race->f->drafts, "demo", race->id, "its time is over", &err);
    return NULL;
}

/* Other updates of the policy, each of which keeps the rules that it found. */
static void *merge_meanwhile(void *arg)
{
    const struct race *race = arg;
    for (int i = 0; i < 5; i++) {
        struct arena *arena = arena_new();
        struct problems problems = {0};
        struct update_result result;
        struct error err;
        const struct policy_operation operation = {
            .kind = POLICY_ADD_RULE, .rule_name = arena_printf(arena, "m%d", i), .host = "",
            .binary_path = "", .rule = rule_for_arena(arena, "m.example.com")};
        const struct policy_operations operations = {&operation, 1, NULL};
        const struct update_request request = {.kind = SLUICE_MERGE, .sandbox = "demo",
                                               .actor = person("carol"),
                                               .operations = &operations};
        update_run(race->f->updates, &request, arena, &result, &problems, &err);
        problems_free(&problems);
        arena_free(arena);
    }
    return NULL;
}

static void approvals_that_race_an_end_never_bring_it_back(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 8; round++) {
        pthread_t threads[3];
        struct race race = {f, granted(f, arena_printf(f->arena, "r%d.example.com", round), &hour)};
        pthread_create(&threads[0], NULL, merge_meanwhile, &race);
        pthread_create(&threads[1], NULL, expire_meanwhile, &race);
        pthread_create(&threads[2], NULL, expire_meanwhile, &race);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        expire(f, race.id);                         /* if others came first all the time */
        assert_int_equal(grants(f).n, 0);
        assert_false(allows(f, arena_printf(f->arena, "r%d.example.com", round), 443, CURL));
        assert_string_equal(status_of(f, race.id), "superseded");
    }
}

static void a_sandbox_has_a_limited_number_of_grants(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < POLICY_GRANTS_MAX; i++)
        granted(f, arena_printf(f->arena, "h%d.example.com", i), &hour);
    denied(f, HOST, 443, CURL, 1);
    assert_int_equal(approve_with(f, "bob", chunk_of(f, HOST, CURL), &once), -1);
    assert_non_null(strstr(f->err.text, "has 64 grants with an end"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_grant_has_a_rule_of_its_own_and_stands_in_the_revision),
        TEST(a_duration_has_a_deadline_on_both_clocks),
        TEST(its_end_takes_out_the_rule_and_asks_no_voter),
        TEST(an_end_that_is_told_twice_makes_one_revision),
        TEST(a_refusal_after_the_end_makes_a_new_chunk),
        TEST(what_has_ended_cannot_be_undone_or_approved_again),
        TEST(an_undo_ends_a_grant),
        TEST(a_rollback_does_not_revive_what_has_ended),
        TEST(a_replacement_keeps_the_grants_of_rules_that_stay),
        TEST(what_makes_a_grant_permanent_gains_what_it_grants),
        TEST(a_permanent_approval_is_not_part_of_the_grant),
        TEST(nothing_is_added_to_the_rule_of_a_grant_by_name),
        TEST(a_chunk_that_only_a_grant_covers_stays_pending),
        TEST(a_wish_is_granted_narrowed_or_replaced),
        TEST(an_approval_counts_for_the_end_it_was_given_for),
        TEST(the_token_is_that_of_the_chunk_as_it_was_shown),
        TEST(used_uses_never_come_back),
        TEST(approvals_that_race_an_end_never_bring_it_back),
        TEST(a_sandbox_has_a_limited_number_of_grants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
