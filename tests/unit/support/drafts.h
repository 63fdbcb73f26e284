/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's middle in a temporary folder: store, chain with one Lua voter, updates and drafts;
 * and the sandboxes demo and other.
 *
 * The voter denies hosts that begin with "bad", holds those that begin with "one" or "two" until
 * as many people approved, and allows everything else. */
#ifndef TESTS_SUPPORT_DRAFTS_H
#define TESTS_SUPPORT_DRAFTS_H

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
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "drafts/drafts.h"
#include "policy/match/match.h"

static const char judge_script[] =
    "local function needs(host)\n"
    "  if host:find('^one') then return 1 elseif host:find('^two') then return 2 else return 0 "
    "end\n"
    "end\n"
    "local function judge(t, ballot, rule)\n"
    "  local given = t.draft and #t.draft.approvals or 0\n"
    "  for _, e in ipairs(rule.endpoints) do\n"
    "    if e.host:find('^bad') then\n"
    "      return ballot:deny('BAD', e.doc_path, 'host %s is bad', e.host)\n"
    "    end\n"
    "    if given < needs(e.host) then\n"
    "      return ballot:hold('ASK', e.doc_path, 'host %s needs %d approvals', e.host, "
    "needs(e.host))\n"
    "    end\n"
    "  end\n"
    "end\n"
    "return {name = 'judge', version = '1', summary = 'Judges by host names.',\n"
    "  vote = function(t, ballot)\n"
    "    for rule in t:added() do\n"
    "      local verdict = judge(t, ballot, rule)\n"
    "      if verdict then return verdict end\n"
    "    end\n"
    "    return ballot:allow()\n"
    "  end}\n";

struct fixture {
    char folder[64];
    struct log log;
    struct store *store;
    struct chain *chain;
    struct updates *updates;
    struct drafts *drafts;
    struct arena *arena;
    struct problems problems;
    struct error err;
    struct update_result result;
    char heard[4096];                               /* "status " for each change of a chunk */
};

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void hear(void *ctx, const char *sandbox, const char *id, const char *status)
{
    struct fixture *f = ctx;
    (void)sandbox;
    (void)id;
    size_t used = strlen(f->heard);
    snprintf(f->heard + used, sizeof f->heard - used, "%s ", status);
}

static inline struct chain *load_rule(struct fixture *f, const char *folder, const char *script)
{
    struct chain_voter_config voter = {
        .plugin = "",
        .script = script,
        .name = "",
        .level = "mandatory",
        .on_error = "deny",
        .isolation = "inline",
        .timeout_ms = 5000,
        .sha256 = "",
        .options_json = "",
        .doc_path = "chain.voters[0]",
    };
    const struct chain_voter_config *voters[] = {&voter};
    struct chain_config config = {
        .vote_timeout_ms = 5000, .voters = voters, .n_voters = 1, .base_dir = folder};
    struct chain *chain = chain_load(&config, &f->log, &f->problems);
    if (!chain)
        fail_msg("%s: %s", f->problems.items[0].path, f->problems.items[0].message);
    return chain;
}

static inline struct chain *load_chain(struct fixture *f, const char *text)
{
    char path[96];
    snprintf(path, sizeof path, "%s/judge.lua", f->folder);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    return load_rule(f, f->folder, "judge.lua");
}

static inline struct sluice_actor person(const char *name)
{
    return (struct sluice_actor){sizeof(struct sluice_actor), name, "admin", "unix", "uid",
                                 "unix:uid=1000,pid=1"};
}

static inline void create_sandbox(struct fixture *f, const char *id, const char *name,
                                  const char *mode)
{
    struct store_sandbox box = {
        .id = id, .name = name, .network = "proxy", .labels_json = "{}", .env_json = "{}",
        .approval_mode = mode, .token_hash = "", .main_json = "", .main_error = "",
        .phase = "ready", .error = "", .created_at_ms = 1,
    };
    struct update_request request = {
        .kind = SLUICE_CREATE, .sandbox = name, .actor = person("alice"), .create = &box,
    };
    if (update_run(f->updates, &request, f->arena, &f->result, &f->problems, &f->err))
        fail_msg("%s", f->err.text);
    assert_int_equal(f->result.outcome, CHAIN_ALLOWED);
}

