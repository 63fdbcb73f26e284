/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/runtime/peers: the connections of this gateway with others.
 *
 * A connection carries one question: two lines of JSON, {"sluice_peer":1, "op":…, "sandbox":ID, …}
 * and the message of sandbox/wire/protocol.h or {}; then one line, {"ok":true, …} or {"error":…,
 * "kind":…}; then the frames of the session. */
#ifndef RUNTIME_PEERS_CONNECTIONS_H
#define RUNTIME_PEERS_CONNECTIONS_H

#include <openssl/ssl.h>

#include "runtime/sandbox.h"

enum {
    PEER_VERSION = 1,
    PEER_LINE_MAX = SANDBOX_LINE_MAX,
    PEER_ANSWER_MAX = 16 * 1024,
    PEER_CONNECTIONS_MAX = 1024,                    /* at a time, at the home */
    PEER_HANDSHAKE_MS = 5000,
    PEER_ANSWER_MS = 15000,                         /* a home waits less for a supervisor */
    PEER_LOG_QUEUE_MAX = 8 * 1024 * 1024, /* bytes of a log for a peer that does not read */
};

/* Where a sandbox is at home; the texts are in whoever's arena. */
struct peer_home {
    const char *sandbox_id, *sandbox;               /* its id and its name */
    struct store_gateway gateway;
};

struct peer_ask;
struct peer_conn;
struct peer_session;

struct peer_identity;

struct peers {
    struct runtime *all;
    struct peer_identity *identity;
    uv_tcp_t listener;
    struct peer_ask *asks;
    struct peer_conn *conns;
    struct peer_session *sessions;
    size_t n_conns;
    bool closing, listener_gone;
};

/* Frees the peers when they are closed and nothing of them is left. */
void peers_release(struct peers *peers);

/* ---- identity.c ---- */

/* In accept or connect state; NULL: OpenSSL refused. */
SSL *peer_ssl(struct peer_identity *identity, bool accepts);
bool peer_digest(SSL *ssl, char out[DIGEST_HEX_SIZE]);      /* of the certificate of the far end */

/* ---- ask.c ---- */
void peer_asks_fail(struct peers *peers);

/* ---- serve.c ---- */
void peer_accept(uv_stream_t *listener, int status);
void peer_conns_close(struct peers *peers);

/* ---- session.c ---- */

/* The asking end of a session, as a stream whose reader gets whole frames, the last of which is an
 * EXIT.  Takes the stream, and what was read of it already. */
struct net_stream *peer_session_new(struct peers *peers, struct net_stream *far,
                                    struct buf *received, const struct peer_home *home);
/* The home is lost: the reader gets an EXIT. */
void peer_session_break(struct peer_session *session, const char *why);
void peer_sessions_check(struct peers *peers);
struct peer_session *peer_session_next(const struct peer_session *session);

#endif
