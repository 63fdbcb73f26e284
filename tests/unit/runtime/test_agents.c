/* SPDX-License-Identifier: Apache-2.0 */
/* What agents propose and look at, for a supervisor that asks. */
#include "support/runtime.h"

#define ADD(name, host)                                                                       \
    "{\"add_rule\":{\"rule_name\":\"" name "\",\"rule\":{\"endpoints\":[{\"host\":\"" host    \
    "\",\"port\":443}],\"binaries\":[{\"path\":\"/bin/a\"}]}}}"

static void turn_on(struct house *h, bool on)
{
    set_settings(h, &(struct sandbox_changes){.approval_mode = "", .labels_json = "",
                                              .has_proposals = true, .agent_proposals = on});
    assert_int_equal(hear_next(h, MESSAGE_SETTINGS).settings.agent_proposals, on);
}

static void propose(struct house *h, uint64_t id, const char *operations)
{
    say(h, (struct sandbox_message){
               .type = MESSAGE_PROPOSE,
               .proposal = {id, "because", arena_printf(h->f->arena, "{\"operations\":[%s]}",
                                                        operations)}});
}

static const char *propose_one(struct house *h)
{
    propose(h, 1, ADD("one", "one.example.com"));
    struct sandbox_message m = hear_next(h, MESSAGE_PROPOSED);
    assert_string_equal(m.proposed.error, "");
    assert_int_equal(m.proposed.n_accepted, 1);
    return m.proposed.accepted[0];
}

static struct agent_chunk look_up(struct house *h, const char *chunk)
{
    say(h, (struct sandbox_message){.type = MESSAGE_CHUNK_QUERY, .query = {9, chunk}});
    struct sandbox_message m = hear_next(h, MESSAGE_CHUNK);
    assert_int_equal(m.chunk.id, 9);
    return m.chunk;
}

static void proposals_become_chunks(void **state)
{
    struct house *h = *state;
    turn_on(h, true);
    propose(h, 5, ADD("good", "good.example.com") "," ADD("bad", "*.com") ","
                  "{\"remove_rule\":{\"rule_name\":\"good\"}}");
    struct sandbox_message m = hear_next(h, MESSAGE_PROPOSED);
    assert_int_equal(m.proposed.id, 5);
    assert_int_equal(m.proposed.n_accepted, 1);
    assert_int_equal(m.proposed.n_reasons, 2);
    assert_contains(m.proposed.reasons[0], "chunk 'bad': ");
    assert_string_equal(m.proposed.reasons[1], "only rules that are added can be proposed");
    struct agent_chunk chunk = look_up(h, m.proposed.accepted[0]);
    assert_true(chunk.found);
    assert_string_equal(chunk.status, "pending");
    assert_string_equal(chunk.rule_name, "good");
    assert_string_equal(chunk.validation_result, "prover: no new findings");
    assert_int_equal(chunk.revision, 0);
    struct drafts_view v = view(h->f, m.proposed.accepted[0]);
    assert_string_equal(v.draft.source, "agent");
    assert_string_equal(v.draft.author, "sandbox:demo");
    assert_string_equal(v.draft.rationale, "because");
}

static int note_user(struct store_tx *tx, void *arg, struct error *err)
{
    const struct store_user user = {"alice", "alice"};
    (void)arg;
    return store_tx_user_add(tx, "s1", &user, 1, err);
}

/* Whoever runs something in a sandbox could have it propose what they then approve. */
static void who_ran_something_there_has_asked_for_it(void **state)
{
    struct house *h = *state;
    assert_int_equal(store_write(h->f->store, note_user, NULL, &h->f->err), 0);
    turn_on(h, true);
    struct drafts_view v = view(h->f, propose_one(h));
    assert_contains(v.draft.asked_by_json, "\"alice\"");
    assert_contains(v.draft.asked_by_json, "\"sandbox:demo\"");
}

static void a_decision_is_told_at_once(void **state)
{
    struct house *h = *state;
    turn_on(h, true);
    const char *id = propose_one(h);
    assert_int_equal(reject(h->f, "bob", id, "no need"), 0);
    events_publish(h->events, "draft", "other", json_pack("{s:s}", "draft", "another"));
    events_publish(h->events, "draft", "demo", json_pack("{s:s}", "draft", id));
    assert_string_equal(hear_next(h, MESSAGE_CHUNK_CHANGED).query.chunk, id);
    struct agent_chunk chunk = look_up(h, id);
    assert_string_equal(chunk.status, "rejected");
    assert_string_equal(chunk.rejection_reason, "no need");
}

