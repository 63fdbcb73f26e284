/* SPDX-License-Identifier: Apache-2.0 */
/* Voters in processes of their own: the same answers as inline, and no way to hurt the gateway. */
#include "support/process.h"

static void test_the_same_answers_as_inline(void **state)
{
    static const char rule[] =
        "return { version = '3.0.0', summary = 'All of it.', codes = {SEEN = 'Always.'},\n"
        "  options = {who = {type = 'text', default = 'me', help = 'Who.'}},\n"
        "  vote = function(t, ballot, options)\n"
        "  local out = {t.kind, tostring(t.dry_run), t.reason, t.now, t.sandbox.labels.team, "
        "t.sandbox.network,\n"
        "    t.actor.name, options.who}\n"
        "  local function add(...) out[#out + 1] = table.concat({...}, ':') end\n"
        "  for r in t:added() do local e = r.endpoints[1]\n"
        "    add('+', r.key, r.doc_path, e.host, e.port, #e.ports, e.rules[1].allow.path, "
        "e.doc_path) end\n"
        "  for r in t:removed() do add('-', r.key, r.endpoints[1].host) end\n"
        "  for c in t:changed() do add('~', c.before.endpoints[1].port, c.after.endpoints[1].port) "
        "end\n"
        "  add(t.relation) for r in t:gained() do add('>', r.host, r.port, r.binary, r.method) "
        "end\n"
        "  for r in t:lost() do add('<', r.host, r.port, r.path, r.example) end\n"
        "  for s in t:static_changes() do add('=', s.path, s.before, s.after) end\n"
        "  for _, p in ipairs({'baseline', 'current', 'candidate'}) do\n"
        "    for key in pairs(t[p].rules) do add(p, key) end\n"
        "    add(table.unpack(t[p].filesystem_policy.read_only)) add(t[p].process.run_as_user) "
        "end\n"
        "  ballot:fact('n', #out)\n"
        "  return ballot:deny('SEEN', 'a.b[1]', '%s', table.concat(out, ' ')) end }";
    struct fixture *f = *state;
    struct error err;
    struct voter *alone = open_lua(f, rule, "{}"),
                 *inside = open_text(&f->scripts, rule, "{}", &err);
    if (!alone)
        fail_msg("%s", f->err.text);
    assert_non_null(inside);
    assert_string_equal(alone->ops->kind, "lua");
    assert_string_equal(alone->name, inside->name);
    assert_string_equal(alone->version, inside->version);
    assert_string_equal(alone->summary, inside->summary);
    assert_string_equal(alone->path, inside->path);
    assert_string_equal(alone->sha256, inside->sha256);
    assert_string_equal(alone->options, inside->options);
    assert_string_equal(alone->codes[0].code, "SEEN");
    assert_string_equal(alone->option_table[0].help, "Who.");
    assert_int_equal(ask(f, inside), 0);
    char message[SLUICE_MESSAGE_MAX + 1];
    strcpy(message, f->ballot.message);
    assert_matches(
        message,
        "replace false because 1700000000000 web proxy dev me \\+:api:network_policies.api");
    for (int i = 0; i < 3; i++) {
        memset(&f->ballot, 0, sizeof f->ballot);
        assert_int_equal(ask(f, alone), 0);
        assert_string_equal(f->ballot.message, message);
        assert_string_equal(f->ballot.code, "SEEN");
        assert_string_equal(f->ballot.path, "a.b[1]");
        assert_int_equal(f->ballot.verdict, SLUICE_DENY);
        assert_int_equal(f->ballot.n_facts, 1);
    }
    voter_free(alone);
    voter_free(inside);
}

