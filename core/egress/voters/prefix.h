/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a request's body, which is kept back until voters have seen it.  For the egress
 * folder; loop thread only. */
#ifndef EGRESS_VOTERS_PREFIX_H
#define EGRESS_VOTERS_PREFIX_H

#include "egress/voters/question.h"

/* Reads what the voters need of the body into the exchange, or all of it where it is shorter, and
 * calls go_on.  What has not come within 30 s is refused, with a length or without: nobody passes a
 * body by sending it slowly. */
void egress_prefix_read(struct question *q, void (*go_on)(struct client *c));

#endif
