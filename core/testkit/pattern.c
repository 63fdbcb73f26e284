/* SPDX-License-Identifier: Apache-2.0 */
#include "testkit/pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Past the bracket expression that starts here; its first ']' and those of [:class:] do not end
 * it. */
static const char *skip_bracket(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    at += *at == ']';
    while (*at && *at != ']') {
        const char kind = *at == '[' && at[1] && strchr(".:=", at[1]) ? at[1] : 0;
        const char *end = kind ? strstr(at + 2, (const char[]){kind, ']', '\0'}) : NULL;
        at = end ? end + 2 : at + 1;
    }
    return *at ? at + 1 : at;
}

/* How often the part before is written out, and past its repetition; 0: no repetition stands
 * here. */
static size_t repetition(const char **at)
{
    char c = **at, *end;
    if (!c || !strchr("*?+{", c))
        return 0;
    ++*at;
    if (c != '{')
        return c == '+' ? 2 : 1;
    unsigned long low = strtoul(*at, &end, 10), high = low;
    bool open = *end == ',' && !isdigit((unsigned char)end[1]);
    if (*end == ',' && !open)
        high = strtoul(end + 1, &end, 10);
    *at += strcspn(*at, "}");
    *at += **at == '}';
    high = high > low ? high : low;
    return high > PATTERN_PARTS_MAX ? PATTERN_PARTS_MAX + 1 : (size_t)high + open + !high;
}

/* The parts of all up to the end or the ')' of this group, repetitions written out.  More than
 * PATTERN_PARTS_MAX: too many, and *at is anywhere. */
static size_t count_parts(const char **at)
{
    size_t sum = 0;
    while (**at && **at != ')' && sum <= PATTERN_PARTS_MAX) {
        size_t parts = 1, times;
        if (**at == '(') {
            ++*at;
            parts += count_parts(at);
            *at += **at == ')';
        } else if (**at == '[') {
            *at = skip_bracket(*at);
        } else {
            *at += **at == '\\' && (*at)[1] ? 2 : 1;
        }
        while (parts <= PATTERN_PARTS_MAX && (times = repetition(at)))
            parts = parts * times + 1;
        sum += parts;
    }
    return sum;
}

static bool refers_back(const char *at)
{
    while (*at) {
        if (*at == '\\' && isdigit((unsigned char)at[1]))
            return true;
        at = *at == '[' ? skip_bracket(at) : at + (*at == '\\' && at[1] ? 2 : 1);
    }
    return false;
}

static bool too_large(const char *pattern)
{
    size_t sum = 0;
    for (const char *at = pattern; *at && sum <= PATTERN_PARTS_MAX; at += *at == ')')
        sum += count_parts(&at);
    return sum > PATTERN_PARTS_MAX;
}

int pattern_compile(regex_t *regex, const char *pattern, char why[PATTERN_WHY])
{
    char reason[128];
    if (strlen(pattern) > PATTERN_BYTES_MAX)
        return snprintf(why, PATTERN_WHY, "has more than %d bytes", PATTERN_BYTES_MAX), -1;
    if (too_large(pattern))
        return snprintf(why, PATTERN_WHY, "has more than %d parts with its repetitions written out",
                        PATTERN_PARTS_MAX),
               -1;
    if (refers_back(pattern))
        return snprintf(
                   why, PATTERN_WHY,
                   "refers back with \\1 to \\9, which extended regular expressions do not have"),
               -1;
    int rc = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (rc == 0)
        return 0;
    regerror(rc, regex, reason, sizeof reason);
    snprintf(why, PATTERN_WHY, "is no POSIX extended regular expression: %s", reason);
    return -1;
}

bool pattern_matches(const regex_t *regex, const char *text)
{
    char head[PATTERN_TEXT_MAX + 1];
    snprintf(head, sizeof head, "%s", text);
    return regexec(regex, head, 0, NULL, 0) == 0;
}

bool pattern_found(const char *pattern, const char *text)
{
    char why[PATTERN_WHY];
    regex_t regex;
    if (pattern_compile(&regex, pattern, why) != 0)
        return false;
    bool found = pattern_matches(&regex, text);
    regfree(&regex);
    return found;
}
