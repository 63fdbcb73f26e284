/* SPDX-License-Identifier: Apache-2.0 */
/* Voters that judge requests: inline, in Lua and in processes of their own. */
#include "support/chain.h"

#include <stdlib.h>
#include <unistd.h>

#include "chain/inspect/inspect.h"

#define ALONE(...) VOTER(.plugin = "both", .isolation = "process", .timeout_ms = 2000, __VA_ARGS__)
#define INLINE(...) VOTER(.plugin = "both", __VA_ARGS__)
#define SEES(...)                             \
    .inspect = &(const struct chain_inspect_config) \
    {                                         \
        .body_bytes = 8, __VA_ARGS__          \
    }

static uv_loop_t loop;

static const struct sluice_header headers[] = {{"accept", "*/*"}, {"x-team", "blue"},
                                               {"accept", "a/b"}};

#define REQUEST(...)                                                                            \
    (const struct sluice_request)                                                               \
    {                                                                                           \
        .size = sizeof(struct sluice_request), .sandbox = &test_proxied,                        \
        .binary = "/usr/bin/curl", .host = "api.example.com", .port = 443, .rule = "api",       \
        .protocol = "rest", .method = "GET", .path = "/", .query = "", .headers = headers,      \
        .n_headers = 3, .body = "hello", .body_len = 5, .body_complete = true, .operation = "", \
        .tool = "", .message = "", .tls = "", __VA_ARGS__                                       \
    }

static struct inspectors *load_set(const struct chain_voter_config *const *voters, size_t n)
{
    struct problems problems = {0};
    struct chain_config config = {
        .plugin_dirs = test_dirs, .n_plugin_dirs = 2, .vote_timeout_ms = 60000,
        .voters = voters, .n_voters = n, .base_dir = ".",
    };
    struct inspectors *set = inspectors_load(&config, &loop, NULL, &problems);
    for (size_t i = 0; i < problems.n; i++)
        print_error("%s: %s\n", problems.items[i].path, problems.items[i].message);
    problems_free(&problems);
    assert_non_null(set);
    return set;
}

#define SET(...)                                                                             \
    load_set((const struct chain_voter_config *const[]){__VA_ARGS__},                        \
             sizeof((const struct chain_voter_config *const[]){__VA_ARGS__}) / sizeof(void *))

struct answer {
    struct arena *arena;
    struct inspect_verdict verdict;
    bool done;
};

static void on_done(void *arg, const struct inspect_verdict *verdict)
{
    struct answer *answer = arg;
    answer->verdict = *verdict;
    answer->done = true;
}

static struct inspection *begin(struct answer *answer, struct inspectors *set,
                                const struct sluice_request *request,
                                const struct inspect_middleware *middlewares, size_t n)
{
    *answer = (struct answer){.arena = arena_new()};
    struct inspection *inspection = inspect_begin(set, request, middlewares, n, answer->arena,
                                                  on_done, answer, &answer->verdict);
    answer->done = !inspection;
    return inspection;
}

static void await(struct answer *answer)
{
    while (!answer->done)
        uv_run(&loop, UV_RUN_ONCE);
}

static struct answer ask(struct inspectors *set, const struct sluice_request *request)
{
    struct answer answer;
    begin(&answer, set, request, NULL, 0);
    await(&answer);
    return answer;
}

#define assert_verdict(set, request, wanted, code_wanted, message_wanted)    \
    do {                                                                     \
        struct answer answer_ = ask(set, request);                           \
        assert_int_equal(answer_.verdict.verdict, wanted);                   \
        assert_string_equal(answer_.verdict.code, code_wanted);              \
        assert_matches(answer_.verdict.message, message_wanted);             \
        arena_free(answer_.arena);                                           \
    } while (0)

