/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/budget.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "chain/lua/coverage.h"

enum {
    CLOCK_EVERY = 4096, /* charged steps between two readings of the clock */
    /* Percent of what a collection left: a vote's garbage is little beside the library. */
    COLLECT_AT = 400,
};

static void on_count(lua_State *L, lua_Debug *where);

/* From now on every instruction calls the hook.  lua_sethook may be called at any moment, so the
 * allocator may call this too. */
__attribute__((format(printf, 2, 3)))
static void spend(struct budget *b, const char *format, ...)
{
    if (b->spent[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(b->spent, sizeof b->spent, format, args);
    va_end(args);
    if (b->L)
        lua_sethook(b->L, on_count, LUA_MASKCOUNT, 1);
}

static uint64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void look_at_clock(struct budget *b)
{
    b->uncounted = 0;
    if (clock_mono_ns() <= b->deadline_ns)
        return;
    uint64_t spent = thread_ns();
    if (!b->thread_deadline_ns)
        b->thread_deadline_ns = spent + (uint64_t)b->timeout_ms * 1000000u;
    else if (spent > b->thread_deadline_ns)
        spend(b, "spent its time of %u ms", b->timeout_ms);
}

static void count(struct budget *b, int64_t steps)
{
    b->steps -= steps;
    if (b->steps < 0)
        spend(b, "spent its %d steps", BUDGET_STEPS);
}

void budget_check(lua_State *L)
{
    struct budget *b = budget_of(L);
    if (!b->spent[0])
        return;
    lua_pushstring(L, b->spent);
    lua_error(L);
}

static void on_count(lua_State *L, lua_Debug *where)
{
    struct budget *b = budget_of(L);
    if (where->event == LUA_HOOKLINE) {
        if (b->coverage)
            coverage_mark(b->coverage, where->currentline);
        return;
    }
    count(b, BUDGET_HOOK_EVERY);
    look_at_clock(b);
    budget_check(L);
}

void budget_charge(lua_State *L, size_t steps)
{
    struct budget *b = budget_of(L);
    int64_t n = steps > BUDGET_STEPS ? BUDGET_STEPS + 1 : (int64_t)steps;
    count(b, n);
    b->uncounted += n;
    if (b->uncounted > CLOCK_EVERY)
        look_at_clock(b);
    budget_check(L);
}

/* Room for a buffer of the library and its text: Lua's library does not collect garbage first. */
static void make_room(lua_State *L, size_t bytes)
{
    struct budget *b = budget_of(L);
    if (bytes > BUDGET_BLOCK_MAX || b->used + 2 * bytes <= b->limit)
        return;
    lua_gc(L, LUA_GCCOLLECT, 0);
    look_at_clock(b);
    budget_check(L);
}

void budget_charge_bytes(lua_State *L, size_t bytes)
{
    budget_charge(L, bytes / BUDGET_BYTES_PER_STEP + 1);
    make_room(L, bytes);
}

/* Lua answers a refusal with a full collection and asks once more for the same size; only when
 * that is refused too does it raise "not enough memory".  A script that lives at its limit makes
 * Lua collect again and again between two hooks, so a refusal looks at the clock as well. */
static void *refuse(struct budget *b, size_t size)
{
    if (size > b->block_max)
        spend(b, "asked for one text or table of more than %d bytes, or nests its calls too deep",
              BUDGET_BLOCK_MAX);
    else if (b->refused == size)
        spend(b, "spent its %zu MB of memory", b->limit >> 20);
    else
        look_at_clock(b);
    b->refused = size;
    return NULL;
}

/* ---- memory ---- */

struct budget_block {
    struct budget_block *next;
};

static bool is_small(size_t size)
{
    return size <= BUDGET_SMALL_STEP * BUDGET_SMALL_CLASSES;
}

static size_t class_of(size_t size)
{
    return (size - 1) / BUDGET_SMALL_STEP;
}

static bool is_pooled(const struct budget *b, const void *block)
{
    return (uintptr_t)block - (uintptr_t)b->pool < BUDGET_POOL;
}

static void *take(struct budget *b, size_t size)
{
    if (!is_small(size))
        return malloc(size);
    struct budget_block **list = &b->small[class_of(size)], *block = *list;
    size_t room = (class_of(size) + 1) * BUDGET_SMALL_STEP;
    if (block) {
        *list = block->next;
        return block;
    }
    if (BUDGET_POOL - b->pool_used < room)
        return malloc(size);
    b->pool_used += room;
    return b->pool + b->pool_used - room;
}

static void give_back(struct budget *b, void *block, size_t size)
{
    if (!is_pooled(b, block)) {
        free(block);
        return;
    }
    struct budget_block **list = &b->small[class_of(size)], *first = block;
    first->next = *list;
    *list = first;
}

static void *resize(struct budget *b, void *block, size_t old_size, size_t new_size)
{
    if (!block)
        return take(b, new_size);
    if (!is_pooled(b, block))
        return realloc(block, new_size);
    if (is_small(new_size) && class_of(old_size) == class_of(new_size))
        return block;
    void *moved = take(b, new_size);
    if (!moved)
        return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    give_back(b, block, old_size);
    return moved;
}

static void *allocate(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct budget *b = arg;
    if (!block)
        old_size = 0;                               /* Lua passes the kind of the object there */
    if (!new_size) {
        give_back(b, block, old_size);
        b->used -= old_size;
        return NULL;
    }
    /* Lua takes it for granted that shrinking works. */
    if (new_size > old_size &&
        (new_size > b->block_max || b->used + (new_size - old_size) > b->limit))
        return refuse(b, new_size);
    void *p = resize(b, block, old_size, new_size);
    if (!p && new_size < old_size)
        p = block;
    if (!p)
        return NULL;
    b->used += new_size - old_size;
    b->refused = b->refused == new_size ? 0 : b->refused;
    return p;
}

void budget_close(struct budget *b)
{
    if (b->L)
        lua_close(b->L);
    free(b->pool);
    b->L = NULL;
    b->pool = NULL;
}

/* Calls that are not protected do not happen; if one fails after all, Lua aborts the process. */
lua_State *budget_open(struct budget *b, size_t limit)
{
    *b = (struct budget){.limit = limit, .block_max = BUDGET_BLOCK_MAX,
                         .steps = BUDGET_STEPS, .deadline_ns = UINT64_MAX};
    b->pool = alloc_bytes(BUDGET_POOL);
    lua_State *L = lua_newstate(allocate, b);
    if (!L) {
        budget_close(b);
        return NULL;
    }
    b->L = L;
    *(struct budget **)lua_getextraspace(L) = b;
    lua_gc(L, LUA_GCINC, COLLECT_AT, 0, 0);
    lua_sethook(L, on_count, LUA_MASKCOUNT, BUDGET_HOOK_EVERY);
    return L;
}

void budget_start(struct budget *b, uint32_t timeout_ms, struct coverage *coverage)
{
    if (coverage != b->coverage)
        lua_sethook(b->L, on_count, coverage ? LUA_MASKCOUNT | LUA_MASKLINE : LUA_MASKCOUNT,
                    BUDGET_HOOK_EVERY);
    b->coverage = coverage;
    b->steps = BUDGET_STEPS;
    b->uncounted = 0;
    b->refused = 0;
    b->block_max = BUDGET_BLOCK_MAX;
    b->timeout_ms = timeout_ms;
    b->thread_deadline_ns = 0;
    b->deadline_ns = clock_mono_ns() + (uint64_t)timeout_ms * 1000000u;
}
