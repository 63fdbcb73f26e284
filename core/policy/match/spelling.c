/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/spelling.h"

#include <ctype.h>
#include <string.h>

char policy_spelling_next(const char **at)
{
    const char *p = *at;
    if (strncmp(p, "\xc5\xbf", 2) == 0) {
        *at += 2;
        return 's';
    }
    if (strncmp(p, "\xe2\x84\xaa", 3) == 0) {
        *at += 3;
        return 'k';
    }
    *at += *p != '\0';
    return (char)tolower((unsigned char)*p);
}
