/* SPDX-License-Identifier: Apache-2.0 */
/* TLS as a byte stream over another one, for client and server alike (RFC 8446, RFC 5246).
 *
 * The handshake begins at once; connected is called when it is over, with 0, UV_EPROTO when TLS
 * failed (net_tls_problem says why), or the error that broke the stream below.  What is written
 * before waits for it.  Nothing is read until net_read.  The owner may look at the peer's
 * certificate and at ALPN with the SSL of the stream from then on.
 *
 * Ownership: the stream below and the SSL belong to the new stream from the call on.
 * Threads: as net/stream.h. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/ssl.h>

#include "net/stream.h"

/* below: connected; first: what was read of it already.  ssl: made and set up by the caller (server
 * name, what to verify, session, ALPN), in connect or accept state. */
struct net_stream *net_tls_new(struct net_stream *below, SSL *ssl, const void *first,
                               size_t n_first, const struct net_calls *calls, void *owner);
/* The handshake fails with UV_ETIMEDOUT unless it is over by then. */
void net_tls_expect(struct net_stream *tls, unsigned ms);
bool net_tls_timed_out(const struct net_stream *tls);
SSL *net_tls_ssl(const struct net_stream *tls);
/* Why TLS failed, in OpenSSL's words; "" while it did not.  Valid as long as the stream. */
const char *net_tls_problem(const struct net_stream *tls);
/* The peer ended the connection without TLS's own end: what was read may have been cut short. */
bool net_tls_cut_short(const struct net_stream *tls);

#endif
