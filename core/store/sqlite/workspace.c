/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/sqlite_parts.h"

#define SELECT "SELECT " STORE_WORKSPACE_FIELDS(DB_NAME, ",") " FROM workspace "

static int workspace_find(struct store_tx *tx, const char *name, struct arena *arena,
                          struct store_workspace *out, struct error *err)
{
    return db_record_one(db_of(tx), db_query(db_of(tx), err, SELECT "WHERE name=?", "t", name),
                         &store_workspace_record, arena, out, err);
}

static int workspace_list(struct store_tx *tx, struct arena *arena, struct store_workspace **out,
                          size_t *n, struct error *err)
{
    return db_record_all(db_of(tx), db_query(db_of(tx), err, SELECT "ORDER BY rowid", ""),
                         &store_workspace_record, arena, out, n, err);
}

static int workspace_insert(struct store_tx *tx, const struct store_workspace *workspace,
                            struct error *err)
{
    return db_insert(db_of(tx), err, DB_INSERT("workspace", STORE_WORKSPACE_FIELDS),
                     &store_workspace_record, workspace);
}

static int workspace_remove(struct store_tx *tx, const char *name, struct error *err)
{
    return db_change(db_of(tx), err, "DELETE FROM workspace WHERE name=?", "t", name);
}

static int count_sandboxes(struct store_tx *tx, const char *name, uint64_t *out, struct error *err)
{
    return db_count(db_of(tx), err, out,
                    "SELECT count(*) FROM sandbox WHERE workspace=? AND deleted_at_ms=0", "t",
                    name);
}

const struct store_workspace_rows sqlite_workspaces = {
    .find = workspace_find,
    .list = workspace_list,
    .insert = workspace_insert,
    .remove = workspace_remove,
    .count_sandboxes = count_sandboxes,
};
