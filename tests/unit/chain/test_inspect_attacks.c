/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that come while voters lack what they need, or while middlewares are being opened. */
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

static struct inspectors *load(const struct chain_voter_config *voter)
{
    struct problems problems = {0};
    struct chain_config config = {.plugin_dirs = test_dirs, .n_plugin_dirs = 2,
                                  .vote_timeout_ms = 60000, .voters = &voter, .n_voters = 1,
                                  .base_dir = "."};
    struct inspectors *set = inspectors_load(&config, &loop, NULL, &problems);
    problems_free(&problems);
    assert_non_null(set);
    return set;
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

static void begin(struct asked *asked, struct inspectors *set, size_t n)
{
    asked->arena = arena_new();
    asked->done = !inspect_begin(set, &request, asked->middlewares, n, asked->arena, on_done,
                                 asked, &asked->verdict);
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
        TEST(requests_wait_while_there_are_no_descriptors),
        TEST(a_middleware_stays_while_requests_that_waited_for_it_are_told),
    };
    setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
