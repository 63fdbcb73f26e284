/* SPDX-License-Identifier: Apache-2.0 */
/* A grant with an end as clients ask for it: in an approval, and as a wish in a proposal. */
#ifndef POLICY_WISH_H
#define POLICY_WISH_H

#include "policy/grant.h"

/* {uses}, {for}, {expires_at} or {pid}, or the command line's words for them; decodes to a struct
 * policy_grant without chunk and rule. */
extern const struct schema policy_wish_schema;

#endif
