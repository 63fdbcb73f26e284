/* SPDX-License-Identifier: Apache-2.0 */
#include "support/learning.h"

#include "policy/check/check.h"

static const char everything[] =
    "version: 1\n"
    "network_policies:\n"
    "  all:\n"
    "    endpoints:\n"
    "      - {host: '**.test.com', port: 443}\n"
    "      - {host: a.test.com, port: 443}\n"
    "    binaries: [{path: '/**'}]\n";

static const char judged[] =
    "version: 1\n"
    "network_policies:\n"
    "  all:\n"
    "    endpoints:\n"
    "      - {host: a.test.com, port: 443, protocol: rest, access: full}\n"
    "      - {host: a.test.com, port: 443, path: /graphql, protocol: graphql, access: full}\n"
    "      - {host: a.test.com, port: 443, path: '/rpc/**', protocol: json-rpc,\n"
    "         rules: [{allow: {method: '*'}}]}\n"
    "      - {host: a.test.com, port: 443, path: /mcp, protocol: mcp,\n"
    "         mcp: {allow_all_known_mcp_methods: true}}\n"
    "      - {host: a.test.com, port: 443, path: /ws, protocol: websocket, access: full}\n"
    "    binaries: [{path: '/**'}]\n";

static void assert_learned(struct learning *l, const char *rules)
{
    if (learning_run(l) != 0)
        fail_msg("%s", l->err.text);
    struct arena *arena = arena_new();
    const char *text = arena_printf(arena, "version: 1\n%s%s", *rules ? "network_policies:\n" : "",
                                    rules);
    struct policy *wanted = learning_parse(text, arena);
    struct buf got = {0};
    policy_print(l->learned.policy, DOC_YAML, &got);
    if (strcmp(policy_hash(wanted), policy_hash(l->learned.policy)) != 0)
        fail_msg("wanted:\n%s\ngot:\n%s", text, buf_str(&got));
    buf_free(&got);
    arena_free(arena);
}

static void assert_fails(struct learning *l, const char *text)
{
    assert_int_equal(learning_run(l), -1);
    if (!strstr(l->err.text, text))
        fail_msg("wanted %s, got %s", text, l->err.text);
}

/* Nothing is learned of what is seen, and the reason has these words. */
static void assert_left_out(struct learning *l, const char *why)
{
    assert_learned(l, "");
    assert_int_equal(l->learned.n_left_out, l->n);
    if (!strstr(l->learned.left_out[0].why, why))
        fail_msg("wanted %s, got %s", why, l->learned.left_out[0].why);
}

static void a_program_has_a_rule_with_what_it_did_alone(void **state)
{
    struct learning l = learning_new(everything);
    (void)state;
    learning_see(&l, "/usr/bin/curl", "a.test.com", "CONNECT", "");
    learning_see(&l, "/usr/bin/curl", "a.test.com", "post", "/b");
    learning_see(&l, "/usr/bin/curl", "a.test.com", "HEAD", "/a");
    learning_see(&l, "/usr/bin/curl", "a.test.com", "GET", "/a");
    learning_see(&l, "/usr/bin/curl", "a.test.com", "GET", "/a");
    learning_see(&l, "/opt/curl", "b.test.com", "HEAD", "/x%2Fy");
    assert_learned(&l,
                   "  curl:\n"
                   "    endpoints:\n"
                   "      - {host: b.test.com, port: 443, protocol: rest, enforcement: enforce,\n"
                   "         public_only: true, allow_encoded_slash: true,\n"
                   "         rules: [{allow: {method: HEAD, path: /x%2Fy}}]}\n"
                   "    binaries: [{path: /opt/curl}]\n"
                   "  curl_2:\n"
                   "    endpoints:\n"
                   "      - {host: a.test.com, port: 443, protocol: rest, enforcement: enforce,\n"
                   "         rules: [{allow: {method: GET, path: /a}},\n"
                   "                 {allow: {method: POST, path: /b}}]}\n"
                   "    binaries: [{path: /usr/bin/curl}]\n");
    assert_int_equal(l.learned.count, 5);           /* requests; their connection is none */
    learning_free(&l);
}

