/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that cannot fail.
 *
 * Every input of sluice is bounded before memory is taken for it, so running out of memory means
 * that the machine is out of memory: these functions then write one line to stderr and end the
 * process, which loses nothing (an update is answered only when it is durable, and supervisors
 * keep enforcing).  Results are released with free().  Any thread. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

void *alloc_bytes(size_t size);
void *alloc_zero(size_t count, size_t size);
void *alloc_resize(void *p, size_t count, size_t size);
char *alloc_str(const char *text);                  /* NULL gives NULL */
char *alloc_strn(const char *text, size_t len);
char *alloc_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
