/* SPDX-License-Identifier: Apache-2.0 */
#include "http/problem.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"

/* status, reason phrase, and the problem word of what only an HTTP server can say; the other words
 * are those of base/error.h */
#define STATUSES(X)                                                                                \
    X(100, "Continue", "")                                                                         \
    X(101, "Switching Protocols", "")                                                              \
    X(200, "OK", "")                                                                               \
    X(201, "Created", "")                                                                          \
    X(202, "Accepted", "")                                                                         \
    X(204, "No Content", "")                                                                       \
    X(302, "Found", "")                                                                            \
    X(303, "See Other", "")                                                                        \
    X(304, "Not Modified", "")                                                                     \
    X(307, "Temporary Redirect", "")                                                               \
    X(308, "Permanent Redirect", "")                                                               \
    X(400, "Bad Request", "")                                                                      \
    X(401, "Unauthorized", "")                                                                     \
    X(403, "Forbidden", "")                                                                        \
    X(404, "Not Found", "")                                                                        \
    X(405, "Method Not Allowed", "")                                                               \
    X(406, "Not Acceptable", "not-acceptable")                                                     \
    X(407, "Proxy Authentication Required", "proxy-authentication")                                \
    X(408, "Request Timeout", "request-timeout")                                                   \
    X(409, "Conflict", "")                                                                         \
    X(412, "Precondition Failed", "")                                                              \
    X(413, "Content Too Large", "")                                                                \
    X(415, "Unsupported Media Type", "")                                                           \
    X(417, "Expectation Failed", "expectation-failed")                                             \
    X(422, "Unprocessable Content", "")                                                            \
    X(426, "Upgrade Required", "upgrade-required")                                                 \
    X(428, "Precondition Required", "")                                                            \
    X(429, "Too Many Requests", "")                                                                \
    X(431, "Request Header Fields Too Large", "header-too-large")                                  \
    X(500, "Internal Server Error", "")                                                            \
    X(501, "Not Implemented", "")                                                                  \
    X(502, "Bad Gateway", "")                                                                      \
    X(503, "Service Unavailable", "unavailable")                                                   \
    X(504, "Gateway Timeout", "")

struct status {
    int number;
    const char *reason, *word;
};

static const struct status *find(int number)
{
    static const struct status statuses[] = {
#define X(number, reason, word) {number, reason, word},
        STATUSES(X)
#undef X
    };
    static const struct status unknown = {0, "Unknown", "unknown"};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].number == number)
            return &statuses[i];
    return &unknown;
}

const char *http_reason(int status)
{
    return find(status)->reason;
}

const char *http_problem_word(int status)
{
    const char *own = find(status)->word;
    return *own ? own : error_word_of_status(status);
}

/* Text that is no UTF-8 has no place in JSON: the member is then left out. */
static void set_text(json_t *problem, const char *key, const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    if (value)
        json_object_set_new(problem, key, value);
}

char *http_problem_text(int status, const char *word, const char *title, const char *detail,
                        const json_t *extra)
{
    char *type = alloc_printf(HTTP_PROBLEM_BASE "%s", word);
    json_t *problem = json_object();
    set_text(problem, "type", type);
    set_text(problem, "title", title ? title : http_reason(status));
    json_object_set_new(problem, "status", json_integer(status));
    set_text(problem, "detail", detail);
    json_object_update_missing(problem, (json_t *)extra);
    char *text = json_dumps(problem, HTTP_JSON);
    json_decref(problem);
    free(type);
    return text ? text : alloc_str("{}");
}
