/* SPDX-License-Identifier: Apache-2.0 */
/* Lua voters: what a vote sees and says. */
#include "support/lua_rule.h"

static struct voter *open_rule(struct fixture *f, const char *text)
{
    struct error err;
    struct voter *voter = open_text(&f->scripts, text, NULL, &err);
    if (!voter)
        fail_msg("%s", err.text);
    return voter;
}

/* Runs the body of a vote; the ballot is in the fixture. */
static void run(struct fixture *f, const char *body)
{
    struct error err = {0};
    char *text = alloc_printf("return { vote = function(t, ballot, options)\n%s\nend }", body);
    struct voter *voter = open_rule(f, text);
    if (ask(f, voter, &err) != 0)
        fail_msg("%s\nin: %s", err.text, body);
    voter_free(voter);
    free(text);
}

static void run_fails(struct fixture *f, const char *body, const char *pattern)
{
    struct error err = {0};
    char *text = alloc_printf("return { vote = function(t, ballot, options)\n%s\nend }", body);
    struct voter *voter = open_rule(f, text);
    assert_int_equal(ask(f, voter, &err), -1);
    assert_matches(err.text, pattern);
    voter_free(voter);
    free(text);
}

/* Each line is an expression that must be true in a vote. */
static const char *const truths[] = {
    "t.kind == 'replace'",
    "t.dry_run == false",
    "t.reason == 'because'",
    "t.now == 1700000000000",
    "math.type(t.now) == 'integer'",
    "t.draft == nil",
    "t.sandbox.name == 'demo'",
    "t.sandbox.labels.team == 'web'",
    "t.sandbox.labels.x == nil",
    "t.sandbox.network == 'proxy'",
    "t.sandbox.running == true",
    "#t.sandbox.labels == 1",
    "t.actor.name == 'dev' and t.actor.role == 'user' and t.actor.via == 'unix'",
    "t.candidate.version == 1",
    "#t.candidate.rules == 2",
    "#t.current.rules == 0",
    "t.candidate.rules.nope == nil",
    "t.candidate.rules[1] == nil",
    "t.candidate.rules == t.candidate.network_policies",
    "t.candidate.rules.api == t.candidate.rules.api",
    "t.candidate.rules.api ~= t.candidate.rules.web",
    "t.candidate.rules.api.key == 'api' and t.candidate.rules.api.name == 'api'",
    "t.candidate.rules.web.name == 'The web'",
    "t.candidate.rules.api.doc_path == 'network_policies.api'",
    "#t.candidate.rules.api.endpoints == 2",
    "#t.candidate.rules.web.binaries == 0",
    "t.candidate.rules.api.endpoints[1].host == 'api.example.com'",
    "t.candidate.rules.api.endpoints[1].doc_path == 'network_policies.api.endpoints[0]'",
    "t.candidate.rules.api.endpoints[0] == nil and t.candidate.rules.api.endpoints[3] == nil",
    "t.candidate.rules.api.endpoints[1].port == 443",
    "#t.candidate.rules.api.endpoints[1].ports == 2",
    "t.candidate.rules.api.endpoints[1].ports[2] == 8443",
    "t.candidate.rules.api.endpoints[2].ports[1] == 80",
    "t.candidate.rules.api.endpoints[1].protocol == 'rest'",
    "t.candidate.rules.api.endpoints[2].protocol == ''",
    "t.candidate.rules.api.endpoints[1].rules[1].allow.method == 'GET'",
    "t.candidate.rules.api.endpoints[1].rules[1].allow.query.q.any[1] == 'a*'",
    "t.candidate.rules.api.endpoints[1].mcp == nil",
    "t.candidate.rules.api.endpoints[1].credential_binding.provider == ''",
    "table.concat(t.candidate.rules.api.endpoints[2].allowed_ips, ' ') == '10.0.0.0/8 "
    "10.1.2.3'",
    "select('#', table.unpack(t.candidate.filesystem_policy.read_only)) == 2",
    "t.candidate.filesystem_policy.include_workdir == true",
    "t.candidate.process.run_as_user == 'sandbox'",
    "t.candidate.landlock.compatibility == 'best_effort'",
    "t.candidate.network_middlewares.redact.config.mode == 'redact'",
    "t.candidate.network_middlewares.redact.config.list[1] == 1",
    "t.candidate.network_middlewares.redact.config.list[2] == 'x'",
    "#t.candidate.network_middlewares.redact.config.list == 2",
    "t.candidate.network_middlewares.redact.endpoints.include[1] == '*.example.com'",
    "t.candidate.network_middlewares.redact.order == 1",
    "tostring(t.candidate.rules.api) == 'rule network_policies.api'",
    "next(t.candidate.rules) == 'api' and next(t.candidate.rules, 'api') == 'web'",
    "next(t.candidate.rules, 'web') == nil and next(t.current.rules) == nil",
    "sluice.host_match('*.example.com', 'a.example.com')",
    "not sluice.host_match('*.example.com', 'a.b.example.com')",
    "sluice.cidr_contains('10.0.0.0/8', '10.2.3.4')",
    "not sluice.cidr_contains('10.0.0.0/8', '11.2.3.4')",
    "not sluice.cidr_contains('10.0.0.0/8', 'nonsense')",
    "sluice.cidr_contains({'11.0.0.0/8', '10.0.0.0/8'}, '10.2.3.4')",
    "not sluice.cidr_contains({'11.0.0.0/8', '12.0.0.0/8'}, '10.2.3.4')",
    "not sluice.cidr_contains({}, '10.2.3.4') and sluice.cidr_contains('fd00::/8', '[FD00::1].')",
    "sluice.cidr_overlaps('10.0.0.0/8', '10.1.0.0/16') == '10.1.0.0/16'",
    "sluice.cidr_overlaps({'1.0.0.0/8', '10.1.0.0/16'}, {'2.0.0.0/8', '10.0.0.0/8'}) == "
    "'10.0.0.0/8'",
    "sluice.cidr_overlaps('10.0.0.0/8', '::ffff:8.0.0.0/102') == '::ffff:8.0.0.0/102'",
    "sluice.cidr_overlaps('10.0.0.0/8', {'11.0.0.0/8', 'fd00::/8'}) == nil",
    "sluice.cidr_overlaps('10.1.0.0/16', t.candidate.rules.api.endpoints[2].allowed_ips) == "
    "'10.0.0.0/8'",
    "sluice.host_within('A.Example.com.', 'example.com')",
    "sluice.host_within('example.com', {'a.com', 'Example.com.'})",
    "not sluice.host_within('notexample.com', {'example.com', ''})",
    "not sluice.host_within('1.10.0.0.1', '10.0.0.1') and sluice.host_within('[::1]', '::1')",
    "not sluice.host_within('a.::1', '::1') and not sluice.host_within('a.com', {})",
    "next(options) == nil",
};

