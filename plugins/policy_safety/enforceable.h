/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields of an endpoint the runtime cannot enforce yet.  One list, in enforceable.c. */
#ifndef POLICY_SAFETY_ENFORCEABLE_H
#define POLICY_SAFETY_ENFORCEABLE_H

#include <sluice/policy.h>

/* The name of the first field that is set and cannot be enforced, or NULL. */
const char *unenforceable_field(const struct sluice_endpoint *e);

#endif
