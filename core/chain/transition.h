/* SPDX-License-Identifier: Apache-2.0 */
/* Schema tables of struct sluice_transition.  Lua, the wire to isolated voters and the test kit use
 * the same rows.  The diff is no row: scripts read it by iterators, and the wire names its rules by
 * their keys. */
#ifndef CHAIN_TRANSITION_H
#define CHAIN_TRANSITION_H

#include "doc/schema.h"
#include <sluice/transition.h>

extern const struct schema chain_transition_schema, chain_sandbox_schema, chain_actor_schema,
    chain_draft_schema, chain_approval_schema, chain_grant_schema, chain_rule_change_schema,
    chain_static_change_schema, chain_reach_schema, chain_finding_schema;

#endif