static void finish(struct inspectors *set)
{
    inspectors_unref(set);
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* The same of a voter in this process and in one of its own. */
static void judge_each_way(struct inspectors *set)
{
    assert_verdict(set, &REQUEST(), SLUICE_ALLOW, "", "^$");
    assert_verdict(set, &REQUEST(.path = "/deny"), SLUICE_DENY, "PATH", "^no blue$");
    assert_verdict(set, &REQUEST(.path = "/hold"), SLUICE_HOLD, "ASK", "^no$");
    assert_verdict(set, &REQUEST(.path = "/show", .query = "q=1"), SLUICE_DENY, "SEEN",
                   "^GET api.example.com:443 /show\\?q=1 accept=\\*/\\* body=hello$");
    assert_verdict(set, &REQUEST(.path = "/uncast"), SLUICE_DENY, "VOTER_ERROR",
                   "^voter both failed: it returned allow without casting it$");
    assert_verdict(set, &REQUEST(.path = "/change"), SLUICE_DENY, "VOTER_ERROR",
                   "it changed a request, which it may only where a policy names it");
    const struct sluice_response failed = {.size = sizeof failed, .status = 500, .body = ""};
    assert_verdict(set, &REQUEST(.response = &failed), SLUICE_DENY, "STATUS", "^500$");
}

static void a_voter_judges_requests_inline(void **state)
{
    (void)state;
    struct inspectors *set = SET(INLINE());
    judge_each_way(set);
    finish(set);
}

static void a_voter_judges_requests_in_its_process(void **state)
{
    (void)state;
    struct inspectors *set = SET(ALONE());
    judge_each_way(set);
    finish(set);
}

static void a_voter_sees_as_much_of_a_body_as_is_configured(void **state)
{
    (void)state;
    const struct sluice_request longer = REQUEST(.path = "/body", .body = "0123456789",
                                                 .body_len = 10);
    const struct chain_voter_config *const voters[] = {INLINE(SEES()), ALONE(SEES())};
    for (size_t i = 0; i < 2; i++) {
        struct inspectors *set = load_set(&voters[i], 1);
        assert_verdict(set, &REQUEST(.path = "/body"), SLUICE_DENY, "BODY", "^5 bytes, all$");
        assert_verdict(set, &longer, SLUICE_DENY, "BODY", "^8 bytes, the beginning$");
        finish(set);
    }
}

static void a_voter_is_asked_about_what_its_entry_names(void **state)
{
    (void)state;
    struct inspect_needs needs;
    const char *const hosts[] = {"*.example.com"}, *const protocols[] = {"rest", "mcp"};
    struct inspectors *set = SET(INLINE(
        SEES(.hosts = hosts, .n_hosts = 1, .protocols = protocols, .n_protocols = 2)));
    assert_verdict(set, &REQUEST(.path = "/deny"), SLUICE_DENY, "PATH", "");
    assert_verdict(set, &REQUEST(.path = "/deny", .host = "example.org"), SLUICE_ALLOW, "", "");
    assert_verdict(set, &REQUEST(.path = "/deny", .protocol = "graphql"), SLUICE_ALLOW, "", "");
    inspectors_needs(set, "api.example.com", "mcp", NULL, 0, &needs);
    assert_true(needs.any);
    assert_true(needs.responses);
    assert_int_equal(needs.body_bytes, 8);
    inspectors_needs(set, "example.org", "mcp", NULL, 0, &needs);
    assert_false(needs.any);
    finish(set);
}

static void a_denial_is_graver_than_a_hold_and_the_first_decides(void **state)
{
    (void)state;
    const char *const elsewhere[] = {"example.org"};
    struct inspectors *set = SET(ALONE(.name = "a", .options_json = "{\"say\":\"a\"}"),
                                 INLINE(.name = "b", .options_json = "{\"say\":\"b\"}"),
                                 INLINE(.name = "c", SEES(.hosts = elsewhere, .n_hosts = 1)),
                                 INLINE(.name = "d", .level = "advisory"));
    struct answer answer = ask(set, &REQUEST(.path = "/deny"));
    assert_string_equal(answer.verdict.voter, "a");
    assert_string_equal(answer.verdict.message, "a blue");
    arena_free(answer.arena);
    finish(set);
}

static void an_advisory_voter_decides_nothing(void **state)
{
    (void)state;
    struct inspectors *set = SET(INLINE(.level = "advisory"));
    assert_verdict(set, &REQUEST(.path = "/deny"), SLUICE_ALLOW, "", "^$");
    finish(set);
}

static void voters_without_inspect_are_left_out(void **state)
{
    (void)state;
    struct inspect_needs needs;
    struct inspectors *set = SET(VOTER(.plugin = "live_reload"));
    inspectors_needs(set, "api.example.com", "rest", NULL, 0, &needs);
    assert_false(needs.any);
    assert_verdict(set, &REQUEST(.path = "/deny"), SLUICE_ALLOW, "", "^$");
    finish(set);
}

/* ---- Lua ---- */

static char lua_file[] = "/tmp/sluice-inspect-XXXXXX/rule.lua";

static const struct chain_voter_config *write_rule(const char *body, const char *isolation)
{
    static struct chain_voter_config voter;
    FILE *file = fopen(lua_file, "w");
    assert_non_null(file);
    fprintf(file, "return { inspect_responses = true, inspect = function(r, ballot, options) %s "
                  "end }", body);
    fclose(file);
    voter = *VOTER(.script = lua_file, .isolation = isolation, .timeout_ms = 2000);
    return &voter;
}

/* The message of the ballot that a rule casts. */
static void assert_says(const char *body, const struct sluice_request *request,
                        const char *message)
{
    static const char *const ways[] = {"inline", "process"};
    for (size_t i = 0; i < 2; i++) {
        const struct chain_voter_config *voter = write_rule(body, ways[i]);
        struct inspectors *set = load_set(&voter, 1);
        struct answer answer = ask(set, request);
        assert_matches(answer.verdict.message, message);
        arena_free(answer.arena);
        finish(set);
    }
}

#define DENY(...) "return ballot:deny('X', nil, " __VA_ARGS__ ")"

static void a_rule_sees_everything_of_a_request(void **state)
{
    (void)state;
    const char *const ancestors[] = {"/bin/sh", "/sbin/\xff\x01"};
    const struct sluice_header answered[] = {{"server", "x"}};
    const struct sluice_response response = {.size = sizeof response, .status = 302,
                                             .headers = answered, .n_headers = 1, .body = "gone",
                                             .body_len = 4, .body_complete = true};
    const struct sluice_request request =
        REQUEST(.ancestors = ancestors, .n_ancestors = 2, .path = "/a\xe9", .query = "q=1",
                .operation = "tools/call", .tool = "rm\n", .tls = "TLSv1.3", .message = "text",
                .response = &response);
    assert_says(DENY("'%s %s %d %s %s %s %s', r.sandbox.name, r.host, r.port, r.rule, r.protocol, "
                     "r.method, r.binary"),
                &request, "^demo api.example.com 443 api rest GET /usr/bin/curl$");
    assert_says(DENY("'%s %d %d %s %s %s', r.query, #r.path, #r.ancestors[2], r.operation, "
                     "r.tls, r.message"),
                &request, "^q=1 3 8 tools/call TLSv1.3 text$");
    assert_says(DENY("'%d %s %s %s', #r.tool, r.body, r.body_complete, r.ancestors[1]"), &request,
                "^3 hello true /bin/sh$");
    assert_says(DENY("'%d %s %s', r.response.status, r.response.headers.server, "
                     "r.response.body"), &request, "^302 x gone$");
    assert_says(DENY("'%s', r.response"), &REQUEST(), "^nil$");
}

static void headers_are_read_by_name(void **state)
{
    (void)state;
    assert_says(DENY("'%s|%s|%s', r.headers.accept, r.headers['x-team'], r.headers.nothing"),
                &REQUEST(), "^\\*/\\*, a/b\\|blue\\|nil$");
    assert_says("local n = 0 for name, value in pairs(r.headers) do n = n + #name + #value end "
                DENY("'%d', n"), &REQUEST(), "^24$");
}

static void a_body_is_bytes_and_may_be_long(void **state)
{
    (void)state;
    static char body[CHAIN_BODY_BYTES];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)i;
    assert_says("local n, body = 0, r.body for i = 1, #body, 256 do n = n + body:byte(i + 255) end "
                DENY("'%d %d', #r.body, n"),
                &REQUEST(.body = body, .body_len = sizeof body), "^65536 65280$");
}