static void test_what_a_vote_sees(void **state)
{
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
        char *body = alloc_printf("assert(%s) return ballot:allow()", truths[i]);
        run(*state, body);
        free(body);
    }
}

static void test_iterators_and_pairs(void **state)
{
    run(*state, "local names = {} for rule in t:added() do names[#names + 1] = rule.key end\n"
                "assert(table.concat(names, ' ') == 'api web')\n"
                "for _ in t:removed() do error('nothing was removed') end\n"
                "for _ in t:changed() do error('nothing was changed') end");
    run(*state,
        "assert(t.relation == 'loosens') local n = 0\n"
        "for reach in t:gained() do n = n + 1\n"
        "  assert(reach.example:find(' may now ') and reach.host ~= '' and reach.port > 0) end\n"
        "assert(n > 0) for _ in t:lost() do error('nothing was lost') end");
    run(*state, "local seen = {} for name, rule in pairs(t.candidate.rules) do\n"
                "  seen[#seen + 1] = name .. '=' .. rule.key end\n"
                "assert(table.concat(seen, ' ') == 'api=api web=web')");
    run(*state, "local n = 0 for i, e in ipairs(t.candidate.rules.api.endpoints) do n = n + i "
                "assert(e.host) end\n"
                "assert(n == 3)");
    run(*state,
        "local fields = {} for name, value in pairs(t.candidate.rules.api.endpoints[2]) do\n"
        "  fields[name] = value end\n"
        "assert(fields.host == 'b.example.com' and fields.port == 80 and fields.mcp == nil)");
    run(*state,
        "local paths = {} for change in t:static_changes() do paths[#paths + 1] = change.path end\n"
        "assert(type(paths) == 'table')");
    run(*state, "local keys = {} for key, value in pairs({b = 1, a = 2, [3] = 3, [1] = 4, [true] = "
                "5, [2.5] = 6}) do\n"
                "  keys[#keys + 1] = tostring(key) end\n"
                "assert(table.concat(keys, ' ') == 'true 1 2.5 3 a b', table.concat(keys, ' '))");
    run(*state,
        "local list = {a = 1, b = 2, c = 3} local n = 0\n"
        "for key in pairs(list) do n = n + 1 list[key] = nil list.c = nil end assert(n == 2)");
}