static void each_part_has_its_evidence(void **state)
{
    struct learning l = learning_new(everything);
    (void)state;
    learning_see(&l, "/usr/bin/curl", "a.test.com", "GET", "/a")->evidence.count = 7;
    learning_see(&l, "/usr/bin/curl", "a.test.com", "HEAD", "/a");
    learning_see(&l, "/usr/bin/curl", "a.test.com", "POST", "/b");
    assert_int_equal(learning_run(&l), 0);
    static const struct {
        const char *path;
        uint64_t count;
        int64_t first_ms, last_ms;
    } parts[] = {
        {"network_policies.curl", 9, 1000, 3000},
        {"network_policies.curl.endpoints[0]", 9, 1000, 3000},
        {"network_policies.curl.endpoints[0].rules[0].allow", 8, 1000, 2000},
        {"network_policies.curl.endpoints[0].rules[1].allow", 1, 3000, 3000},
    };
    assert_int_equal(l.learned.n_parts, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(l.learned.parts[i].path, parts[i].path);
        assert_int_equal(l.learned.parts[i].evidence.count, parts[i].count);
        assert_int_equal(l.learned.parts[i].evidence.first_ms, parts[i].first_ms);
        assert_int_equal(l.learned.parts[i].evidence.last_ms, parts[i].last_ms);
    }
    struct buf text = {0};
    assert_int_equal(policy_learned_print(&l.learned, &text), 0);
    assert_non_null(strstr(text.data, "  # 9 times, 1970-01-01T00:00:01.000Z to "
                                      "1970-01-01T00:00:03.000Z\n  curl:\n"));
    assert_non_null(strstr(text.data, "# 1 time, 1970-01-01T00:00:03.000Z to "
                                      "1970-01-01T00:00:03.000Z\n"));
    buf_free(&text);
    learning_free(&l);
}

static void calls_are_entries_where_the_ceiling_judges_them(void **state)
{
    struct learning l = learning_new(judged);
    struct policy_seen *s;
    (void)state;
    s = learning_see(&l, "/bin/a", "a.test.com", "POST", "/graphql");
    s->operation = "query", s->field = "viewer";
    s = learning_see(&l, "/bin/a", "a.test.com", "POST", "/graphql");
    s->operation = "query Q", s->field = "repository,viewer";
    s = learning_see(&l, "/bin/a", "a.test.com", "POST", "/graphql");
    s->operation = "query Q", s->field = "viewer";          /* that of any name */
    s = learning_see(&l, "/bin/a", "a.test.com", "POST", "/rpc/one");
    s->rpc_method = "add";
    s = learning_see(&l, "/bin/a", "a.test.com", "POST", "/rpc/two");
    s->rpc_method = "sub";
    s = learning_see(&l, "/bin/a", "a.test.com", "POST", "/mcp");
    s->rpc_method = "initialize";
    s = learning_see(&l, "/bin/a", "a.test.com", "POST", "/mcp");
    s->rpc_method = "tools/call", s->tool = "search";
    learning_see(&l, "/bin/a", "a.test.com", "GET", "/mcp"); /* its stream */
    learning_see(&l, "/bin/a", "a.test.com", "GET", "/ws");
    learning_see(&l, "/bin/a", "a.test.com", "WEBSOCKET_TEXT", "/ws");
    learning_see(&l, "/bin/a", "a.test.com", "GET", "/x");
    assert_learned(
        &l, "  a:\n"
            "    endpoints:\n"
            "      - {host: a.test.com, port: 443, path: /graphql, protocol: graphql,\n"
            "         enforcement: enforce, rules: [\n"
            "          {allow: {operation_type: query, fields: [viewer]}},\n"
            "          {allow: {operation_type: query, operation_name: Q,\n"
            "                   fields: [repository, viewer]}}]}\n"
            "      - {host: a.test.com, port: 443, path: /mcp, protocol: mcp,\n"
            "         enforcement: enforce, rules: [\n"
            "          {allow: {method: initialize}},\n"
            "          {allow: {method: tools/call, tool: search}}]}\n"
            "      - {host: a.test.com, port: 443, path: /rpc/one, protocol: json-rpc,\n"
            "         enforcement: enforce, rules: [{allow: {method: add}}]}\n"
            "      - {host: a.test.com, port: 443, path: /rpc/two, protocol: json-rpc,\n"
            "         enforcement: enforce, rules: [{allow: {method: sub}}]}\n"
            "      - {host: a.test.com, port: 443, path: /ws, protocol: websocket,\n"
            "         enforcement: enforce, rules: [{allow: {method: GET, path: /ws}},\n"
            "          {allow: {method: WEBSOCKET_TEXT, path: /ws}}]}\n"
            "      - {host: a.test.com, port: 443, protocol: rest, enforcement: enforce,\n"
            "         rules: [{allow: {method: GET, path: /x}}]}\n"
            "    binaries: [{path: /bin/a}]\n");
    learning_free(&l);
}

