/* SPDX-License-Identifier: Apache-2.0 */
#include "http/escape.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                        : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *http_unescape(const char *text, size_t len, bool plus, char *out)
{
    char *start = out;
    for (size_t i = 0; i < len; i++) {
        char c = plus && text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            if (i + 2 >= len || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
                return NULL;
            c = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
            i += 2;
        }
        *out++ = c;
    }
    *out = '\0';
    size_t size = (size_t)(out - start);
    return text_utf8_valid(start, size) == size ? out + 1 : NULL;
}

/* Decodes one "name=value" of len bytes to text; NULL when it is bad. */
static char *parse_pair(const char *pair, size_t len, struct http_param *out, char *text)
{
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : len;
    out->name = text;
    out->value = text = http_unescape(pair, name_len, true, text);
    if (!text)
        return NULL;
    return http_unescape(pair + name_len + !!equals, len - name_len - !!equals, true, text);
}

struct http_param *http_query_parse(const char *query, size_t *n)
{
    size_t room = HTTP_QUERY_MAX * sizeof(struct http_param) + 2 * strlen(query) + 2;
    struct http_param *params = alloc_zero(1, room);
    char *text = (char *)(params + HTTP_QUERY_MAX);
    for (*n = 0; text && *query;) {
        size_t len = strcspn(query, "&");
        if (len && *n == HTTP_QUERY_MAX)
            text = NULL;
        else if (len)
            text = parse_pair(query, len, &params[(*n)++], text);
        query += len + (query[len] == '&');
    }
    if (text)
        return params;
    free(params);
    return NULL;
}
