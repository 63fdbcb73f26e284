/* SPDX-License-Identifier: Apache-2.0 */
/* The people who asked for a change; none of them may approve it.
 *
 * A person is known by the name of a token, or by a local account.  Who calls with a token also
 * calls from an account, when it is known: a call without a token from that account is then the
 * same person. Two tokens are two people, also from one account.  Pure, any thread. */
#ifndef UPDATE_ASKERS_H
#define UPDATE_ASKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct asker {
    const char *name;                               /* of the actor */
    const char *account; /* which the call came from; the name, where it is not known */
};

struct askers {
    const struct asker *items;
    size_t n;
};

/* account NULL or "": not known. */
struct asker asker_of(const char *name, const char *account);
/* Called without a token: by the account itself. */
bool asker_is_account(const struct asker *asker);
bool asker_is_same(const struct asker *a, const struct asker *b);
bool askers_have(const struct askers *list, const struct asker *person);

/* As the store keeps them: [{name, account}], account left out where it is the name.  "" is
 * none. */
struct askers askers_decode(const char *json, struct arena *arena);
/* json with the person in it; json itself where that one is there already. */
const char *askers_add(const char *json, const struct asker *person, struct arena *arena);
/* Each name and account once. */
const char *const *askers_names(const struct askers *list, struct arena *arena, size_t *n);

#endif
