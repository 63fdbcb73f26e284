/* SPDX-License-Identifier: Apache-2.0 */
/* Placeholders of credentials in a request, and the values that take their place on the way to the
 * origin.  For the egress folder; loop thread only.
 *
 * A request is looked at twice: before it is allowed, and when its head is written, as the
 * credentials may have changed in between. */
#ifndef EGRESS_INSPECT_CREDENTIALS_H
#define EGRESS_INSPECT_CREDENTIALS_H

#include "egress/client.h"

struct egress_filled_field {
    size_t index;                                   /* among the fields of the head */
    const char *before;                             /* its value as the client sent it */
    struct buf value;
};

/* A request's head with values in it, until egress_credentials_undo. */
struct egress_filled {
    struct buf target;                              /* path and query; empty: as they were */
    struct egress_filled_field *fields;
    size_t n;
    struct buf body; /* of one that was read whole; empty: as it was */
};

/* Puts values into the fields of the head and into out.  -1: refused, and nothing is changed. */
int egress_credentials_fill(struct client *c, struct egress_filled *out,
                            struct egress_refusal *refusal);
/* The head is as the client sent it, and the values are overwritten. */
void egress_credentials_undo(struct client *c, struct egress_filled *filled);
/* Answers a request whose placeholders are refused.  False: it may go on. */
bool egress_credentials_refused(struct client *c);
/* The same for a refusal at hand. */
void egress_credentials_refuse(struct client *c, const struct egress_refusal *refusal);

/* What the refusal says of the program is told in the log and to the gateway. */
void egress_credentials_find(const struct client *c, const struct egress_refusal *refusal);

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
