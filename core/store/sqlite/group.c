/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/group.h"

#include "store/sqlite/sqlite_parts.h"

static int call(struct db *db, struct group_write *write)
{
    struct sql_tx tx = {{&store_sqlite, arena_new()}, &db->sql};
    int rc = write->fn(&tx.tx, write->arg, &write->err);
    arena_free(tx.tx.arena);
    return rc;
}

static void run_write(struct db *db, struct group_write *write)
{
    write->err = (struct error){0};
    write->rc = call(db, write);
}

static void run_in_savepoint(struct db *db, struct group_write *write)
{
    sqlite3 *handle = db->handle;
    write->rc = sql_run(&db->sql, &write->err, "SAVEPOINT job", "");
    if (write->rc)
        return;
    run_write(db, write);
    if (sqlite3_get_autocommit(handle))
        return;                                     /* SQLite gave up the whole transaction */
    if (write->rc && sql_run(&db->sql, NULL, "ROLLBACK TO job", ""))
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    else
        sql_run(&db->sql, NULL, "RELEASE job", "");
}

/* 1: a write that failed left changes, which only a savepoint undoes. */
static int run_writes(struct db *db, const struct group *group, bool savepoints, struct error *err)
{
    sqlite3 *handle = db->handle;
    for (size_t i = 0; i < group->n; i++) {
        sqlite3_int64 changes = sqlite3_total_changes64(handle);
        (savepoints ? run_in_savepoint : run_write)(db, group->writes[i]);
        if (sqlite3_get_autocommit(handle))
            return error_set(err, ERROR_IO, "the transaction was given up: %s",
                             group->writes[i]->err.text);
        if (!savepoints && group->writes[i]->rc && sqlite3_total_changes64(handle) != changes)
            return 1;
    }
    return 0;
}

static int begin(struct db *db, struct error *err)
{
    return sql_run(&db->sql, err, "BEGIN IMMEDIATE", "");
}

static void roll_back(struct db *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* A savepoint copies every page that changes after it, so there are none until they are needed. */
static int run_and_commit(struct db *db, const struct group *group, struct error *err)
{
    int rc = run_writes(db, group, false, err);
    if (rc > 0) {
        roll_back(db);
        rc = begin(db, err) || run_writes(db, group, true, err) ? -1 : 0;
    }
    if (rc == 0 && sql_run(&db->sql, err, "COMMIT", "") == 0)
        return 0;
    roll_back(db);
    return -1;
}

static void fail(const struct group *group, const struct error *err)
{
    for (size_t i = 0; i < group->n; i++) {
        group->writes[i]->rc = -1;
        group->writes[i]->err = *err;
    }
}

void group_commit(struct db *db, const struct group *group)
{
    struct error err = {0};
    bool begun = begin(db, &err) == 0;
    if (begun && run_and_commit(db, group, &err) == 0)
        return;
    if (!begun || group->n == 1) {
        fail(group, &err);
        return;
    }
    for (size_t i = 0; i < group->n; i++)
        group_commit(db, &(struct group){{group->writes[i]}, 1});
}
