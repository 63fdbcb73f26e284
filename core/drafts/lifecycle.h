/* SPDX-License-Identifier: Apache-2.0 */
/* The status transitions of chunks in one table, used by everything that changes a status.
 * (Clearing deletes pending chunks and changes no status.) */
#ifndef DRAFTS_LIFECYCLE_H
#define DRAFTS_LIFECYCLE_H

#include <stdbool.h>

#include "base/error.h"
#include "store/words.h"

enum drafts_action {
    DRAFTS_APPROVE,
    DRAFTS_REJECT,
    DRAFTS_UNDO,
    DRAFTS_EDIT,
    DRAFTS_SUPERSEDE,
    DRAFTS_REOPEN,                                  /* not covered any more, and denied again */
    DRAFTS_ACTION_COUNT
};

bool drafts_is(const char *word, enum store_draft_status status);

/* What the action makes of a chunk of this status: the word of its new status.  NULL with
 * ERROR_STATE when the action is not possible. */
const char *drafts_next(enum drafts_action action, const char *status, struct error *err);

#endif
