/* SPDX-License-Identifier: Apache-2.0 */
/* Random sequences of everything that can happen to chunks, against a model of two lines: a chunk
 * has a status, and the policy grants exactly what approved chunks ask for and what others added.
 */
#include "support/drafts.h"

enum { HOSTS = 2, BINARIES = 3, EDITED = BINARIES, FOREIGN = 2 * BINARIES, PATHS = FOREIGN + 1,
       SEEDS = 10, STEPS = 150 };

/* PENDING, APPROVED, REJECTED, or NONE before it was seen and after it was cleared. */
enum status { NONE, PENDING, APPROVED, REJECTED };

static const char *const words[] = {"", "pending", "approved", "rejected"};

struct chunk {
    enum status status;
    int grants;                                     /* the path that its rule names */
    uint64_t hits;
};

struct model {
    struct chunk chunks[HOSTS][BINARIES];
    bool foreign[HOSTS];                            /* somebody's own rule for the host */
};

static const char *host(struct fixture *f, int h)
{
    return arena_printf(f->arena, "h%d.example.com", h);
}

static const char *path(struct fixture *f, int p)
{
    return arena_printf(f->arena, "/bin/p%d", p);
}

static const char *id_of(struct fixture *f, int h, int b)
{
    return chunk_of(f, host(f, h), path(f, b));
}

/* ---- comparing ---- */

static void check_chunk(struct fixture *f, const struct model *m, int h, int b)
{
    const struct chunk *c = &m->chunks[h][b];
    const char *id = id_of(f, h, b);
    struct store_draft draft;
    if (c->status == NONE) {
        assert_null(id);
        return;
    }
    assert_non_null(id);
    assert_int_equal(store_draft_get(f->store, "s1", id, f->arena, &draft, &f->err), 0);
    assert_string_equal(draft.status, words[c->status]);
    assert_int_equal(draft.hits, c->hits);
}

static void check(struct fixture *f, const struct model *m)
{
    bool expected[HOSTS][PATHS] = {{false}};
    for (int h = 0; h < HOSTS; h++) {
        expected[h][FOREIGN] = m->foreign[h];
        for (int b = 0; b < BINARIES; b++) {
            check_chunk(f, m, h, b);
            expected[h][m->chunks[h][b].grants] |= m->chunks[h][b].status == APPROVED;
        }
    }
    for (int h = 0; h < HOSTS; h++)
        for (int p = 0; p < PATHS; p++)
            if (allows(f, host(f, h), 443, path(f, p)) != expected[h][p])
                fail_msg("%s for %s: the policy %s it", path(f, p), host(f, h),
                         expected[h][p] ? "refuses" : "allows");
}

/* ---- what can happen ---- */

static void see(struct fixture *f, struct model *m, int h, int b)
{
    struct chunk *c = &m->chunks[h][b];
    denied(f, host(f, h), 443, path(f, b), 1);
    if (c->status == NONE)
        *c = (struct chunk){PENDING, b, 0};
    c->hits++;
}

static void expect_step(struct fixture *f, struct chunk *c, int rc, unsigned from, enum status to)
{
    if (from & (1u << c->status)) {
        succeed(f, rc);
        assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
        c->status = to;
    } else {
        assert_refused(f, rc, ERROR_STATE, "chunk status is '");
    }
}

static void try_approve(struct fixture *f, struct model *m, int h, int b)
{
    if (m->chunks[h][b].status != NONE)
        expect_step(f, &m->chunks[h][b], approve(f, "bob", id_of(f, h, b)),
                    1u << PENDING | 1u << REJECTED, APPROVED);
}

static void try_undo(struct fixture *f, struct model *m, int h, int b)
{
    if (m->chunks[h][b].status != NONE)
        expect_step(f, &m->chunks[h][b], undo(f, "bob", id_of(f, h, b)), 1u << APPROVED, PENDING);
}

static void try_reject(struct fixture *f, struct model *m, int h, int b)
{
    f->result.outcome = CHAIN_ALLOWED;              /* not set where the policy is left alone */
    if (m->chunks[h][b].status != NONE)
        expect_step(f, &m->chunks[h][b], reject(f, "bob", id_of(f, h, b), NULL),
                    1u << PENDING | 1u << APPROVED, REJECTED);
}

