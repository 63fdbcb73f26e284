/* SPDX-License-Identifier: Apache-2.0 */
/* Placeholders of credentials in a request, and the values that take their place on the way to the
 * origin.  For the egress folder; loop thread only.
 *
 * A request is looked at twice: before it is allowed, and when its head is written, as the
 * credentials may have changed in between. */
#ifndef EGRESS_INSPECT_CREDENTIALS_H
#define EGRESS_INSPECT_CREDENTIALS_H

#include "egress/inspect/filled.h"

/* Puts values into the fields of the head and into out.  -1: refused, and nothing is changed. */
int egress_credentials_fill(struct client *c, struct egress_filled *out,
                            struct egress_refusal *refusal);
/* Answers a request whose placeholders are refused.  False: it may go on. */
bool egress_credentials_refused(struct client *c);
/* The same for a refusal at hand. */
void egress_credentials_refuse(struct client *c, const struct egress_refusal *refusal);

/* What the refusal says of the program is told in the log and to the gateway. */
void egress_credentials_find(const struct client *c, const struct egress_refusal *refusal);

/* The same of a request that is refused anyway, whose host is the placeholder of a credential: in
 * its Host field, or in the authority of its target. */
void egress_credentials_find_in_host(const struct client *c);

/* Whether the body has to be read whole, as placeholders in it are replaced. */
bool egress_credentials_want_body(const struct client *c);
enum { EGRESS_CREDENTIALS_BODY_MAX = 256 * 1024 };
/* Of a WebSocket text.  1: out has it with values, 0: it has no placeholder, -1: refused. */
int egress_credentials_fill_message(struct client *c, const char *text, size_t len,
                                    struct buf *out, struct egress_refusal *refusal);
/* Looks at a piece of a body that passes as it comes.  False: it has a placeholder; nothing more of
 * it may pass. */
bool egress_credentials_pass_body(struct client *c, const char *bytes, size_t len);
/* Answers such a request. */
void egress_credentials_refuse_body(struct client *c);

#endif
