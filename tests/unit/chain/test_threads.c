/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of voters that are programs: as many as the configuration says, and nothing else. */
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/process.h"

static struct voter *open_threads(struct fixture *f, const char *const *words, size_t n,
                                  uint32_t threads)
{
    const struct chain_config chain = {.base_dir = f->scripts.folder};
    const struct chain_voter_config config = {
        .command = words, .n_command = n, .timeout_ms = 2000, .memory_mb = 64,
        .threads = threads, .options_json = "{}"};
    return voter_process_open(&chain, &config, &f->sink, &f->err);
}

/* What the fixture says instead of being opened. */
static void assert_says(struct fixture *f, const char *mode, uint32_t threads, const char *pattern)
{
    const char *const words[] = {SLUICE_BUILD_DIR "/tests/plugins/threads", mode};
    assert_null(open_threads(f, words, 2, threads));
    assert_matches(f->err.text, pattern);
}

static void test_only_so_many_are_started(void **state)
{
    assert_says(*state, "stay", 1, "saying: 1 threads, then: Resource temporarily unavailable$");
    assert_says(*state, "stay", 7, "saying: 7 threads, then: Resource temporarily unavailable$");
    assert_says(*state, "stay", 64, "saying: 64 threads, then: Resource temporarily unavailable$");
}

static void test_those_that_ended_count(void **state)
{
    assert_says(*state, "end", 5, "saying: 5 threads, then: Resource temporarily unavailable$");
}

static void test_without_any_a_thread_is_deadly(void **state)
{
    assert_says(*state, "stay", 0, "killed because it called what voters may not");
    assert_says(*state, "clones", 0, "killed because it called what voters may not");
}

static void test_nothing_but_a_thread_is_cloned(void **state)
{
    assert_says(*state, "clones", 8, "code 1, after saying: no other clone works$");
    assert_says(*state, "vfork", 8, "killed because it called what voters may not");
}

static void test_the_end_is_that_of_the_program(void **state)
{
    assert_says(*state, "crash", 2, "killed by signal 6 .Aborted");
}

static void test_the_other_walls_stand(void **state)
{
    struct fixture *f = *state;
    const char *const words[] = {SLUICE_BUILD_DIR "/tests/plugins/escape"};
    assert_null(open_threads(f, words, 1, 4));
    /* What Go sets aside of addresses is not told from memory that was written before. */
    assert_matches(f->err.text, "code 1, after saying: what works: makes a pipe, waits for events, "
                                "holds memory that it cannot write$");
}

static void test_only_a_command_has_threads(void **state)
{
    struct fixture *f = *state;
    const struct chain_voter_config config = {
        .plugin = "fault", .threads = 2, .options_json = "{}", .doc_path = "chain.voters[0]"};
    const struct chain_voter_config *const voters[] = {&config};
    const struct chain_config chain = {
        .plugin_dirs = dirs, .n_plugin_dirs = 2, .voters = voters, .n_voters = 1, .base_dir = "."};
    struct problems problems = {0};
    assert_null(chain_load(&chain, &f->sink, &problems));
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].path, "chain.voters[0].threads");
    assert_string_equal(problems.items[0].message,
                        "only a command may start threads: leave this out");
    problems_free(&problems);
}

/* Its process, which counts, and the program, which votes. */
static pid_t only_child(pid_t pid)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "re");
    if (!file)
        skip();                                     /* a kernel without CONFIG_PROC_CHILDREN */
    assert_int_equal(fscanf(file, "%d", &child), 1);
    fclose(file);
    return child;
}

static struct voter *open_threaded_python(struct fixture *f, char *path)
{
    const char *const words[] = {"python3", path};
    struct voter *voter = open_threads(f, words, 2, 4);
    if (!voter)
        fail_msg("%s", f->err.text);
    return voter;
}

static const char second_thread[] =
    "import threading\n"
    "threading.Thread(target=threading.Event().wait, daemon=True).start()\n";

static void test_a_program_with_threads_votes(void **state)
{
    struct fixture *f = *state;
    char *path = write_python(f, second_thread);
    struct voter *voter = open_threaded_python(f, path);
    for (int i = 0; i < 3; i++) {
        if (ask(f, voter) != 0)
            fail_msg("%s", f->err.text);
        assert_int_equal(f->ballot.verdict, SLUICE_ALLOW);
    }
    voter_free(voter);
    free(path);
}

static void test_a_program_ends_with_what_counts_its_threads(void **state)
{
    struct fixture *f = *state;
    char *path = write_python(f, second_thread);
    struct voter *voter = open_threaded_python(f, path);
    pid_t host = only_child(getpid()), program = only_child(host);
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, program, 0), .events = POLLIN};
    assert_true(end.fd >= 0);
    assert_int_equal(poll(&end, 1, 0), 0);
    assert_int_equal(kill(host, SIGKILL), 0);
    assert_int_equal(poll(&end, 1, 20000), 1);
    close(end.fd);
    assert_int_equal(ask(f, voter), 0);             /* another one was started */
    voter_free(voter);
    free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_only_so_many_are_started),
        TEST(test_those_that_ended_count),
        TEST(test_without_any_a_thread_is_deadly),
        TEST(test_nothing_but_a_thread_is_cloned),
        TEST(test_the_end_is_that_of_the_program),
        TEST(test_the_other_walls_stand),
        TEST(test_only_a_command_has_threads),
        TEST(test_a_program_with_threads_votes),
        TEST(test_a_program_ends_with_what_counts_its_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
