/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which DNS servers are asked.  Loop thread only. */
#ifndef EGRESS_NAMESERVERS_H
#define EGRESS_NAMESERVERS_H

#include <ares.h>

#include "egress/destination/silent.h"

/* Servers that were silent lately are asked last.  Before the channel's first question. */
void egress_nameservers_sort(ares_channel channel, const struct egress_silent *silent,
                             uint64_t now_ms);

/* A question was answered after so many timeouts.  Servers are asked in order, so that those before
 * the one that answered were silent. */
void egress_nameservers_remember(ares_channel channel, int timeouts, struct egress_silent *silent,
                                 uint64_t now_ms);

#endif
