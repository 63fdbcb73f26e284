/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of this host: their names and uids.  Any thread; each of these blocks, as it reads files
 * or asks a directory service. */
#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { AUTH_ACCOUNT_KEPT_MS = 1000 };

/* The name of the account, or "uid:N" where it has none.  It is kept for a second, as every request
 * asks for it. */
void auth_account_name(uid_t uid, char *out, size_t size);
/* The uid of the account that has this name, or of "uid:N".  False: there is none. */
bool auth_account_uid(const char *name, uid_t *out);

#endif
