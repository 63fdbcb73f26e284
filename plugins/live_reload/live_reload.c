/* SPDX-License-Identifier: Apache-2.0 */
/* May the running sandbox take this change of its network policies?
 *
 * Asks the one thing that decides it: whether the sandbox runs an egress proxy.  Whether a list of
 * rules is empty says nothing, because an empty one is a proxy that lets nothing through. */
#include <sluice/plugin.h>

static const struct sluice_code codes[] = {
    {"NO_PROXY_SUBSTRATE",
     "The sandbox was created without an egress proxy, so no network rule can take effect."},
    {NULL, NULL},
};

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    (void)self;
    size_t changes = t->diff->n_added + t->diff->n_removed + t->diff->n_changed;
    if (changes == 0 || !t->sandbox || t->sandbox->network == SLUICE_NETWORK_PROXY)
        return sluice_allow(b);
    /* Names neither rule nor sandbox: every way of asking gets the same words. */
    return sluice_deny(b, "NO_PROXY_SUBSTRATE", "network_policies",
                       "the sandbox was created with network none and runs no egress proxy, so "
                       "network policies cannot take effect; create it with network proxy");
}

SLUICE_PLUGIN(
        .name = "live_reload", .version = "1.0.0",
        .summary =
            "Allows network changes where the sandbox runs an egress proxy that can take them.",
        .codes = codes, .flags = SLUICE_REENTRANT, .vote = vote);