static void a_rule_that_fails_is_told_apart(void **state)
{
    (void)state;
    assert_says("return r.hots", &REQUEST(), "a request has no field hots; did you mean host\\?");
    assert_says("r.host = 'x'", &REQUEST(), "what is voted on is read only");
    assert_says("return 'allow'", &REQUEST(), "inspect returned a string: return what a ballot");
    assert_says("return ballot:set_header('x', 'y')", &REQUEST(),
                "changed a request, which it may");
}

/* A rule in the process that carries the traffic has little time. */
static void a_rule_that_hangs_is_stopped_at_once(void **state)
{
    (void)state;
    const struct chain_voter_config *voter = write_rule("while true do end", "inline");
    struct inspectors *set = load_set(&voter, 1);
    assert_verdict(set, &REQUEST(), SLUICE_DENY, "VOTER_ERROR", "spent its time of 5 ms$");
    finish(set);
}

/* ---- middlewares ---- */

#define MIDDLEWARE(...)                                                              \
    (const struct inspect_middleware)                                                \
    {                                                                                \
        .key = "first", .voter = "both", .config_json = "{}", __VA_ARGS__ \
    }

static void change_as_middlewares(const struct chain_voter_config *voter)
{
    struct inspectors *set = load_set(&voter, 1);
    struct answer answer;
    const struct inspect_middleware two[] = {
        MIDDLEWARE(), MIDDLEWARE(.key = "second", .config_json = "{\"say\":\"two\"}")};
    begin(&answer, set, &REQUEST(.path = "/change"), two, 2);
    await(&answer);
    assert_int_equal(answer.verdict.verdict, SLUICE_ALLOW);
    assert_int_equal(answer.verdict.n_changes, 6);
    const struct inspect_change *changes = answer.verdict.changes;
    for (size_t i = 0; i < 6; i++) {
        if (!changes[i].header) {
            assert_int_equal(changes[i].len, 3);
            assert_memory_equal(changes[i].value, "a\0b", 3);
        } else if (!changes[i].value) {
            assert_string_equal(changes[i].header, "x-team");
        } else {
            assert_string_equal(changes[i].header, "x-openshell-middleware-seen");
            assert_string_equal(changes[i].value, i < 3 ? "no" : "two");
        }
    }
    arena_free(answer.arena);
    begin(&answer, set, &REQUEST(.path = "/deny"), two, 2);
    await(&answer);
    assert_string_equal(answer.verdict.middleware, "first");
    arena_free(answer.arena);
    finish(set);
}

