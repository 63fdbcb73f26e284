/* SPDX-License-Identifier: Apache-2.0 */
/* One Lua state with its budget and, while it votes, what it votes on.
 *
 * Ownership: a machine belongs to its rule (rule.c), in use by one thread at a time; the vote's
 * members are borrowed for that vote. */
#ifndef CHAIN_LUA_MACHINE_H
#define CHAIN_LUA_MACHINE_H

#include "base/arena.h"
#include "base/log.h"
#include "chain/lua/budget.h"
#include "chain/lua/views.h"
#include <sluice/request.h>

enum { MACHINE_LOG_LINES = 20, MACHINE_LOG_BYTES = 1024 };     /* of one vote, of one line */

struct machine {
    struct budget budget;                           /* first: budget_of() gives the machine */
    struct machine *next;                           /* in the rule's pool */
    struct coverage *coverage;                      /* of the vote, NULL if nobody wants it */
    const struct log *log;
    const char *name;                               /* the voter's, for the log */
    const struct sluice_transition *transition;     /* NULL unless a change is voted on */
    const struct sluice_request *request;           /* NULL unless a request is */
    struct sluice_ballot *ballot;                   /* NULL between votes */
    struct arena *arena;                            /* of the vote, NULL until something needs it */
    struct views views;
    int logged;                                     /* lines of this vote */
    bool cast;                                      /* the script cast a verdict ... */
    enum sluice_verdict verdict;                    /* ... this one, last */
};

static inline struct machine *machine_of(lua_State *L)
{
    return (struct machine *)(void *)budget_of(L);
}

static inline struct arena *machine_arena(struct machine *m)
{
    if (!m->arena)
        m->arena = arena_new();
    return m->arena;
}

#endif
