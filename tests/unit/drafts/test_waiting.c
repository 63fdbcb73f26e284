/* SPDX-License-Identifier: Apache-2.0 */
/* Held requests: how many wait for each chunk, and for whom there is nothing to wait for. */
#include "support/drafts.h"

#define CURL "/usr/bin/curl"

/* So many wait; only_waiting: that is all that is new. */
static struct drafts_recorded held(struct fixture *f, const char *host, unsigned waiting,
                                   bool only_waiting)
{
    struct drafts_denial denial = a_denial(host, 443, CURL);
    struct drafts_recorded out;
    denial.waiting = waiting;
    denial.only_waiting = only_waiting;
    denial.count = !only_waiting;
    succeed(f, drafts_record_denials(f->drafts, "demo", "s1", &denial, 1, &out, &f->err));
    return out;
}

static void a_chunk_says_how_many_wait(void **state)
{
    struct fixture *f = *state;
    struct drafts_recorded out = held(f, "a.test", 1, false);
    assert_string_equal(out.id, chunk_of(f, "a.test", CURL));
    assert_true(out.decidable);
    assert_int_equal(view(f, out.id).waiting, 1);
    held(f, "A.test.", 3, true);
    assert_int_equal(view(f, out.id).waiting, 3);
    assert_int_equal(view(f, out.id).draft.hits, 1);
    held(f, "a.test", 0, true);
    assert_int_equal(view(f, out.id).waiting, 0);
    assert_int_equal(view(f, out.id).draft.hits, 1);
}

static void chunks_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct drafts_denial other = a_denial("a.test", 443, "/usr/bin/git");
    struct drafts_recorded a = held(f, "a.test", 2, false), git;
    other.waiting = 5;
    succeed(f, drafts_record_denials(f->drafts, "demo", "s1", &other, 1, &git, &f->err));
    assert_int_equal(view(f, a.id).waiting, 2);
    assert_int_equal(view(f, git.id).waiting, 5);
    drafts_forget_waiting(f->drafts, "s2");
    assert_int_equal(view(f, a.id).waiting, 2);
    drafts_forget_waiting(f->drafts, "s1");
    assert_int_equal(view(f, a.id).waiting, 0);
    assert_int_equal(view(f, git.id).waiting, 0);
}

static void what_is_rejected_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct drafts_recorded out = held(f, "a.test", 1, false);
    succeed(f, reject(f, "alice", out.id, "no"));
    assert_false(held(f, "a.test", 2, false).decidable);
    assert_false(held(f, "a.test", 2, true).decidable);
}

/* The approval is on its way to the supervisor. */
static void what_is_approved_is(void **state)
{
    struct fixture *f = *state;
    struct drafts_recorded out = held(f, "a.test", 1, false);
    succeed(f, approve(f, "alice", out.id));
    assert_true(held(f, "a.test", 2, true).decidable);
}

static void what_has_no_chunk_is_not(void **state)
{
    struct fixture *f = *state;
    struct drafts_denial denial = a_denial("a.test", 443, "/usr/bin/c*");
    struct drafts_recorded out;
    denial.waiting = 1;
    succeed(f, drafts_record_denials(f->drafts, "demo", "s1", &denial, 1, &out, &f->err));
    assert_string_equal(out.id, "");
    assert_false(out.decidable);
}

/* A supervisor that is back tells of what waits, and its chunk was cleared meanwhile. */
static void a_chunk_that_is_gone_is_made_again(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(held(f, "a.test", 0, true).id, "");
    assert_null(chunk_of(f, "a.test", CURL));
    assert_true(held(f, "a.test", 1, true).decidable);
    assert_non_null(chunk_of(f, "a.test", CURL));
}

/* ---- who is told of rejections ---- */

static char told[128];

static void hear_rejected(void *ctx, const char *sandbox, const struct store_draft *draft)
{
    (void)ctx;
    snprintf(told, sizeof told, "%s %s", sandbox, draft ? draft->host : "*");
}

