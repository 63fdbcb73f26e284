/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of one Lua state: bytes, steps and wall-clock time.
 *
 * One step is one instruction of the virtual machine, or work of a C function that takes about as
 * long.  A spent budget stays spent: every further instruction and charge raises again, so that no
 * pcall can catch it for good.  Such a state cannot be used again.
 *
 * Ownership: the budget belongs to whoever made it and outlives its state.  Its state's only
 * thread. */
#ifndef CHAIN_LUA_BUDGET_H
#define CHAIN_LUA_BUDGET_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BUDGET_STEPS = 20 * 1000 * 1000, /* of one vote */
    BUDGET_HOOK_EVERY = 256,         /* instructions between two readings of the clock */
    BUDGET_BLOCK_MAX = 1024 * 1024,  /* bytes of the longest text or the largest table part */
    BUDGET_BYTES_PER_STEP = 16,      /* of what a C function reads or writes */
};

struct coverage;

/* Small blocks come from one pool, which the state gets again and again without asking malloc,
 * until the pool is used up. */
enum { BUDGET_SMALL_STEP = 16, BUDGET_SMALL_CLASSES = 16, BUDGET_POOL = 256 * 1024 };

struct budget_block;

struct budget {
    lua_State *L;
    /* Free ones by size in steps, from one step on. */
    struct budget_block *small[BUDGET_SMALL_CLASSES];
    char *pool;
    size_t pool_used;                               /* bytes that were cut from it */
    size_t used, limit;                             /* bytes */
    size_t block_max; /* of one text or table part: BUDGET_BLOCK_MAX, more while a body is read */
    size_t refused;                                 /* bytes of the request refused last, or 0 */
    int64_t steps;                                  /* left */
    int64_t uncounted;                              /* charged since the clock was last read */
    uint64_t deadline_ns;                           /* of CLOCK_MONOTONIC */
    /* Once that has passed: of the thread's own clock, with the whole limit again, as the thread
     * may have waited for a processor. */
    uint64_t thread_deadline_ns;
    uint32_t timeout_ms;
    struct coverage *coverage;                      /* NULL, or where lines are noted */
    char spent[96];                                 /* "" or which budget is spent */
};

/* A new state whose memory counts against limit.  NULL: the limit is too small for any state. */
lua_State *budget_open(struct budget *budget, size_t limit);
/* Closes the state, if there is one. */
void budget_close(struct budget *budget);
/* Gives the state a full budget of steps and time; coverage: NULL, or notes lines there. */
void budget_start(struct budget *budget, uint32_t timeout_ms, struct coverage *coverage);

static inline struct budget *budget_of(lua_State *L)
{
    return *(struct budget **)lua_getextraspace(L);
}

/* Counts steps of a C function.  Raises when a budget is spent. */
void budget_charge(lua_State *L, size_t steps);
void budget_charge_bytes(lua_State *L, size_t bytes);
/* Raises if a budget is spent already. */
void budget_check(lua_State *L);

#endif
