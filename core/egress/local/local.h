/* SPDX-License-Identifier: Apache-2.0 */
/* http://policy.local: how programs in the sandbox read its policy and what it refused, propose
 * rules, and wait for the decision.
 *
 * Any program may call it, so nobody is identified and no policy is asked.  Which sandbox a
 * proposal is of the gateway knows by the stream on which the supervisor sends it.  Loop thread
 * only. */
#ifndef EGRESS_LOCAL_LOCAL_H
#define EGRESS_LOCAL_LOCAL_H

#include "egress/client.h"
#include "egress/local/agent.h"

bool egress_local_is(const struct egress_target *target);
/* Whether a URL of any scheme names it. */
bool egress_local_is_named(const char *url);
/* The head of a forwarded request to it is there. */
void egress_local_begin(struct client *c);
/* A program that knows no proxy connects to it. */
void egress_local_accept(struct client *c);
/* Nobody waits there any longer. */
void egress_local_switch_off(struct egress_proxy *proxy);
/* http is not the scheme of the URL. */
void egress_local_refuse_scheme(struct client *c);

#endif
