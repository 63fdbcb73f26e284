/* SPDX-License-Identifier: Apache-2.0 */
#include "support/chain.h"

/* One row: votes as letters (a allow, d deny, h hold, - abstain), levels as m o v(advisory). */
static const struct {
    const char *verdicts, *levels;
    bool override;
    enum chain_outcome outcome;
    bool overridden;
    size_t against;
    const char *why;
} rows[] = {
    {"aaa", "mmm", false, CHAIN_ALLOWED, false, 0, "allowed by 3 of 3 voters"},
    {"a--", "mmm", false, CHAIN_ALLOWED, false, 0, "allowed by 1 of 3 voters"},
    {"ada", "mmm", false, CHAIN_DENIED, false, 1, "refused by 1 of 3 voters"},
    {"dhd", "mmm", false, CHAIN_DENIED, false, 2, "refused by 2 of 3 voters"},
    {"aha", "mmm", false, CHAIN_HELD, false, 1, "held by 1 of 3 voters"},
    {"ha", "om", false, CHAIN_HELD, false, 1, "held by 1 of 2 voters"},
    {"---", "mmm", false, CHAIN_DENIED, false, 0, "refused: none of 3 voters allowed it"},
    {"", "", false, CHAIN_DENIED, false, 0, "refused: none of 0 voters allowed it"},
    {"d", "m", true, CHAIN_DENIED, false, 1, "refused by 1 of 1 voter"},
    {"ad", "mo", false, CHAIN_DENIED, false, 1, "refused by 1 of 2 voters"},
    {"ad", "mo", true, CHAIN_ALLOWED, true, 0, "allowed by 1 of 2 voters, 1 overridden"},
    {"d", "o", true, CHAIN_ALLOWED, true, 0, "allowed by 0 of 1 voter, 1 overridden"},
    {"dd", "mo", true, CHAIN_DENIED, false, 1, "refused by 1 of 2 voters"},
    {"hd", "mo", true, CHAIN_HELD, true, 1, "held by 1 of 2 voters"},
    {"ad", "mv", false, CHAIN_ALLOWED, false, 0, "allowed by 1 of 2 voters"},
    {"ah", "mv", false, CHAIN_ALLOWED, false, 0, "allowed by 1 of 2 voters"},
    {"-a", "mv", false, CHAIN_DENIED, false, 0, "refused: none of 2 voters allowed it"},
    {"a", "m", true, CHAIN_ALLOWED, false, 0, "allowed by 1 of 1 voter"},
};

static enum sluice_verdict verdict_of(char letter)
{
    return letter == 'a' ? SLUICE_ALLOW : letter == 'd' ? SLUICE_DENY
         : letter == 'h' ? SLUICE_HOLD : SLUICE_ABSTAIN;
}

static enum chain_level level_of(char letter)
{
    return letter == 'm' ? CHAIN_MANDATORY : letter == 'o' ? CHAIN_OVERRIDABLE : CHAIN_ADVISORY;
}

static void every_row_of_the_table(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct chain_vote votes[3];
        size_t n = strlen(rows[i].verdicts);
        for (size_t j = 0; j < n; j++)
            votes[j] = (struct chain_vote){.verdict = verdict_of(rows[i].verdicts[j]),
                                           .level = chain_level_word(level_of(rows[i].levels[j]))};
        struct chain_tally tally;
        chain_tally(&(struct chain_votes){votes, n}, rows[i].override, arena, &tally);
        assert_string_equal(tally.why, rows[i].why);
        assert_int_equal(tally.outcome, rows[i].outcome);
        assert_int_equal(tally.overridden, rows[i].overridden);
        assert_int_equal(tally.against, rows[i].against);
    }
    arena_free(arena);
}

static void every_value_has_its_word(void **state)
{
    (void)state;
    assert_string_equal(chain_verdict_word(SLUICE_ABSTAIN), "abstain");
    assert_string_equal(chain_verdict_word(SLUICE_HOLD), "hold");
    assert_string_equal(chain_verdict_word((enum sluice_verdict)77), "unknown");
    assert_string_equal(chain_level_word(CHAIN_OVERRIDABLE), "overridable");
    assert_string_equal(chain_outcome_word(CHAIN_HELD), "held");
    assert_string_equal(chain_kind_word(SLUICE_CREATE), "create");
    assert_string_equal(chain_kind_word(SLUICE_GLOBAL), "global");
    assert_string_equal(chain_level_word((enum chain_level)77), "unknown");
    assert_string_equal(chain_outcome_word((enum chain_outcome)77), "unknown");
    assert_string_equal(chain_kind_word((enum sluice_kind)77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table),
        cmocka_unit_test(every_value_has_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
