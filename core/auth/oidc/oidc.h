/* SPDX-License-Identifier: Apache-2.0 */
/* People whom an OpenID Connect issuer knows: `auth.oidc` of the configuration, and who the bearer
 * of one of the issuer's tokens is.
 *
 * A token is good if the issuer signed it, for this audience, and it has not expired (OpenID
 * Connect Core 1.0 section 3.1.3.7, RFC 7519, RFC 8725).  Nothing here asks the issuer: whoever
 * runs the gateway fetches its keys and gives them.  Loop thread only. */
#ifndef AUTH_OIDC_OIDC_H
#define AUTH_OIDC_OIDC_H

#include "auth/oidc/keys.h"
#include "auth/roles.h"
#include "doc/schema.h"

struct oidc_role {
    const char *value;                              /* of the claim */
    const char *role;                               /* one of those of auth_roles_find */
};

struct oidc_settings {
    const char *issuer, *audience;
    const char *client_id, *scopes;                 /* for programs in which people log in */
    const char *roles_claim, *name_claim;
    const struct oidc_role *roles;
    size_t n_roles;
};
extern const struct schema oidc_settings_schema;
bool oidc_settings_same(const struct oidc_settings *a, const struct oidc_settings *b);

/* Whether a token may be trusted that comes from there: https, or http on the loopback address. */
bool oidc_url_is_safe(const char *url);

struct oidc;

/* settings: borrowed.  missed is called when a token names a key that is not there, and says
 * whether the keys will be fetched again now. */
struct oidc *oidc_new(const struct oidc_settings *settings, bool (*missed)(void *ctx), void *ctx);
void oidc_free(struct oidc *oidc);                  /* NULL is fine */
const struct oidc_settings *oidc_settings_of(const struct oidc *oidc);
/* Where a browser is sent so that its person logs in; copied, "" or NULL: nowhere. */
void oidc_set_authorization_url(struct oidc *oidc, const char *url);
const char *oidc_authorization_url(const struct oidc *oidc);       /* "": not known */
/* Takes the keys. */
void oidc_set_keys(struct oidc *oidc, struct oidc_keys *keys);

/* 0: out is who it is.  -1: err says why the token is not taken: ERROR_UNAUTHORIZED,
 * ERROR_FORBIDDEN (its bearer has no role here), ERROR_NOT_YET (its key is being fetched: try
 * again). */
int oidc_identify(struct oidc *oidc, const char *token, int64_t now_ms,
                  struct auth_roles *roles, struct auth_principal *out, struct error *err);

#endif