static void rejections_are_told(void **state)
{
    struct fixture *f = *state;
    const struct drafts_hooks hooks = {.rejected = hear_rejected};
    struct drafts *own = drafts_new(f->updates, &hooks, &f->log), *drafts = f->drafts;
    struct drafts_call call = call_by("alice", "");
    uint64_t cleared;
    f->drafts = own;
    succeed(f, reject(f, "alice", held(f, "a.test", 1, false).id, "no"));
    assert_string_equal(told, "demo a.test");
    const struct drafts_recorded out = held(f, "b.test", 1, false);
    succeed(f, approve(f, "alice", out.id));
    assert_string_equal(told, "demo a.test");
    succeed(f, undo(f, "alice", out.id));
    assert_string_equal(told, "demo a.test");
    succeed(f, drafts_clear(own, &call, &cleared, &f->err));
    assert_string_equal(told, "demo *");
    f->drafts = drafts;
    drafts_free(own);
}

static char all_told[256];

static void hear_all(void *ctx, const char *sandbox, const struct store_draft *draft)
{
    size_t used = strlen(all_told);
    (void)ctx;
    (void)sandbox;
    snprintf(all_told + used, sizeof all_told - used, "%s %s %s%s\n", draft->host, draft->binary,
             draft->method, draft->path);
}

static const char *proposed(struct fixture *f, const char *source, const char *rule)
{
    struct sluice_actor user = {sizeof user, "op", "user", "unix", "uid", "unix:uid=1000,pid=1"};
    struct drafts_proposal proposal = {.rule_name = "wish", .rule = a_rule(f, rule),
                                       .rationale = "", .confidence = 1};
    const char *id;
    succeed(f, drafts_submit(f->drafts, "demo", &user, source, &proposal, 1, f->arena, &id,
                             &f->problems, &f->err));
    return id;
}

static void held_request(struct fixture *f, const char *method, const char *path)
{
    struct drafts_denial denial = a_denial("r.test", 443, CURL);
    denial.method = method;
    denial.path = path;
    denial.waiting = 1;
    record_denial(f, &denial);
}

/* A proposal is about whatever waits and its rule would let pass, also while that has a chunk. */
static void a_rejected_proposal_refuses_what_waits_for_it(void **state)
{
    struct fixture *f = *state;
    const struct drafts_hooks hooks = {.rejected = hear_all};
    struct drafts *own = drafts_new(f->updates, &hooks, &f->log), *drafts = f->drafts;
    f->drafts = own;
    held(f, "a.test", 1, false);
    held(f, "b.test", 1, false);
    succeed(f, merge(f, "alice",
                     "{operations: [{add_rule: {rule_name: reads, rule: {binaries: "
                     "[{path: /usr/bin/curl}], endpoints: [{host: r.test, port: 443, "
                     "protocol: rest, enforcement: enforce, access: read-only}]}}}]}"));
    held_request(f, "POST", "/a");
    held_request(f, "POST", "/b");
    all_told[0] = '\0';
    succeed(f, reject(f, "alice", proposed(f, "agent", "{endpoints: [{host: a.test, port: 443}], "
                                           "binaries: [{path: '/usr/bin/*'}]}"), "no"));
    assert_string_equal(all_told, "a.test /usr/bin/curl \n");
    succeed(f, reject(f, "alice", proposed(f, "operator", "{endpoints: [{host: c.test, "
                                           "port: 443}], binaries: [{path: /usr/bin/curl}]}"),
                      "no"));
    assert_string_equal(all_told, "a.test /usr/bin/curl \n");
    succeed(f, reject(f, "alice", proposed(f, "operator", "{endpoints: [{host: r.test, port: 443, "
                                           "protocol: rest, enforcement: enforce, rules: [{allow: "
                                           "{method: POST, path: /b}}]}], "
                                           "binaries: [{path: /usr/bin/curl}]}"), "no"));
    assert_string_equal(all_told, "a.test /usr/bin/curl \nr.test /usr/bin/curl POST/b\n");
    f->drafts = drafts;
    drafts_free(own);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test_setup_teardown(a_chunk_says_how_many_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(chunks_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_rejected_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_approved_is, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_no_chunk_is_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chunk_that_is_gone_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(rejections_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rejected_proposal_refuses_what_waits_for_it, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
