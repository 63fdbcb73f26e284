/* SPDX-License-Identifier: Apache-2.0 */
/* Proposals of agents and operators, held updates, approval mode auto. */
#include "support/drafts.h"

#define CURL "/usr/bin/curl"
#define ONE_ENDPOINT(host) \
    "{endpoints: [{host: " host ", port: 443}], binaries: [{path: " CURL "}]}"

static int submit(struct fixture *f, const char *name, const char *rule, const char **id)
{
    struct sluice_actor agent = {sizeof agent, "sandbox:demo", "sandbox",
                                 "gateway",    "uid",          "unix:uid=1000,pid=1"};
    struct drafts_proposal proposal = {name, a_rule(f, rule), "because", 0.75, NULL, false, NULL};
    return drafts_submit(f->drafts, "demo", &agent, "agent", &proposal, 1, f->arena, id,
                         &f->problems, &f->err);
}

static const char *submitted(struct fixture *f, const char *name, const char *rule)
{
    const char *id = NULL;
    succeed(f, submit(f, name, rule, &id));
    return id;
}

/* ---- proposals ---- */

static void a_proposal_waits_for_a_person(void **state)
{
    struct fixture *f = *state;
    const char *id = submitted(f, "api", ONE_ENDPOINT("a.example.com"));
    struct drafts_view v = view(f, id);
    assert_string_equal(v.draft.status, "pending");
    assert_string_equal(v.draft.source, "agent");
    assert_string_equal(v.draft.rule_name, "api");
    assert_string_equal(v.draft.rationale, "because");
    assert_string_equal(v.draft.author, "sandbox:demo");
    assert_string_equal(v.draft.host, "a.example.com");
    assert_string_equal(v.draft.binary, CURL);
    assert_int_equal(v.draft.port, 443);
    succeed(f, approve(f, "bob", id));
    assert_true(allows(f, "a.example.com", 443, CURL));
}

static void a_name_is_made_where_none_is_given(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(view(f, submitted(f, "", ONE_ENDPOINT("a.example.com"))).draft.rule_name,
                        "allow_a_example_com_443");
}

static void an_invalid_proposal_is_refused_with_its_problems(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {
        ONE_ENDPOINT("127.0.0.1"), "{endpoints: [], binaries: [{path: /x}]}",
        "{endpoints: [{host: a.b, port: 1}], binaries: [{path: relative}]}",
    };
    struct store_draft *items;
    size_t n;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *id = NULL;
        problems_free(&f->problems);
        assert_refused(f, submit(f, "r", wrong[i], &id), ERROR_INVALID,
                       "the proposals have 1 problem");
        assert_int_equal(f->problems.n, 1);
    }
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    assert_int_equal(n, 0);
}

static void problems_stand_where_the_proposal_stands(void **state)
{
    struct fixture *f = *state;
    struct sluice_actor agent = person("op");
    const char *ids[2];
    struct drafts_proposal both[] = {
        {"good", a_rule(f, ONE_ENDPOINT("a.example.com")), "", 1, NULL, false, NULL},
        {"empty", a_rule(f, "{endpoints: []}"), "", 1, NULL, false, NULL},
    };
    assert_refused(f,
                   drafts_submit(f->drafts, "demo", &agent, "operator", both, 2, f->arena, ids,
                                 &f->problems, &f->err),
                   ERROR_INVALID, "problem");
    assert_contains(f->problems.items[0].path, "proposals[1].rule");
    assert_null(chunk_of(f, "a.example.com", CURL));        /* all or nothing */
}

/* A rule of that name has endpoints already, so the new ones stand elsewhere than in the
 * proposal. */
static void problems_of_a_rule_that_is_widened(void **state)
{
    struct fixture *f = *state;
    const char *id = NULL;
    succeed(f, approve(f, "bob", submitted(f, "api", ONE_ENDPOINT("a.example.com"))));
    assert_refused(f, submit(f, "api", ONE_ENDPOINT("127.0.0.1"), &id), ERROR_INVALID, "1 problem");
    assert_string_equal(f->problems.items[0].path, "proposals[0].rule");
    assert_contains(f->problems.items[0].message,
                    "in the policy with it, network_policies.api.endpoints[1]");
}

