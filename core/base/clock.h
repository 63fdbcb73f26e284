/* SPDX-License-Identifier: Apache-2.0 */
/* Wall-clock milliseconds since 1970 and monotonic time.  Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

enum { CLOCK_TEXT_SIZE = 32, CLOCK_BOOT_SIZE = 40 };

int64_t clock_now_ms(void);
uint64_t clock_mono_ns(void);
uint64_t clock_mono_ms(void);
/* CLOCK_BOOTTIME: since the host's boot, suspended time included; nobody can set it. */
int64_t clock_boot_ms(void);
/* The id of this boot; "" where the host does not tell.  Returns out. */
char *clock_boot_id(char out[CLOCK_BOOT_SIZE]);
/* RFC 3339 in UTC with milliseconds, such as 2026-01-31T08:05:00.123Z.  Returns out. */
char *clock_format(int64_t ms, char out[CLOCK_TEXT_SIZE]);
/* RFC 3339 with any offset, and up to nine digits of a second, of which three count.  -1: it is no
 * such text. */
int clock_parse(const char *text, int64_t *out_ms);

#endif
