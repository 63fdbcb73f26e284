/* SPDX-License-Identifier: Apache-2.0 */
/* Lua voters and what they vote on, for the tests of this folder. */
#ifndef TESTS_SUPPORT_LUA_H
#define TESTS_SUPPORT_LUA_H

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "chain/ballot.h"
#include "chain/voter.h"
#include "policy/diff.h"
#include "policy/policy.h"
#include "support/chain.h"
#include "support/patience.h"

/* A folder that only we may write, as voters' files need. */
struct scripts {
    char folder[64];
};

static inline void scripts_begin(struct scripts *s)
{
    strcpy(s->folder, "/tmp/sluice-lua-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
}

static inline void scripts_end(struct scripts *s)
{
    char *command = alloc_printf("rm -rf '%s'", s->folder);
    assert_int_equal(system(command), 0);
    free(command);
}

/* The path of a new file; the caller frees it. */
static inline char *scripts_write(const struct scripts *s, const char *name, const char *text,
                                  size_t len)
{
    char *path = alloc_printf("%s/%s", s->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
    assert_int_equal(chmod(path, 0644), 0);
    return path;
}

/* Its votes have as much time as they want, unless the test gives the voter a timeout_ms. */
static inline struct voter *open_script(const char *path, const char *options, struct error *err)
{
    const struct chain_config chain = {.vote_timeout_ms = patience_ms(), .base_dir = "."};
    const struct chain_voter_config config = {
        .script = path, .name = "", .options_json = options, .memory_mb = 8, .sha256 = ""};
    *err = (struct error){0};
    return voter_lua_open(&chain, &config, NULL, err);
}

static inline struct voter *open_text(const struct scripts *s, const char *text,
                                      const char *options, struct error *err)
{
    char *path = scripts_write(s, "rule.lua", text, strlen(text));
    struct voter *voter = open_script(path, options, err);
    free(path);
    return voter;
}

/* A transition to the YAML policy, from the empty policy or from that of `before`. */
struct change {
    struct policy *before, *after;
    struct arena *arena;
    struct sluice_transition t;
};

/* As chain_ask does for a chain of one. */
static inline int vote_of(struct voter *voter, const struct sluice_transition *t,
                          struct arena *arena, struct ballot *ballot, struct error *err)
{
    struct voter_ask ask = {.transition = t, .id = (int64_t)clock_mono_ns(), .arena = arena};
    ballot_begin(ballot, arena, voter->codes);
    if (!voter->ops->begin)
        return voter->ops->vote(voter, t, &ballot->face, err);
    voter->ops->begin(voter, &ask, true);
    return voter->ops->finish(voter, &ballot->face, err);
}

static inline struct policy *parse_policy(const char *yaml)
{
    struct problems problems = {0};
    struct policy *written = policy_parse(yaml, strlen(yaml), DOC_YAML, &problems);
    for (size_t i = 0; i < problems.n; i++)
        print_error("%s: %s\n", problems.items[i].path, problems.items[i].message);
    assert_non_null(written);
    struct policy *complete = policy_complete(written, NULL);
    policy_unref(written);
    return complete;
}

static const struct sluice_label test_team = {sizeof test_team, "team", "web"};
static const struct sluice_label *const test_labels[] = {&test_team};
static const struct sluice_sandbox test_labelled = {
    .size = sizeof test_labelled, .name = "demo", .id = "1", .labels = test_labels, .n_labels = 1,
    .network = SLUICE_NETWORK_PROXY, .running = true};

static inline void change_begin(struct change *c, const char *before, const char *after)
{
    c->before = parse_policy(before);
    c->after = parse_policy(after);
    c->arena = arena_new();
    c->t = TRANSITION(.sandbox = &test_labelled, .current = policy_model(c->before),
                      .baseline = policy_model(c->before), .candidate = policy_model(c->after),
                      .now_ms = 1700000000000);
    c->t.diff = policy_diff(c->t.current, c->t.candidate, c->arena);
}

static inline void change_end(struct change *c)
{
    arena_free(c->arena);
    policy_unref(c->before);
    policy_unref(c->after);
}

#endif
