/* SPDX-License-Identifier: Apache-2.0 */
/* Globs with a separator.  * matches within a segment, ? one character of it.  A whole segment **
 * matches any number of segments: none or more before another segment, one or more at the end (**
 * below /a is /a/b, /a/b/c and /a/, but not /a); within a segment ** is no more than *.
 * [..], {a,b} and \ are literal.
 * Time is bounded by pattern length × text length; nothing is allocated to match.  Any thread. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

enum glob_flags {
    GLOB_FOLD_CASE = 1 << 0,                        /* ASCII letters are equal in either case */
    GLOB_RUN_NOT_EMPTY = 1 << 1,                    /* ** is one segment or more anywhere */
};

bool glob_match(const char *pattern, const char *text, char separator, unsigned flags);
/* Whether some text matches both patterns; may say yes wrongly, never no, for patterns of more
 * than 4096 bytes.  Adds the steps that it took, at most about the product of their lengths, to
 * *effort; NULL: nobody counts. */
bool glob_overlap(const char *a, const char *b, char separator, unsigned flags, size_t *effort);
bool glob_has_wildcard(const char *pattern);

#endif