/* What an iterator gives, as a text. */
#define ENDPOINTS(iterator)                                                                  \
    "local seen = {} for e, host, before in " iterator " do\n"                               \
    "  assert(e.host == host and before == nil) seen[#seen + 1] = host end\n"                \
    "local seen = table.concat(seen, ' ') "

static void test_iterators_over_endpoints(void **state)
{
    run(*state, ENDPOINTS("sluice.endpoints(t.candidate)")
                "assert(seen == 'api.example.com b.example.com c.example.com', seen)");
    run(*state, ENDPOINTS("sluice.endpoints(t.current)") "assert(seen == '')");
    run(*state, ENDPOINTS("sluice.endpoints(nil)") "assert(seen == '')");
    run(*state, ENDPOINTS("t:changed_endpoints()")
                "assert(seen == 'api.example.com b.example.com c.example.com', seen)");
    run(*state, ENDPOINTS("t:changed_endpoints({})") "assert(seen == '')");
    run(*state, ENDPOINTS("t:changed_endpoints({within = 'example.com'})")
                "assert(seen == 'api.example.com b.example.com c.example.com', seen)");
    run(*state, ENDPOINTS("t:changed_endpoints({outside = {'a.com', 'b.example.com'}})")
                "assert(seen == 'api.example.com c.example.com', seen)");
    run(*state, ENDPOINTS("t:changed_endpoints({networks = {'1.0.0.0/8', '10.1.2.0/24'}})")
                "assert(seen == 'b.example.com', seen)");
    run(*state, ENDPOINTS("t:changed_endpoints({networks = '12.0.0.0/8', local_names = true, "
                          "within = {'api.example.com', 'c.example.com'}})")
                "assert(seen == 'api.example.com c.example.com', seen)");
    run_fails(*state, "t:changed_endpoints({domains = {}})",
              "^rule.lua:2: endpoints are selected by within, outside, networks and local_names, "
              "not domains$");
    run_fails(*state, "t:changed_endpoints({within = {1}})", "a list of texts is expected");
    run_fails(*state, "t:changed_endpoints('x')", "table expected, got string");
    run_fails(*state, "for _ in t:changed_endpoints({networks = 'x'}) do end",
              "not an address block such as 10.0.0.0/8");
    run_fails(*state, "sluice.endpoints(t)", "bad argument #1 to 'endpoints'");
    run_fails(*state, "sluice.host_within('a', {true})", "a list of texts is expected");
    run_fails(*state, "sluice.cidr_overlaps('10.0.0.0/8', 'x')", "not an address block");
}

static void test_a_typo_is_an_error(void **state)
{
    run_fails(*state, "return t.candidate.rules.api.endpoints[1].hots",
              "rule.lua:2: an endpoint has no field hots; did you mean host\\?");
    run_fails(*state, "return t.candiate",
              "a transition has no field candiate; did you mean candidate\\?");
    run_fails(*state, "return t.candidate.rules.api.endpoints[1].rules[1].method",
              "has no field method, but allow");
    run_fails(*state, "return t.candidate.zzzzzzz", "a policy has no field zzzzzzz$");
}

