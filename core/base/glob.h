/* SPDX-License-Identifier: Apache-2.0 */
/* Globs with a separator: * matches within a segment, ? one character of it, ** as a whole segment
 * (or where the dialect allows it, anywhere) any number of segments; [..] and {a,b} are literal
 * unless the flag says otherwise.  Time is bounded by pattern length × text length.  Any thread. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>

enum glob_flags { GLOB_FOLD_CASE = 1 << 0 };

bool glob_match(const char *pattern, const char *text, char separator, unsigned flags);
/* Whether some text matches both patterns. */
bool glob_overlap(const char *a, const char *b, char separator, unsigned flags);
bool glob_has_wildcard(const char *pattern);

#endif
