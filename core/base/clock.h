/* SPDX-License-Identifier: Apache-2.0 */
/* Wall-clock milliseconds since 1970 and monotonic time.  Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

enum { CLOCK_TEXT_SIZE = 32 };

int64_t clock_now_ms(void);
uint64_t clock_mono_ns(void);
uint64_t clock_mono_ms(void);
/* RFC 3339 in UTC with milliseconds, such as 2026-01-31T08:05:00.123Z.  Returns out. */
char *clock_format(int64_t ms, char out[CLOCK_TEXT_SIZE]);

#endif
