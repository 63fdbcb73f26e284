/* SPDX-License-Identifier: Apache-2.0 */
/* The requests that an endpoint allows, as a set.  Pure, any thread. */
#ifndef DRAFTS_SUBTRACT_H
#define DRAFTS_SUBTRACT_H

#include <stdbool.h>

#include "base/arena.h"
#include <sluice/policy.h>

/* Everything but the ports and the host. */
bool drafts_same_terms(const struct sluice_endpoint *a, const struct sluice_endpoint *b);
/* The same, except for the requests that they allow. */
bool drafts_same_but_requests(const struct sluice_endpoint *a, const struct sluice_endpoint *b);

/* e with those of its rules that made does not have, or that was has too (NULL: nothing was there),
 * by itself or by its access preset.  In the arena; NULL: no rule is left. */
const struct sluice_endpoint *drafts_subtract(const struct sluice_endpoint *e,
                                              const struct sluice_endpoint *made,
                                              const struct sluice_endpoint *was,
                                              struct arena *arena);
/* e with those of its rules that made has; NULL: none. */
const struct sluice_endpoint *drafts_intersect(const struct sluice_endpoint *e,
                                               const struct sluice_endpoint *made,
                                               struct arena *arena);

#endif
