/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens with which a client connects to services of one sandbox: SSH, and ports of its loopback.
 * What is kept of a token is its digest, in memory: it ends with the gateway, with its time, when
 * it is revoked, or when many newer ones have been made.  Connections that were begun with a
 * token end with it, those of one that expires within SANDBOX_PING_MS.
 *
 * Ownership: a use belongs to whoever began it until it is released; the runtime must outlive it.
 * Threads: the loop's thread only. */
#ifndef RUNTIME_SESSIONS_SSH_SESSIONS_H
#define RUNTIME_SESSIONS_SSH_SESSIONS_H

#include "auth/auth.h"
#include "base/digest.h"
#include "runtime/runtime.h"

enum {
    SSH_SESSION_MS = 60 * 60 * 1000,
    SSH_SESSIONS_MAX = 64,                          /* of one sandbox; the oldest unused one goes */
    SSH_SESSION_USES_MAX = 3,                       /* connections at once, of one token … */
    SSH_SANDBOX_USES_MAX = 20,                      /* … and of all of one sandbox */
};

struct ssh_use;

/* The token of a connection is revoked or has expired, or its sandbox is deleted: the connection is
 * to end, and why says so.  The use has still to be released, now or later. */
typedef void ssh_revoked(void *arg, const char *why);

/* A token for a sandbox that is ready, which lasts for ms. */
int ssh_session_create(struct runtime *runtime, const char *sandbox_id, int64_t ms,
                       char token[DIGEST_HEX_SIZE], struct error *err);
/* The fingerprint of the host key of its sshd, as ssh-keygen tells it, or "". */
const char *ssh_session_host_key(struct runtime *runtime, const char *sandbox_id);
/* Which sandbox it is a token of; out is valid until the loop turns.  False: there is no such
 * token. */
bool ssh_session_sandbox(struct runtime *runtime, const char *token, struct auth_sandbox *out);
bool ssh_session_revoke(struct runtime *runtime, const char *token);
/* Begins a connection; NULL: the token is not one of this sandbox, or too many are open. */
struct ssh_use *ssh_session_use(struct runtime *runtime, const char *sandbox_id, const char *token,
                                ssh_revoked *on_end, void *arg, struct error *err);
void ssh_session_release(struct ssh_use *use);      /* NULL is fine */

#endif
