/* SPDX-License-Identifier: Apache-2.0 */
/* Schema tables of struct sluice_transition: what scripts see of it and what is sent to voters in
 * processes of their own come from the same rows.  The diff is not a row: scripts reach it through
 * iterators, and the wire names rules of the policies by their keys. */
#ifndef CHAIN_TRANSITION_H
#define CHAIN_TRANSITION_H

#include <sluice/transition.h>

#include "doc/schema.h"

extern const struct schema chain_transition_schema, chain_sandbox_schema, chain_actor_schema,
    chain_draft_schema, chain_approval_schema, chain_rule_change_schema, chain_static_change_schema,
    chain_reach_schema;

#endif
