/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking, and may they?  Every front (HTTP now, gRPC later) asks here, once for each
 * request, before the request's body is read.  Whoever runs the front fills a struct auth.  Loop
 * thread only. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/account.h"
#include "auth/certificate.h"
#include "auth/guesses.h"
#include "auth/live.h"
#include "auth/principal.h"
#include "auth/roles.h"
#include "auth/token.h"
#include "base/error.h"
#include "base/log.h"

struct auth_leases;
struct http_request;
struct oidc;

struct auth_sandbox {
    const char *id, *holders;                       /* as auth/holders.h has them */
};

struct auth {
    const struct log *log;
    const char *admin_token_hash; /* SHA-256 of the token for TCP clients; NULL: none */
    const struct auth_token *const *tokens;
    size_t n_tokens;
    const struct auth_certificate *const *certificates;     /* of clients */
    size_t n_certificates;
    struct auth_roles *roles;                       /* of the configuration; NULL: none */
    struct auth_accounts *accounts;                 /* of this host; NULL: no name is kept */
    struct auth_live *live;                         /* further tokens; NULL: none */
    struct auth_leases *leases;                     /* auth/lease.h; NULL: nobody takes one */
    struct oidc *oidc;                              /* an issuer's tokens; NULL: there is none */
    /* The id of the sandbox whose supervisor has this token, or NULL. */
    const char *(*find_supervisor)(void *ctx, const char *token);
    void *supervisors;
    /* The sandbox that has this name now; false: none has.  NULL: there are none. */
    bool (*find_sandbox)(void *ctx, const char *name, struct auth_sandbox *out);
    uint64_t weak_told; /* a bit for each token whose weakness was logged */
    struct guesses guesses;
};

/* What a request is about to do. */
struct auth_question {
    enum auth_permission permission;
    enum auth_permission or_else; /* is enough too; AUTH_ANYBODY: there is no such */
    const char *sandbox;                            /* its name; NULL: see auth_may */
    bool later; /* which sandbox it asks about is known once its message was read: the front calls
                 * auth_ask_about and auth_check then */
    bool stateless; /* the answer tells nothing of what the gateway has or does */
    bool local_names; /* names below localhost are names of this machine too */
};

/* Why not, and what the answer must say besides. */
struct auth_refusal {
    struct error err;
    bool challenge;                                 /* a bearer token would do: WWW-Authenticate */
    int retry_s;                                    /* Retry-After; 0: no matter when */
};

#define AUTH_HOLDS_NO_MORE                                                                         \
    "what let this request in holds no more: its token or certificate was revoked or has "         \
    "expired, or its role has changed"

/* 0: it may, and out is who it is (nobody, where anybody may).  -1: the refusal is filled. */
int auth_admit(struct auth *auth, const struct http_request *req,
               const struct auth_question *question, struct auth_principal *out,
               struct auth_refusal *refusal);
/* The same of somebody who was admitted some time ago, as when the body of a request has come:
 * tokens are revoked and sandboxes shared no longer, or deleted, meanwhile. */
int auth_admit_again(struct auth *auth, const struct auth_question *question,
                     struct auth_principal *p, struct auth_refusal *refusal);
/* From now on it asks about this sandbox. */
void auth_ask_about(struct auth_principal *p, const struct auth_sandbox *sandbox);
/* Whether what somebody was admitted by still holds: a token that was made while the gateway runs
 * may be revoked, it and a certificate expire, and a role of the configuration may change.  For
 * answers that last.  Any thread. */
bool auth_holds(const struct auth *auth, const struct auth_principal *p);
/* Whether somebody who was admitted may do something else too.  -1: err says what they lack.  Any
 * thread. */
int auth_check(const struct auth_principal *p, enum auth_permission permission,
               const char *sandbox, struct error *err);

#endif
