/* SPDX-License-Identifier: Apache-2.0 */
/* What may become of a chunk: one table, asked by everything that changes a status. */
#ifndef DRAFTS_LIFECYCLE_H
#define DRAFTS_LIFECYCLE_H

#include <stdbool.h>

#include "base/error.h"

#define DRAFTS_STATUSES(X)                                                \
    X(PENDING,    "pending",    "waits for a decision")                   \
    X(APPROVED,   "approved",   "its rule is in the policy")              \
    X(REJECTED,   "rejected",   "refused by a person; may be approved")   \
    X(SUPERSEDED, "superseded", "another chunk or the policy covers it")

enum drafts_status {
#define X(id, word, meaning) DRAFTS_##id,
    DRAFTS_STATUSES(X)
#undef X
    DRAFTS_STATUS_COUNT
};

enum drafts_action {
    DRAFTS_APPROVE,
    DRAFTS_REJECT,
    DRAFTS_UNDO,
    DRAFTS_EDIT,
    DRAFTS_CLEAR,
    DRAFTS_SUPERSEDE,
    DRAFTS_ACTION_COUNT
};

const char *drafts_status_word(enum drafts_status status);
bool drafts_is(const char *word, enum drafts_status status);

/* What the action makes of a chunk of this status: the word of its new status, "" when the chunk
 * goes away.  NULL with ERROR_STATE when the action is not possible. */
const char *drafts_next(enum drafts_action action, const char *status, struct error *err);

#endif
