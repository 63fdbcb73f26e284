/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/lib/item.h"

#include <ctype.h>
#include <stddef.h>

const char *item_find_end(const char *p, const char *end)
{
    if (*p == '%')
        return p + 1 < end ? p + 2 : NULL;
    if (*p++ != '[')
        return p;
    if (p < end && *p == '^')
        p++;
    do {                                            /* a ] that comes first is a member */
        if (p == end || (*p == '%' && p + 1 == end))
            return NULL;
        p += *p == '%' ? 2 : 1;
    } while (p == end || *p != ']');
    return p + 1;
}

bool item_in_class(int c, int class)
{
    bool in;
    switch (tolower(class)) {
    case 'a': in = isalpha(c); break;
    case 'c': in = iscntrl(c); break;
    case 'd': in = isdigit(c); break;
    case 'g': in = isgraph(c); break;
    case 'l': in = islower(c); break;
    case 'p': in = ispunct(c); break;
    case 's': in = isspace(c); break;
    case 'u': in = isupper(c); break;
    case 'w': in = isalnum(c); break;
    case 'x': in = isxdigit(c); break;
    case 'z': in = c == '\0'; break;                /* of older Lua, which 5.4 still takes */
    default: return class == c;
    }
    return isupper(class) ? !in : in;
}

bool item_in_set(int c, const char *set, const char *last)
{
    bool found = true;
    if (*++set == '^') {
        found = false;
        set++;
    }
    for (; set < last; set++) {
        if (*set == '%') {
            if (item_in_class(c, (unsigned char)*++set))
                return found;
        } else if (set + 2 < last && set[1] == '-') {
            if ((unsigned char)set[0] <= c && c <= (unsigned char)set[2])
                return found;
            set += 2;
        } else if ((unsigned char)*set == c) {
            return found;
        }
    }
    return !found;
}
