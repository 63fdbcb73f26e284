/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: memory and clean-ups that go away together.
 *
 * One update, one request or one immutable policy lives in one arena.  Everything that a function
 * returns "in the arena" lives until arena_free.  An arena belongs to one thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* runs the deferred calls, newest first; NULL is fine */
void arena_wipe(struct arena *arena);  /* the same, of secrets: its memory is overwritten first */

void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
/* The n items, at a place with room for one more: each time it is full it is twice as large. */
void *arena_grow(struct arena *arena, void *items, size_t n, size_t *room, size_t size);
char *arena_str(struct arena *arena, const char *text);             /* NULL gives NULL */
char *arena_strn(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args);

/* Calls fn(arg) when the arena is freed. */
void arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg);

#endif
