/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/digest.h"
#include "store/postgres/outbox.h"
#include "store/postgres/pg_parts.h"

enum {
    DOUBT_MS = 20000,                               /* how long the callers of one group wait */
    DOUBT_STEP_MS = 50,
};

struct pg_writer {
    struct committer *committer;
    const struct log *log;
    struct pg *pg;                                  /* the rest is of whoever commits */
    bool claimed;                                   /* by us, on every connection anew */
    bool lost;                                      /* the log says so */
};

/* ---- the claim ----
 *
 * Gateways share the first lock, and each has the second one of its own id.  Who works alone has
 * the first one for itself. */

#define LOCK_KEY "1936483173, hashtext(current_schema())"
#define ID_KEY   "1936483176, hashtext(current_schema() || '/' || ?)"

/* A connection of ours that the server has not noticed to be gone. */
static int end_ghosts(struct pg *pg, struct error *err)
{
    uint64_t ended = 0;
    if (sql_count(&pg->sql, err, &ended,
                  "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l "
                  "JOIN pg_stat_activity a ON a.pid=l.pid WHERE l.locktype='advisory' "
                  "AND l.classid IN (1936483173, 1936483176) AND l.granted "
                  "AND a.application_name=? AND l.pid<>pg_backend_pid()",
                  "t", pg->place->name) != 0)
        return -1;
    return (int)ended;
}

#define TRY(call) "SELECT CASE WHEN " call " THEN 1 ELSE 0 END"

/* 1: locked. */
static int try_lock(struct pg *pg, struct error *err)
{
    const char *id = pg->place->gateway;
    uint64_t locked = 0;
    int rc = *id ? sql_count(&pg->sql, err, &locked,
                             TRY("pg_try_advisory_lock_shared(" LOCK_KEY ") AND "
                                 "pg_try_advisory_lock(" ID_KEY ")"), "t", id)
                 : sql_count(&pg->sql, err, &locked, TRY("pg_try_advisory_lock(" LOCK_KEY ")"), "");
    return rc ? -1 : (int)locked;
}

/* One that was just ended lets go a moment later: this one waits for it. */
static int wait_for_lock(struct pg *pg, struct error *err)
{
    const char *id = pg->place->gateway;
    int rc = *id ? sql_run(&pg->sql, err, "SELECT pg_advisory_lock_shared(" LOCK_KEY "), "
                           "pg_advisory_lock(" ID_KEY ")", "t", id)
                 : sql_run(&pg->sql, err, "SELECT pg_advisory_lock(" LOCK_KEY ")", "");
    return rc ? -1 : pg_settle(pg, err);
}

static int claim(struct pg *pg, struct error *err)
{
    int locked = try_lock(pg, err);
    if (locked != 0)
        return locked > 0 ? 0 : -1;
    int ghosts = end_ghosts(pg, err);
    if (ghosts < 0)
        return -1;
    if (ghosts > 0)
        return wait_for_lock(pg, err);
    /* It may have gone by itself in between. */
    locked = try_lock(pg, err);
    if (locked != 0)
        return locked > 0 ? 0 : -1;
    return error_set(err, ERROR_EXISTS, *pg->place->gateway
                     ? "another sluiced works alone in the store %s, or as this gateway, with a "
                       "copy of its state folder: stop it"
                     : "another sluiced works in the store %s: stop it, or give this one its own "
                       "with --store", pg->place->label);
}

int pg_writer_claim(struct pg_writer *writer, struct error *err)
{
    if (claim(writer->pg, err) != 0)
        return -1;
    writer->claimed = true;
    return 0;
}

int pg_writer_join(struct pg_writer *writer, struct store_gateway *me, int64_t *seq,
                   struct error *err)
{
    struct pg_place *place = writer->pg->place;
    snprintf(place->gateway, sizeof place->gateway, "%s", me->id);
    if (pg_writer_claim(writer, err) == 0 && outbox_register(writer->pg, me, seq, err) == 0)
        return 0;
    *place->gateway = '\0';
    return -1;
}

/* ---- the connection ---- */

