/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a program signed for AWS with placeholders of its keys (secret/sigv4.h): signed
 * anew with the values.  For the egress folder; loop thread only. */
#ifndef EGRESS_INSPECT_SIGNING_H
#define EGRESS_INSPECT_SIGNING_H

#include "egress/inspect/filled.h"
#include "secret/replace.h"

enum {
    EGRESS_SIGNING_BODY_MAX = 10 * 1024 * 1024,   /* of one that is read to be hashed */
    EGRESS_SIGNING_BODIES_MAX = 64 * 1024 * 1024, /* of all bodies that are read whole, then */
};

/* Whether the field is such a signature. */
bool egress_signing_is(const struct http_field *field);
/* Whether the signature is over the hash of a body that nobody has told. */
bool egress_signing_wants_body(const struct client *c);
/* What is filled in already is signed.  -1: refused. */
int egress_signing_fill(struct client *c, const struct secret_destination *to,
                        struct egress_filled *out, struct egress_refusal *refusal);

#endif
