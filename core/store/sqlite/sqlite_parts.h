/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef STORE_SQLITE_SQLITE_PARTS_H
#define STORE_SQLITE_SQLITE_PARTS_H

#include "store/backend.h"
#include "store/sqlite/db.h"

struct sqlite_tx {
    struct store_tx tx;                             /* first: core/store knows only this */
    struct db *db;
};

static inline struct db *db_of(struct store_tx *tx)
{
    return ((struct sqlite_tx *)tx)->db;
}

extern const struct store_sandbox_rows sqlite_sandboxes;
extern const struct store_revision_rows sqlite_revisions;
extern const struct store_decision_rows sqlite_decisions;
extern const struct store_draft_rows sqlite_drafts;
extern const struct store_traffic_rows sqlite_traffic;
extern const struct store_event_rows sqlite_events;
extern const struct store_provider_rows sqlite_providers;
extern const struct store_workspace_rows sqlite_workspaces;
extern const struct store_token_rows sqlite_tokens;

#endif
