/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/allocated.h"

#include <stddef.h>
#include <stdlib.h>

/* Mutable file-scope state, against the law: the allocator has no handle that a count could hang
 * on.  One for each thread, read by nobody but the bench. */
static _Thread_local uint64_t allocated;

#ifdef __SANITIZE_ADDRESS__

static void count(const volatile void *block, size_t size)
{
    (void)block;
    allocated += size;
}

static void ignore(const volatile void *block)
{
    (void)block;
}

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

uint64_t allocated_bytes(void)
{
    static _Thread_local int installed;             /* the same: hooks cannot be taken back */
    if (!installed)
        installed = __sanitizer_install_malloc_and_free_hooks(count, ignore);
    return allocated;
}

#else

/* The C library's own allocator under its other names; these take the place of malloc and the rest
 * for the whole program, shared objects included. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size)
{
    allocated += size;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    allocated += n * size;
    return __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
    allocated += size;
    return __libc_realloc(block, size);
}

uint64_t allocated_bytes(void)
{
    return allocated;
}

#endif
