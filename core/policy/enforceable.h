/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime cannot enforce yet.  policy_safety refuses it while there is somebody to tell,
 * and a supervisor does not load it whatever the voters said: half enforced is worse than refused.
 * One list, in enforceable.c.  Pure, any thread. */
#ifndef POLICY_ENFORCEABLE_H
#define POLICY_ENFORCEABLE_H

#include "base/error.h"
#include "base/problems.h"
#include <sluice/policy.h>

/* The name of the first field that is set and cannot be enforced, or NULL. */
const char *policy_endpoint_unenforceable(const struct sluice_endpoint *e);

/* Whether tls: skip keeps the proxy from the requests that the endpoint has rules about. */
bool policy_tls_hides_requests(const struct sluice_endpoint *e);

/* The fields about requests that the runtime enforces, at least for protocol rest; NULL after the
 * last. */
const char *policy_enforced_field(size_t i);

/* Adds a problem for each endpoint that cannot be enforced. */
void policy_unenforceable(const struct sluice_policy *policy, struct problems *out);

/* -1: something in the policy cannot; err names the first by its document path. */
int policy_enforceable(const struct sluice_policy *policy, struct error *err);

#endif
