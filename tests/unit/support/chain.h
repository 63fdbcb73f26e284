/* SPDX-License-Identifier: Apache-2.0 */
/* Chains, policies and transitions for the tests of this folder.  Everything is a literal that
 * lives as long as the test. */
#ifndef TESTS_SUPPORT_CHAIN_H
#define TESTS_SUPPORT_CHAIN_H

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chain/chain.h"

/* The literals below have defaults, which a test names again to change them. */
#pragma GCC diagnostic ignored "-Woverride-init"

static const char *const test_dirs[] = {SLUICE_BUILD_DIR "/tests/plugins",
                                        SLUICE_BUILD_DIR "/plugins"};

#define VOTER(...)                                                        \
    &(const struct chain_voter_config)                                    \
    {                                                                     \
        .isolation = "inline", .doc_path = "chain.voters[0]", __VA_ARGS__ \
    }
#define PARROT(named, json) VOTER(.plugin = "parrot", .name = (named), .options_json = (json))

/* problems must be empty; it may be NULL when none is expected. */
static inline struct chain *load_voters(const struct chain_voter_config *const *voters, size_t n,
                                        struct problems *problems)
{
    struct problems none = {0};
    struct chain_config config = {
        .plugin_dirs = test_dirs, .n_plugin_dirs = 2, .vote_timeout_ms = 60000,
        .voters = voters, .n_voters = n, .base_dir = ".",
    };
    struct chain *chain = chain_load(&config, NULL, problems ? problems : &none);
    for (size_t i = 0; i < none.n; i++)
        print_error("%s: %s\n", none.items[i].path, none.items[i].message);
    problems_free(&none);
    return chain;
}

#define LOAD(problems, ...)                                                                 \
    load_voters((const struct chain_voter_config *const[]){__VA_ARGS__},                    \
                sizeof((const struct chain_voter_config *const[]){__VA_ARGS__}) / sizeof(void *), \
                problems)

static inline void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int rc = regexec(&regex, text, 0, NULL, 0);
    regfree(&regex);
    if (rc != 0)
        fail_msg("\"%s\" does not match \"%s\"", text, pattern);
}

/* The chain is refused with exactly one problem. */
static inline void assert_refused(const struct chain_voter_config *voter, const char *path,
                                  const char *pattern)
{
    struct problems problems = {0};
    struct chain *chain = LOAD(&problems, voter);
    assert_null(chain);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].path, path);
    assert_matches(problems.items[0].message, pattern);
    problems_free(&problems);
}

#define TEXTS(...) \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
/* FILESYSTEM(workdir, read-only texts and their number, read-write texts and their number) */
#define FILESYSTEM(...) \
    &(const struct sluice_filesystem){sizeof(struct sluice_filesystem), __VA_ARGS__}

static const struct sluice_filesystem test_filesystem = {
    sizeof test_filesystem, true, TEXTS("/usr", "/lib"), TEXTS("/tmp"),
};
static const struct sluice_landlock test_landlock = {sizeof test_landlock, "best_effort"};
static const struct sluice_process test_process = {sizeof test_process, "sandbox", "sandbox"};

#define POLICY_BASE .size = sizeof(struct sluice_policy), .version = 1, \
    .filesystem = &test_filesystem, .landlock = &test_landlock, .process = &test_process
#define POLICY(...) (const struct sluice_policy){POLICY_BASE, __VA_ARGS__}
#define ENDPOINT(...) (const struct sluice_endpoint *const[]){&(const struct sluice_endpoint){ \
    .size = sizeof(struct sluice_endpoint), .doc_path = "network_policies.api.endpoints[0]",    \
    .ports = (const uint16_t[]){443}, .n_ports = 1, .path = "", .protocol = "", .tls = "",      \
    .enforcement = "", .access = "", .persisted_queries = "", .credential_signing = "",         \
    .signing_service = "", .signing_region = "", .credential_provider = "", __VA_ARGS__}}
#define RULES(...)                                                           \
    .n_rules = 1, .rules = (const struct sluice_rule *const[])               \
    {                                                                        \
        &(const struct sluice_rule)                                          \
        {                                                                    \
            .size = sizeof(struct sluice_rule), .key = "api", .name = "api", \
            .doc_path = "network_policies.api", .n_endpoints = 1,            \
            .endpoints = ENDPOINT(__VA_ARGS__)                               \
        }                                                                    \
    }

static const struct sluice_policy test_empty = {POLICY_BASE};
static const struct sluice_sandbox test_proxied = {
    .size = sizeof test_proxied, .name = "demo", .id = "1", .network = SLUICE_NETWORK_PROXY};
static const struct sluice_sandbox test_unproxied = {
    .size = sizeof test_unproxied, .name = "demo", .id = "1", .network = SLUICE_NETWORK_NONE};
static const struct sluice_actor test_actor = {
    .size = sizeof test_actor, .name = "dev", .role = "user", .via = "unix"};
static const struct sluice_diff test_same = {.size = sizeof test_same};

#define TRANSITION(...) (const struct sluice_transition){                                       \
    .size = sizeof(struct sluice_transition), .kind = SLUICE_REPLACE, .reason = "because",      \
    .sandbox = &test_proxied, .actor = &test_actor, .baseline = &test_empty,                    \
    .current = &test_empty, .candidate = &test_empty, .diff = &test_same, __VA_ARGS__}

static inline struct chain_votes ask_in(struct arena *arena, struct chain *chain,
                                        const struct sluice_transition *transition)
{
    struct chain_votes votes;
    chain_ask(chain, transition, arena, &votes);
    return votes;
}

#endif
