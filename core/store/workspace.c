/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/backend.h"

static const struct store_workspace_rows *rows(const struct store_tx *tx)
{
    return tx->backend->workspaces;
}

/* The words are those that clients look for. */
static int missing(const char *name, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "workspace '%.100s' not found", name);
}

int store_workspace_get(struct store *s, const char *name, struct arena *arena,
                        struct store_workspace *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    int found = store_done(s, tx, rows(tx)->find(tx, name, arena, out, err));
    return found > 0 ? 0 : found < 0 ? -1 : missing(name, err);
}

int store_workspace_list(struct store *s, struct arena *arena, struct store_workspace **out,
                         size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, rows(tx)->list(tx, arena, out, n, err));
}

int store_tx_workspace_insert(struct store_tx *tx, const struct store_workspace *workspace,
                              struct error *err)
{
    int inserted = rows(tx)->insert(tx, workspace, err);
    if (inserted == 0)
        return error_set(err, ERROR_EXISTS, "workspace already exists");
    return inserted > 0 ? 0 : -1;
}

int store_tx_workspace_delete(struct store_tx *tx, const char *name, struct error *err)
{
    uint64_t n = 0;
    if (strcmp(name, STORE_WORKSPACE) == 0)
        return error_set(err, ERROR_STATE, "the default workspace cannot be deleted");
    if (rows(tx)->count_sandboxes(tx, name, &n, err) != 0)
        return -1;
    if (n)
        return error_set(err, ERROR_STATE, "workspace '%s' still contains resources: sandbox",
                         name);
    int removed = rows(tx)->remove(tx, name, err);
    return removed > 0 ? 0 : removed < 0 ? -1 : missing(name, err);
}