static int connect_again(struct pg_writer *w, struct error *err)
{
    if (pg_revive(w->pg, err) != 0)
        return -1;
    if (w->claimed && claim(w->pg, err) != 0) {
        pg_drop(w->pg);
        return -1;
    }
    if (w->lost)
        log_info(w->log, "connected again to the store %s", w->pg->place->label);
    w->lost = false;
    return 0;
}

static int ready(struct pg_writer *w, struct error *err)
{
    if (pg_alive(w->pg))
        return 0;
    struct error why;
    int rc = connect_again(w, &why);
    if (rc && !w->lost)
        log_warn(w->log, "%s; changes are refused until it is back, sandboxes go on", why.text);
    w->lost = w->lost || rc;
    if (rc)
        *err = why;
    return rc;
}

/* ---- a group ---- */

static bool is_lost(const struct pg *pg)
{
    return !pg->conn || pg->place->pq.PQstatus(pg->conn) != CONNECTION_OK;
}

static int call(struct pg *pg, struct group_write *write)
{
    struct sql_tx tx = {{&store_postgres, arena_new()}, &pg->sql};
    write->err = (struct error){0};
    int rc = write->fn(&tx.tx, write->arg, &write->err);
    arena_free(tx.tx.arena);
    return rc;
}

/* A write that failed has told nothing. */
static void forget_told(struct pg *pg, size_t told)
{
    if (told >= pg->told.len)
        return;
    pg->told.len = told;
    pg->told.data[told] = '\0';
}

static void run_in_savepoint(struct pg *pg, struct group_write *write)
{
    size_t told = pg->told.len;
    write->rc = sql_run(&pg->sql, &write->err, "SAVEPOINT job", "");
    if (write->rc)
        return;
    write->rc = call(pg, write);
    /* What nobody waited for may have failed after that. */
    if (pg_settle(pg, write->rc ? NULL : &write->err) != 0)
        write->rc = -1;
    pg->failed = false;
    if (write->rc)
        forget_told(pg, told);
    sql_run(&pg->sql, NULL, write->rc ? "ROLLBACK TO job" : "RELEASE job", "");
}

/* 1: a write failed after it changed something, or by a statement, which only a savepoint
 * undoes. */
static int run_writes(struct pg *pg, const struct group *group, bool savepoints)
{
    for (size_t i = 0; i < group->n; i++) {
        struct group_write *write = group->writes[i];
        uint64_t runs = pg->n_runs;
        size_t told = pg->told.len;
        if (savepoints)
            run_in_savepoint(pg, write);
        else if ((write->rc = call(pg, write)))
            forget_told(pg, told);
        if (is_lost(pg))
            return -1;
        if (!savepoints && (pg->failed || (write->rc && pg->n_runs != runs)))
            return 1;
    }
    return 0;
}

static const char *writer_name(const struct pg *pg)
{
    return *pg->place->gateway ? pg->place->gateway : pg->place->name;
}

/* The groups of all gateways take turns: their order is that of the audit chain and the outbox, and
 * no two wait for rows of each other. */
static void take_turn(struct pg *pg)
{
    sql_run(&pg->sql, NULL, "BEGIN ISOLATION LEVEL READ COMMITTED", "");
    sql_run(&pg->sql, NULL, "SELECT pg_advisory_xact_lock(1936483175, hashtext(current_schema()))",
            "");
}

static void begin(struct pg *pg, const char *mark)
{
    buf_clear(&pg->told);
    take_turn(pg);
    sql_run(&pg->sql, NULL, "INSERT INTO commit_mark(writer, mark) VALUES(?, ?) "
            "ON CONFLICT (writer) DO UPDATE SET mark=excluded.mark", "tt", writer_name(pg), mark);
}

enum outcome {
    COMMITTED,
    FAILED,
    LOST,                                           /* the connection was, and nothing is changed */
    IN_DOUBT,                                       /* it was, and the answer to COMMIT with it */
    UNREACHABLE,                                    /* there was none, and nothing was tried */
};

/* COMMIT travels with the statements before it, and is not tried where one of them failed. */
static enum outcome commit(struct pg *pg, struct error *err)
{
    outbox_write(pg);
    if (sql_run(&pg->sql, err, "COMMIT", "") == 0 && pg_settle(pg, err) == 0)
        return COMMITTED;
    return is_lost(pg) ? IN_DOUBT : FAILED;
}