static const char *long_rule(struct fixture *f, size_t endpoints)
{
    struct buf text = {0};
    buf_puts(&text, "{endpoints: [");
    for (size_t i = 0; i < endpoints; i++)
        buf_printf(&text, "{host: h%zu.a-long-name-for-a-host.example.com, port: 443},", i);
    buf_puts(&text, "], binaries: [{path: " CURL "}]}");
    const char *kept = arena_str(f->arena, buf_str(&text));
    buf_free(&text);
    return kept;
}

static void a_rule_that_is_too_long(void **state)
{
    struct fixture *f = *state;
    const char *id = NULL;
    assert_refused(f, submit(f, "long", long_rule(f, 600), &id), ERROR_INVALID, "1 problem");
    assert_string_equal(f->problems.items[0].path, "proposals[0].rule");
    assert_contains(f->problems.items[0].message,
                    "bytes as JSON, a proposed rule has at most 32768");
    assert_non_null(submitted(f, "long", long_rule(f, 100)));
}

static uint64_t votes_cast(struct fixture *f)
{
    struct chain_voter_info info;
    chain_describe(f->chain, 0, &info);
    return info.votes;
}

static int submit_named(struct fixture *f, int set, size_t n)
{
    struct sluice_actor user = person("op");
    struct drafts_proposal *items = arena_alloc(f->arena, n * sizeof *items);
    const char **ids = arena_alloc(f->arena, n * sizeof *ids);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct drafts_proposal){
            "", a_rule(f, arena_printf(f->arena, ONE_ENDPOINT("p%zu.set%d.example.com"), i, set)),
            "", 1, NULL, false, NULL};
    return drafts_submit(f->drafts, "demo", &user, "operator", items, n, f->arena, ids,
                         &f->problems, &f->err);
}

static int submit_many(struct fixture *f, size_t n)
{
    return submit_named(f, 0, n);
}

/* Each proposal costs a vote of everybody, so what cannot be kept is refused before. */
static void what_has_no_room_costs_no_votes(void **state)
{
    struct fixture *f = *state;
    uint64_t before = votes_cast(f);
    assert_refused(f, submit_many(f, 101), ERROR_LIMIT,
                   "101 proposals at once: at most 100 are taken");
    assert_int_equal(votes_cast(f), before);
    for (int i = 0; i < 4; i++)
        succeed(f, submit_named(f, i, 100));
    succeed(f, submit_named(f, 4, 50));
    before = votes_cast(f);
    assert_refused(f, submit_named(f, 5, 51), ERROR_LIMIT,
                   "sandbox 'demo' has 450 pending chunks of source operator and may have 500: "
                   "decide or clear some");
    assert_int_equal(votes_cast(f), before);
    succeed(f, submit_named(f, 5, 50));
    assert_true(votes_cast(f) > before);
}

static void a_proposal_replaces_what_was_only_observed(void **state)
{
    struct fixture *f = *state;
    denied(f, "a.example.com", 443, CURL, 4);
    const char *observed = chunk_of(f, "a.example.com", CURL);
    const char *proposed = submitted(f, "api", ONE_ENDPOINT("a.example.com"));
    assert_string_equal(status_of(f, observed), "superseded");
    assert_contains(view(f, observed).draft.reason, proposed);
    assert_string_equal(view(f, observed).review_token, "");
    denied(f, "a.example.com", 443, CURL, 1);               /* still counted, never pending again */
    assert_int_equal(view(f, observed).draft.hits, 5);
    assert_string_equal(status_of(f, observed), "superseded");
}

/* A person's proposal waits for another person, whatever an agent proposes for the same place. */
static void an_agent_takes_no_persons_place(void **state)
{
    struct fixture *f = *state;
    const struct sluice_actor carol = person("carol");
    const struct drafts_proposal proposal = {
        .rule_name = "mine", .rule = a_rule(f, ONE_ENDPOINT("a.example.com")), .confidence = 1};
    const char *mine, *first, *second;
    succeed(f, drafts_submit(f->drafts, "demo", &carol, "operator", &proposal, 1, f->arena, &mine,
                             &f->problems, &f->err));
    first = submitted(f, "one", ONE_ENDPOINT("a.example.com"));
    second = submitted(f, "two", ONE_ENDPOINT("a.example.com"));
    assert_string_equal(status_of(f, mine), "pending");
    assert_string_equal(status_of(f, first), "superseded");
    assert_string_equal(status_of(f, second), "pending");
}

