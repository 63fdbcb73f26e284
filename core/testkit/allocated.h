/* SPDX-License-Identifier: Apache-2.0 */
/* How many bytes this thread has asked the allocator for, whoever asked: our code, a plugin or a
 * library.  Counting begins with the first call of allocated_bytes.
 *
 * Only a program that is linked with -Wl,-u,allocated_bytes has it, and with it another allocator
 * than the C library's: sluice-plugin-bench.  In all others the function is NULL. */
#ifndef TESTKIT_ALLOCATED_H
#define TESTKIT_ALLOCATED_H

#include <stdint.h>

uint64_t allocated_bytes(void) __attribute__((weak));

#endif
