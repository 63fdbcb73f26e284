/* SPDX-License-Identifier: Apache-2.0 */
/* One of the shipped voters in a chain of its own. */
#ifndef TESTS_SUPPORT_SHIPPED_H
#define TESTS_SUPPORT_SHIPPED_H

#include "support/chain.h"

struct fixture {
    struct arena *arena;
    struct chain *chain;
};

static inline int set_up(void **state, const char *plugin)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->arena = arena_new();
    f->chain = LOAD(NULL, VOTER(.plugin = plugin));
    *state = f;
    return f->chain ? 0 : -1;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    chain_unref(f->chain);
    arena_free(f->arena);
    test_free(f);
    return 0;
}

static inline struct chain_vote ask(struct fixture *f, const struct sluice_transition *t)
{
    struct chain_votes votes = ask_in(f->arena, f->chain, t);
    assert_int_equal(votes.n, 1);
    if (votes.items[0].failed)
        fail_msg("%s", votes.items[0].message);
    return votes.items[0];
}

static inline void assert_allows(struct fixture *f, const struct sluice_transition *t)
{
    struct chain_vote vote = ask(f, t);
    if (vote.verdict != SLUICE_ALLOW)
        fail_msg("%s: %s", vote.code, vote.message);
}

static inline void assert_denies(struct fixture *f, const struct sluice_transition *t,
                                 const char *code, const char *path, const char *message)
{
    struct chain_vote vote = ask(f, t);
    assert_int_equal(vote.verdict, SLUICE_DENY);
    assert_string_equal(vote.code, code);
    assert_string_equal(vote.path, path);
    assert_string_equal(vote.message, message);
}

#define CANDIDATE(...) &TRANSITION(.candidate = &POLICY(__VA_ARGS__))

#define T(test, voter) cmocka_unit_test_setup_teardown(test, voter, tear_down)

#endif
