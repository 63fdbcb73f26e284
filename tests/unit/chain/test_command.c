/* SPDX-License-Identifier: Apache-2.0 */
/* Voters that are any program. */
#include "support/process.h"

static struct voter *open_command(struct fixture *f, const char *const *words, size_t n)
{
    const struct chain_config chain = {.base_dir = f->scripts.folder};
    const struct chain_voter_config config = {.command = words, .n_command = n, .timeout_ms = 2000,
                                              .memory_mb = 64, .options_json = "{\"max\": 1}"};
    return voter_process_open(&chain, &config, &f->sink, &f->err);
}

static void test_any_program_can_vote(void **state)
{
    struct fixture *f = *state;
    char *path = write_python(f, "");
    const char *const words[] = {"python3", path};
    struct voter *voter = open_command(f, words, 2);
    if (!voter)
        fail_msg("%s", f->err.text);
    assert_string_equal(voter->ops->kind, "command");
    assert_string_equal(voter->name, "few_rules");
    assert_string_equal(voter->version, "1.0.0");
    assert_string_equal(voter->path, path);
    assert_string_equal(voter->codes[0].code, "TOO_MANY");
    assert_int_equal(strlen(voter->sha256), 64);
    for (int i = 0; i < 3; i++) {
        if (ask(f, voter) != 0)
            fail_msg("%s", f->err.text);
        assert_int_equal(f->ballot.verdict, SLUICE_DENY);
        assert_string_equal(f->ballot.message, "2 rules, where 1 are allowed");
    }
    voter_free(voter);
    free(path);
}

static void test_an_argument_may_be_a_file_beside_the_configuration(void **state)
{
    struct fixture *f = *state;
    char *path = write_python(f, "");
    const char *const words[] = {"python3", "./few_rules.py"};
    struct voter *voter = open_command(f, words, 2);
    if (!voter)
        fail_msg("%s", f->err.text);
    assert_string_equal(voter->path, path);
    assert_int_equal(ask(f, voter), 0);
    voter_free(voter);
    assert_int_equal(chmod(path, 0666), 0);
    assert_null(open_command(f, words, 2));
    assert_matches(f->err.text, "others may write .*/few_rules.py");
    free(path);
}

static void test_programs_that_are_refused(void **state)
{
    struct fixture *f = *state;
    char *path = scripts_write(&f->scripts, "bad.py", "import os\nos.fork()\n", 20);
    const char *const missing[] = {"no-such-program"}, *const gone[] = {"python3", "/no/such.py"};
    char *raises = scripts_write(&f->scripts, "raises.py", "import nothing_like_this\n", 25);
    const char *const fork[] = {"python3", path}, *const silent[] = {"true"};
    const char *const raising[] = {"python3", raises};
    assert_null(open_command(f, missing, 1));
    assert_matches(f->err.text,
                   "there is no program no-such-program in /usr/local/bin:/usr/bin:/bin");
    assert_null(open_command(f, gone, 2));
    assert_matches(f->err.text, "/no/such.py");
    assert_null(open_command(f, fork, 2));
    assert_matches(f->err.text,
                   "could not open it: it was killed because it called what voters may not");
    assert_null(open_command(f, silent, 1));
    assert_matches(f->err.text, "could not open it: it ended with code 0");
    assert_null(open_command(f, raising, 2));
    assert_matches(f->err.text, "code 1, after saying: ModuleNotFoundError: No module named");
    free(raises);
    assert_int_equal(chmod(path, 0666), 0);
    assert_null(open_command(f, fork, 2));
    assert_matches(f->err.text, "others may write .*/bad.py");
    free(path);
}

static void test_nothing_outside_can_be_reached_by_a_program(void **state)
{
    struct fixture *f = *state;
    const char *const words[] = {SLUICE_BUILD_DIR "/tests/plugins/escape"};
    assert_null(open_command(f, words, 1));
    assert_matches(f->err.text, "after saying: what works: nothing$");
    assert_logged(f, "voter [^ ]*/tests/plugins/escape: what works: nothing");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_any_program_can_vote),
        TEST(test_an_argument_may_be_a_file_beside_the_configuration),
        TEST(test_programs_that_are_refused),
        TEST(test_nothing_outside_can_be_reached_by_a_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
