/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as text.  Pure. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdint.h>

#include "base/arena.h"

/* "250ms", "30s", "5m", "8h", "7d" as milliseconds; -1 for anything else. */
int duration_parse(const char *text, int64_t *out_ms);
/* "1m30s"; "" for 0. */
const char *duration_text(int64_t ms, struct arena *arena);

#endif
