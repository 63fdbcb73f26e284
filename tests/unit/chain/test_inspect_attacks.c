/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that come while voters fail or lack what they need, or while middlewares are opened. */
#include "support/chain.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "chain/inspect/inspect.h"

enum { OPEN_MAX_AT_ONCE = 32 };

static uv_loop_t loop;

static const struct sluice_request request = {
    .size = sizeof request, .sandbox = &test_proxied, .binary = "/usr/bin/curl",
    .host = "api.example.com", .port = 443, .rule = "api", .protocol = "rest", .method = "GET",
    .path = "/", .query = "", .body = "", .body_complete = true, .operation = "", .tool = "",
    .message = "", .tls = ""};

static struct inspectors *load_all(const struct chain_voter_config *const *voters, size_t n)
{
    struct problems problems = {0};
    struct chain_config config = {.plugin_dirs = test_dirs, .n_plugin_dirs = 2,
                                  .vote_timeout_ms = 60000, .voters = voters, .n_voters = n,
                                  .base_dir = "."};
    struct inspectors *set = inspectors_load(&config, &loop, NULL, &problems);
    problems_free(&problems);
    assert_non_null(set);
    return set;
}

static struct inspectors *load(const struct chain_voter_config *voter)
{
    return load_all(&voter, 1);
}

struct asked {
    struct arena *arena;
    struct inspect_verdict verdict;
    struct inspect_middleware middlewares[2];
    char options[2][32];
    bool done;
};

static void on_done(void *arg, const struct inspect_verdict *verdict)
{
    struct asked *asked = arg;
    asked->verdict = *verdict;
    asked->done = true;
}

static struct inspection *begin_about(struct asked *asked, struct inspectors *set,
                                      const struct sluice_request *about, size_t n)
{
    asked->arena = arena_new();
    struct inspection *inspection = inspect_begin(set, about, asked->middlewares, n, asked->arena,
                                                  on_done, asked, &asked->verdict);
    asked->done = !inspection;
    return inspection;
}

static void begin(struct asked *asked, struct inspectors *set, size_t n)
{
    begin_about(asked, set, &request, n);
}

/* The same voter with options of its own. */
static void name_middleware(struct asked *asked, size_t i, int options)
{
    snprintf(asked->options[i], sizeof asked->options[i], "{\"say\":\"%d\"}", options);
    asked->middlewares[i] = (struct inspect_middleware){
        .key = "stage", .voter = "both", .config_json = asked->options[i], .fail_open = i > 0};
}

static void expect_allowed(struct asked *asked)
{
    while (!asked->done)
        uv_run(&loop, UV_RUN_ONCE);
    assert_string_equal(asked->verdict.message, "");
    assert_int_equal(asked->verdict.verdict, SLUICE_ALLOW);
    arena_free(asked->arena);
}