/* Its sandbox was deleted, and another one has its name by now. */
static void what_a_program_does_counts_for_its_own_sandbox_alone(void **state)
{
    struct fixture *f = *state;
    const struct sluice_actor agent = person("sandbox:demo");
    struct drafts_proposal proposal = {
        .rule_name = "one", .rule = a_rule(f, ONE_ENDPOINT("a.example.com")), .workload = "s0"};
    const char *id;
    assert_int_equal(drafts_submit(f->drafts, "demo", &agent, "agent", &proposal, 1, f->arena, &id,
                                   &f->problems, &f->err),
                     -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_string_equal(f->err.text, "sandbox 'demo' is another one than the program's, which was "
                                     "deleted");
    const struct drafts_denial denial = {.host = "a.example.com", .port = 443, .binary = CURL,
                                         .reason = "", .stage = "", .count = 1};
    assert_int_equal(drafts_record_denials(f->drafts, "demo", "s0", &denial, 1, NULL, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_string_equal(f->heard, "");
    proposal.workload = "s1";
    succeed(f, drafts_submit(f->drafts, "demo", &agent, "agent", &proposal, 1, f->arena, &id,
                             &f->problems, &f->err));
}

/* Somebody may wait for a decision about it. */
static void what_is_replaced_is_told_of(void **state)
{
    struct fixture *f = *state;
    submitted(f, "one", ONE_ENDPOINT("a.example.com"));
    submitted(f, "two", ONE_ENDPOINT("a.example.com"));
    assert_string_equal(f->heard, "pending superseded pending ");
}

static int insert_superseded(struct store_tx *tx, void *arg, struct error *err)
{
    struct store_draft draft = {
        .sandbox_id = "s1", .status = "superseded", .source = "agent", .approvals_json = "[]"};
    char id[16];
    (void)arg;
    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "old%d", i);
        draft.id = id;
        if (store_tx_draft_insert(tx, &draft, err))
            return -1;
    }
    return 0;
}

/* Whoever may propose makes as many as they like superseded. */
static void superseded_chunks_do_not_fill_the_store(void **state)
{
    struct fixture *f = *state;
    struct store_draft *items;
    size_t n;
    assert_int_equal(store_write(f->store, insert_superseded, NULL, &f->err), 0);
    const char *first = submitted(f, "api", ONE_ENDPOINT("a.example.com"));
    submitted(f, "api", ONE_ENDPOINT("a.example.com"));
    assert_int_equal(store_draft_list(f->store, "s1", "superseded", f->arena, &items, &n, &f->err),
                     0);
    assert_int_equal(n, 500);
    assert_string_equal(items[0].id, "old1");       /* the oldest went */
    assert_string_equal(items[499].id, first);
    assert_int_equal(store_draft_list(f->store, "s1", "pending", f->arena, &items, &n, &f->err), 0);
    assert_int_equal(n, 1);
}

static void what_is_covered_by_now_needs_no_decision(void **state)
{
    struct fixture *f = *state;
    const char *narrow = submitted(f, "narrow", ONE_ENDPOINT("a.example.com"));
    const char *wide = submitted(f, "wide",
                                 "{endpoints: [{host: a.example.com, port: 443}], binaries: "
                                 "[{path: " CURL "}, {path: /usr/bin/git}]}");
    /* The later one asked for the same host, port and first binary. */
    assert_string_equal(status_of(f, narrow), "superseded");
    succeed(f, approve(f, "bob", wide));
    const char *late = submitted(f, "late", ONE_ENDPOINT("a.example.com"));
    assert_string_equal(status_of(f, late), "superseded");
    assert_string_equal(view(f, late).draft.reason, "covered by policy revision 2");
}

/* However the rule writes it. */
static void what_is_covered_in_other_words(void **state)
{
    struct fixture *f = *state;
    static const char *const rules[] = {
        ONE_ENDPOINT("A.Example.com."),
        ONE_ENDPOINT("'*.example.org'"),
        "{endpoints: [{host: b.example.com, port: 443}], binaries: [{path: '/usr/**'}]}",
        "{endpoints: [{host: c.example.com, ports: [80, 443]}], binaries: [{path: " CURL "}]}",
        "{endpoints: [{host: d.example.com, port: 443}]}",
        "{endpoints: [{host: e.example.com, port: 443, protocol: rest, access: read-only}], "
        "binaries: [{path: " CURL "}]}",
        "{endpoints: [{host: '', port: 9443, allowed_ips: [10.1.0.0/16]}], binaries: [{path: " CURL
        "}]}",
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const char *name = arena_printf(f->arena, "r%zu", i);
        succeed(f, approve(f, "bob", submitted(f, name, rules[i])));
        assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
        assert_string_equal(status_of(f, submitted(f, name, rules[i])), "superseded");
    }
}

/* It is what the rule asks for that counts, not what was denied once. */
static void what_was_edited_to_something_covered(void **state)
{
    struct fixture *f = *state;
    struct drafts_view edited;
    denied(f, "a.example.com", 443, CURL, 1);
    const char *id = chunk_of(f, "a.example.com", CURL);
    struct drafts_call call = call_by("alice", id);
    succeed(f, drafts_edit(f->drafts, &call, a_rule(f, ONE_ENDPOINT("b.example.com")), f->arena,
                           &edited, &f->problems, &f->err));
    succeed(f, approve(f, "bob",
                       submitted(f, "allow_a_example_com_443", ONE_ENDPOINT("b.example.com"))));
    assert_string_equal(status_of(f, id), "superseded");
}

static void an_approval_settles_others(void **state)
{
    struct fixture *f = *state;
    const char *git = submitted(
        f, "git",
        "{endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/git}]}");
    const char *both = submitted(f, "both",
                                 "{endpoints: [{host: a.example.com, port: 443}], binaries: "
                                 "[{path: " CURL "}, {path: /usr/bin/git}]}");
    assert_string_equal(status_of(f, git), "pending");
    succeed(f, approve(f, "bob", both));
    assert_string_equal(status_of(f, git), "superseded");
    assert_contains(f->heard, "approved superseded");
}

static void what_nothing_covers_any_more_is_pending_again(void **state)
{
    struct fixture *f = *state;
    denied(f, "a.example.com", 443, CURL, 1);
    const char *id = chunk_of(f, "a.example.com", CURL);
    succeed(f, merge(f, "alice",
                     "{operations: [{add_rule: {rule_name: r, rule: " ONE_ENDPOINT(
                         "a.example.com") "}}]}"));
    assert_string_equal(status_of(f, id), "superseded");
    denied(f, "a.example.com", 443, CURL, 1);               /* a late report */
    assert_string_equal(status_of(f, id), "superseded");
    succeed(f, merge(f, "alice", "{operations: [{remove_rule: {rule_name: r}}]}"));
    denied(f, "a.example.com", 443, CURL, 1);
    struct drafts_view again = view(f, id);
    assert_string_equal(again.draft.status, "pending");
    assert_string_equal(again.draft.reason, "");
    assert_string_equal(again.draft.decided_by, "");
    assert_int_equal(again.draft.decided_at_ms, 0);
    assert_int_equal(again.draft.hits, 3);
    assert_contains(f->heard, "pending superseded pending");
    succeed(f, approve(f, "bob", id));
    assert_true(allows(f, "a.example.com", 443, CURL));
}

/* ---- held updates ---- */

static const char *held_chunk(struct fixture *f, const char *who)
{
    succeed(f, merge(f, who,
                     "{operations: [{add_rule: {rule_name: r, rule: " ONE_ENDPOINT(
                         "one.example.com") "}}]}"));
    assert_int_equal(f->result.outcome, CHAIN_HELD);
    return f->result.draft_id;
}

static void a_held_update_is_approved_by_somebody_else(void **state)
{
    struct fixture *f = *state;
    const char *id = held_chunk(f, "alice");
    struct drafts_view v = view(f, id);
    struct store_draft_event *events;
    size_t n;
    assert_int_equal(drafts_history(f->drafts, "demo", 100, f->arena, &events, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(events[0].actor, "alice");
    assert_contains(events[0].text, "Held merge proposed: ");
    assert_string_equal(v.draft.source, "held");
    assert_string_equal(v.draft.held_kind, "merge");
    assert_int_equal(v.preview.diff->n_added, 1);
    assert_refused(f, approve(f, "alice", id), ERROR_FORBIDDEN,
                   "'alice' asked for this update: somebody else must approve it");
    succeed(f, approve(f, "bob", id));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
    assert_true(allows(f, "one.example.com", 443, CURL));
    assert_string_equal(status_of(f, id), "approved");
}

static void a_held_update_can_be_taken_back(void **state)
{
    struct fixture *f = *state;
    const char *id = held_chunk(f, "alice");
    succeed(f, approve(f, "bob", id));
    succeed(f, undo(f, "bob", id));
    assert_false(allows(f, "one.example.com", 443, CURL));
    assert_string_equal(status_of(f, id), "pending");
    succeed(f, reject(f, "bob", id, "no"));
    assert_string_equal(status_of(f, id), "rejected");
}

static void a_held_update_undoes_nobody_elses(void **state)
{
    struct fixture *f = *state;
    const char *id = held_chunk(f, "alice");
    denied(f, "a.example.com", 443, CURL, 1);
    succeed(f, approve(f, "bob", chunk_of(f, "a.example.com", CURL)));
    assert_int_equal(view(f, id).preview.diff->n_removed, 0);
    succeed(f, approve(f, "bob", id));
    assert_true(allows(f, "one.example.com", 443, CURL) && allows(f, "a.example.com", 443, CURL));
}

static void a_held_update_that_collides_says_so(void **state)
{
    struct fixture *f = *state;
    const char *id = held_chunk(f, "alice");
    succeed(f, merge(f, "bob", "{operations: [{add_rule: {rule_name: r, rule: "
                               ONE_ENDPOINT("b.example.com") "}}]}"));
    struct drafts_view v = view(f, id);
    assert_false(v.previewed);
    assert_contains(v.preview_error, "rule 'r' was changed since this update was held");
    struct drafts_call call = call_by("bob", id);
    assert_refused(f, drafts_approve(f->drafts, &call, "any", f->arena, &f->result, &f->problems,
                                     &f->err), ERROR_STATE, "rule 'r' was changed");
}

static void a_held_update_is_not_edited(void **state)
{
    struct fixture *f = *state;
    struct drafts_view v;
    struct drafts_call call = call_by("bob", held_chunk(f, "alice"));
    assert_refused(f,
                   drafts_edit(f->drafts, &call, a_rule(f, ONE_ENDPOINT("x.y")), f->arena, &v,
                               &f->problems, &f->err),
                   ERROR_STATE, "is a held update, which cannot be edited");
}

/* ---- approval mode auto ---- */

static void auto_mode_approves_what_nobody_objects_to(void **state)
{
    struct fixture *f = *state;
    denied(f, "a.example.com", 443, CURL, 1);
    struct drafts_view v = view(f, chunk_of(f, "a.example.com", CURL));
    assert_string_equal(v.draft.status, "approved");
    assert_string_equal(v.draft.decided_by, "auto-approval");
    assert_string_equal(v.draft.approvals_json, "[]");      /* no person did */
    assert_true(allows(f, "a.example.com", 443, CURL));
    assert_string_equal(f->heard, "pending approved ");
}

static void auto_mode_leaves_the_rest_to_people(void **state)
{
    struct fixture *f = *state;
    static const struct { const char *host; uint16_t port;
    } cases[] = {
        {"bad.example.com", 443},
        {"one.example.com", 443},
        {"db.example.com", 5432},
        {"10.1.2.3", 443},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        denied(f, cases[i].host, cases[i].port, CURL, 1);
        assert_string_equal(status_of(f, chunk_of(f, cases[i].host, CURL)), "pending");
    }
    assert_int_equal(revision(f), 1);
    succeed(f, approve(f, "bob", chunk_of(f, "one.example.com", CURL)));
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
}

static const char *proposed_by(struct fixture *f, const char *source, const char *host)
{
    struct sluice_actor user = {sizeof user, "op", "user", "unix", "uid", "unix:uid=1000,pid=1"};
    struct drafts_proposal proposal = {
        "", a_rule(f, arena_printf(f->arena, ONE_ENDPOINT("%s"), host)), "", 1, NULL, false, NULL};
    const char *id;
    succeed(f, drafts_submit(f->drafts, "demo", &user, source, &proposal, 1, f->arena, &id,
                             &f->problems, &f->err));
    return id;
}

/* What a person proposes is for another person to decide. */
static void auto_mode_is_for_denied_requests_and_agents(void **state)
{
    struct fixture *f = *state;
    const char *agent = proposed_by(f, "agent", "a.example.com");
    assert_string_equal(view(f, agent).draft.decided_by, "auto-approval");
    assert_string_equal(status_of(f, agent), "approved");
    assert_string_equal(status_of(f, proposed_by(f, "operator", "b.example.com")), "pending");
    assert_false(allows(f, "b.example.com", 443, CURL));
}

/* The shipped rule is for sites that want a person for what agents propose all the same. */
static void agent_drafts_hold_keeps_agents_waiting(void **state)
{
    struct fixture *f = *state;
    struct chain *chain = load_rule(f, "scripts/rules", "agent_drafts_hold.lua");
    updates_set_chain(f->updates, chain);
    chain_unref(chain);
    const char *id = proposed_by(f, "agent", "a.example.com");
    assert_string_equal(status_of(f, id), "pending");
    denied(f, "b.example.com", 443, CURL, 1);
    assert_string_equal(status_of(f, chunk_of(f, "b.example.com", CURL)), "approved");
    succeed(f, approve(f, "bob", id));
    assert_string_equal(status_of(f, id), "approved");
}

static void auto_mode_does_not_bring_back_what_was_rejected(void **state)
{
    struct fixture *f = *state;
    denied(f, "a.example.com", 443, CURL, 1);
    const char *id = chunk_of(f, "a.example.com", CURL);
    succeed(f, reject(f, "bob", id, "no"));
    denied(f, "a.example.com", 443, CURL, 1);
    assert_string_equal(status_of(f, id), "rejected");
    assert_false(allows(f, "a.example.com", 443, CURL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define AUTO(name) cmocka_unit_test_setup_teardown(name, setup_auto, teardown)
        TEST(a_proposal_waits_for_a_person),
        TEST(a_name_is_made_where_none_is_given),
        TEST(an_invalid_proposal_is_refused_with_its_problems),
        TEST(problems_stand_where_the_proposal_stands),
        TEST(problems_of_a_rule_that_is_widened),
        TEST(a_rule_that_is_too_long),
        TEST(what_has_no_room_costs_no_votes),
        TEST(a_proposal_replaces_what_was_only_observed),
        TEST(an_agent_takes_no_persons_place),
        TEST(what_is_replaced_is_told_of),
        TEST(what_a_program_does_counts_for_its_own_sandbox_alone),
        TEST(superseded_chunks_do_not_fill_the_store),
        TEST(what_is_covered_by_now_needs_no_decision),
        TEST(what_is_covered_in_other_words),
        TEST(what_was_edited_to_something_covered),
        TEST(an_approval_settles_others),
        TEST(what_nothing_covers_any_more_is_pending_again),
        TEST(a_held_update_is_approved_by_somebody_else),
        TEST(a_held_update_can_be_taken_back),
        TEST(a_held_update_undoes_nobody_elses),
        TEST(a_held_update_that_collides_says_so),
        TEST(a_held_update_is_not_edited),
        AUTO(auto_mode_approves_what_nobody_objects_to),
        AUTO(auto_mode_leaves_the_rest_to_people),
        AUTO(auto_mode_is_for_denied_requests_and_agents),
        AUTO(agent_drafts_hold_keeps_agents_waiting),
        AUTO(auto_mode_does_not_bring_back_what_was_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
