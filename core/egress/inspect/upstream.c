/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/inspect/upstream.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "base/error.h"
#include "egress/inspect/trust.h"
#include "net/tls.h"

bool egress_upstream_secure(struct client *c, struct egress_refusal *refusal)
{
    struct error err;
    const struct egress_target *target = &c->route.target;
    SSL *ssl = egress_trust_client(c->proxy->inspection.trust, target->host, target->port,
                                   c->protocols, &err);
    if (!ssl) {
        egress_refuse(refusal, REFUSAL_TLS, "%s", err.text);
        return false;
    }
    c->upstream.stream = net_tls_new(c->upstream.stream, ssl, NULL, 0, &egress_upstream_calls, c);
    net_tls_expect(c->upstream.stream, c->proxy->limits.secure_ms);
    c->upstream.tls = true;
    return true;
}

bool egress_upstream_speaks_http2(const struct client *c)
{
    const unsigned char *name;
    unsigned len;
    if (c->protocols == EGRESS_HTTP_1_1)
        return false;                               /* it was not asked */
    SSL_get0_alpn_selected(net_tls_ssl(c->upstream.stream), &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

void egress_upstream_explain(const struct client *c, struct egress_refusal *refusal)
{
    const char *authority = c->route.target.authority;
    const char *problem = net_tls_problem(c->upstream.stream);
    if (net_tls_timed_out(c->upstream.stream))
        egress_refuse(refusal, REFUSAL_SLOW, "TLS with %s was not established within %u ms",
                      authority, c->proxy->limits.secure_ms);
    else if (SSL_get_verify_result(net_tls_ssl(c->upstream.stream)) != X509_V_OK)
        egress_refuse(
            refusal, REFUSAL_CERTIFICATE,
            "the certificate of %s is not accepted: %s "
            "(egress.extra_ca of the gateway adds authorities; tls: skip leaves the check "
            "to the client)",
            authority, problem);
    else
        egress_refuse(refusal, REFUSAL_TLS, "TLS with %s failed: %s", authority, problem);
}
