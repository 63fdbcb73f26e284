/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in a voter's process is a failed vote, and when it is started again. */
#include "support/process.h"

static void test_each_failure_is_a_failed_vote(void **state)
{
    static const struct {
        const char *mode, *pattern;
    } failures[] = {
        {"crash", "killed by signal 11 .Segmentation fault."},
        {"abort", "killed by signal 6 .Aborted."},
        {"exit_0", "ended with code 0"},
        {"exit_3", "ended with code 3"},
        {"fork", "called what voters may not"},
        {"exec", "called what voters may not"},
        {"thread", "called what voters may not"},
        {"loop", "did not vote within 300 ms and was killed"},
        {"stop", "did not vote within 300 ms and was killed"},
        {"ignore", "did not vote within 300 ms and was killed"},
        {"close", "killed by signal|ended with code"},
        {"flood", "a frame of [0-9]+ bytes, where [0-9]+ are allowed"},
        {"wrong_bytes", "answered with what is no answer"},
        {"wrong_type", "answered with what is no answer"},
        {"wrong_id", "answered with what is no answer"},
        {"wrong_verdict", "answered with what is no answer"},
        {"allocate", "killed by signal|did not vote|ended with code"},
        {"message", "killed by signal|did not vote|ended with code"},
        {"no_verdict", "it returned 99, which is no verdict"},
        {"not_cast", "it returned allow without casting it"},
        {"fork_bomb", "called what voters may not"},
        {"handler", "did not vote within 300 ms and was killed"},
        {"partial", "did not vote within 300 ms and was killed"},
        {"jump", "killed by signal|ended with code"},
        {"corrupt", "killed by signal|ended with code"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct voter *voter = open_fault(f, failures[i].mode);
        uint64_t start = clock_mono_ms();
        if (ask(f, voter) == 0)
            fail_msg("%s voted", failures[i].mode);
        assert_matches(f->err.text, failures[i].pattern);
        assert_in_range(clock_mono_ms() - start, 0, VOTE_MS + SLACK_MS);
        voter_free(voter);
    }
}

static void test_what_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    assert_null(open_native(f, "fault", "init_crash"));
    assert_matches(f->err.text, "its process could not open it: it was killed by signal 11");
    assert_null(open_native(f, "fault", "init_exit"));
    assert_matches(f->err.text, "its process could not open it: it ended with code 0");
    assert_null(open_native(f, "fault", "init_refuse"));
    assert_matches(f->err.text, "refused to start: it does not feel like it");
    assert_null(open_native(f, "missing", NULL));
    assert_matches(f->err.text, "there is no missing.so in");
    assert_null(open_lua(f, "return {vote = ", "{}"));
    assert_matches(f->err.text, "rule.lua:1: unexpected symbol");
    assert_null(open_lua(f, "return {vote = error}", "{\"nope\": 1}"));
    assert_int_equal(f->err.kind, ERROR_INVALID);
    assert_matches(f->err.text, "nope");
}

static void test_a_bad_end_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    static const char *const modes[] = {"fini_crash", "fini_loop"};
    for (int i = 0; i < 2; i++) {
        struct voter *voter = open_fault(f, modes[i]);
        assert_int_equal(ask(f, voter), 0);
        uint64_t start = clock_mono_ms();
        voter_free(voter);
        assert_in_range(clock_mono_ms() - start, 0, 500 + SLACK_MS);
    }
}

/* Asks again while the voter pauses before its next start. */
static int ask_patiently(struct fixture *f, struct voter *voter)
{
    for (;;) {
        int rc = ask(f, voter);
        if (rc == 0 || !strstr(f->err.text, "is started again in"))
            return rc;
        usleep(1000);
    }
}

/* What a watcher was told, a line for each time. */
static void note_state(void *ctx, const char *voter, const char *state, const char *why)
{
    buf_printf(ctx, "%s is %s: %s\n", voter, state, why);
}