static void test_a_policy_that_changes_between_votes(void **state)
{
    struct fixture *f = *state;
    struct voter *voter =
        open_lua(f,
                 "return { vote = function(t, b) local keys = {}\n"
                 "for key in pairs(t.candidate.rules) do keys[#keys + 1] = key end\n"
                 "return b:deny('KEYS', '', 'keys: %s current: %s', table.concat(keys, ' '), "
                 "t.current and #t.current.rules) end }",
                 "{}");
    assert_int_equal(ask(f, voter), 0);
    assert_string_equal(f->ballot.message, "keys: api kept current: 2");
    const struct sluice_transition kept = f->change.t;
    f->change.t.candidate = kept.current;
    f->change.t.current = NULL;
    f->change.t.baseline = NULL;
    f->change.t.diff = policy_diff(NULL, kept.current, f->change.arena);
    assert_int_equal(ask(f, voter), 0);
    assert_string_equal(f->ballot.message, "keys: gone kept current: nil");
    f->change.t = kept;
    assert_int_equal(ask(f, voter), 0);
    assert_string_equal(f->ballot.message, "keys: api kept current: 2");
    voter_free(voter);
}

static void test_natives(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_fault(f, "none");
    assert_string_equal(voter->ops->kind, "native");
    assert_string_equal(voter->name, "fault");
    assert_string_equal(voter->ops->state(voter), "ready");
    assert_null(voter->codes);
    assert_int_equal(ask(f, voter), 0);
    assert_int_equal(f->ballot.verdict, SLUICE_ALLOW);
    voter_free(voter);
}

static void test_nothing_outside_can_be_reached(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_patient(f, "escape", "try", 20000);
    if (!voter)
        fail_msg("%s", f->err.text);
    if (ask(f, voter) != 0)
        fail_msg("%s", f->err.text);
    assert_string_equal(f->ballot.message, "");
    assert_int_equal(f->ballot.verdict, SLUICE_ALLOW);
    voter_free(voter);
}

struct crowd {
    struct fixture *f;
    struct voter *voter;
};

static void *vote_often(void *arg)
{
    const struct crowd *crowd = arg;
    for (int i = 0; i < 100; i++) {
        struct arena *arena = arena_new();
        struct ballot ballot;
        struct error err;
        int rc = vote_of(crowd->voter, &crowd->f->change.t, arena, &ballot, &err);
        arena_free(arena);
        if (rc != 0 || strcmp(ballot.message, "2 rules") != 0)
            return (void *)1;
    }
    return NULL;
}

static void test_many_threads_vote_at_once(void **state)
{
    static const char rule[] = "return { vote = function(t, b)\n"
                               "return b:deny('N', '', '%d rules', #t.candidate.rules) end }";
    struct fixture *f = *state;
    struct error err;
    struct voter *voters[] = {open_lua(f, rule, "{}"), open_text(&f->scripts, rule, "{}", &err)};
    for (int i = 0; i < 2; i++) {
        enum { N = 4 };
        pthread_t threads[N];
        struct crowd crowd = {f, voters[i]};
        for (int t = 0; t < N; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, vote_often, &crowd), 0);
        for (int t = 0; t < N; t++) {
            void *failed;
            pthread_join(threads[t], &failed);
            assert_null(failed);
        }
        voter_free(voters[i]);
    }
}

static void test_a_transition_is_written_once_for_all(void **state)
{
    struct fixture *f = *state;
    struct voter *voters[] = {open_lua(f, "return { vote = function(t, b)\n"
                                          "return b:deny('N', '', '%d', #t.candidate.rules) end }",
                                       "{}"),
                              open_lua(f, "return { vote = function(t, b)\n"
                                          "return b:deny('K', '', '%s', t.kind) end }",
                                       "{}")};
    static const char *const said[] = {"2", "replace"};
    struct voter_ask ask = {.transition = &f->change.t, .id = 7, .arena = f->arena};
    const struct encoded_request *encoded = NULL;
    for (int i = 0; i < 2; i++) {
        assert_non_null(voters[i]->ops->begin(voters[i], &ask, true));
        assert_non_null(ask.encoded);
        assert_true(i == 0 || ask.encoded == encoded);
        encoded = ask.encoded;
    }
    for (int i = 0; i < 2; i++) {
        ballot_begin(&f->ballot, f->arena, voters[i]->codes);
        assert_int_equal(voters[i]->ops->finish(voters[i], &f->ballot.face, &f->err), 0);
        assert_string_equal(f->ballot.message, said[i]);
        voter_free(voters[i]);
    }
}

