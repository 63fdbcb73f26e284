/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a place of its own, and records to put into it. */
#ifndef TESTS_SUPPORT_STORE_H
#define TESTS_SUPPORT_STORE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/store_postgres.h"
#include "support/store_sqlite.h"

static const struct store_factory *const store_factories[] = {&sqlite_factory,
                                                              &postgres_factory};

struct fixture {
    const struct store_factory *factory;
    struct store_place place;
    struct log log;
    int log_file;                                   /* what was logged */
    struct store *store;
    struct arena *arena;
    struct error err;
};

static inline void open_store(struct fixture *f)
{
    f->store = store_open(f->place.url, &f->log, &f->err);
    if (!f->store)
        fail_msg("%s", f->err.text);
}

static inline void reopen_store(struct fixture *f)
{
    store_close(f->store);
    open_store(f);
}

static inline void close_store(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
}

/* *state: the factory. */
static inline int setup_closed(void **state)
{
    struct fixture *f = alloc_zero(1, sizeof *f);
    f->factory = *state ? *state : &sqlite_factory;
    f->factory->make(&f->place, false);
    f->log_file = memfd_create("log", MFD_CLOEXEC);
    f->log = (struct log){.fd = f->log_file, .level = LOG_DEBUG, .program = "test"};
    f->arena = arena_new();
    *state = f;
    return 0;
}

static inline int setup(void **state)
{
    setup_closed(state);
    open_store(*state);
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    arena_free(f->arena);
    close(f->log_file);
    f->factory->remove(&f->place);
    free(f);
    return 0;
}

/* Runs a group of tests, which have a setup of this file, with each factory. */
static inline int run_with_each_factory(struct CMUnitTest *tests, size_t n)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof store_factories / sizeof *store_factories; i++) {
        for (size_t t = 0; t < n; t++)
            tests[t].initial_state = (void *)store_factories[i];
        failed += _cmocka_run_group_tests(store_factories[i]->name, tests, n, NULL, NULL);
    }
    return failed;
}

#define RUN_WITH_EACH_FACTORY(tests) run_with_each_factory(tests, sizeof tests / sizeof *tests)

/* ---- records ---- */

static inline struct store_sandbox a_sandbox(const char *id, const char *name)
{
    return (struct store_sandbox){
        .id = id, .name = name, .network = "proxy", .labels_json = "{\"team\":\"a\"}",
        .env_json = "{}", .approval_mode = "manual", .token_hash = "t0",
        .main_json = "", .main_error = "", .phase = "provisioning",
        .error = "", .created_at_ms = 1000,
    };
}

static inline int insert_sandbox(struct store_tx *tx, void *sandbox, struct error *err)
{
    return store_tx_sandbox_insert(tx, sandbox, err);
}

static inline void put_sandbox(struct fixture *f, const char *id, const char *name)
{
    struct store_sandbox sandbox = a_sandbox(id, name);
    if (store_write(f->store, insert_sandbox, &sandbox, &f->err))
        fail_msg("%s", f->err.text);
}

static inline struct store_revision a_revision(const char *sandbox_id, uint64_t revision)
{
    return (struct store_revision){
        .sandbox_id = sandbox_id,
        .revision = revision,
        .hash = "h",
        .policy_json = "{\"version\":1}",
        .kind = "merge",
        .actor = "alice",
        .identity = "token",
        .origin = "tcp:192.0.2.7:40112",
        .reason = "because",
        .status = "pending",
        .error = "",
        .decision_id = "d",
        .created_at_ms = 2000,
    };
}

static inline int commit_revision(struct store_tx *tx, void *arg, struct error *err)
{
    struct store_revision *revision = arg;
    return store_tx_revision_commit(tx, revision, revision->revision - 1, NULL, err);
}

static inline int put_revision(struct fixture *f, const char *sandbox_id, uint64_t number)
{
    struct store_revision revision = a_revision(sandbox_id, number);
    return store_write(f->store, commit_revision, &revision, &f->err);
}

static inline struct store_decision a_decision(const char *id, const char *reason)
{
    return (struct store_decision){
        .id = id, .sandbox_id = "s1", .sandbox = "demo", .kind = "merge", .outcome = "allowed",
        .actor = "alice", .role = "admin", .via = "unix", .identity = "token",
        .origin = "tcp:192.0.2.7:40112", .reason = reason, .base_revision = 1,
        .revision = 2, .base_hash = "b", .candidate_hash = "c", .candidate_json = "{\"version\":1}",
        .votes_json = "[]", .diff_json = "{}", .warnings_json = "[]", .draft_id = "",
        .chain_digest = "cd", .at_ms = 3000,
    };
}

static inline int append_decision(struct store_tx *tx, void *decision, struct error *err)
{
    return store_tx_decision_append(tx, decision, err);
}

static inline int put_decision(struct fixture *f, const char *id, const char *reason)
{
    struct store_decision decision = a_decision(id, reason);
    return store_write(f->store, append_decision, &decision, &f->err);
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

#endif
