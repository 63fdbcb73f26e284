/* SPDX-License-Identifier: Apache-2.0 */
/* The decision log: one line for each verdict, and for what became of it.  For this folder. */
#ifndef EGRESS_RECORD_H
#define EGRESS_RECORD_H

#include "egress/client.h"

#define EGRESS_ENGINE_CONNECTION "l4"
#define EGRESS_ENGINE_REQUEST "l7"
#define EGRESS_ENGINE_MESSAGE "l7-websocket"
#define EGRESS_ENGINE_ADDRESS "ssrf"
#define EGRESS_ENGINE_TLS "tls"
#define EGRESS_ENGINE_VOTER "voter"
#define EGRESS_ENGINE_CREDENTIAL "credential-binding"

/* reason: why rules would refuse what is only audited, which on_audited is told of, too. */
void egress_record_allowed(struct client *c, const char *engine, const char *reason);
void egress_record_refused(struct client *c, const char *engine, const char *reason);
/* A request that the proxy serves itself. */
void egress_record_served(struct client *c, const char *engine);
/* What a refusal reveals of the program that it stopped. */
struct egress_finding {
    const char *type;                               /* as OpenShell calls it */
    const char *title;
};

/* A line of its own beside that of the refusal. */
void egress_record_finding(const struct client *c, const struct egress_finding *finding,
                           const char *reason);
/* What voters found out, as KEY=VALUE; whatever becomes of the request has a line of its own. */
void egress_record_facts(const struct client *c, const char *facts);
/* What is refused waits for a decision, and has no verdict yet. */
void egress_record_held(const struct client *c, const char *engine, const char *reason);
/* What was permitted is ended.  refusal: it counts as one more refusal. */
void egress_record_ended(const struct client *c, const char *engine, const char *reason,
                         bool refusal);
/* What was permitted did not work. */
void egress_record_failed(const struct client *c, const char *reason);

/* When a connection was refused, in a denial. */
const char *egress_record_stage(const struct client *c);
/* "GET host:port/path", or "CONNECT host:port".  The query is left out: it may be a secret, and
 * says nothing about where. */
void egress_record_name(const struct client *c, char *out, size_t size);

#endif