static void middlewares_change_a_request_in_their_order(void **state)
{
    (void)state;
    change_as_middlewares(INLINE(SEES(.middleware_only = true)));
    change_as_middlewares(ALONE(SEES(.middleware_only = true)));
}

static void assert_middleware(struct inspectors *set, const struct sluice_request *request,
                              const struct inspect_middleware *middleware, const char *message)
{
    struct answer answer;
    begin(&answer, set, request, middleware, 1);
    await(&answer);
    assert_int_equal(answer.verdict.verdict, middleware->fail_open ? SLUICE_ALLOW : SLUICE_DENY);
    if (!middleware->fail_open)
        assert_matches(answer.verdict.message, message);
    assert_true(answer.verdict.failed || middleware->fail_open);
    assert_int_equal(answer.verdict.n_changes, 0);
    arena_free(answer.arena);
}

static void a_middleware_that_fails_is_refused_or_passed_over(void **state)
{
    (void)state;
    struct inspectors *set = SET(INLINE(SEES(.middleware_only = true)));
    for (int open = 0; open < 2; open++) {
        assert_middleware(set, &REQUEST(.path = "/set"), &MIDDLEWARE(.fail_open = open),
                          "it sets a header whose name does not begin with");
        assert_middleware(set, &REQUEST(.path = "/change", .body = "0123456789", .body_len = 10),
                          &MIDDLEWARE(.fail_open = open),
                          "the body is longer than the 8 bytes that it takes");
        assert_middleware(set, &REQUEST(), &MIDDLEWARE(.voter = "nobody", .fail_open = open),
                          "^voter nobody failed: no voter of the chain has this name");
        assert_middleware(
            set, &REQUEST(),
            &MIDDLEWARE(.config_json = "{\"sey\":\"x\"}", .fail_open = open),
            "^voter both failed: option sey: unknown, did you mean say\\?$");
    }
    finish(set);
}

static void a_namespace_in_a_policy_is_part_of_the_name(void **state)
{
    (void)state;
    struct inspectors *set = SET(INLINE(.name = "openshell_both", SEES(.middleware_only = true)));
    struct answer answer;
    begin(&answer, set, &REQUEST(.path = "/deny"), &MIDDLEWARE(.voter = "openshell/both"), 1);
    assert_string_equal(answer.verdict.code, "PATH");
    arena_free(answer.arena);
    finish(set);
}

/* ---- processes that fail ---- */

static void a_failure_costs_its_own_verdict_only(void **state)
{
    (void)state;
    struct inspectors *set = SET(ALONE(.timeout_ms = 3000));
    enum { N = 40 };
    static const char *const paths[] = {"/crash", "/hang", "/leak"};
    struct answer answers[N];
    for (size_t i = 0; i < N; i++)
        begin(&answers[i], set, &REQUEST(.path = i % 10 == 3 && i < 30 ? paths[i / 10] : "/deny"),
              NULL, 0);
    for (size_t i = 0; i < N; i++) {
        await(&answers[i]);
        assert_string_equal(answers[i].verdict.code,
                            i % 10 == 3 && i < 30 ? "VOTER_ERROR" : "PATH");
        arena_free(answers[i].arena);
    }
    finish(set);
}

