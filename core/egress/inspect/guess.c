/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "egress/inspect/inspect.h"

enum { METHOD_MAX = 32 };

static bool begins(const char *bytes, size_t len, const char *word)
{
    size_t n = strlen(word);
    return memcmp(bytes, word, len < n ? len : n) == 0;
}

static enum egress_protocol guess_strictly(const char *bytes, size_t len)
{
    static const char *const methods[] = {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "PATCH ",
                                          "OPTIONS ", "CONNECT ", "TRACE "};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (begins(bytes, len, methods[i]))
            return len < strlen(methods[i]) ? EGRESS_PROTOCOL_UNKNOWN : EGRESS_PROTOCOL_HTTP;
    return EGRESS_PROTOCOL_OTHER;
}

static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static enum egress_protocol guess_widely(const char *bytes, size_t len)
{
    size_t n = 0;
    while (n < len && n < METHOD_MAX && is_token(bytes[n]))
        n++;
    if (n == len && n < METHOD_MAX)
        return EGRESS_PROTOCOL_UNKNOWN;
    return n > 0 && n < len && bytes[n] == ' ' ? EGRESS_PROTOCOL_HTTP : EGRESS_PROTOCOL_OTHER;
}

enum egress_protocol egress_inspect_guess(const char *bytes, size_t len, bool strict)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n";
    if (!len)
        return EGRESS_PROTOCOL_UNKNOWN;
    if (begins(bytes, len, preface))
        return len < sizeof preface - 1 ? EGRESS_PROTOCOL_UNKNOWN : EGRESS_PROTOCOL_HTTP2;
    return strict ? guess_strictly(bytes, len) : guess_widely(bytes, len);
}
