/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of this host: their names and uids.  Any thread; what looks one up blocks, as it reads
 * files or asks a directory service. */
#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { AUTH_ACCOUNT_KEPT_MS = 1000 };

/* Names that were looked up, each kept for a second, as every request asks for one. */
struct auth_accounts;

struct auth_accounts *auth_accounts_new(void);
void auth_accounts_free(struct auth_accounts *accounts);        /* NULL is fine */

/* The name of the account, or "uid:N" where it has none.  accounts NULL: nothing is kept. */
void auth_account_name(struct auth_accounts *accounts, uid_t uid, char *out, size_t size);
/* The uid of the account that has this name, or of "uid:N".  False: there is none. */
bool auth_account_uid(const char *name, uid_t *out);

#endif
