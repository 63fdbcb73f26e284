/* SPDX-License-Identifier: Apache-2.0 */
/* A reload in the middle of an update: the update is not the one to wait for the end of the old
 * chain. */
#include "support/updates.h"

#include "base/clock.h"

/* A voter in a process that does not end by itself. */
static struct chain *load_stubborn(struct bench *b)
{
    static const char *const dirs[] = {SLUICE_BUILD_DIR "/tests/plugins"};
    static const struct chain_voter_config voter = {
        .plugin = "fault", .options_json = "{\"mode\": \"fini_loop\"}", .timeout_ms = 20000};
    static const struct chain_voter_config *const voters[] = {&voter};
    const struct chain_config config = {
        .plugin_dirs = dirs, .n_plugin_dirs = 1, .voters = voters, .n_voters = 1, .base_dir = "."};
    assert_int_equal(setenv("SLUICE_PLUGIN_HOST", SLUICE_BUILD_DIR "/bin/sluice-plugin-host", 1),
                     0);
    struct chain *chain = chain_load(&config, &b->log, &b->problems);
    if (!chain)
        fail_msg("%s", b->problems.items[0].message);
    return chain;
}

/* Between the votes and the commit. */
static int reload(void *arg, const struct update_result *seen, struct error *err)
{
    struct bench *b = arg;
    (void)err;
    assert_int_equal(seen->outcome, CHAIN_ALLOWED);
    updates_set_chain(b->updates, b->chain);
    return 0;
}

static void an_update_does_not_wait_for_the_end_of_its_chain(void **state)
{
    struct bench *b = *state;
    struct chain *stubborn = load_stubborn(b);
    struct arena *arena = arena_new();
    updates_set_chain(b->updates, stubborn);
    chain_unref(stubborn);
    uint64_t start = clock_mono_ms();
    const struct update_request request = {
        .kind = SLUICE_REPLACE, .sandbox = "demo", .actor = alice, .review = reload, .arg = b,
        .document = document(b, "version: 1\n" FIRST_RULE), .document_path = "",
    };
    assert_int_equal(update_run(b->updates, &request, arena, &b->result, &b->problems, &b->err), 0);
    assert_int_equal(b->result.votes.n, 1);
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    assert_int_equal(strlen(b->result.chain_digest), 64);
    arena_free(arena);
    assert_in_range(clock_mono_ms() - start, 0, 450);
    /* The end of the updates is the end of that chain too. */
    updates_free(b->updates);
    assert_true(clock_mono_ms() - start >= 500);
    b->updates = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(an_update_does_not_wait_for_the_end_of_its_chain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