static void bytes_need_a_connection_and_a_silent_connection_allows_no_request(void **state)
{
    struct learning l = learning_new(everything);
    (void)state;
    learning_see(&l, "/bin/a", "a.test.com", "CONNECT", "");
    learning_see(&l, "/bin/a", "a.test.com", "TCP", "");
    learning_see(&l, "/bin/a", "a.test.com", "GET", "/beside");
    learning_see(&l, "/bin/b", "a.test.com", "CONNECT", "");
    assert_learned(&l, "  a:\n"
                       "    endpoints: [{host: a.test.com, port: 443}]\n"
                       "    binaries: [{path: /bin/a}]\n"
                       "  b:\n"
                       "    endpoints:\n"
                       "      - {host: a.test.com, port: 443, protocol: rest, access: read-only,\n"
                       "         enforcement: enforce, deny_rules: [{method: '*', path: '**'}]}\n"
                       "    binaries: [{path: /bin/b}]\n");
    learning_free(&l);
    l = learning_new("version: 1\nnetwork_policies:\n"
                     "  r: {endpoints: [{host: a.test.com, port: 443, protocol: tcp}],\n"
                     "      binaries: [{path: '/**'}]}\n");
    learning_see(&l, "/bin/a", "a.test.com", "CONNECT", "");
    learning_see(&l, "/bin/a", "a.test.com", "TCP", "");
    assert_learned(&l, "  a:\n"
                       "    endpoints: [{host: a.test.com, port: 443, protocol: tcp}]\n"
                       "    binaries: [{path: /bin/a}]\n");
    learning_free(&l);
}

static void addresses_limits_and_denials_are_those_of_the_ceiling(void **state)
{
    struct learning l =
        learning_new("version: 1\nnetwork_policies:\n"
                     "  r:\n"
                     "    endpoints:\n"
                     "      - {host: '*.test.com', port: 443, protocol: rest, access: full,\n"
                     "         enforcement: enforce, allowed_ips: [10.0.0.0/8], deny_rules: [\n"
                     "          {method: GET, path: /x, query: {k: secret}},\n"
                     "          {method: DELETE, path: '/**'}, {method: GET, path: /y}]}\n"
                     "    binaries: [{path: '/**'}]\n");
    (void)state;
    learning_see(&l, "/bin/a", "a.test.com", "GET", "/x");
    assert_learned(&l, "  a:\n"
                       "    endpoints:\n"
                       "      - {host: a.test.com, port: 443, protocol: rest,\n"
                       "         enforcement: enforce, allowed_ips: [10.0.0.0/8],\n"
                       "         rules: [{allow: {method: GET, path: /x}}],\n"
                       "         deny_rules: [{method: GET, path: /x, query: {k: secret}}]}\n"
                       "    binaries: [{path: /bin/a}]\n");
    learning_free(&l);
}

/* ---- paths ---- */

static void see_paths(struct learning *l, const char *const *paths)
{
    for (; *paths; paths++)
        learning_see(l, "/bin/a", "a.test.com", "GET", *paths);
}

/* The paths that are learned, of an endpoint that may have so many. */
static void assert_paths(const char *const *paths, size_t max, const char *wanted)
{
    struct learning l = learning_new(everything);
    struct buf got = {0};
    l.max_paths = max;
    see_paths(&l, paths);
    if (learning_run(&l) != 0)
        fail_msg("%s", l.err.text);
    const struct sluice_endpoint *e = policy_model(l.learned.policy)->rules[0]->endpoints[0];
    for (size_t i = 0; i < e->n_rules; i++)
        buf_printf(&got, "%s%s", i ? " " : "", e->rules[i]->path);
    assert_string_equal(buf_str(&got), wanted);
    buf_free(&got);
    learning_free(&l);
}