/* The chunk proposes another binary from now on, of which it is the only one to. */
static void try_edit(struct fixture *f, struct model *m, int h, int b)
{
    struct drafts_view v;
    if (m->chunks[h][b].status == NONE)
        return;
    struct drafts_call call = call_by("alice", id_of(f, h, b));
    const struct sluice_rule *rule = a_rule(
        f, arena_printf(f->arena, "{endpoints: [{host: %s, port: 443}], binaries: [{path: %s}]}",
                        host(f, h), path(f, EDITED + b)));
    expect_step(f, &m->chunks[h][b],
                drafts_edit(f->drafts, &call, rule, f->arena, &v, &f->problems, &f->err),
                1u << PENDING, PENDING);
    if (m->chunks[h][b].status == PENDING)
        m->chunks[h][b].grants = EDITED + b;
}

static void try_clear(struct fixture *f, struct model *m)
{
    struct drafts_call call = call_by("alice", NULL);
    uint64_t cleared, expected = 0;
    for (int i = 0; i < HOSTS * BINARIES; i++) {
        struct chunk *c = &m->chunks[i / BINARIES][i % BINARIES];
        expected += c->status == PENDING;
        if (c->status == PENDING)
            *c = (struct chunk){0};
    }
    assert_int_equal(drafts_clear(f->drafts, &call, &cleared, &f->err), 0);
    assert_int_equal(cleared, expected);
}

static void try_approve_all(struct fixture *f, struct model *m)
{
    struct drafts_call call = call_by("bob", NULL);
    struct drafts_skip *skipped;
    size_t approved, n_skipped, expected = 0;
    int rc = drafts_approve_all(f->drafts, &call, false, f->arena, &f->result, &approved, &skipped,
                                &n_skipped, &f->problems, &f->err);
    for (int i = 0; i < HOSTS * BINARIES; i++) {
        struct chunk *c = &m->chunks[i / BINARIES][i % BINARIES];
        expected += c->status == PENDING;
        c->status = c->status == PENDING ? APPROVED : c->status;
    }
    if (!expected) {
        assert_refused(f, rc, ERROR_STATE, "no pending chunks to approve");
        return;
    }
    succeed(f, rc);
    assert_int_equal(approved, expected);
}

/* Somebody changes the same hosts' rules by hand. */
static void toggle_foreign(struct fixture *f, struct model *m, int h)
{
    const char *add = arena_printf(f->arena,
                                   "{operations: [{add_rule: {rule_name: own%d, rule: {endpoints: "
                                   "[{host: %s, port: 443}], binaries: [{path: %s}]}}}]}",
                                   h, host(f, h), path(f, FOREIGN));
    struct policy *policy = current_policy(f, NULL);
    const struct sluice_policy *model = policy_model(policy);
    if (!m->foreign[h])
        succeed(f, merge(f, "alice", add));
    for (size_t i = 0; m->foreign[h] && i < model->n_rules; i++)
        if (strcmp(model->rules[i]->endpoints[0]->host, host(f, h)) == 0)
            succeed(f,
                    merge(f, "alice",
                          arena_printf(
                              f->arena,
                              "{operations: [{remove_binary: {rule_name: %s, binary_path: %s}}]}",
                              model->rules[i]->key, path(f, FOREIGN))));
    policy_unref(policy);
    m->foreign[h] = !m->foreign[h];
}

static void step(struct fixture *f, struct model *m, unsigned *seed)
{
    int h = rand_r(seed) % HOSTS, b = rand_r(seed) % BINARIES;
    switch (rand_r(seed) % 16) {
    case 0:  try_clear(f, m); break;
    case 1:  try_approve_all(f, m); break;
    case 2:  toggle_foreign(f, m, h); break;
    case 3:  try_edit(f, m, h, b); break;
    case 4: case 5: try_reject(f, m, h, b); break;
    case 6: case 7: case 8: try_undo(f, m, h, b); break;
    case 9: case 10: case 11: try_approve(f, m, h, b); break;
    default: see(f, m, h, b); break;
    }
}

static void chunks_and_policy_agree(void **state)
{
    for (unsigned first = 1; first <= SEEDS; first++) {
        struct fixture *f;
        struct model m = {0};
        unsigned seed = first;
        setup(state);
        f = *state;
        for (int i = 0; i < STEPS; i++) {
            step(f, &m, &seed);
            check(f, &m);
        }
        teardown(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chunks_and_policy_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
