/* SPDX-License-Identifier: Apache-2.0 */
/* A voter that takes 5 ms and no processor, such as one that asks somebody else. */
#include <time.h>

#include <sluice/plugin.h>

static enum sluice_verdict vote(void *self, const struct sluice_transition *t,
                                struct sluice_ballot *b)
{
    (void)self;
    (void)t;
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return sluice_allow(b);
}

SLUICE_PLUGIN(.name = "waits", .version = "1.0.0", .summary = "Allows after 5 ms.", .vote = vote);