static void a_voter_that_only_crashes_is_quarantined(void **state)
{
    (void)state;
    struct inspectors *set = SET(ALONE());
    for (int i = 0; i < 5; i++)
        assert_verdict(set, &REQUEST(.path = "/crash"), SLUICE_DENY, "VOTER_ERROR",
                       "it was killed by signal 6");
    assert_verdict(set, &REQUEST(), SLUICE_DENY, "VOTER_ERROR", "it is quarantined");
    finish(set);
}

static void a_process_that_ends_in_order_is_asked_again(void **state)
{
    (void)state;
    struct inspectors *set = SET(ALONE());
    assert_verdict(set, &REQUEST(.path = "/exit"), SLUICE_DENY, "VOTER_ERROR", "ended with code 0");
    assert_verdict(set, &REQUEST(.path = "/deny"), SLUICE_DENY, "PATH", "");
    finish(set);
}

static void a_thousand_are_asked_at_once(void **state)
{
    (void)state;
    enum { N = 1500 };
    struct inspectors *set = SET(ALONE(.timeout_ms = 60000));
    struct answer *answers = calloc(N, sizeof *answers);
    for (size_t i = 0; i < N; i++)
        assert_non_null(begin(&answers[i], set, &REQUEST(.path = i % 2 ? "/deny" : "/"), NULL, 0));
    for (size_t i = 0; i < N; i++) {
        await(&answers[i]);
        assert_int_equal(answers[i].verdict.verdict, i % 2 ? SLUICE_DENY : SLUICE_ALLOW);
        arena_free(answers[i].arena);
    }
    free(answers);
    finish(set);
}

/* Questions that nobody waits for any more, before and after they were sent. */
static void questions_are_cancelled(void **state)
{
    (void)state;
    enum { N = 100 };
    struct inspectors *set = SET(ALONE());
    struct answer answers[N];
    struct inspection *inspections[N];
    for (size_t i = 0; i < N; i++)
        inspections[i] = begin(&answers[i], set, &REQUEST(.path = "/deny"), NULL, 0);
    for (size_t i = 0; i < N; i++)
        if (i % 3) {
            inspect_cancel(inspections[i]);
            arena_free(answers[i].arena);
        }
    for (size_t i = 0; i < N; i += 3) {
        await(&answers[i]);
        assert_string_equal(answers[i].verdict.code, "PATH");
        arena_free(answers[i].arena);
    }
    finish(set);
}

/* What is under way finishes on its own set. */
static void a_set_ends_after_its_questions(void **state)
{
    (void)state;
    struct inspectors *set = SET(ALONE());
    struct answer answer;
    begin(&answer, set, &REQUEST(.path = "/deny"), NULL, 0);
    inspectors_unref(set);
    await(&answer);
    assert_string_equal(answer.verdict.code, "PATH");
    arena_free(answer.arena);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static int open_loop(void **state)
{
    (void)state;
    return uv_loop_init(&loop);
}

static int close_loop(void **state)
{
    (void)state;
    return uv_loop_close(&loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_voter_judges_requests_inline),
        TEST(a_voter_judges_requests_in_its_process),
        TEST(a_voter_sees_as_much_of_a_body_as_is_configured),
        TEST(a_voter_is_asked_about_what_its_entry_names),
        TEST(a_denial_is_graver_than_a_hold_and_the_first_decides),
        TEST(an_advisory_voter_decides_nothing),
        TEST(voters_without_inspect_are_left_out),
        TEST(a_rule_sees_everything_of_a_request),
        TEST(headers_are_read_by_name),
        TEST(a_body_is_bytes_and_may_be_long),
        TEST(a_rule_that_fails_is_told_apart),
        TEST(a_rule_that_hangs_is_stopped_at_once),
        TEST(middlewares_change_a_request_in_their_order),
        TEST(a_middleware_that_fails_is_refused_or_passed_over),
        TEST(a_namespace_in_a_policy_is_part_of_the_name),
        TEST(a_failure_costs_its_own_verdict_only),
        TEST(a_voter_that_only_crashes_is_quarantined),
        TEST(a_process_that_ends_in_order_is_asked_again),
        TEST(a_thousand_are_asked_at_once),
        TEST(questions_are_cancelled),
        TEST(a_set_ends_after_its_questions),
    };
    setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1);
    char *slash = strrchr(lua_file, '/');
    *slash = '\0';
    if (!mkdtemp(lua_file))
        return 1;
    *slash = '/';
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(lua_file);
    *slash = '\0';
    rmdir(lua_file);
    return failed;
}
