/* SPDX-License-Identifier: Apache-2.0 */
/* Reports to on_passed what is permitted, so that a policy can be learned from it:
 *  - a tunnel, with method CONNECT and path "";
 *  - a tunnel whose bytes pass uninspected once more, if there are any, with method TCP and path
 *    "";
 *  - a request by its method and canonical path, once for each method that it asks for;
 *  - each call in the body of a request or message that is judged by its calls.
 * binary is the program that the rule names: the caller, one that started it, or a link to it.
 * For this folder. */
#ifndef EGRESS_PASSED_H
#define EGRESS_PASSED_H

#include "egress/client.h"

/* A tunnel, request or message that is permitted. */
void egress_passed_report(struct client *c);
/* The client's tunnel is not inspected from here on. */
void egress_passed_report_bytes(struct client *c);

#endif
