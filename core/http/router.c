/* SPDX-License-Identifier: Apache-2.0 */
#include "http/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "http/escape.h"

static size_t count_segments(const char *path)
{
    size_t n = 0;
    for (; *path; path++)
        n += *path == '/';
    return n;
}

char **http_path_split(const char *path)
{
    if (*path != '/')
        return NULL;
    size_t n = count_segments(path), i = 0;
    char **segments = alloc_zero(1, (n + 1) * sizeof *segments + strlen(path));
    char *text = (char *)(segments + n + 1);
    while (*path == '/') {
        size_t len = strcspn(++path, "/");
        segments[i++] = text;
        text = http_unescape(path, len, false, text);
        if (!text) {
            free(segments);
            return NULL;
        }
        path += len;
    }
    return segments;
}

/* The n-th pattern segment; *len is 0 at the end of the pattern. */
static const char *pattern_segment(const char *pattern, size_t n, size_t *len)
{
    while (n-- && *pattern)
        pattern += 1 + strcspn(pattern + 1, "/");
    *len = *pattern ? strcspn(pattern + 1, "/") : 0;
    return *pattern ? pattern + 1 : pattern;
}

/* Without strcspn, which makes a table of its set first: every request asks this of every route. */
static size_t segment_length(const char *want)
{
    const char *at = want;
    while (*at && *at != '/')
        at++;
    return (size_t)(at - want);
}

static bool segment_matches(const char *want, size_t len, const char *segment)
{
    if (*want == '{')
        return *segment != '\0';
    return strncmp(segment, want, len) == 0 && !segment[len];
}

static bool matches(const struct http_route *route, char *const *segments)
{
    const char *want = route->pattern;
    size_t i, len;
    for (i = 0; segments[i] && *want; i++, want += 1 + len) {
        len = segment_length(want + 1);
        if (!segment_matches(want + 1, len, segments[i]))
            return false;
    }
    return !segments[i] && !*want;
}

/* Both match the same path: the first literal against a {name} decides. */
static bool more_literal(const char *a, const char *b)
{
    size_t n = count_segments(a), len;
    for (size_t i = 0; i < n; i++) {
        bool a_name = *pattern_segment(a, i, &len) == '{';
        bool b_name = *pattern_segment(b, i, &len) == '{';
        if (a_name != b_name)
            return b_name;
    }
    return false;
}

static bool same_shape(const char *a, const char *b)
{
    return !more_literal(a, b) && !more_literal(b, a);
}

static const struct http_route *best_pattern(const struct http_router *router,
                                             char *const *segments)
{
    const struct http_route *best = NULL;
    for (size_t i = 0; i < router->n_routes; i++) {
        const struct http_route *route = &router->routes[i];
        if (matches(route, segments) && (!best || more_literal(route->pattern, best->pattern)))
            best = route;
    }
    return best;
}

static void allow_method(struct buf *allow, const char *method)
{
    buf_printf(allow, "%s%s", allow->len ? ", " : "", method);
    if (strcmp(method, "GET") == 0)
        buf_puts(allow, ", HEAD");
}

static const struct http_route *found(const struct http_route *route, char *const *segments,
                                      const char **params)
{
    size_t n = 0, len;
    for (size_t i = 0; segments[i]; i++)
        if (*pattern_segment(route->pattern, i, &len) == '{' && n < HTTP_PARAMS_MAX)
            params[n++] = segments[i];
    return route;
}

const struct http_route *http_router_find(const struct http_router *router, const char *method,
                                          char *const *segments,
                                          const char *params[HTTP_PARAMS_MAX], struct buf *allow)
{
    const struct http_route *best = best_pattern(router, segments), *get = NULL;
    for (size_t i = 0; best && i < router->n_routes; i++) {
        const struct http_route *route = &router->routes[i];
        if (!matches(route, segments) || !same_shape(route->pattern, best->pattern))
            continue;
        if (strcmp(route->method, method) == 0)
            return found(route, segments, params);
        if (strcmp(route->method, "GET") == 0)
            get = route;
        allow_method(allow, route->method);
    }
    return get && strcmp(method, "HEAD") == 0 ? found(get, segments, params) : NULL;
}

int http_route_param(const struct http_route *route, const char *name)
{
    size_t n = count_segments(route->pattern), len;
    int index = 0;
    for (size_t i = 0; i < n; i++) {
        const char *want = pattern_segment(route->pattern, i, &len);
        if (*want != '{')
            continue;
        if (len == strlen(name) + 2 && memcmp(want + 1, name, len - 2) == 0)
            return index;
        index++;
    }
    return -1;
}