static void test_what_a_vote_says(void **state)
{
    struct fixture *f = *state;
    run(f, "return ballot:allow()");
    assert_int_equal(f->ballot.verdict, SLUICE_ALLOW);
    run(f, "return ballot:abstain()");
    assert_int_equal(f->ballot.verdict, SLUICE_ABSTAIN);
    run(f, "return nil");
    assert_int_equal(f->ballot.verdict, SLUICE_ABSTAIN);
    run(f, "");
    assert_int_equal(f->ballot.verdict, SLUICE_ABSTAIN);
    run(f, "return ballot:deny('NO', 'a.b[0]', 'no %s for %d at %5.1f%%', 'entry', 3, 2.25)");
    assert_int_equal(f->ballot.verdict, SLUICE_DENY);
    assert_string_equal(f->ballot.code, "NO");
    assert_string_equal(f->ballot.path, "a.b[0]");
    assert_string_equal(f->ballot.message, "no entry for 3 at   2.2%");
    run(f, "return ballot:hold('ASK', nil, 'somebody should look at %s', t.candidate.rules.api)");
    assert_int_equal(f->ballot.verdict, SLUICE_HOLD);
    assert_string_equal(f->ballot.path, "");
    assert_string_equal(f->ballot.message, "somebody should look at rule network_policies.api");
    run(f, "ballot:fact('n', 3) ballot:fact('who', 'me') return ballot:allow()");
    assert_int_equal(f->ballot.n_facts, 2);
    assert_string_equal(f->ballot.facts[0].key, "n");
    assert_string_equal(f->ballot.facts[0].value, "3");
    assert_string_equal(f->ballot.facts[1].value, "me");
}

static void test_mistakes_of_a_vote(void **state)
{
    run_fails(*state, "return true", "vote returned a boolean: return what a ballot call gives");
    run_fails(*state, "ballot:allow()",
              "cast allow but returned nothing: write return ballot:allow");
    run_fails(*state, "return ballot:deny('NO')",
              "bad argument #3 to 'deny'|string expected, got no value");
    run_fails(*state, "return ballot:deny('NO', '', '%d', 'x')",
              "^rule.lua:2: bad argument #4 to 'deny' .number expected, got string.$");
    run_fails(*state, "return ballot:deny('NO', '', '%s %s', 'x')",
              "^rule.lua:2: bad argument #5 to 'deny' .no value.$");
    run_fails(*state, "return ballot:deny('NO', '', 'up to 100%')",
              "^rule.lua:2: invalid conversion '%' to 'format'$");
    run_fails(*state, "return ballot:deny('NO', '', string.format('%y', 1))",
              "^rule.lua:2: invalid conversion '%y' to 'format'");
    run_fails(*state, "return ballot.deny('NO', '', 'x')", "call it with a colon");
    run_fails(*state, "error('because')", "^rule.lua:2: because$");
    run_fails(*state, "local x = nil; x()",
              "rule.lua:2: attempt to call a nil value \\(local 'x'\\)");
    run_fails(*state, "t.sandbox.labels.team = 'b'", "what is voted on is read only");
}

/* Nothing that a script keeps outlives a vote, whether global, local or in a library. */
static void test_no_state_between_votes(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct voter *voter = open_rule(f,
        "local kept = {} total = 0\n"
        "return { vote = function(t, ballot) total = total + 1 kept[#kept + 1] = t\n"
        "  leaked = (leaked or 0) + 1\n"
        "  return ballot:deny('N', '', '%d %d %d', total, #kept, leaked) end }");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ask(f, voter, &err), 0);
        assert_string_equal(f->ballot.message, "1 1 1");
    }
    voter_free(voter);
}

/* A state that an error poisoned is not used again. */
static void test_votes_after_errors(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct voter *voter = open_rule(f,
        "return { vote = function(t, ballot)\n"
        "  if t.dry_run then while true do end end return ballot:allow() end }");
    for (int i = 0; i < 6; i++) {
        f->change.t.dry_run = i % 2 == 0;
        voter->timeout_ms = f->change.t.dry_run ? 200 : patience_ms();
        if (i % 2 == 0) {
            assert_int_equal(ask(f, voter, &err), -1);
            assert_matches(err.text, "^it spent its (time of 200 ms|20000000 steps)$");
        } else {
            assert_int_equal(ask(f, voter, &err), 0);
        }
    }
    voter_free(voter);
}

