/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a process that cannot go on: the machine lacks what nothing is safe without (memory,
 * random numbers).  Whatever was answered is durable by then, and supervisors keep enforcing.
 *
 * Writes "sluice: WHAT" and a line feed to stderr, without taking memory, and aborts.  Any
 * thread. */
#ifndef BASE_DIE_H
#define BASE_DIE_H

_Noreturn void die(const char *what);

#endif
