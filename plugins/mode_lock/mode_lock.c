/* SPDX-License-Identifier: Apache-2.0 */
/* The old rule, for sites that want it: a sandbox stays either with or without network policies. */
#include <sluice/plugin.h>

static const struct sluice_code codes[] = {
    {"BLOCK_TO_PROXY", "The first network policy of a sandbox that has none."},
    {"PROXY_TO_BLOCK", "The removal of a sandbox's last network policy."},
    {NULL, NULL},
};

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    (void)self;
    if (!t->current || (t->current->n_rules == 0) == (t->candidate->n_rules == 0))
        return sluice_allow(b);
    if (t->current->n_rules == 0)
        return sluice_deny(b, "BLOCK_TO_PROXY", "network_policies",
                           "cannot add network policies to a sandbox created without them "
                           "(Block → Proxy mode change requires restart)");
    return sluice_deny(b, "PROXY_TO_BLOCK", "network_policies",
                       "cannot remove all network policies from a sandbox created with them "
                       "(Proxy → Block mode change requires restart)");
}

SLUICE_PLUGIN(.name = "mode_lock", .version = "1.0.0",
              .summary =
                  "Refuses the change between no network policies and some, in both directions.",
              .codes = codes, .flags = SLUICE_REENTRANT, .vote = vote);
