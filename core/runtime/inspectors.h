/* SPDX-License-Identifier: Apache-2.0 */
/* The voters of the chain that judge requests, in the supervisors of all sandboxes.
 *
 * A supervisor that cannot load them keeps those it had and says why; one that has none refuses
 * every request. */
#ifndef RUNTIME_INSPECTORS_H
#define RUNTIME_INSPECTORS_H

#include "chain/inspect/counts.h"
#include "runtime/runtime.h"

/* Every supervisor uses those of the chain, loaded by this configuration, from now on.  Any
 * thread. */
void runtime_set_inspectors(struct runtime *runtime, struct chain *chain,
                            const struct chain_config *config);

/* What supervisors have counted of a voter since the start; any thread. */
struct inspect_counts runtime_inspected(struct runtime *runtime, const char *voter);

/* Waits until the supervisors that are connected have answered, at most so long.  A worker. */
void runtime_await_inspectors(struct runtime *runtime, uint64_t timeout_ms);

/* A new list of the sandboxes that have not loaded them, with the reasons.  Any thread. */
json_t *runtime_not_inspecting(struct runtime *runtime);

#endif
