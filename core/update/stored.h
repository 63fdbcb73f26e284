/* SPDX-License-Identifier: Apache-2.0 */
/* A cache of parsed policies: each update of a sandbox reads the same few again.  The key is the
 * hash of the policy, so an entry is never stale.  Any thread. */
#ifndef UPDATE_STORED_H
#define UPDATE_STORED_H

#include "policy/policy.h"
#include "store/store.h"

struct stored_policies;

struct stored_policies *stored_policies_new(void);
void stored_policies_free(struct stored_policies *stored);

/* The policy of a revision; the caller owns the reference.  NULL: the store's text cannot be
 * read. */
struct policy *stored_policies_get(struct stored_policies *stored,
                                   const struct store_revision *revision, struct error *err);
/* Caches a policy that was just committed, as the next update needs it.  Borrows it. */
void stored_policies_keep(struct stored_policies *stored, struct policy *policy);

#endif
