/* SPDX-License-Identifier: Apache-2.0 */
/* What changes between two complete policies, as the public struct sluice_diff.  Pure, any
 * thread. */
#ifndef POLICY_DIFF_H
#define POLICY_DIFF_H

#include "base/arena.h"
#include <sluice/transition.h>

/* from may be NULL (create): every rule is added then.  The result points into both policies and
 * lives in the arena.  Static sections are compared by meaning, paths after normalisation. */
const struct sluice_diff *policy_diff(const struct sluice_policy *from,
                                      const struct sluice_policy *to, struct arena *arena);

#endif
