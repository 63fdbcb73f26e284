/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline on a real store and the shipped voters, with the sandbox demo made from the default
 * policy.  Everything a test gets lives in the bench's arena. */
#ifndef TESTS_SUPPORT_UPDATES_H
#define TESTS_SUPPORT_UPDATES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "update/update.h"

struct bench {
    char folder[64];
    struct log log;
    struct store *store;
    struct chain *chain;
    struct updates *updates;
    struct arena *arena;
    struct problems problems;
    struct error err;
    struct update_result result;
    size_t decided;                                 /* calls of the hook, by one thread only */
    struct update_result heard;                     /* what the last one said */
};

/* One rule, as its own document and as operations: the two must come to the same. */
#define FIRST_RULE                                                                        \
    "network_policies:\n"                                                                 \
    "  api:\n"                                                                            \
    "    endpoints: [{host: api.example.com, port: 443}]\n"                               \
    "    binaries: [{path: /usr/bin/curl}]\n"
#define FIRST_OPERATION                                                                   \
    "{add_rule: {rule_name: api, rule: {endpoints: [{host: api.example.com, port: 443}]," \
    " binaries: [{path: /usr/bin/curl}]}}}"
#define OPERATIONS(...) "operations: [" __VA_ARGS__ "]"

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void hear(void *ctx, const struct update_request *request,
                        const struct update_result *result)
{
    struct bench *b = ctx;
    (void)request;
    b->decided++;
    b->heard = *result;
}

/* ---- chains ---- */

static const char *const bench_dirs[] = {SLUICE_BUILD_DIR "/plugins"};

#define NATIVE(name_, level_) {.plugin = name_, .level = level_}
#define SCRIPT(name_, level_) {.script = name_ ".lua", .level = level_}

static inline struct chain *load_voters(struct bench *b, const struct chain_voter_config *voters,
                                        size_t n)
{
    const struct chain_voter_config **list = arena_alloc(b->arena, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        struct chain_voter_config *v = arena_zalloc(b->arena, sizeof *v);
        *v = voters[i];
        v->isolation = "inline";
        v->doc_path = arena_printf(b->arena, "chain.voters[%zu]", i);
        list[i] = v;
    }
    struct chain_config config = {
        .plugin_dirs = bench_dirs, .n_plugin_dirs = 1, .vote_timeout_ms = 20000,
        .voters = n ? list : NULL, .n_voters = n, .base_dir = b->folder,
    };
    struct chain *chain = chain_load(&config, &b->log, &b->problems);
    if (!chain)
        fail_msg("%s: %s", b->problems.items[0].path, b->problems.items[0].message);
    return chain;
}

/* Puts these voters to work, as a reload does. */
#define USE_VOTERS(b, ...)                                                                \
    do {                                                                                  \
        const struct chain_voter_config voters_[] = {__VA_ARGS__};                        \
        struct chain *chain_ = load_voters(b, voters_, sizeof voters_ / sizeof *voters_); \
        updates_set_chain((b)->updates, chain_);                                          \
        chain_unref(chain_);                                                              \
    } while (0)

/* <name>.lua, a rule whose vote is this. */
static inline void write_rule(struct bench *b, const char *name, const char *vote)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.lua", b->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "return {name = '%s', version = '1.0.0', summary = 'A test.',\n"
                  "  vote = function(t, ballot)\n%s\n  end}\n", name, vote);
    fclose(file);
}

/* ---- updates ---- */

static const struct sluice_actor alice = {sizeof alice, "alice", "admin",
                                          "unix",       "uid",   "unix:uid=1000,pid=1"};

static inline const struct doc_node *document(struct bench *b, const char *yaml)
{
    struct doc_node *node;
    if (doc_parse(yaml, strlen(yaml), DOC_YAML, POLICY_BYTES_MAX, b->arena, &node, &b->problems) !=
        0)
        fail_msg("%s", b->problems.items[0].message);
    return node;
}

static inline const struct policy_operations *operations(struct bench *b, const char *yaml)
{
    struct policy_operations *out = arena_zalloc(b->arena, sizeof *out);
    if (policy_operations_decode(document(b, yaml), b->arena, out, &b->problems) != 0)
        fail_msg("%s: %s", b->problems.items[0].path, b->problems.items[0].message);
    return out;
}

static inline int run(struct bench *b, struct update_request request)
{
    if (!request.sandbox)
        request.sandbox = "demo";
    if (!request.actor.name)
        request.actor = alice;
    return update_run(b->updates, &request, b->arena, &b->result, &b->problems, &b->err);
}

/* RUN(b, .kind = …): an update of demo by alice, which must be decided. */
#define RUN(b, ...)                                                                       \
    do {                                                                                  \
        if (run(b, (struct update_request){__VA_ARGS__}) != 0)                            \
            fail_msg("%s%s%s", (b)->err.text, (b)->problems.n ? ": " : "",                \
                     (b)->problems.n ? (b)->problems.items[0].message : "");              \
    } while (0)

