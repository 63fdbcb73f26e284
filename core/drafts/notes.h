/* SPDX-License-Identifier: Apache-2.0 */
/* Security notes on a rule for its reviewer.  Pure, any thread. */
#ifndef DRAFTS_NOTES_H
#define DRAFTS_NOTES_H

#include <stdbool.h>

#include "base/arena.h"
#include <sluice/policy.h>

/* One sentence after the other, in the arena; "" for nothing. */
const char *drafts_notes(const struct sluice_rule *rule, bool ssrf, struct arena *arena);
/* Whether these notes say that the connection was refused because of its host's addresses. */
bool drafts_notes_ssrf(const char *notes);

#endif
