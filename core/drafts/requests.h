/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of requests that a voter holds: for core/drafts.  What blocks and where results live is as
 * in drafts.h. */
#ifndef DRAFTS_REQUESTS_H
#define DRAFTS_REQUESTS_H

#include "drafts/drafts_parts.h"
#include "policy/cure/refused.h"

bool drafts_is_held_update(const struct store_draft *draft);

/* Borrows from the denial. */
struct policy_refused drafts_refused_of_request(const struct drafts_denial *denial);
const char *drafts_request_id(const char *sandbox_id, const struct policy_refused *refused,
                              struct arena *arena);
const char *drafts_request_rationale(const struct drafts_denial *denial, struct arena *arena);
struct store_draft drafts_request_new(const struct store_sandbox *box,
                                      const struct drafts_denial *denial,
                                      const struct policy_refused *refused, const char *asked_by,
                                      struct arena *arena);
/* Completes the update that approving it is. */
int drafts_ask_request(const struct store_draft *draft, struct arena *arena,
                       struct drafts_ask *ask, struct error *err);
/* Tells of it, where the chunk is one of a request. */
void drafts_requests_changed(struct drafts *drafts, const char *sandbox,
                             const struct store_draft *draft);
int drafts_expire_request(struct drafts *drafts, const char *sandbox,
                          const struct store_draft *draft, const char *why, struct error *err);

#endif