static void test_restart_pause_and_quarantine(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_fault(f, "crash_on_dry_run");
    struct buf told = {0};
    voter->watcher = note_state;
    voter->watcher_ctx = &told;
    for (int i = 0; i < 4; i++) {
        f->change.t.dry_run = true;
        assert_int_equal(ask_patiently(f, voter), -1);
        assert_matches(f->err.text, "killed by signal 11");
    }
    assert_int_equal(ask(f, voter), -1);
    assert_matches(f->err.text, "it failed 4 times in a row and is started again in [0-9]+ ms");
    f->change.t.dry_run = false;
    assert_int_equal(ask_patiently(f, voter), 0);
    f->change.t.dry_run = true;
    for (int i = 0; i < 5; i++) {
        assert_string_equal(voter->ops->state(voter), "ready");
        assert_string_equal(buf_str(&told), "");
        assert_int_equal(ask_patiently(f, voter), -1);
    }
    assert_string_equal(voter->ops->state(voter), "quarantined");
    assert_string_equal(buf_str(&told),
                        "fault is quarantined: it was killed by signal 11 (Segmentation fault)\n");
    buf_free(&told);
    f->change.t.dry_run = false;
    assert_int_equal(ask(f, voter), -1);
    assert_matches(f->err.text, "quarantined after 5 failures in a row: reload the chain");
    assert_logged(f, "voter fault is quarantined until the chain is reloaded");
    voter_free(voter);
}

static void test_a_changed_file_is_not_started_again(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_lua(f,
                                   "return { vote = function(t, b) if t.dry_run then while true do "
                                   "end end return b:allow() end }",
                                   "{}");
    assert_int_equal(ask(f, voter), 0);
    char *command = alloc_printf("kill -9 $(pgrep -P %d sluice-plugin)", (int)getpid());
    assert_int_equal(system(command), 0);
    free(command);
    free(scripts_write(&f->scripts, "rule.lua", "return { vote = error }", 23));
    while (ask(f, voter) == 0 || strstr(f->err.text, "killed by signal 9"))
        continue;                                   /* until its end has been seen */
    assert_matches(f->err.text, "its file changed since the chain was loaded");
    /* Nor is a process started for every vote to find that out again. */
    for (int i = 0; i < 5 && strcmp(voter->ops->state(voter), "ready") == 0; i++)
        assert_int_equal(ask_patiently(f, voter), -1);
    assert_string_equal(voter->ops->state(voter), "quarantined");
    voter_free(voter);
}

static void test_what_it_says_is_logged(void **state)
{
    struct fixture *f = *state;
    struct voter *voter = open_fault(f, "stderr");
    assert_int_equal(ask(f, voter), 0);
    assert_logged(f, "voter fault: said on stderr");
    voter_free(voter);
    assert_null(open_native(f, "fault", "init_refuse"));
    assert_logged(f, "test: voter fault: it does not feel like it");
    voter = open_lua(
        f, "return { vote = function(t, b) sluice.log('seen %d', 7) return b:allow() end }", "{}");
    assert_int_equal(ask(f, voter), 0);
    assert_logged(f, "test: voter rule: seen 7");
    voter_free(voter);
}

/* The first outcome keeps it busy, the second is more than a socket takes. */
static void test_a_missed_outcome_names_its_own_limit(void **state)
{
    enum { LONG = 3 << 20 };
    struct fixture *f = *state;
    struct voter *voter = open_fault(f, "observe_loop");
    char *reason = arena_zalloc(f->arena, LONG + 1);
    memset(reason, 'x', LONG);
    const struct sluice_outcome outcome = {sizeof outcome, &f->change.t, "allowed", 7};
    voter->ops->observe(voter, &outcome);
    f->change.t.reason = reason;
    voter->ops->observe(voter, &outcome);
    assert_logged(f, "it did not observe within 100 ms and was killed");
    voter_free(voter);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_each_failure_is_a_failed_vote),
        TEST(test_what_cannot_be_opened),
        TEST(test_a_bad_end_holds_nobody_up),
        TEST(test_restart_pause_and_quarantine),
        TEST(test_a_changed_file_is_not_started_again),
        TEST(test_what_it_says_is_logged),
        TEST(test_a_missed_outcome_names_its_own_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