/* REFUSED(b, error kind, text, .kind = …): it must not be decided, and say exactly why. */
#define REFUSED(b, kind_, text_, ...)                                                     \
    do {                                                                                  \
        assert_int_equal(run(b, (struct update_request){__VA_ARGS__}), -1);               \
        assert_string_equal((b)->err.text, text_);                                        \
        assert_int_equal((b)->err.kind, kind_);                                           \
    } while (0)

#define REPLACE(b, yaml, ...)                                                             \
    .kind = SLUICE_REPLACE, .document = document(b, yaml), .document_path = "", __VA_ARGS__
#define MERGE(b, yaml, ...) .kind = SLUICE_MERGE, .operations = operations(b, yaml), __VA_ARGS__

static inline struct store_sandbox *new_record(struct bench *b, const char *id, const char *name,
                                               const char *network)
{
    struct store_sandbox *record = arena_zalloc(b->arena, sizeof *record);
    *record = (struct store_sandbox){
        .id = id,
        .name = name,
        .network = network,
        .labels_json = "{\"team\":\"a\"}",
        .env_json = "{}",
        .approval_mode = "manual",
        .token_hash = "", .main_json = "", .main_error = "",
        .phase = "ready",
        .error = "",
        .created_at_ms = 1,
    };
    return record;
}

#define CREATE(b, id, name_, network, ...)                                                \
    .kind = SLUICE_CREATE, .sandbox = name_, .create = new_record(b, id, name_, network), \
    __VA_ARGS__

/* ---- what is there ---- */

static inline struct store_revision revision_of(struct bench *b, const char *id, uint64_t number)
{
    struct store_revision r;
    if (store_revision_get(b->store, id, number, b->arena, &r, &b->err) != 0)
        fail_msg("%s", b->err.text);
    return r;
}

static inline struct policy *policy_of(struct bench *b, const char *id)
{
    struct store_revision r = revision_of(b, id, 0);
    struct policy *policy =
        policy_parse(r.policy_json, strlen(r.policy_json), DOC_JSON, &b->problems);
    assert_non_null(policy);
    return policy;
}

static inline struct store_decision decision(struct bench *b, const char *id)
{
    struct store_decision d;
    if (store_decision_get(b->store, id, b->arena, &d, &b->err) != 0)
        fail_msg("%s", b->err.text);
    return d;
}

static inline size_t count_decisions(struct bench *b)
{
    struct store_decision *items;
    size_t n;
    assert_int_equal(store_decision_list(b->store, &(struct store_decision_query){0},
                                         b->arena, &items, &n, &b->err), 0);
    return n;
}

static inline size_t count_drafts(struct bench *b)
{
    struct store_draft *items;
    size_t n;
    assert_int_equal(store_draft_list(b->store, NULL, NULL, b->arena, &items, &n, &b->err), 0);
    return n;
}

static inline const struct chain_vote *vote_of(const struct update_result *r, const char *voter)
{
    for (size_t i = 0; i < r->votes.n; i++)
        if (strcmp(r->votes.items[i].voter, voter) == 0)
            return &r->votes.items[i];
    fail_msg("%s did not vote", voter);
    return NULL;
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

/* ---- the bench itself ---- */

static inline int bench_setup(void **state)
{
    struct bench *b = alloc_zero(1, sizeof *b);
    char url[128];
    snprintf(b->folder, sizeof b->folder, "/tmp/sluice-update-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(url, sizeof url, "sqlite:%s/sluice.db", b->folder);
    b->log = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .program = "test"};
    b->arena = arena_new();
    b->store = store_open(url, &b->log, &b->err);
    if (!b->store)
        fail_msg("%s", b->err.text);
    b->chain = load_voters(b, NULL, 0);
    static const struct update_observer observers[] = {{"hear", hear, false}};
    b->updates = updates_new(b->store, b->chain, &b->log);
    updates_observe(b->updates, observers, 1, b);
    RUN(b, CREATE(b, "s1", "demo", "proxy"));
    assert_int_equal(b->result.outcome, CHAIN_ALLOWED);
    b->decided = 0;
    *state = b;
    return 0;
}

static inline int bench_teardown(void **state)
{
    struct bench *b = *state;
    struct store_audit_report report;
    assert_int_equal(store_audit_verify(b->store, NULL, &report, &b->err), 0);
    assert_int_equal(report.bad_seq, 0);            /* whatever a test did, the record is whole */
    updates_free(b->updates);
    arena_free(b->arena);
    chain_unref(b->chain);
    store_close(b->store);
    problems_free(&b->problems);
    close(b->log.fd);
    nftw(b->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(b);
    return 0;
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)

#endif
