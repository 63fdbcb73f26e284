/* SPDX-License-Identifier: Apache-2.0 */
/* Roles besides those of auth/permission.h, and which role local accounts have: `auth.roles` and
 * `auth.accounts` of the configuration.  A reload replaces them.
 *
 * Ownership: auth_roles_set copies what it is given.  Functions that take roles also take NULL,
 * which has none.  Any thread. */
#ifndef AUTH_ROLES_H
#define AUTH_ROLES_H

#include "auth/principal.h"
#include "doc/schema.h"

struct auth_account {
    const char *account;                            /* its name, or "uid:N" */
    const char *role;
    uid_t uid;
};
extern const struct schema auth_account_schema;

struct auth_role_settings {
    const struct auth_powers *roles;
    size_t n_roles;
    const struct auth_account *const *accounts;
    size_t n_accounts;
};

struct auth_roles;

struct auth_roles *auth_roles_new(const struct auth_role_settings *settings);
void auth_roles_free(struct auth_roles *roles);
void auth_roles_set(struct auth_roles *roles, const struct auth_role_settings *settings);

/* A role that tokens, certificates and accounts may have.  False: there is none of that name. */
bool auth_roles_find(struct auth_roles *roles, const char *word, struct auth_powers *out);
/* The same; one that is not there has no permission. */
struct auth_powers auth_roles_powers(struct auth_roles *roles, const char *word);
/* Changes powers where the configuration gives the account a role. */
void auth_roles_of_uid(struct auth_roles *roles, uid_t uid, struct auth_powers *powers);
/* Whether a role still has the permissions with which somebody was admitted. */
bool auth_roles_hold(struct auth_roles *roles, const struct auth_principal *p);
/* The roles of the configuration.  The caller frees them. */
struct auth_powers *auth_roles_list(struct auth_roles *roles, size_t *n);
/* The same among settings that are not at work yet. */
bool auth_role_settings_find(const struct auth_role_settings *settings, const char *word);
/* "viewer, user, ..., deployer": all that can be given. */
const char *auth_role_settings_words(const struct auth_role_settings *settings,
                                     struct arena *arena);

/* A field's decode: a map of names to lists of permissions, into struct auth_role_settings. */
int auth_roles_decode(struct schema_decoder *d, const struct doc_node *map, void *record);

#endif
