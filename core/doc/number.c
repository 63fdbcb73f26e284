/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/number.h"

#include <stdlib.h>
#include <string.h>

static const char *skip_digits(const char *at)
{
    return at + strspn(at, "0123456789");
}

/* The end of an integer without a leading zero, or NULL. */
static const char *skip_integer(const char *at)
{
    if (*at == '-')
        at++;
    const char *end = skip_digits(at);
    return end == at || (*at == '0' && end > at + 1) ? NULL : end;
}

bool doc_is_json_number(const char *text)
{
    const char *at = skip_integer(text);
    if (at && *at == '.')
        at = skip_digits(at + 1) > at + 1 ? skip_digits(at + 1) : NULL;
    if (at && (*at == 'e' || *at == 'E')) {
        at++;
        if (*at == '+' || *at == '-')
            at++;
        at = skip_digits(at) > at ? skip_digits(at) : NULL;
    }
    return at && !*at;
}

int doc_read_integer(const char *text, int64_t *out)
{
    const char *end = skip_integer(text);
    if (!end || *end)
        return -1;
    *out = strtoll(text, NULL, 10);
    return 0;
}
