/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of isolation where the kernel lacks a part of it. */
#include <errno.h>
#include <seccomp.h>
#include <sys/syscall.h>

#include "support/process.h"

/* From here on this process and those it starts see a kernel without Landlock. */
static void take_landlock_away(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    assert_int_equal(
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SYS_landlock_create_ruleset, 0), 0);
    assert_int_equal(seccomp_load(filter), 0);
    seccomp_release(filter);
}

static bool reads_files(struct fixture *f, const char *plugin, const char *script)
{
    const struct chain_voter_config config = {
        .plugin = plugin, .script = script, .options_json = "{}"};
    const struct chain_voter_config *voters[] = {&config};
    const struct chain_config chains = {.plugin_dirs = dirs,
                                        .n_plugin_dirs = 2,
                                        .base_dir = f->scripts.folder,
                                        .voters = voters,
                                        .n_voters = 1};
    struct problems problems = {0};
    struct chain *chain = chain_load(&chains, &f->sink, &problems);
    assert_non_null(chain);
    struct chain_voter_info info;
    chain_describe(chain, 0, &info);
    bool reads = info.reads_files;
    chain_unref(chain);
    return reads;
}

static void a_kernel_without_landlock_is_told_of(void **state)
{
    struct fixture *f = *state;
    char nothing[16];
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
        skip();
    free(scripts_write(&f->scripts, "rule.lua",
                       "return { vote = function(t, b) return b:allow() end }", 53));
    assert_false(reads_files(f, "fault", NULL));
    assert_true(read(f->log, nothing, sizeof nothing) < 0);     /* nothing was logged */
    take_landlock_away();
    assert_true(reads_files(f, "fault", NULL));
    assert_logged(
        f, "warn.*voter fault: .*no Landlock.* it can read whatever the gateway's user may read");
    assert_false(reads_files(f, NULL, "rule.lua"));             /* a script opens no files */
    struct voter *voter = open_patient(f, "escape", "try", 20000);
    assert_non_null(voter);
    assert_int_equal(ask(f, voter), 0);
    assert_string_equal(f->ballot.message, "reads a file that is none of its business");
    voter_free(voter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_kernel_without_landlock_is_told_of, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