static inline void settle_drafts(void *ctx, const struct update_request *request,
                                 const struct update_result *result)
{
    struct fixture *f = ctx;
    drafts_settle(f->drafts, request, result);
}

static inline int setup_mode(void **state, const char *mode)
{
    struct fixture *f = alloc_zero(1, sizeof *f);
    char url[128];
    snprintf(f->folder, sizeof f->folder, "/tmp/sluice-drafts-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(url, sizeof url, "sqlite:%s/sluice.db", f->folder);
    f->log = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .program = "test"};
    f->arena = arena_new();
    f->store = store_open(url, &f->log, &f->err);
    if (!f->store)
        fail_msg("%s", f->err.text);
    f->chain = load_chain(f, judge_script);
    f->updates = updates_new(f->store, f->chain, &f->log);
    struct drafts_hooks hooks = {.changed = hear, .ctx = f};
    f->drafts = drafts_new(f->updates, &hooks, &f->log);
    static const struct update_observer observers[] = {{"drafts", settle_drafts, false}};
    updates_observe(f->updates, observers, 1, f);
    create_sandbox(f, "s1", "demo", mode);
    create_sandbox(f, "s2", "other", mode);
    *state = f;
    return 0;
}

static inline int setup(void **state)
{
    return setup_mode(state, "manual");
}

