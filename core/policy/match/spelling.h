/* SPDX-License-Identifier: Apache-2.0 */
/* Names of members and parameters as servers read them that ignore case.  Pure, any thread. */
#ifndef POLICY_MATCH_SPELLING_H
#define POLICY_MATCH_SPELLING_H

#include <stdbool.h>
#include <string.h>

/* The character at *at in lower case, and moves behind it; '\0' at the end, and stays there.  Some
 * servers, such as Go's encoding/json, fold as Unicode does: there U+017F (the long s) is an s and
 * U+212A (the Kelvin sign) a k. */
static inline char policy_spelling_next(const char **at)
{
    const char *p = *at;
    if (*p == '\xc5' && p[1] == '\xbf') {
        *at += 2;
        return 's';
    }
    if (*p == '\xe2' && strncmp(p, "\xe2\x84\xaa", 3) == 0) {
        *at += 3;
        return 'k';
    }
    *at += *p != '\0';
    return *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
}

/* False: no spelling of the name, which begins with an ASCII character, begins as the key does.
 * Most keys differ in that. */
static inline bool policy_spelling_may_be(const char *key, const char *name)
{
    unsigned char first = (unsigned char)*key;
    return first <= ' ' || first >= 0x80 || ((first ^ (unsigned char)*name) & ~0x20) == 0;
}

#endif
