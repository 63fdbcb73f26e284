/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX extended regular expressions from untrusted case files.
 *
 * An expression is refused where compiling or matching it could take more than a moment: it is
 * longer than PATTERN_BYTES_MAX, its repetitions written out have more than PATTERN_PARTS_MAX
 * parts, or it refers back, which POSIX does not define.  Of a text, the first PATTERN_TEXT_MAX
 * bytes are searched.
 *
 * Ownership: what pattern_compile fills is released with regfree.  Any thread. */
#ifndef TESTKIT_PATTERN_H
#define TESTKIT_PATTERN_H

#include <regex.h>
#include <stdbool.h>

enum {
    PATTERN_BYTES_MAX = 1024,
    PATTERN_PARTS_MAX = 1024,
    PATTERN_TEXT_MAX = 4096,
    PATTERN_WHY = 160
};

/* -1 with what is wrong, to follow the expression's name: "is no POSIX ...". */
int pattern_compile(regex_t *regex, const char *pattern, char why[PATTERN_WHY]);
bool pattern_matches(const regex_t *regex, const char *text);
/* The same for one text; false where it cannot be compiled. */
bool pattern_found(const char *pattern, const char *text);

#endif