static inline int setup_auto(void **state)
{
    return setup_mode(state, "auto");
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    drafts_free(f->drafts);
    updates_free(f->updates);
    chain_unref(f->chain);
    store_close(f->store);
    problems_free(&f->problems);
    close(f->log.fd);
    nftw(f->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* ---- doing things ---- */

static inline struct drafts_denial a_denial(const char *host, uint16_t port, const char *binary)
{
    static const char *const addresses[] = {"93.184.216.34"};
    return (struct drafts_denial){.host = host,
                                  .port = port,
                                  .binary = binary,
                                  .reason = "no rule",
                                  .stage = "connect",
                                  .count = 1,
                                  .first_seen_ms = 10,
                                  .last_seen_ms = 20,
                                  .addresses = addresses,
                                  .n_addresses = 1};
}

static inline void record_denial(struct fixture *f, const struct drafts_denial *denial)
{
    if (drafts_record_denials(f->drafts, "demo", "s1", denial, 1, NULL, &f->err))
        fail_msg("%s", f->err.text);
}

static inline void denied(struct fixture *f, const char *host, uint16_t port, const char *binary,
                          uint64_t count)
{
    struct drafts_denial denial = a_denial(host, port, binary);
    denial.count = count;
    record_denial(f, &denial);
}

static inline void denied_request(struct fixture *f, const char *host, const char *binary,
                                  const char *method, const char *path)
{
    struct drafts_denial denial = a_denial(host, 443, binary);
    denial.stage = "connect-l7-deny";
    denial.method = method;
    denial.path = path;
    record_denial(f, &denial);
}

static inline struct drafts_call call_by(const char *name, const char *id)
{
    return (struct drafts_call){.sandbox = "demo", .id = id, .actor = person(name)};
}

static inline struct drafts_view view(struct fixture *f, const char *id)
{
    struct drafts_view v;
    if (drafts_get(f->drafts, "demo", id, f->arena, &v, &f->err))
        fail_msg("%s", f->err.text);
    return v;
}

static inline const char *status_of(struct fixture *f, const char *id)
{
    return view(f, id).draft.status;
}

/* The chunk of host and binary, whatever its source; NULL: there is none. */
static inline const char *chunk_of(struct fixture *f, const char *host, const char *binary)
{
    struct store_draft *items;
    size_t n;
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    while (n-- > 0)
        if (strcmp(items[n].host, host) == 0 && strcmp(items[n].binary, binary) == 0)
            return items[n].id;
    return NULL;
}

/* The chunk of a request; NULL: there is none. */
static inline const char *request_chunk_of(struct fixture *f, const char *host, const char *binary,
                                           const char *method, const char *path)
{
    struct store_draft *items;
    size_t n;
    assert_int_equal(store_draft_list(f->store, "s1", NULL, f->arena, &items, &n, &f->err), 0);
    while (n-- > 0)
        if (strcmp(items[n].host, host) == 0 && strcmp(items[n].binary, binary) == 0 &&
            strcmp(items[n].method, method) == 0 && strcmp(items[n].path, path) == 0)
            return items[n].id;
    return NULL;
}

static inline int approve(struct fixture *f, const char *who, const char *id)
{
    struct drafts_call call = call_by(who, id);
    return drafts_approve(f->drafts, &call, view(f, id).review_token, f->arena, &f->result,
                          &f->problems, &f->err);
}

static inline int undo(struct fixture *f, const char *who, const char *id)
{
    struct drafts_call call = call_by(who, id);
    return drafts_undo(f->drafts, &call, f->arena, &f->result, &f->problems, &f->err);
}

static inline int reject(struct fixture *f, const char *who, const char *id, const char *reason)
{
    bool changed;
    struct drafts_call call = call_by(who, id);
    call.reason = reason;
    return drafts_reject(f->drafts, &call, f->arena, &f->result, &changed, &f->problems, &f->err);
}

static inline void succeed(struct fixture *f, int rc)
{
    if (rc)
        fail_msg("%s%s%s", f->err.text, f->problems.n ? ": " : "",
                 f->problems.n ? f->problems.items[0].message : "");
}

static inline struct policy *current_policy(struct fixture *f, uint64_t *revision)
{
    struct store_revision newest;
    struct problems problems = {0};
    assert_int_equal(store_revision_get(f->store, "s1", 0, f->arena, &newest, &f->err), 0);
    if (revision)
        *revision = newest.revision;
    struct policy *policy =
        policy_parse(newest.policy_json, strlen(newest.policy_json), DOC_JSON, &problems);
    assert_non_null(policy);
    return policy;
}

static inline uint64_t revision(struct fixture *f)
{
    uint64_t number;
    policy_unref(current_policy(f, &number));
    return number;
}

static inline bool allows(struct fixture *f, const char *host, uint16_t port, const char *binary)
{
    struct policy *policy = current_policy(f, NULL);
    struct policy_request request = {.host = host, .port = port, .binary = binary};
    struct policy_decision decision;
    policy_match(policy_model(policy), &request, &decision, NULL);
    policy_unref(policy);
    return decision.allowed;
}

/* An update like any other, by merge operations in JSON. */
static inline int merge(struct fixture *f, const char *who, const char *operations)
{
    struct doc_node *node;
    struct policy_operations decoded;
    struct update_request request = {
        .kind = SLUICE_MERGE, .sandbox = "demo", .actor = person(who), .operations = &decoded,
    };
    assert_int_equal(
        doc_parse(operations, strlen(operations), DOC_YAML, 65536, f->arena, &node, &f->problems),
        0);
    assert_int_equal(policy_operations_decode(node, f->arena, &decoded, &f->problems), 0);
    return update_run(f->updates, &request, f->arena, &f->result, &f->problems, &f->err);
}

static inline const struct sluice_rule *a_rule(struct fixture *f, const char *yaml)
{
    struct doc_node *node;
    void *rule;
    assert_int_equal(doc_parse(yaml, strlen(yaml), DOC_YAML, 65536, f->arena, &node, &f->problems),
                     0);
    assert_int_equal(
        schema_decode(&policy_rule_schema, node, "rule", f->arena, &rule, &f->problems), 0);
    return rule;
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

static inline void assert_refused(struct fixture *f, int rc, enum error_kind kind,
                                  const char *words)
{
    assert_int_equal(rc, -1);
    assert_contains(f->err.text, words);
    assert_int_equal(f->err.kind, kind);
}

#endif
