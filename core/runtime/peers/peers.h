/* SPDX-License-Identifier: Apache-2.0 */
/* Commands, ports and logs of a sandbox that another gateway of the store has: the gateway that was
 * asked asks that one, and carries the bytes of the session between it and its client.
 *
 * Who the gateways are is what the store says.  Each makes a key when it starts and puts the
 * digest of its certificate on record with its address; both ends of a connection show theirs
 * (TLS 1.3), and neither sends or believes a byte before it has looked the other's up.  Nothing
 * else is accepted, no authority and no token.
 *
 * Whether the asking principal may is judged where it asked, and goes on being judged there: when
 * it loses the right, the session ends.  Its name goes along for the log of the sandbox's home.
 * A question is for the home itself and is never passed on.  A session whose gateway is lost, or
 * has lost the sandbox, ends with an EXIT frame that says so.
 *
 * Ownership: the peers belong to the runtime.  Threads: the loop's thread only. */
#ifndef RUNTIME_PEERS_PEERS_H
#define RUNTIME_PEERS_PEERS_H

#include "auth/auth.h"
#include "runtime/runtime.h"

struct peer_identity;
struct sandbox;
struct sandbox_message;
struct sockaddr;

/* ---- for the gateway ---- */

/* A new key and its certificate.  NULL: err.  Any thread. */
struct peer_identity *peer_identity_new(struct error *err);
/* SHA-256 of the certificate, which others recognise it by. */
const char *peer_identity_digest(const struct peer_identity *identity);
void peer_identity_free(struct peer_identity *identity);    /* NULL is fine */

/* Takes questions at the address, and may ask from now on.  The identity is borrowed for as long as
 * the runtime lives. */
int runtime_open_peers(struct runtime *runtime, struct peer_identity *identity,
                       const struct sockaddr *address, struct error *err);

/* ---- inside the runtime ---- */

/* After the record of a sandbox or the list of gateways has changed: sessions with a gateway that
 * is silent, or no longer the sandbox's, end. */
void peers_check(struct runtime *all);
void peers_close(struct runtime *all);

/* What is asked about a sandbox that is at home elsewhere.  One of the three is told, from the
 * loop. */
struct peer_question {
    const char *op;                                 /* of PEER_OPS */
    const struct auth_principal *who;               /* NULL: nobody is named */
    const struct sandbox_message *message;          /* EXEC, ATTACH; NULL: none */
    bool follow;                                    /* logs */
    /* As runtime_exec_fn and runtime_detach_fn of sessions/exec.h. */
    void (*done)(void *arg, struct net_stream *session, const struct error *err);
    void (*detached)(void *arg, int64_t pid, const struct error *err);
    /* session: its first n_kept bytes of output are what is kept of the log. */
    void (*logs)(void *arg, struct net_stream *session, size_t n_kept, const struct error *err);
    void *arg;
};

#define PEER_EXEC "exec"
#define PEER_ATTACH "attach"
#define PEER_LOGS "logs"

/* What it points to is borrowed until this returns. */
void peers_ask(const struct sandbox *s, const struct peer_question *question);

#endif
