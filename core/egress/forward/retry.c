/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/forward/retry.h"

#include <string.h>

#include "http2/http2.h"
#include "net/tls.h"

/* A connection that was kept may end just when it is used again.  What changes nothing at the
 * server is then asked again, and anything that the server says it has not looked at. */
bool egress_retry_is_harmless(const struct client *c)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    const struct exchange *exchange = &c->exchange;
    bool idempotent = false;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        idempotent |= strcmp(methods[i], exchange->head->method) == 0;
    bool refused = http2_was_refused(c->upstream.stream);
    return (refused || (idempotent && c->upstream.used)) && !exchange->retried &&
           !exchange->response && http_parser_idle(c->upstream.responses) &&
           exchange->request_done && !exchange->head->chunked && !exchange->head->length;
}

/* Whoever is on the way could have cut the connection off to make a response shorter. */
bool egress_retry_ends_well(const struct client *c)
{
    return !c->upstream.tls || !net_tls_cut_short(c->upstream.stream);
}
