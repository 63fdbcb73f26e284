/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up what the paths of the policy lead to, on a worker thread: the file system is the
 * workload's, and may take its time.  For this folder. */
#ifndef EGRESS_FOLLOW_H
#define EGRESS_FOLLOW_H

#include "egress/client.h"

/* Then calls go_on, at once where no link is needed; not where the client is closed meanwhile. */
void egress_follow_links(struct client *c, void (*go_on)(struct client *c));

#endif