/* Three voters that take the whole of their time limit take it together. */
static void test_voters_are_asked_in_parallel(void **state)
{
    struct fixture *f = *state;
    enum { N = 3 };
    struct chain_voter_config configs[N];
    const struct chain_voter_config *voters[N];
    static const char *const names[N] = {"one", "two", "three"};
    for (int i = 0; i < N; i++) {
        configs[i] = (struct chain_voter_config){.plugin = "fault",
                                                 .name = names[i],
                                                 .timeout_ms = 1000,
                                                 .options_json = "{\"mode\": \"loop\"}"};
        voters[i] = &configs[i];
    }
    struct chain_config config = {
        .plugin_dirs = dirs, .n_plugin_dirs = 2, .voters = voters, .n_voters = N};
    struct problems problems = {0};
    struct chain *chain = chain_load(&config, &f->sink, &problems);
    assert_non_null(chain);
    struct chain_votes votes;
    uint64_t start = clock_mono_ms();
    chain_ask(chain, &f->change.t, f->arena, &votes);
    uint64_t took = clock_mono_ms() - start;
    for (int i = 0; i < N; i++)
        assert_matches(votes.items[i].message, "did not vote within 1000 ms and was killed");
    assert_in_range(took, 1000, 1000 + 900);
    chain_unref(chain);
}

struct asker {
    struct fixture *f;
    struct chain *chain;
    struct arena *arena;
    struct chain_votes votes;
};

static void *ask_once(void *arg)
{
    struct asker *a = arg;
    chain_ask(a->chain, &a->f->change.t, a->arena, &a->votes);
    return NULL;
}

static void assert_only_the_second_takes_long(const struct chain_votes *votes)
{
    for (size_t i = 0; i < votes->n; i++) {
        uint64_t ms = votes->items[i].duration_ns / 1000000;
        if (i == 1)
            assert_in_range(ms, 1000, 3000);
        else
            assert_in_range(ms, 0, 900);
    }
}

/* Two updates at once: the one waits for the other's turn with the voter that hangs, and neither
 * keeps a turn with another voter meanwhile. */
static void test_a_voter_that_hangs_keeps_nobody_from_the_others(void **state)
{
    struct fixture *f = *state;
    static const char *const hangs[] = {"{\"mode\": \"loop\"}", "{\"mode\": \"partial\"}"};
    for (int mode = 0; mode < 2; mode++) {
        const struct chain_voter_config configs[] = {
            {.plugin = "fault", .name = "calm", .options_json = "{}", .timeout_ms = 10000},
            {.plugin = "fault", .timeout_ms = 1000, .options_json = hangs[mode]},
            {.plugin = "fault", .name = "inline", .options_json = "{}", .isolation = "inline"},
            {.plugin = "fault", .name = "last", .options_json = "{}", .timeout_ms = 10000},
        };
        const struct chain_voter_config *voters[] = {&configs[0], &configs[1], &configs[2],
                                                     &configs[3]};
        const struct chain_config config = {
            .plugin_dirs = dirs, .n_plugin_dirs = 2, .voters = voters, .n_voters = 4};
        struct problems problems = {0};
        struct chain *chain = chain_load(&config, &f->sink, &problems);
        assert_non_null(chain);
        struct asker askers[2];
        pthread_t threads[2];
        for (int i = 0; i < 2; i++) {
            askers[i] = (struct asker){.f = f, .chain = chain, .arena = arena_new()};
            assert_int_equal(pthread_create(&threads[i], NULL, ask_once, &askers[i]), 0);
        }
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_only_the_second_takes_long(&askers[i].votes);
            arena_free(askers[i].arena);
        }
        chain_unref(chain);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_same_answers_as_inline),
        TEST(test_a_policy_that_changes_between_votes),
        TEST(test_natives),
        TEST(test_nothing_outside_can_be_reached),
        TEST(test_many_threads_vote_at_once),
        TEST(test_a_transition_is_written_once_for_all),
        TEST(test_voters_are_asked_in_parallel),
        TEST(test_a_voter_that_hangs_keeps_nobody_from_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
