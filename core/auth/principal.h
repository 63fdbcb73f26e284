/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking, and the one question about them: may they do this to this sandbox?
 *
 * Plain values; any thread. */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include <stdint.h>
#include <sys/types.h>

#include "auth/permission.h"
#include "base/digest.h"
#include "http/address.h"
#include <sluice/transition.h>

struct auth_accounts;

/* How a principal was recognised.  One kind, one constructor below. */
enum auth_kind {
    AUTH_NOBODY,                                    /* nobody has been recognised */
    AUTH_BY_UID,
    AUTH_BY_TOKEN,
    AUTH_BY_CERTIFICATE,
    AUTH_BY_OIDC,
};

struct auth_principal {
    enum auth_kind kind;
    struct auth_powers powers;                      /* of its role */
    const char *via;                                /* "unix", "tcp", "tls" or "gateway" */
    char origin[HTTP_ADDRESS_SIZE];                 /* the peer's address, as in its log lines */
    char proof[DIGEST_HEX_SIZE]; /* SHA-256 of its token, which may be revoked; "": it has none */
    int64_t until_ms;            /* when its token or certificate expires; 0: never */
    char name[128];                                 /* "": that of uid, not looked up yet */
    uid_t uid;
    bool calls_from_account;                        /* with a token, from the account of uid ... */
    char account[128]; /* ... which has this name; "": not looked up, or not known */
    char sandbox_id[40];                            /* of a supervisor: its own; "": any */
    char only[64]; /* the id of the sandbox that its token is for; "": any */
    char asked[64]; /* the sandbox that it asks about: its id, or the name of none; "": none */
    uint32_t rights; /* to that one besides those of its role: a bit for each permission */
};

/* The gateway's own uid and root are admins, others are users unless the configuration gives them a
 * role (auth/roles.h). */
bool auth_uid_is_admin(uid_t uid);
void auth_principal_by_uid(struct auth_principal *p, uid_t uid, const char *via);
void auth_principal_by_token(struct auth_principal *p, const char *name,
                             const struct auth_powers *powers, const char *via);
void auth_principal_by_certificate(struct auth_principal *p, const char *name,
                                   const struct auth_powers *powers, const char *via);
void auth_principal_by_oidc(struct auth_principal *p, const char *name,
                            const struct auth_powers *powers, const char *via);
/* How it was recognised: "uid", "token", "certificate", "oidc", or "agent" for a sandbox. */
const char *auth_identity_word(const struct auth_principal *p);
/* The supervisor of a sandbox, which has a token too. */
void auth_principal_supervisor(struct auth_principal *p, const char *sandbox_id);

/* Whether it may do this to this sandbox.  sandbox: an id or a name; NULL: the gateway as a whole,
 * or the sandbox it belongs to.  What it creates is its own; the settings of one that is there are
 * for those who may create sandboxes for everybody. */
bool auth_may(const struct auth_principal *p, enum auth_permission permission, const char *sandbox);

/* Looks up its name and its account, once (auth/account.h).  Blocks. */
void auth_look_up_name(struct auth_principal *p, struct auth_accounts *accounts);
/* What voters and records see of it; the texts point into p. */
struct sluice_actor auth_actor(const struct auth_principal *p);

#endif