static void paths_become_patterns_only_where_there_are_too_many(void **state)
{
    static const char *const repos[] = {"/repos/a/issues", "/repos/b/issues", "/repos/c/issues",
                                        "/repos/c/pulls",  "/user",           NULL};
    static const char *const deep[] = {"/s/a/", "/s/b/", "/s/b/c/d", "/s/e", "/s", NULL};
    static const char *const shallow[] = {"/", "/a", "/b/c", "/d/e/f", NULL};
    (void)state;
    assert_paths(repos, 0, "/repos/a/issues /repos/b/issues /repos/c/issues /repos/c/pulls /user");
    assert_paths(repos, 5, "/repos/a/issues /repos/b/issues /repos/c/issues /repos/c/pulls /user");
    assert_paths(repos, 4, "/repos/*/issues /repos/*/pulls /user");
    assert_paths(repos, 3, "/repos/*/issues /repos/*/pulls /user");
    assert_paths(repos, 2, "/* /*/*/*");
    assert_paths(repos, 1, "/**");
    assert_paths(deep, 4, "/s /s/* /s/*/ /s/*/c/d");
    assert_paths(deep, 2, "/s /s/**");
    assert_paths(deep, 1, "/**");
    assert_paths(shallow, 3, "/* /*/c /*/e/f");
    assert_paths(shallow, 1, "/**");
}

/* As it is used for placeholders, which have other digits in each sandbox. */
static const char *without_digits(const char *path, struct arena *arena)
{
    char *pattern = arena_str(arena, path);
    for (char *p = pattern; *p; p++)
        if (*p >= '0' && *p <= '9')
            *p = '?';
    return strchr(pattern, '?') ? pattern : path;
}

static void what_each_sandbox_has_its_own_of_becomes_a_pattern(void **state)
{
    struct learning l = learning_new(judged);
    (void)state;
    l.general = without_digits;
    learning_see(&l, "/usr/bin/curl", "a.test.com", "GET", "/bot1-2/x");
    learning_see(&l, "/usr/bin/curl", "a.test.com", "GET", "/bot3-4/x");
    learning_see(&l, "/usr/bin/curl", "a.test.com", "POST", "/bot3-4/y");
    learning_see(&l, "/usr/bin/curl", "a.test.com", "POST", "/rpc/1-2")->rpc_method = "ask";
    learning_see(&l, "/usr/bin/curl", "a.test.com", "POST", "/rpc/3-4")->rpc_method = "ask";
    assert_learned(&l,
                   "  curl:\n"
                   "    endpoints:\n"
                   "      - {host: a.test.com, port: 443, protocol: rest, enforcement: enforce,\n"
                   "         rules: [{allow: {method: GET, path: '/bot?-?/x'}},\n"
                   "                 {allow: {method: POST, path: '/bot?-?/y'}}]}\n"
                   "      - {host: a.test.com, port: 443, path: '/rpc/?-?', protocol: json-rpc,\n"
                   "         enforcement: enforce, rules: [{allow: {method: ask}}]}\n"
                   "    binaries: [{path: /usr/bin/curl}]\n");
    learning_free(&l);
}

static void a_ceiling_that_names_it_keeps_it(void **state)
{
    struct learning l = learning_new(
        "version: 1\n"
        "network_policies:\n"
        "  all:\n"
        "    endpoints:\n"
        "      - {host: a.test.com, port: 443, protocol: rest, enforcement: enforce,\n"
        "         rules: [{allow: {method: GET, path: /bot1-2/x}}]}\n"
        "    binaries: [{path: '/**'}]\n");
    (void)state;
    l.general = without_digits;
    learning_see(&l, "/usr/bin/curl", "a.test.com", "GET", "/bot1-2/x");
    assert_learned(&l,
                   "  curl:\n"
                   "    endpoints:\n"
                   "      - {host: a.test.com, port: 443, protocol: rest, enforcement: enforce,\n"
                   "         rules: [{allow: {method: GET, path: /bot1-2/x}}]}\n"
                   "    binaries: [{path: /usr/bin/curl}]\n");
    learning_free(&l);
}

static void a_pattern_stays_within_what_the_ceiling_denies(void **state)
{
    static const char *const paths[] = {"/r/a", "/r/b", "/r/c", NULL};
    struct learning l =
        learning_new("version: 1\nnetwork_policies:\n"
                     "  r:\n"
                     "    endpoints:\n"
                     "      - {host: a.test.com, port: 443, protocol: rest, access: read-only,\n"
                     "         enforcement: enforce,\n"
                     "         deny_rules: [{method: GET, path: /r/secret}]}\n"
                     "    binaries: [{path: '/**'}]\n");
    (void)state;
    l.max_paths = 1;
    see_paths(&l, paths);
    assert_learned(&l, "  a:\n"
                       "    endpoints:\n"
                       "      - {host: a.test.com, port: 443, protocol: rest,\n"
                       "         enforcement: enforce,\n"
                       "         rules: [{allow: {method: GET, path: /r/*}}],\n"
                       "         deny_rules: [{method: GET, path: /r/secret}]}\n"
                       "    binaries: [{path: /bin/a}]\n");
    learning_free(&l);
}

