/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

#define SELECT "SELECT " STORE_WORKSPACE_FIELDS(SQL_NAME, ",") " FROM workspace "

static int workspace_find(struct store_tx *tx, const char *name, struct arena *arena,
                          struct store_workspace *out, struct error *err)
{
    return sql_record_one(sql_of(tx), sql_query(sql_of(tx), err, SELECT "WHERE name=?", "t", name),
                         &store_workspace_record, arena, out, err);
}

static int workspace_list(struct store_tx *tx, struct arena *arena, struct store_workspace **out,
                          size_t *n, struct error *err)
{
    return sql_record_all(sql_of(tx), sql_query(sql_of(tx), err, SELECT "ORDER BY rowid", ""),
                         &store_workspace_record, arena, out, n, err);
}

static int workspace_insert(struct store_tx *tx, const struct store_workspace *workspace,
                            struct error *err)
{
    return sql_insert(sql_of(tx), err, SQL_INSERT_NEW("workspace", STORE_WORKSPACE_FIELDS),
                     &store_workspace_record, workspace);
}

static int workspace_remove(struct store_tx *tx, const char *name, struct error *err)
{
    return sql_change(sql_of(tx), err, "DELETE FROM workspace WHERE name=?", "t", name);
}

static int count_sandboxes(struct store_tx *tx, const char *name, uint64_t *out, struct error *err)
{
    return sql_count(sql_of(tx), err, out,
                    "SELECT count(*) FROM sandbox WHERE workspace=? AND deleted_at_ms=0", "t",
                    name);
}

const struct store_workspace_rows sql_workspaces = {
    .find = workspace_find,
    .list = workspace_list,
    .insert = workspace_insert,
    .remove = workspace_remove,
    .count_sandboxes = count_sandboxes,
};