/* The library's buffers collect nothing before they give up, unlike Lua's own texts. */
static void test_garbage_is_no_use_of_memory(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct voter *voter = open_rule(f,
        "return { vote = function(t, ballot)\n"
        "  local kept, x = {}, ('x'):rep(10000)\n"
        "  for i = 1, 3 do kept[i] = x:rep(100) .. i end\n"
        "  for i = 1, 12 do local s = x:rep(100) .. i end\n"
        "  return ballot:allow() end }");
    if (ask(f, voter, &err) != 0)
        fail_msg("%s", err.text);
    voter_free(voter);
}

/* Drafts and what else only some transitions have. */
static void test_a_draft(void **state)
{
    struct fixture *f = *state;
    const struct sluice_approval approval = {sizeof approval, "bob", "admin", 1600000000000};
    const struct sluice_approval *const approvals[] = {&approval};
    const struct sluice_grant grant = {.size = sizeof grant, .uses = 3};
    const struct sluice_draft draft = {sizeof draft, "d1",      "agent", "robot", 7,
                                       0.5,          approvals, 1,       NULL,    0, &grant};
    f->change.t.kind = SLUICE_APPROVE;
    f->change.t.draft = &draft;
    run(f, "assert(t.kind == 'approve' and t.draft.id == 'd1' and t.draft.source == 'agent')\n"
           "assert(t.draft.author == 'robot' and t.draft.hits == 7 and t.draft.confidence == 0.5)\n"
           "assert(#t.draft.approvals == 1 and t.draft.approvals[1].actor == 'bob')\n"
           "assert(t.draft.approvals[1].at_ms == 1600000000000)\n"
           "assert(t.draft.grant.uses == 3 and t.draft.grant.for_ms == 0)\n"
           "assert(t.draft.grant.expires_at_ms == 0 and t.draft.grant.pid == 0)");
    f->change.t.draft = NULL;
    f->change.t.current = NULL;
    run(f, "assert(t.current == nil and t.draft == nil)");
}

/* "3+ 4- …": the lines with code, and whether they ran. */
static void assert_lines(struct fixture *f, struct voter *voter, const char *expected)
{
    struct chain_line *lines;
    struct buf text = {0};
    size_t n = voter->ops->lines(voter, f->arena, &lines);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%u%c", i ? " " : "", lines[i].number, lines[i].ran ? '+' : '-');
    assert_string_equal(buf_str(&text), expected);
    buf_free(&text);
}

static void test_coverage_of_lines(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct voter *voter = open_rule(f, "local function unused(x)\n"         /* 1 */
                                       "  return x + 1\n"
                                       "end\n"
                                       "-- a comment\n"
                                       "\n"
                                       "local function used(t)\n"           /* 6 */
                                       "  if t.dry_run then\n"
                                       "    return 'dry'\n"
                                       "  end\n"
                                       "  return 'wet'\n"                   /* 10 */
                                       "end\n"
                                       "return {\n"
                                       "  vote = function(t, ballot)\n"
                                       "    return ballot:deny('X', '',\n"
                                       "      used(t))\n"                   /* 15 */
                                       "  end,\n"
                                       "}\n");
    assert_lines(f, voter, "");
    voter->ops->cover(voter);
    assert_lines(f, voter, "2- 3- 7- 8- 10- 11- 12- 14- 15- 16- 17-");
    assert_int_equal(ask(f, voter, &err), 0);
    assert_lines(f, voter, "2- 3+ 7+ 8- 10+ 11+ 12+ 14+ 15+ 16+ 17+");
    f->change.t.dry_run = true;
    assert_int_equal(ask(f, voter, &err), 0);
    assert_lines(f, voter, "2- 3+ 7+ 8+ 10+ 11+ 12+ 14+ 15+ 16+ 17+");
    voter_free(voter);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_vote_sees),
        TEST(test_iterators_and_pairs),
        TEST(test_iterators_over_endpoints),
        TEST(test_a_typo_is_an_error),
        TEST(test_what_a_vote_says),
        TEST(test_mistakes_of_a_vote),
        TEST(test_no_state_between_votes),
        TEST(test_votes_after_errors),
        TEST(test_garbage_is_no_use_of_memory),
        TEST(test_a_draft),
        TEST(test_coverage_of_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