static void a_pattern_beyond_the_ceiling_is_an_error(void **state)
{
    static const char *const paths[] = {"/r/a", "/r/b", NULL};
    struct learning l =
        learning_new("version: 1\nnetwork_policies:\n"
                     "  r:\n"
                     "    endpoints:\n"
                     "      - {host: a.test.com, port: 443, protocol: rest, enforcement: enforce,\n"
                     "         rules: [{allow: {method: GET, path: /r/a}},\n"
                     "                 {allow: {method: GET, path: /r/b}}]}\n"
                     "    binaries: [{path: '/**'}]\n");
    (void)state;
    see_paths(&l, paths);
    assert_int_equal(learning_run(&l), 0);
    l.max_paths = 1;
    assert_fails(&l, "would allow more than the ceiling does: /bin/a may now send GET /r/");
    learning_free(&l);
}

static void what_the_ceiling_refuses_is_an_error(void **state)
{
    struct learning l = learning_new(everything);
    (void)state;
    learning_see(&l, "/bin/a", "a.other.com", "GET", "/x");
    assert_fails(&l, "the ceiling does not allow what is on record: /bin/a: GET a.other.com:443/x");
    learning_free(&l);
    l = learning_new(judged);
    learning_see(&l, "/bin/a", "a.test.com", "TCP", "");
    assert_fails(&l, "the ceiling does not allow what is on record: /bin/a: TCP a.test.com:443");
    learning_free(&l);
}

/* ---- poisoned records ---- */

