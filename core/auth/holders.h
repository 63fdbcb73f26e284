/* SPDX-License-Identifier: Apache-2.0 */
/* Who has rights to a sandbox besides those of their role: its owner, who has created it, and those
 * with whom it is shared.  The store keeps them with the sandbox, as JSON:
 * {"owner": {"name", "uid"?}, "shares": [{"name", "uid"?, "role"}]}; "{}" is nobody.  A uid is that
 * of the local account that holds it, as who asks by uid is compared by that.  Any thread. */
#ifndef AUTH_HOLDERS_H
#define AUTH_HOLDERS_H

#include <jansson.h>

#include "auth/principal.h"

#define AUTH_NO_HOLDERS "{}"
enum { AUTH_SHARES_MAX = 100 };

/* The permissions that they give it, as bits. */
uint32_t auth_holders_rights(const char *holders, const struct auth_principal *p);
/* What somebody may do to a sandbox that is shared with them in this role. */
uint32_t auth_share_rights(enum auth_role role);
/* Of a new sandbox, whose owner it is.  Its name was looked up.  The caller frees it. */
char *auth_holders_new(const struct auth_principal *owner);
/* "": nobody owns it.  The caller frees it. */
char *auth_holders_owner(const char *holders);
/* [{"with", "role"}], a new reference. */
json_t *auth_holders_shares(const char *holders);
/* With one more share, which takes the place of an earlier one with that name; NULL: there are
 * too many.  Blocks: it looks up the account.  The caller frees it. */
char *auth_holders_share(const char *holders, const char *with, enum auth_role role);
/* NULL: it is not shared with that name.  The caller frees it. */
char *auth_holders_unshare(const char *holders, const char *with);

#endif
