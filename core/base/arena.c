/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/unset.h"

enum { BLOCK_MIN = 4096 - 64, BLOCK_MAX = 16 * BLOCK_MIN };

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *arg);
    void *arg;
};

struct arena {
    struct block *blocks;
    struct deferred *deferred;
};

struct arena *arena_new(void)
{
    return alloc_zero(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct deferred *d = arena->deferred; d; d = d->next)
        d->fn(d->arg);
    for (struct block *b = arena->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(arena);
}

void arena_wipe(struct arena *arena)
{
    if (!arena)
        return;
    for (struct deferred *d = arena->deferred; d; d = d->next)
        d->fn(d->arg);
    arena->deferred = NULL;
    for (struct block *b = arena->blocks; b; b = b->next)
        explicit_bzero(b->bytes, b->used);
    arena_free(arena);
}

/* Each block is twice as large as the one before. */
static size_t next_size(const struct arena *arena)
{
    size_t size = arena->blocks ? 2 * arena->blocks->size : BLOCK_MIN;
    return size < BLOCK_MAX ? size : BLOCK_MAX;
}

static struct block *add_block(struct arena *arena, size_t need)
{
    size_t usual = next_size(arena);
    bool large = need > usual;
    struct block *b = alloc_bytes(sizeof *b + (large ? need : usual));
    b->used = 0;
    b->size = large ? need : usual;
    /* A block for one large object goes behind the current one, which still has room. */
    struct block **at = large && arena->blocks ? &arena->blocks->next : &arena->blocks;
    b->next = *at;
    *at = b;
    return b;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *b = arena->blocks;
    if (!b || b->size - b->used < need)
        b = add_block(arena, need);
    void *p = b->bytes + b->used;
    b->used += need;
    return p;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

void *arena_grow(struct arena *arena, void *items, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return items;
    *room = n ? 2 * n : 4;
    void *larger = arena_alloc(arena, *room * size);
    if (n)
        memcpy(larger, items, n * size);
    return larger;
}

char *arena_strn(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *arena_str(struct arena *arena, const char *text)
{
    return text ? arena_strn(arena, text, strlen(text)) : NULL;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    UNSET char shown[256];                             /* most texts need no second round */
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(shown, sizeof shown, format, args);
    size_t len = n < 0 ? 0 : (size_t)n;
    char *text = len < sizeof shown ? arena_strn(arena, shown, len) : arena_alloc(arena, len + 1);
    if (len >= sizeof shown)
        vsnprintf(text, len + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg)
{
    struct deferred *d = arena_alloc(arena, sizeof *d);
    *d = (struct deferred){arena->deferred, fn, arg};
    arena->deferred = d;
}
