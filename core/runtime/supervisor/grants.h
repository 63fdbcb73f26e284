/* SPDX-License-Identifier: Apache-2.0 */
/* Grants with an end, between supervisors and the pipeline. */
#ifndef RUNTIME_SUPERVISOR_GRANTS_H
#define RUNTIME_SUPERVISOR_GRANTS_H

#include "policy/grant.h"
#include "store/store.h"

struct runtime;
struct sandbox;
struct sandbox_grant;
struct start;

/* What is on record of the chunk's grant among the drafts of store_draft_granted; NULL: nothing. */
const struct policy_grant *grants_find_stored(const struct store_draft *drafts, size_t n,
                                              const char *chunk, struct arena *arena);
/* Those of a revision, with the uses that are on record.  Blocks. */
struct policy_grants grants_of_revision(struct store *store, const struct store_revision *revision,
                                        struct arena *arena);
/* What a supervisor says of one: its uses, or its end. */
void sandbox_grant_reported(struct sandbox *s, const struct sandbox_grant *grant);
/* Ends those whose time is over, also where no supervisor runs. */
void runtime_check_grants(struct runtime *all);
/* Before a start: what a supervisor counted or watched has ended with it.  Blocks; -1 with
 * st->err. */
int start_check_grants(struct start *st);
/* The file in which the sandbox's supervisors count uses. */
const char *start_uses_path(struct start *st);

#endif
