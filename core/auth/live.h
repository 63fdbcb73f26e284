/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that were made while the gateway runs, as the store has them: who asks is known without
 * asking the store.
 *
 * Whoever changes the store changes this right after, before it answers.  Any thread. */
#ifndef AUTH_LIVE_H
#define AUTH_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

struct auth_live_token {
    char id[UUID_SIZE], name[65], sha256[DIGEST_HEX_SIZE];
    char role[65]; /* which auth_roles_find finds, or no longer does */
    char sandbox[64];                               /* the id of the only one; "": any */
    int64_t expires_at_ms;                          /* 0: never */
};

struct auth_live;

struct auth_live *auth_live_new(void);
void auth_live_free(struct auth_live *live);
void auth_live_add(struct auth_live *live, const struct auth_live_token *token);
/* From now on nobody has it. */
void auth_live_remove(struct auth_live *live, const char *id);
/* These, and no others.  A token that was there before and still is stays good all the while. */
void auth_live_set(struct auth_live *live, const struct auth_live_token *tokens, size_t n);
/* False: no token that is still good has this digest.  live NULL: there is none. */
bool auth_live_find(struct auth_live *live, const char *sha256, int64_t now_ms,
                    struct auth_live_token *out);

#endif