static void an_approval_says_which_revision_it_made(void **state)
{
    struct house *h = *state;
    turn_on(h, true);
    const char *id = propose_one(h);
    assert_int_equal(approve(h->f, "bob", id), 0);
    struct agent_chunk chunk = look_up(h, id);
    assert_string_equal(chunk.status, "approved");
    assert_int_equal(chunk.revision, 2);
}

static int propose_in_other(struct house *h, const char **id)
{
    const struct sluice_actor bob = person("bob");
    const struct drafts_proposal proposal = {
        .rule_name = "r", .confidence = 1,
        .rule = a_rule(h->f, "endpoints: [{host: o.example.com, port: 443}]\n"
                             "binaries: [{path: /bin/a}]\n")};
    struct problems problems = {0};
    return drafts_submit(h->f->drafts, "other", &bob, "operator", &proposal, 1, h->f->arena, id,
                         &problems, &h->f->err);
}

static void chunks_of_other_sandboxes_are_not_there(void **state)
{
    struct house *h = *state;
    const char *id;
    turn_on(h, true);
    assert_int_equal(propose_in_other(h, &id), 0);
    assert_false(look_up(h, id).found);
    assert_false(look_up(h, "nothing").found);
}

static void off_nothing_is_answered_or_told(void **state)
{
    struct house *h = *state;
    turn_on(h, true);
    const char *id = propose_one(h);
    turn_on(h, false);
    propose(h, 2, ADD("two", "two.example.com"));
    assert_string_equal(hear_next(h, MESSAGE_PROPOSED).proposed.error, "agent proposals are off");
    assert_string_equal(look_up(h, id).error, "agent proposals are off");
}

static void what_is_asked_at_once_is_bounded(void **state)
{
    enum { ASKED = 100 };
    struct house *h = *state;
    unsigned refused = 0;
    turn_on(h, true);
    for (int i = 0; i < ASKED; i++)
        say(h, (struct sandbox_message){.type = MESSAGE_CHUNK_QUERY, .query = {9, "nothing"}});
    for (int i = 0; i < ASKED; i++)
        refused += *hear_next(h, MESSAGE_CHUNK).chunk.error != '\0';
    assert_true(refused > 0);
    assert_true(refused <= ASKED - 64);
    assert_string_equal(look_up(h, "nothing").error, "");
}

static void work_for_the_owner(void *go)
{
    uv_sem_wait(go);
}

static void note_done(void *go)
{
    (void)go;
}

/* An update may take as long as its voters, and neither waits for the other. */
static void an_update_under_way_holds_up_no_agent(void **state)
{
    struct house *h = *state;
    uv_sem_t go;
    uv_sem_init(&go, 0);
    turn_on(h, true);
    jobs_run(h->jobs, "demo", work_for_the_owner, note_done, &go);
    const char *id = propose_one(h);
    assert_true(look_up(h, id).found);
    uv_sem_post(&go);
    RUN_UNTIL(h, jobs_idle(h->jobs));
    uv_sem_destroy(&go);
}

static void what_is_no_proposal_is_refused(void **state)
{
    struct house *h = *state;
    turn_on(h, true);
    propose(h, 3, "{\"add_rule\":{}}");
    struct sandbox_message m = hear_next(h, MESSAGE_PROPOSED);
    assert_int_equal(m.proposed.id, 3);
    assert_contains(m.proposed.error, "rule_name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(proposals_become_chunks),
        HOUSE_TEST(who_ran_something_there_has_asked_for_it),
        HOUSE_TEST(a_decision_is_told_at_once),
        HOUSE_TEST(an_approval_says_which_revision_it_made),
        HOUSE_TEST(chunks_of_other_sandboxes_are_not_there),
        HOUSE_TEST(off_nothing_is_answered_or_told),
        HOUSE_TEST(what_is_asked_at_once_is_bounded),
        HOUSE_TEST(an_update_under_way_holds_up_no_agent),
        HOUSE_TEST(what_is_no_proposal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
