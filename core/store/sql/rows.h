/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of every table, for the backends that speak SQL. */
#ifndef STORE_SQL_ROWS_H
#define STORE_SQL_ROWS_H

#include "store/backend.h"

struct sql_db;

struct sql_tx {
    struct store_tx tx;                             /* first: core/store knows only this */
    struct sql_db *db;
};

extern const struct store_sandbox_rows sql_sandboxes;
extern const struct store_revision_rows sql_revisions;
extern const struct store_decision_rows sql_decisions;
extern const struct store_draft_rows sql_drafts;
extern const struct store_traffic_rows sql_traffic;
extern const struct store_event_rows sql_events;
extern const struct store_provider_rows sql_providers;
extern const struct store_workspace_rows sql_workspaces;
extern const struct store_token_rows sql_tokens;
extern const struct store_ceiling_rows sql_ceilings;
extern const struct store_export_rows sql_exports;

/* The members of a struct store_backend. */
#define SQL_ROWS                                                                              \
    .sandboxes = &sql_sandboxes, .revisions = &sql_revisions, .decisions = &sql_decisions,    \
    .drafts = &sql_drafts, .traffic = &sql_traffic, .events = &sql_events,                    \
    .providers = &sql_providers, .workspaces = &sql_workspaces, .tokens = &sql_tokens, \
    .ceilings = &sql_ceilings, .exports = &sql_exports

#endif