static enum outcome try_group(struct pg *pg, const struct group *group, const char *mark,
                              struct error *err)
{
    begin(pg, mark);
    int rc = run_writes(pg, group, false);
    enum outcome outcome = rc == 0 ? commit(pg, err) : is_lost(pg) ? LOST : FAILED;
    /* A statement that nobody waited for fails at the commit: only then it is known of which. */
    if (outcome == FAILED) {
        pg_roll_back(pg);
        begin(pg, mark);
        rc = run_writes(pg, group, true);
        outcome = rc == 0 ? commit(pg, err) : LOST;
    }
    if (outcome == LOST)
        pg_fail(pg, NULL, err);
    if (outcome != COMMITTED)
        pg_roll_back(pg);
    return outcome;
}

/* ---- a commit that was not answered ---- */

static void wait_a_little(void)
{
    const struct timespec step = {0, DOUBT_STEP_MS * 1000000L};
    nanosleep(&step, NULL);
}

/* 1: it was committed, 0: it was not, -1: that cannot be asked yet.  A transaction that is under
 * way still has its turn, and then this waits for its end. */
static int look_for_mark(struct pg_writer *w, const char *mark)
{
    uint64_t found = 0;
    if (connect_again(w, NULL) != 0)
        return -1;
    take_turn(w->pg);
    int rc = sql_count(&w->pg->sql, NULL, &found, "SELECT count(*) FROM commit_mark WHERE "
                       "writer=? AND mark=?", "tt", writer_name(w->pg), mark);
    pg_roll_back(w->pg);
    return rc ? -1 : (int)found;
}

static enum outcome resolve(struct pg_writer *w, const char *mark, struct error *err)
{
    uint64_t until = clock_mono_ms() + DOUBT_MS;
    int found;
    log_warn(w->log, "the connection to the store %s was lost while a change was committed: "
             "asking what became of it", w->pg->place->label);
    w->lost = true;
    while ((found = look_for_mark(w, mark)) < 0 && clock_mono_ms() < until)
        wait_a_little();
    if (found >= 0)
        return found ? COMMITTED : LOST;
    error_set(err, ERROR_TIMEOUT, "store %s: the connection was lost while the change was "
              "committed, and is not back: whether it was made is not known, so look before you "
              "repeat it", w->pg->place->label);
    return IN_DOUBT;
}

/* ---- committing ---- */

static void fail(const struct group *group, const struct error *err)
{
    for (size_t i = 0; i < group->n; i++) {
        group->writes[i]->rc = -1;
        group->writes[i]->err = *err;
    }
}

static enum outcome commit_once(struct pg_writer *w, const struct group *group, struct error *err)
{
    char mark[DIGEST_HEX_SIZE];
    if (ready(w, err) != 0)
        return UNREACHABLE;
    enum outcome outcome = try_group(w->pg, group, digest_secret(mark), err);
    return outcome == IN_DOUBT ? resolve(w, mark, err) : outcome;
}

/* A connection that is lost before the commit is worth a second one: the server may have
 * restarted. */
static void commit_group(void *ctx, const struct group *group)
{
    struct pg_writer *w = ctx;
    struct error err = {0};
    enum outcome outcome = commit_once(w, group, &err);
    if (outcome == LOST)
        outcome = commit_once(w, group, &err);
    if (outcome == FAILED && group->n > 1) {
        for (size_t i = 0; i < group->n; i++)
            commit_group(w, &(struct group){{group->writes[i]}, 1});
    } else if (outcome != COMMITTED) {
        fail(group, &err);
    }
}

static const struct committer_hooks hooks = {.commit = commit_group};

/* ---- life ---- */

struct pg_writer *pg_writer_new(struct pg *pg, const struct log *log, struct error *err)
{
    struct pg_writer *w = alloc_zero(1, sizeof *w);
    w->pg = pg;
    w->log = log;
    w->committer = committer_new(&hooks, w, err);
    if (w->committer)
        return w;
    pg_writer_free(w);
    return NULL;
}

void pg_writer_free(struct pg_writer *writer)
{
    if (!writer)
        return;
    committer_free(writer->committer);
    pg_close(writer->pg);
    free(writer);
}

struct committer *pg_writer_committer(struct pg_writer *writer)
{
    return writer->committer;
}
