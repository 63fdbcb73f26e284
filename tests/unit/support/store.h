/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a temporary folder of its own, and records to put into it. */
#ifndef TESTS_SUPPORT_STORE_H
#define TESTS_SUPPORT_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/store.h"

struct fixture {
    char folder[64], path[96], url[128];
    struct log log;
    int log_file;                                   /* what was logged */
    struct store *store;
    struct arena *arena;
    struct error err;
};

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void open_store(struct fixture *f)
{
    f->store = store_open(f->url, &f->log, &f->err);
    if (!f->store)
        fail_msg("%s", f->err.text);
}

static inline void reopen_store(struct fixture *f)
{
    store_close(f->store);
    open_store(f);
}

static inline int setup_closed(void **state)
{
    struct fixture *f = alloc_zero(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/sluice-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/sluice.db", f->folder);
    snprintf(f->url, sizeof f->url, "sqlite:%s", f->path);
    f->log_file = open(f->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
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
    nftw(f->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* What tampering looks like: another program writes the file. */
static inline void tamper(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    sqlite3_exec(db, sql, NULL, NULL, &message);
    if (message)
        fail_msg("%s", message);
    sqlite3_close(db);
}

/* Root may read and write anything, so what permissions do is tried in a child that is nobody.
 * Returns what try returns, 0 to 99. */
static inline int as_nobody(struct fixture *f, int (*try)(struct fixture *f))
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(geteuid() == 0 && setuid(65534) != 0 ? 100 : try(f));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* ---- records ---- */

static inline struct store_sandbox a_sandbox(const char *id, const char *name)
{
    return (struct store_sandbox){
        .id = id, .name = name, .network = "proxy", .labels_json = "{\"team\":\"a\"}",
        .env_json = "{}", .approval_mode = "manual", .token_hash = "t0", .phase = "provisioning",
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
    return store_tx_revision_commit(tx, revision, revision->revision - 1, err);
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
        .actor = "alice", .role = "admin", .via = "unix", .reason = reason, .base_revision = 1,
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
