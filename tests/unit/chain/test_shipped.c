/* SPDX-License-Identifier: Apache-2.0 */
/* The voters of plugins/, asked through the chain.  Their own cases/ cover documents; these cover
 * what a document cannot say (a parsed policy is already canonical). */
#include "support/shipped.h"

static int static_fields(void **state) { return set_up(state, "static_fields"); }
static int live_reload(void **state) { return set_up(state, "live_reload"); }
static int mode_lock(void **state) { return set_up(state, "mode_lock"); }

static void static_sections_are_compared_by_meaning(void **state)
{
    struct fixture *f = *state;
    static const struct sluice_landlock unwritten = {sizeof unwritten, ""};
    static const struct sluice_process unnamed = {sizeof unnamed, "", ""};
    assert_allows(f, &TRANSITION());
    assert_allows(f, CANDIDATE(.filesystem = FILESYSTEM(true, TEXTS("//lib/.", "/usr/", "/opt"),
                                                        TEXTS("/./tmp", "/var/tmp")),
                               .landlock = &unwritten, .process = &unnamed));
}

static void create_may_choose(void **state)
{
    static const struct sluice_process other = {sizeof other, "1000", "1000"};
    assert_allows(*state, &TRANSITION(.kind = SLUICE_CREATE, .baseline = NULL, .current = NULL,
                                      .candidate = &POLICY(.process = &other)));
}

static void the_baseline_counts_not_the_current_policy(void **state)
{
    const struct sluice_policy wide = POLICY(
        .filesystem = FILESYSTEM(true, TEXTS("/usr", "/lib", "/opt"), TEXTS("/tmp")));
    assert_allows(*state, &TRANSITION(.current = &wide));
}

static void paths_are_never_removed(void **state)
{
    struct fixture *f = *state;
    assert_denies(
        f, CANDIDATE(.filesystem = FILESYSTEM(true, TEXTS("/usr/lib", "/lib"), TEXTS("/tmp"))),
        "PATH_REMOVED", "filesystem_policy.read_only",
        "filesystem read_only path '/usr' cannot be removed on a live sandbox");
    assert_denies(f,
                  CANDIDATE(.filesystem = FILESYSTEM(true, TEXTS("/usr", "/lib", "/tmp"), NULL, 0)),
                  "PATH_REMOVED", "filesystem_policy.read_write",
                  "filesystem read_write path '/tmp' cannot be removed on a live sandbox");
    assert_denies(f, CANDIDATE(.filesystem = FILESYSTEM(true, TEXTS("usr", "/lib"), TEXTS("/tmp"))),
                  "PATH_REMOVED", "filesystem_policy.read_only",
                  "filesystem read_only path '/usr' cannot be removed on a live sandbox");
}

static void other_static_changes_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct sluice_landlock hard = {sizeof hard, "hard_requirement"};
    static const struct sluice_process user = {sizeof user, "1000", "sandbox"};
    static const struct sluice_process group = {sizeof group, "", "1000"};
    assert_denies(f,
                  CANDIDATE(.filesystem = FILESYSTEM(false, TEXTS("/usr", "/lib"), TEXTS("/tmp"))),
                  "WORKDIR_CHANGED", "filesystem_policy.include_workdir",
                  "filesystem include_workdir cannot be changed on a live sandbox");
    assert_denies(f, CANDIDATE(.landlock = &hard), "LANDLOCK_CHANGED", "landlock.compatibility",
                  "landlock policy cannot be changed on a live sandbox (applied at startup)");
    assert_denies(f, CANDIDATE(.process = &user), "PROCESS_CHANGED", "process.run_as_user",
                  "process policy cannot be changed on a live sandbox (applied at startup)");
    assert_denies(f, CANDIDATE(.process = &group), "PROCESS_CHANGED", "process.run_as_group",
                  "process policy cannot be changed on a live sandbox (applied at startup)");
}

static void a_proxy_takes_any_change(void **state)
{
    const struct sluice_policy first = POLICY(RULES(.host = "a.example"));
    const struct sluice_diff adds = {.size = sizeof adds, .added = first.rules, .n_added = 1};
    assert_allows(*state, &TRANSITION(.candidate = &first, .diff = &adds));
    assert_allows(*state, &TRANSITION(.kind = SLUICE_GLOBAL, .sandbox = NULL, .diff = &adds));
}

static void without_a_proxy_nothing_changes(void **state)
{
    static const char *const text =
        "the sandbox was created with network none and runs no egress proxy, so network policies "
        "cannot take effect; create it with network proxy";
    const struct sluice_policy first = POLICY(RULES(.host = "a.example"));
    const struct sluice_rule_change change = {sizeof change, first.rules[0], first.rules[0]};
    const struct sluice_rule_change *const changes[] = {&change};
    const struct sluice_diff diffs[] = {
        {.size = sizeof diffs[0], .added = first.rules, .n_added = 1},
        {.size = sizeof diffs[0], .removed = first.rules, .n_removed = 1},
        {.size = sizeof diffs[0], .changed = changes, .n_changed = 1},
    };
    for (size_t i = 0; i < 3; i++)
        for (int kind = 0; kind < SLUICE_KIND_COUNT; kind++)
            assert_denies(*state, &TRANSITION(.kind = (enum sluice_kind)kind, .candidate = &first,
                                              .sandbox = &test_unproxied, .diff = &diffs[i]),
                          "NO_PROXY_SUBSTRATE", "network_policies", text);
    assert_allows(*state, &TRANSITION(.sandbox = &test_unproxied));
}

static void the_old_words_in_both_directions(void **state)
{
    const struct sluice_policy first = POLICY(RULES(.host = "a.example"));
    assert_denies(*state, &TRANSITION(.candidate = &first), "BLOCK_TO_PROXY", "network_policies",
                  "cannot add network policies to a sandbox created without them "
                  "(Block → Proxy mode change requires restart)");
    assert_denies(*state, &TRANSITION(.current = &first), "PROXY_TO_BLOCK", "network_policies",
                  "cannot remove all network policies from a sandbox created with them "
                  "(Proxy → Block mode change requires restart)");
    assert_allows(*state, &TRANSITION());
    assert_allows(*state, &TRANSITION(.current = &first, .candidate = &first));
    assert_allows(*state, &TRANSITION(.kind = SLUICE_CREATE, .baseline = NULL, .current = NULL,
                                      .candidate = &first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(static_sections_are_compared_by_meaning, static_fields),
        T(create_may_choose, static_fields),
        T(the_baseline_counts_not_the_current_policy, static_fields),
        T(paths_are_never_removed, static_fields),
        T(other_static_changes_are_refused, static_fields),
        T(a_proxy_takes_any_change, live_reload),
        T(without_a_proxy_nothing_changes, live_reload),
        T(the_old_words_in_both_directions, mode_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
