/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel whose requests are judged: from the client's first bytes to a client that waits for its
 * first request.  For the egress folder; loop thread only. */
#ifndef EGRESS_INSPECT_INSPECT_H
#define EGRESS_INSPECT_INSPECT_H

#include "egress/client.h"

/* Whether the traffic of the client's tunnel is to be inspected, where it can be. */
bool egress_inspect_wanted(const struct client *c);
/* Rules about requests hold for it: what cannot be inspected must not pass. */
bool egress_inspect_required(const struct client *c);

enum egress_protocol {
    EGRESS_PROTOCOL_UNKNOWN,                        /* more bytes will tell */
    EGRESS_PROTOCOL_HTTP,
    EGRESS_PROTOCOL_HTTP2, /* without TLS, by prior knowledge (RFC 9113, 3.3) */
    EGRESS_PROTOCOL_OTHER,
};

/* By the first bytes of a client that does not speak TLS.  strict: HTTP is what begins with one of
 * the usual methods; else with anything that could be a method. */
enum egress_protocol egress_inspect_guess(const char *bytes, size_t len, bool strict);

/* From here on each request is judged.  pending has what the client said first. */
void egress_inspect_plain(struct client *c);
void egress_inspect_http2(struct client *c);        /* without TLS, by prior knowledge */
/* TLS with the client alone, whose requests the proxy serves itself. */
void egress_inspect_serve(struct client *c);
/* pending begins with a client hello, which offers HTTP/2 or not. */
void egress_inspect_tls(struct client *c, bool offers_http2);

#endif