static void what_a_rule_would_read_as_something_else_is_left_out(void **state)
{
    static const struct {
        const char *program, *host, *method, *path, *why;
    } cases[] = {
        {"/bin/*", "a.test.com", "GET", "/", "the path of its program as a pattern"},
        {"/bin/a?", "a.test.com", "GET", "/", "the path of its program as a pattern"},
        {"/bin/a\n  b:", "a.test.com", "GET", "/", "the path of its program is no plain text"},
        {"/bin/\xff", "a.test.com", "GET", "/", "the path of its program is no plain text"},
        {"/bin/\xe2\x80\xae", "a.test.com", "GET", "/", "the path of its program is no plain text"},
        {"", "a.test.com", "GET", "/", "its program is not known"},
        {"-", "a.test.com", "GET", "/", "its program is not known"},
        {"/bin/a", "*.test.com", "GET", "/", "its host is neither a name nor an address"},
        {"/bin/a", "**", "GET", "/", "its host is neither a name nor an address"},
        {"/bin/a", "a.test.com\n", "GET", "/", "its host is neither a name nor an address"},
        {"/bin/a", "A.test.com", "GET", "/", "its host is neither a name nor an address"},
        {"/bin/a", "", "GET", "/", "its host is neither a name nor an address"},
        {"/bin/a", "localhost", "GET", "/", "no rule can open its host"},
        {"/bin/a", "169.254.169.254", "GET", "/", "no rule can open its host"},
        {"/bin/a", "a.test.com", "*", "/", "a rule cannot name its method"},
        {"/bin/a", "a.test.com", "", "/", "a rule cannot name its method"},
        {"/bin/a", "a.test.com", "G\x01", "/", "a rule cannot name its method"},
        {"/bin/a", "a.test.com", "GET", "/a*", "a rule would read its path as a pattern"},
        {"/bin/a", "a.test.com", "GET", "/**", "a rule would read its path as a pattern"},
        {"/bin/a", "a.test.com", "GET", "/a\n- allow: {}", "the path has a control character"},
        {"/bin/a", "a.test.com", "GET", "/a/../b", "its path is not canonical"},
        {"/bin/a", "a.test.com", "GET", "/a//b", "its path is not canonical"},
        {"/bin/a", "a.test.com", "GET", "/%61", "its path is not canonical"},
        {"/bin/a", "a.test.com", "GET", "/%2a", "its path is not canonical"},
        {"/bin/a", "a.test.com", "GET", "/a;b", "its path is not canonical"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct learning l = learning_new(everything);
        learning_see(&l, cases[i].program, cases[i].host, cases[i].method, cases[i].path);
        assert_left_out(&l, cases[i].why);
        learning_free(&l);
    }
}

static void names_in_bodies_that_rules_read_as_patterns_are_left_out(void **state)
{
    static const struct {
        const char *operation, *field, *rpc_method, *tool, *why;
    } cases[] = {
        {"", "", "tools/call", "*", "a name in its body as a pattern"},
        {"", "", "tools/call", "read_?", "a name in its body as a pattern"},
        {"", "", "tools/call", "a\nb", "is no plain text"},
        {"", "", "tools/call", "", "its tool has no name"},
        {"", "", "*", "", "a name in its body as a pattern"},
        {"query *", "a", "", "", "a name in its body as a pattern"},
        {"query", "*", "", "", "a name in its body as a pattern"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct learning l = learning_new(judged);
        struct policy_seen *s = learning_see(&l, "/bin/a", "a.test.com", "POST", "/mcp");
        s->operation = cases[i].operation;
        s->field = cases[i].field;
        s->rpc_method = cases[i].rpc_method;
        s->tool = cases[i].tool;
        assert_left_out(&l, cases[i].why);
        learning_free(&l);
    }
}

static void what_is_not_on_record_as_it_was_sent_is_left_out(void **state)
{
    struct learning l = learning_new(everything);
    (void)state;
    learning_see(&l, "/bin/a", "a.test.com", "GET", "/x")->problem = "a name in it is too long";
    assert_left_out(&l, "a name in it is too long");
    learning_free(&l);
}

/* Texts that mean something to YAML are texts again when they are read. */
static void texts_cannot_leave_their_place_in_the_document(void **state)
{
    static const char *const paths[] = {"/a:%20b", "/%23c", "/'", "/!x", "/&a", "/-", "/:",
                                        "/a,b", "/%22", "/no", "/~", "/=", "/@x", NULL};
    struct learning l = learning_new(everything);
    struct buf text = {0};
    (void)state;
    see_paths(&l, paths);
    learning_see(&l, "/bin/a: {x}#'\"&!", "a.test.com", "GET", "/x");
    assert_int_equal(learning_run(&l), 0);
    assert_int_equal(l.learned.n_left_out, 0);
    assert_int_equal(policy_learned_print(&l.learned, &text), 0);
    struct policy *again = learning_parse(text.data, l.arena);
    assert_string_equal(policy_hash(again), policy_hash(l.learned.policy));
    assert_int_equal(policy_model(again)->rules[0]->endpoints[0]->n_rules, 13);
    buf_free(&text);
    learning_free(&l);
}

static void what_is_too_large_for_a_policy_is_an_error(void **state)
{
    struct learning l = learning_new(everything);
    (void)state;
    for (unsigned i = 0; i < 6000; i++)
        learning_see(&l, "/bin/a", "a.test.com", "GET", arena_printf(l.arena, "/%u/x", i));
    assert_fails(&l, "--max-paths");
    l.max_paths = 10;
    assert_learned(&l, "  a:\n"
                       "    endpoints:\n"
                       "      - {host: a.test.com, port: 443, protocol: rest,\n"
                       "         enforcement: enforce,\n"
                       "         rules: [{allow: {method: GET, path: /*/x}}]}\n"
                       "    binaries: [{path: /bin/a}]\n");
    learning_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_has_a_rule_with_what_it_did_alone),
        cmocka_unit_test(each_part_has_its_evidence),
        cmocka_unit_test(calls_are_entries_where_the_ceiling_judges_them),
        cmocka_unit_test(bytes_need_a_connection_and_a_silent_connection_allows_no_request),
        cmocka_unit_test(addresses_limits_and_denials_are_those_of_the_ceiling),
        cmocka_unit_test(paths_become_patterns_only_where_there_are_too_many),
        cmocka_unit_test(what_each_sandbox_has_its_own_of_becomes_a_pattern),
        cmocka_unit_test(a_ceiling_that_names_it_keeps_it),
        cmocka_unit_test(a_pattern_stays_within_what_the_ceiling_denies),
        cmocka_unit_test(a_pattern_beyond_the_ceiling_is_an_error),
        cmocka_unit_test(what_the_ceiling_refuses_is_an_error),
        cmocka_unit_test(what_a_rule_would_read_as_something_else_is_left_out),
        cmocka_unit_test(names_in_bodies_that_rules_read_as_patterns_are_left_out),
        cmocka_unit_test(what_is_not_on_record_as_it_was_sent_is_left_out),
        cmocka_unit_test(texts_cannot_leave_their_place_in_the_document),
        cmocka_unit_test(what_is_too_large_for_a_policy_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
