/* SPDX-License-Identifier: Apache-2.0 */
/* A variable that the compiler does not set to 0 (-ftrivial-auto-var-init), where that would cost
 * more than what it is for: large, on a path that is taken all the time, and written before it is
 * read, as is a struct error. */
#ifndef BASE_UNSET_H
#define BASE_UNSET_H

#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define UNSET __attribute__((uninitialized))
#endif
#endif
#ifndef UNSET
#define UNSET
#endif

#endif
