/* SPDX-License-Identifier: Apache-2.0 */
/* Between the look and the approval: whatever comes in there, what was reviewed is not what would
 * be done, and the approval is refused.  Each change is put in before the approval begins, and
 * again between its reading and its commit. */
#include "support/drafts.h"

#include <pthread.h>

#define CURL "/usr/bin/curl"
#define ADD(host)                                                                                  \
    "{operations: [{add_rule: {rule_name: r, rule: {endpoints: [{host: " host ", port: 443}], "    \
    "binaries: [{path: " CURL "}]}}}]}"

struct change {
    const char *name;
    int (*make)(struct fixture *f, const char *id);
};

static int add_a_rule(struct fixture *f, const char *id)
{
    (void)id;
    return merge(f, "alice", ADD("between.example.com"));
}

static int go_there_and_back(struct fixture *f, const char *id)
{
    (void)id;
    return add_a_rule(f, id) || merge(f, "alice", "{operations: [{remove_rule: {rule_name: r}}]}");
}

static int edit_it(struct fixture *f, const char *id)
{
    struct drafts_call call = call_by("alice", id);
    struct drafts_view edited;
    const struct sluice_rule *rule = a_rule(
        f, "{endpoints: [{host: a.example.com, port: 443}], binaries: [{path: /usr/bin/evil}]}");
    return drafts_edit(f->drafts, &call, rule, f->arena, &edited, &f->problems, &f->err);
}

static int reject_it(struct fixture *f, const char *id)
{
    return reject(f, "alice", id, "no");
}

static int approve_another(struct fixture *f, const char *id)
{
    (void)id;
    return approve(f, "alice", chunk_of(f, "b.example.com", CURL));
}

static int approve_it_and_take_it_back(struct fixture *f, const char *id)
{
    return approve(f, "alice", id) || undo(f, "alice", id);
}

static int reload_other_voters(struct fixture *f, const char *id)
{
    (void)id;
    char script[sizeof judge_script + 32];
    snprintf(script, sizeof script, "-- stricter\n%s", judge_script);
    struct chain *next = load_chain(f, script);
    updates_set_chain(f->updates, next);
    chain_unref(next);
    return 0;
}

static const struct change changes[] = {
    {"a rule is added", add_a_rule},
    {"the policy goes there and back", go_there_and_back},
    {"the chunk is edited", edit_it},
    {"the chunk is rejected", reject_it},
    {"another chunk is approved", approve_another},
    {"the chunk is approved and taken back", approve_it_and_take_it_back},
    /* An approval that is under way ends with the voters it began with. */
    {"the voters are others", reload_other_voters},
};
enum { CHANGES = sizeof changes / sizeof *changes, DURING = CHANGES - 1 };

/* ---- a voter that can be stopped in the middle of a vote ---- */

static const char *in_folder(struct fixture *f, const char *name)
{
    return arena_printf(f->arena, "%s/%s", f->folder, name);
}

static void add_gate(struct fixture *f)
{
    struct chain_voter_config gate = {
        .plugin = "gate", .script = "", .name = "", .level = "mandatory", .on_error = "deny",
        .isolation = "inline", .timeout_ms = 20000, .sha256 = "", .doc_path = "chain.voters[0]",
        .options_json = arena_printf(f->arena, "{\"folder\":\"%s\"}", f->folder),
    };
    const struct chain_voter_config *voters[] = {&gate};
    static const char *const dirs[] = {SLUICE_BUILD_DIR "/tests/plugins"};
    struct chain_config config = {.vote_timeout_ms = 20000, .voters = voters, .n_voters = 1,
                                  .base_dir = f->folder, .plugin_dirs = dirs, .n_plugin_dirs = 1};
    struct chain *chain = chain_load(&config, &f->log, &f->problems);
    if (!chain)
        fail_msg("%s", f->problems.items[0].message);
    assert_int_equal(mkfifo(in_folder(f, "asked"), 0600), 0);
    assert_int_equal(mkfifo(in_folder(f, "go_on"), 0600), 0);
    updates_set_chain(f->updates, chain);
    chain_unref(chain);
}

/* A fixture per change: they are not to help each other. */
static struct fixture *begin(void **state, const char **id)
{
    setup(state);
    struct fixture *f = *state;
    add_gate(f);
    denied(f, "a.example.com", 443, CURL, 1);
    denied(f, "b.example.com", 443, CURL, 1);
    *id = chunk_of(f, "a.example.com", CURL);
    return f;
}

static void assert_not_approved(struct fixture *f, const char *id, const char *name, int rc)
{
    if (rc == 0)
        fail_msg("%s, and the approval went through", name);
    assert_int_equal(f->err.kind, ERROR_MOVED);
    assert_string_not_equal(status_of(f, id), "approved");
    assert_false(allows(f, "a.example.com", 443, CURL));
}

static void what_comes_before_the_approval_is_noticed(void **unused)
{
    (void)unused;
    for (int i = 0; i < CHANGES; i++) {
        void *state;
        const char *id;
        struct fixture *f = begin(&state, &id);
        const char *token = view(f, id).review_token;
        struct drafts_call call = call_by("bob", id);
        succeed(f, changes[i].make(f, id));
        int rc =
            drafts_approve(f->drafts, &call, token, f->arena, &f->result, &f->problems, &f->err);
        assert_not_approved(f, id, changes[i].name, rc);
        teardown(&state);
    }
}

struct approver {
    struct fixture *f;
    const char *id, *token;
    struct arena *arena;
    struct error err;
    int rc;
};

static void *approve_it(void *arg)
{
    struct approver *a = arg;
    struct drafts_call call = call_by("bob", a->id);
    struct problems problems = {0};
    struct update_result result;
    a->rc = drafts_approve(a->f->drafts, &call, a->token, a->arena, &result, &problems, &a->err);
    problems_free(&problems);
    return NULL;
}

static void change_during_approval(struct fixture *f, const char *id, const struct change *change)
{
    struct approver a = {.f = f, .id = id, .token = view(f, id).review_token, .arena = arena_new()};
    pthread_t thread;
    char byte;
    int asked = open(in_folder(f, "asked"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(fcntl(asked, F_SETFL, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, approve_it, &a), 0);
    while (read(asked, &byte, 1) != 1)
        continue;
    close(asked);                                   /* the votes of the change itself do not wait */
    succeed(f, change->make(f, id));
    int go_on = open(in_folder(f, "go_on"), O_WRONLY | O_CLOEXEC);
    close(go_on);
    pthread_join(thread, NULL);
    f->err = a.err;
    assert_not_approved(f, id, change->name, a.rc);
    arena_free(a.arena);
}

static void what_comes_during_the_approval_is_noticed(void **unused)
{
    (void)unused;
    for (int i = 0; i < DURING; i++) {
        void *state;
        const char *id;
        struct fixture *f = begin(&state, &id);
        change_during_approval(f, id, &changes[i]);
        teardown(&state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_before_the_approval_is_noticed),
        cmocka_unit_test(what_comes_during_the_approval_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