/* A shortage of descriptors, which a workload can make, is no failure of the voter. */
static void requests_wait_while_there_are_no_descriptors(void **state)
{
    struct asked asked[2] = {0};
    struct rlimit before, none;
    (void)state;
    struct inspectors *set =
        load(VOTER(.plugin = "both", .isolation = "process", .timeout_ms = 2000));
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){(rlim_t)next, before.rlim_max};
    close(next);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 2; i++)
        begin(&asked[i], set, 0);
    for (int turn = 0; turn < 3; turn++)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 2; i++)
        expect_allowed(&asked[i]);
    inspectors_unref(set);
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* Two wait for the first; what the one asks next would have its place, or is done without. */
static void a_middleware_stays_while_requests_that_waited_for_it_are_told(void **state)
{
    struct asked asked[OPEN_MAX_AT_ONCE + 1] = {0};
    (void)state;
    struct inspectors *set = load(
        VOTER(.plugin = "both",
              .inspect = &(const struct chain_inspect_config){.body_bytes = 8,
                                                              .middleware_only = true}));
    for (int i = 0; i <= OPEN_MAX_AT_ONCE; i++) {
        name_middleware(&asked[i], 0, i < 2 ? 0 : i);
        name_middleware(&asked[i], 1, 1000);
        begin(&asked[i], set, i ? 1 : 2);
    }
    for (int i = 0; i <= OPEN_MAX_AT_ONCE; i++)
        expect_allowed(&asked[i]);
    inspectors_unref(set);
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* ---- voters that fail ---- */

#define SEES(host)                                                                     \
    .inspect = &(const struct chain_inspect_config)                                    \
    {                                                                                  \
        .body_bytes = 8, .hosts = (const char *const[]){host}, .n_hosts = 1            \
    }

/* One that fails as mode says, asked about other.test alone, beside one that does not fail. */
static struct inspectors *load_beside(const char *mode, uint32_t timeout_ms)
{
    char options[64];
    snprintf(options, sizeof options, "{\"mode\":\"%s\"}", mode);
    const struct chain_voter_config *const voters[] = {
        VOTER(.plugin = "request_fault", .isolation = "process", .timeout_ms = timeout_ms,
              .memory_mb = 32, .options_json = options, SEES("other.test")),
        VOTER(.plugin = "both", .isolation = "process", .timeout_ms = 60000,
              SEES("api.example.com"))};
    return load_all(voters, 2);
}

static const struct sluice_request *other(struct sluice_request *out)
{
    *out = request;
    out->host = "other.test";
    return out;
}

static void end(struct inspectors *set)
{
    inspectors_unref(set);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static void each_failure_is_one_verdict(void **state)
{
    static const char *const modes[] = {
        "crash", "abort", "exit_3", "fork", "fork_bomb", "exec", "thread", "allocate", "message",
        "flood", "close", "jump", "corrupt", "wrong_bytes", "wrong_type", "wrong_id",
        "wrong_verdict", "no_verdict", "not_cast", "loop", "stop", "ignore", "handler", "partial"};
    struct sluice_request about;
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct inspectors *set = load_beside(modes[i], 50);
        struct asked fails = {0}, calm = {0};
        begin_about(&fails, set, other(&about), 0);
        begin(&calm, set, 0);
        expect_allowed(&calm);
        while (!fails.done)
            uv_run(&loop, UV_RUN_ONCE);
        if (strcmp(fails.verdict.code, "VOTER_ERROR") != 0)
            fail_msg("%s: %s %s", modes[i], fails.verdict.code, fails.verdict.message);
        assert_int_equal(fails.verdict.verdict, SLUICE_DENY);
        arena_free(fails.arena);
        end(set);
    }
}

/* A hundred others are judged while a thousand wait for one that does not answer. */
static void nobody_waits_for_one_that_hangs(void **state)
{
    static const char *const modes[] = {"loop", "stop", "ignore", "partial"};
    enum { HANGING = 1000, CALM = 100 };
    struct sluice_request about;
    (void)state;
    for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
        struct inspectors *set = load_beside(modes[m], 600000);
        struct asked *hang = calloc(HANGING, sizeof *hang);
        struct inspection *inspections[HANGING];
        for (size_t i = 0; i < HANGING; i++)
            inspections[i] = begin_about(&hang[i], set, other(&about), 0);
        for (size_t i = 0; i < CALM; i++) {
            struct asked calm = {0};
            begin(&calm, set, 0);
            expect_allowed(&calm);
        }
        for (size_t i = 0; i < HANGING; i++) {
            assert_false(hang[i].done);
            inspect_cancel(inspections[i]);
            arena_free(hang[i].arena);
        }
        free(hang);
        end(set);
    }
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
        TEST(each_failure_is_one_verdict),
        TEST(nobody_waits_for_one_that_hangs),
        TEST(requests_wait_while_there_are_no_descriptors),
        TEST(a_middleware_stays_while_requests_that_waited_for_it_are_told),
    };
    setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
