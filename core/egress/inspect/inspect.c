/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/inspect.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "egress/deny.h"
#include "egress/inspect/authority.h"
#include "egress/inspect/upstream.h"
#include "egress/multiplex/multiplex.h"
#include "egress/record.h"
#include "egress/voters/concern.h"
#include "net/tls.h"

static const struct client_state securing_state;

bool egress_inspect_required(const struct client *c)
{
    return c->route.candidates.n > 0;
}

bool egress_inspect_wanted(const struct client *c)
{
    const struct egress_inspection *inspection = &c->proxy->inspection;
    const struct sluice_endpoint *endpoint = c->route.decision.endpoint;
    bool skipped = strcmp(endpoint->tls, "skip") == 0 || strcmp(endpoint->protocol, "tcp") == 0;
    return egress_inspect_required(c) ||
           (inspection->authority && !skipped &&
            (!inspection->when_needed || egress_concern_any(c)));
}

/* The tunnel's own request is over, and its parser with it. */
static void begin(struct client *c, enum client_inspection inspected)
{
    c->inspected = inspected;
    egress_exchange_clear(&c->exchange);
    http_parser_free(c->requests);
    c->requests = http_parser_new(HTTP_OF_CLIENT, EGRESS_HEAD_MAX);
    c->upstream.used = true;                        /* it may end before there is a request */
}

void egress_inspect_plain(struct client *c)
{
    begin(c, INSPECTED_PLAIN);
    egress_client_next(c);
}

void egress_inspect_http2(struct client *c)
{
    begin(c, INSPECTED_PLAIN);
    egress_multiplex_begin(c);
}

/* ---- TLS with the client ---- */

static void give_up(struct client *c, const char *problem)
{
    char reason[400];
    snprintf(reason, sizeof reason,
             "TLS with the client failed: %s (it has to trust "
             "/etc/sluice-tls/ca.pem; tls: skip leaves its connections to this host alone)",
             problem);
    egress_record_failed(c, reason);
    egress_client_close(c);
}

/* False: it cannot begin. */
static bool begin_tls(struct client *c, bool only_http1)
{
    struct error err;
    SSL *ssl = egress_authority_server(c->proxy->inspection.authority, c->route.target.host, &err);
    if (!ssl) {
        give_up(c, err.text);
        return false;
    }
    if (only_http1)
        egress_authority_only_http1(ssl);
    begin(c, INSPECTED_TLS);
    c->state = &securing_state;
    c->stream =
        net_tls_new(c->stream, ssl, c->pending.data, c->pending.len, &egress_client_calls, c);
    buf_free(&c->pending);
    egress_client_expect(c, c->proxy->limits.head_ms);
    return true;
}

/* Meanwhile TLS with the origin begins too.  If that fails, the first request will try again and be
 * told why. */
void egress_inspect_tls(struct client *c, bool offers_http2)
{
    struct egress_refusal failure;
    if (!begin_tls(c, false))
        return;
    c->protocols = offers_http2 ? EGRESS_HTTP_2_OR_1_1 : EGRESS_HTTP_1_1_OR_2;
    if (!egress_upstream_secure(c, &failure))
        egress_client_drop_upstream(c);
}

void egress_inspect_serve(struct client *c)
{
    begin_tls(c, true);
}

static void securing_client_secured(struct client *c, int status)
{
    const unsigned char *protocol;
    unsigned len;
    if (status != 0) {
        give_up(c, net_tls_problem(c->stream));
        return;
    }
    SSL_get0_alpn_selected(net_tls_ssl(c->stream), &protocol, &len);
    c->tls = SSL_get_version(net_tls_ssl(c->stream));       /* a constant of the library's */
    if (len == strlen("h2") && memcmp(protocol, "h2", len) == 0)
        egress_multiplex_begin(c);
    else
        egress_client_next(c);
}

static void securing_timed_out(struct client *c)
{
    give_up(c, "it took too long");
}

static void securing_policy_changed(struct client *c)
{
    egress_still_permitted(c);
}

static const struct client_state securing_state = {
    .client_secured = securing_client_secured,
    .timed_out = securing_timed_out,
    .policy_changed = securing_policy_changed,
};
